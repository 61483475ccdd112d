"""Transactions, durable, and the one place where they and their messages are written: in one commit."""

import logging
from collections.abc import Iterable, Sequence

from stationd.domain.errors import StorageError
from stationd.domain.events import TransactionEvent
from stationd.domain.transaction import Transaction
from stationd.store.aliases import Aliases
from stationd.store.codec import decode, encode
from stationd.store.db import Connection, Database

log = logging.getLogger(__name__)

KEPT_ENDED = 1_000

_UPSERT = """
INSERT INTO transactions (transaction_id, ended, next_seq_no, body) VALUES (?, ?, ?, ?)
ON CONFLICT (transaction_id) DO UPDATE
SET ended = excluded.ended, next_seq_no = excluded.next_seq_no, body = excluded.body
"""
_QUEUE = (
    "INSERT INTO outbox (row_id, kind, transaction_id, seq_no, offline, body) VALUES (?, 'transaction', ?, ?, ?, ?)"
)
_PRUNE = """
DELETE FROM transactions
WHERE number <= (SELECT number FROM transactions WHERE ended = 1 ORDER BY number DESC LIMIT 1 OFFSET ?)
AND ended = 1 AND transaction_id NOT IN (SELECT transaction_id FROM outbox WHERE kind = 'transaction')
RETURNING transaction_id
"""


class TransactionStore:
    """Implements `station.ports.TransactionStore`."""

    def __init__(self, database: Database, aliases: Aliases, *, last_row_id: int, kept_ended: int = KEPT_ENDED) -> None:
        """`last_row_id`: of the outbox. `kept_ended`: how many ended transactions are kept to be looked at."""
        self._database, self._aliases, self._kept_ended = database, aliases, kept_ended
        self._row_id = last_row_id
        """Counted here and not by SQLite, which would give the id of a delivered row to the next one."""

    def next_row_id(self) -> int:
        """Return the number of the outbox's next row; for jobs in the database's thread only."""
        self._row_id += 1
        return self._row_id

    async def commit(self, transaction: Transaction, events: Sequence[TransactionEvent]) -> None:
        """Store the transaction and queue its events; return when both are on the disk.

        Raises:
            StorageError: nothing was stored; also if an event's seqNo was used before (OCPP 2.0.1 E01.FR.07).
        """
        ident, ended = transaction.transaction_id, transaction.ended_at is not None
        _check_sequence(transaction, events)
        body = encode(transaction)
        rows = [(event.seq_no, event.offline, encode(event)) for event in events]

        def job(connection: Connection) -> list[str]:
            _check_progress(connection, transaction, rows[0][0] if rows else transaction.next_seq_no)
            connection.execute(_UPSERT, (ident, ended, transaction.next_seq_no, body))
            for seq_no, offline, text in rows:
                connection.execute(_QUEUE, (self.next_row_id(), ident, seq_no, offline, text))
            if not ended:
                return []
            return [row[0] for row in connection.execute(_PRUNE, (self._kept_ended,)).fetchall()]

        self._aliases.forget(await self._database.write(job))

    async def open_transactions(self) -> list[Transaction]:
        """Return transactions not ended, oldest first; one that cannot be read is left out and logged."""
        query = "SELECT transaction_id, body FROM transactions WHERE ended = 0 ORDER BY number"
        return _readable(await self._database.read(lambda connection: connection.execute(query).fetchall()))

    async def recent(self, limit: int) -> list[Transaction]:
        """Return the newest transactions, newest first."""
        query = "SELECT transaction_id, body FROM transactions ORDER BY number DESC LIMIT ?"
        rows = await self._database.read(lambda connection: connection.execute(query, (max(0, limit),)).fetchall())
        return _readable(rows)

    async def find(self, transaction_id: str) -> Transaction | None:
        """Return one transaction."""
        query = "SELECT transaction_id, body FROM transactions WHERE transaction_id = ?"
        rows = await self._database.read(lambda connection: connection.execute(query, (transaction_id,)).fetchall())
        return next(iter(_readable(rows)), None)

    async def queued(self, transaction_id: str | None = None) -> int:
        """Count messages of transactions (of one transaction) still to be sent."""
        query = (
            "SELECT count(*) FROM outbox WHERE unreadable = 0 AND kind = 'transaction' "
            "AND (?1 IS NULL OR transaction_id = ?1)"
        )
        count: int = await self._database.read(
            lambda connection: connection.execute(query, (transaction_id,)).fetchone()[0]
        )
        return count


def _check_sequence(transaction: Transaction, events: Sequence[TransactionEvent]) -> None:
    ident, expected = transaction.transaction_id, events[0].seq_no if events else 0
    for event in events:
        if event.transaction_id != ident:
            raise StorageError(f"cannot store {ident}: one of its events is of {event.transaction_id}")
        if not expected <= event.seq_no < transaction.next_seq_no:
            allowed = f"from {expected} to {transaction.next_seq_no - 1}"
            raise StorageError(f"cannot store {ident}: the number of its event {event.seq_no} is not {allowed}")
        expected = event.seq_no + 1


def _check_progress(connection: Connection, transaction: Transaction, first_seq_no: int) -> None:
    ident = transaction.transaction_id
    query = "SELECT next_seq_no, ended FROM transactions WHERE transaction_id = ?"
    row = connection.execute(query, (ident,)).fetchone()
    if row is None:
        return
    if first_seq_no < row[0]:
        raise StorageError(f"cannot store {ident}: the number {first_seq_no} was used before, the next is {row[0]}")
    if row[1] and transaction.ended_at is None:
        raise StorageError(f"cannot store {ident}: it has ended and cannot be opened again")


def _readable(rows: Iterable[tuple[str, str]]) -> list[Transaction]:
    found: list[Transaction] = []
    for transaction_id, body in rows:
        try:
            found.append(decode(Transaction, body))
        except StorageError as error:  # one bad row must not keep the station from starting
            log.error("transaction not readable transaction_id=%s reason=%s", transaction_id, error)  # noqa: TRY400
    return found
