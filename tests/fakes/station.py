"""A station that records what it is asked and answers as the test says."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stationd.domain.answers import TransactionAnswer
from stationd.domain.auth_list import ListSummary, ListUpdate, UpdateOutcome, UpdateStatus
from stationd.domain.events import ConnectorSnapshot, TransactionEvent
from stationd.domain.faults import Fault
from stationd.domain.id_token import IdToken
from stationd.domain.states import ConnectorStatus, OperationalStatus, ResetKind
from stationd.domain.transaction import Transaction
from stationd.domain.variables import VariableReport
from stationd.station.ports import ChangeOutcome, TransactionStatus, Trigger, UnlockOutcome, Verdict


def snapshot(evse_id: int = 1, **changes: Any) -> ConnectorSnapshot:
    """An available connector, or one with changes."""
    values: dict[str, Any] = {
        "evse_id": evse_id,
        "connector_id": 1 if evse_id else 0,
        "status": ConnectorStatus.AVAILABLE,
        "operative": True,
        "changed_at": datetime(2026, 1, 1, 12, tzinfo=UTC),
    }
    return ConnectorSnapshot(**{**values, **changes})


@dataclass
class FakeStation:
    """Implements `station.ports.StationPort`; `calls` holds (method, arguments) in order."""

    snapshots: tuple[ConnectorSnapshot, ...] = (snapshot(1), snapshot(2))
    transactions: dict[int, Transaction] = field(default_factory=dict)
    start: Verdict = Verdict(accepted=True)
    stop: Verdict = Verdict(accepted=True)
    unlock: UnlockOutcome = UnlockOutcome.UNLOCKED
    reset: ChangeOutcome = ChangeOutcome.ACCEPTED
    availability: ChangeOutcome = ChangeOutcome.ACCEPTED
    cache_cleared: bool = True
    triggers: bool = True
    listed: ListSummary | None = ListSummary()
    list_update: UpdateOutcome = UpdateOutcome(UpdateStatus.ACCEPTED)
    status: TransactionStatus = TransactionStatus(ongoing=None, messages_in_queue=False)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def connectors(self) -> tuple[ConnectorSnapshot, ...]:
        return self.snapshots

    def station_snapshot(self) -> ConnectorSnapshot:
        return snapshot(0)

    def active_transaction(self, evse_id: int) -> Transaction | None:
        return self.transactions.get(evse_id)

    async def request_start(self, **arguments: Any) -> Verdict:
        self.calls.append(("request_start", arguments))
        return self.start

    async def request_stop(self, transaction_id: str) -> Verdict:
        self.calls.append(("request_stop", {"transaction_id": transaction_id}))
        return self.stop

    async def request_unlock(self, evse_id: int, connector_id: int, *, end_transaction: bool) -> UnlockOutcome:
        self.calls.append(
            ("request_unlock", {"evse_id": evse_id, "connector_id": connector_id, "end_transaction": end_transaction})
        )
        return self.unlock

    async def request_reset(self, kind: ResetKind, evse_id: int | None = None) -> ChangeOutcome:
        self.calls.append(("request_reset", {"kind": kind, "evse_id": evse_id}))
        return self.reset

    async def change_availability(
        self, status: OperationalStatus, *, evse_id: int | None = None, connector_id: int | None = None
    ) -> ChangeOutcome:
        self.calls.append(("change_availability", {"status": status, "evse_id": evse_id, "connector_id": connector_id}))
        return self.availability

    async def clear_cache(self) -> bool:
        self.calls.append(("clear_cache", {}))
        return self.cache_cleared

    def local_list(self) -> ListSummary | None:
        return self.listed

    async def update_local_list(self, update: ListUpdate) -> UpdateOutcome:
        self.calls.append(("update_local_list", {"update": update}))
        return self.list_update

    def trigger(self, what: Trigger, evse_id: int | None = None) -> bool:
        self.calls.append(("trigger", {"what": what, "evse_id": evse_id}))
        return self.triggers

    async def transaction_status(self, transaction_id: str | None) -> TransactionStatus:
        self.calls.append(("transaction_status", {"transaction_id": transaction_id}))
        return self.status

    def report(self, request_id: int, entries: Sequence[VariableReport]) -> None:
        self.calls.append(("report", {"request_id": request_id, "entries": tuple(entries)}))

    async def present_token(self, id_token: IdToken, evse_id: int | None = None) -> Verdict:
        self.calls.append(("present_token", {"id_token": id_token, "evse_id": evse_id}))
        return self.start

    async def transaction_answered(self, event: TransactionEvent, answer: TransactionAnswer) -> None:
        self.calls.append(("transaction_answered", {"event": event, "answer": answer}))

    def registration_changed(self, *, accepted: bool) -> None:
        self.calls.append(("registration_changed", {"accepted": accepted}))

    def faults(self) -> tuple[Fault, ...]:
        return ()
