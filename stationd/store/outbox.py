"""The queue of messages that must reach the CSMS. Rows are put in by `TransactionStore.commit`
and `FaultStore.put` only."""

import logging
from dataclasses import replace

from stationd.domain.errors import StorageError
from stationd.domain.events import DurableEvent, FaultEvent, OutboxRow, TransactionEvent
from stationd.store.aliases import Aliases
from stationd.store.codec import decode
from stationd.store.db import Connection, Database

log = logging.getLogger(__name__)

_HEAD = "SELECT row_id, kind, attempts, offline, body FROM outbox WHERE unreadable = 0 ORDER BY row_id LIMIT 1"


class Outbox:
    """Implements `station.ports.Outbox`."""

    def __init__(self, database: Database, aliases: Aliases) -> None:
        """`aliases` is shared with the transactions, which forget old ones."""
        self._database, self._aliases = database, aliases

    async def head(self) -> OutboxRow | None:
        """Return the oldest row; a row that cannot be read is passed over for good, kept and logged."""
        while (row := await self._database.read(lambda connection: connection.execute(_HEAD).fetchone())) is not None:
            row_id, kind, attempts, offline, body = row
            try:
                event = _event(kind, body, offline=bool(offline))
            except StorageError as error:
                log.error("queued message not readable row_id=%s reason=%s", row_id, error)  # noqa: TRY400
                await self._change("UPDATE outbox SET unreadable = 1 WHERE row_id = ?", row_id)
                continue
            return OutboxRow(row_id=row_id, event=event, attempts=attempts)
        return None

    async def delivered(self, row_id: int, alias: int | None = None) -> None:
        """Remove a row; store the CSMS's integer transactionId of its transaction in the same commit."""

        def job(connection: Connection) -> str | None:
            query = "DELETE FROM outbox WHERE row_id = ? RETURNING transaction_id"
            rows = connection.execute(query, (row_id,)).fetchall()
            if not rows or alias is None:
                return None
            transaction_id: str = rows[0][0]
            connection.execute(
                "UPDATE transactions SET alias = ? WHERE transaction_id = ?", (str(alias), transaction_id)
            )
            return transaction_id

        transaction_id = await self._database.write(job, frees=True)
        if transaction_id is not None and alias is not None:
            self._aliases.add(transaction_id, alias)

    async def failed(self, row_id: int) -> None:
        """Count one failed transmission."""
        await self._change("UPDATE outbox SET attempts = attempts + 1 WHERE row_id = ?", row_id)

    async def mark_offline(self) -> None:
        """Set `offline` on every queued event (OCPP 2.0.1 E11.FR.07)."""
        await self._change("UPDATE outbox SET offline = 1 WHERE offline = 0")

    def alias(self, transaction_id: str) -> int | None:
        """Return the 1.6 CSMS's integer for a transaction; from memory."""
        return self._aliases.alias(transaction_id)

    def transaction_of(self, alias: int) -> str | None:
        """Return our id for a 1.6 CSMS's integer; from memory."""
        return self._aliases.transaction_of(alias)

    async def _change(self, query: str, *arguments: int) -> None:
        await self._database.write(lambda connection: connection.execute(query, arguments).rowcount, frees=True)


def _event(kind: str, body: str, *, offline: bool) -> DurableEvent:
    if kind == "fault":
        return decode(FaultEvent, body)
    return replace(decode(TransactionEvent, body), offline=offline)
