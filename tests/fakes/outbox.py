"""An outbox in memory."""

from dataclasses import replace

from stationd.domain.errors import StorageError
from stationd.domain.events import DurableEvent, TransactionEvent
from stationd.station.ports import OutboxRow


class FakeOutbox:
    """Implements `station.ports.Outbox`; `log` holds what became of each row.

    `broken` makes reading fail, `removals_fail` only `delivered`.
    """

    def __init__(self, *events: DurableEvent) -> None:
        self.rows: list[OutboxRow] = []
        self.log: list[tuple[str, int]] = []
        self.aliases: dict[str, int] = {}
        self.broken = False
        self.removals_fail = False
        self.removals_refused = 0
        self.add(*events)

    def add(self, *events: DurableEvent) -> None:
        for event in events:
            row_id = 1 + max([row.row_id for row in self.rows] + [row_id for _, row_id in self.log], default=0)
            self.rows.append(OutboxRow(row_id=row_id, event=event, attempts=0))

    async def head(self) -> OutboxRow | None:
        if self.broken:
            raise StorageError("cannot read the outbox: the disk is gone")
        return self.rows[0] if self.rows else None

    async def delivered(self, row_id: int, alias: int | None = None) -> None:
        if self.removals_fail:
            self.removals_refused += 1
            raise StorageError("cannot write the outbox: the disk is gone")
        row = self._row(row_id)
        self.rows.remove(row)
        self.log.append(("delivered", row_id))
        if alias is not None and row.event.transaction_id is not None:
            self.aliases[row.event.transaction_id] = alias

    async def failed(self, row_id: int) -> None:
        row = self._row(row_id)
        self.rows[self.rows.index(row)] = replace(row, attempts=row.attempts + 1)
        self.log.append(("failed", row_id))

    async def mark_offline(self) -> None:
        self.rows = [
            replace(row, event=replace(row.event, offline=True)) if isinstance(row.event, TransactionEvent) else row
            for row in self.rows
        ]

    def alias(self, transaction_id: str) -> int | None:
        return self.aliases.get(transaction_id)

    def transaction_of(self, alias: int) -> str | None:
        return next((ours for ours, theirs in self.aliases.items() if theirs == alias), None)

    def _row(self, row_id: int) -> OutboxRow:
        return next(row for row in self.rows if row.row_id == row_id)
