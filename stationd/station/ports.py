"""The seams of the station: what others may ask of it, and what it needs from them. All in OCPP 2.x words.

`StationPort` is asked by OCPP handlers and the local API. The others are given to the station by `stationd.app`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from stationd.domain.answers import TransactionAnswer
from stationd.domain.auth_list import ListSummary, ListUpdate, UpdateOutcome
from stationd.domain.events import ConnectorSnapshot, FaultEvent, LiveEvent, TransactionEvent
from stationd.domain.events import OutboxRow as OutboxRow  # part of the seam; the store may not import this module
from stationd.domain.faults import Fault, FaultInForce
from stationd.domain.id_token import CachedToken, CachePolicy, IdToken, IdTokenInfo
from stationd.domain.pilot import PilotStatus
from stationd.domain.states import BootReason, OperationalStatus, ResetKind
from stationd.domain.transaction import Transaction
from stationd.domain.variables import Origin, SetOutcome, VariableReport, VariableSpec

# --- answers of the station -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """Accepted or not; `reason` is a 2.x reasonCode word (`UnknownEvse`, `InUse`, …), `info` one sentence."""

    accepted: bool
    reason: str | None = None
    info: str | None = None
    transaction_id: str | None = None
    """Of the transaction concerned, where there is one already."""


class UnlockOutcome(StrEnum):
    """OCPP 2.0.1 UnlockStatusEnumType, plus 1.6's NotSupported."""

    UNLOCKED = "Unlocked"
    UNLOCK_FAILED = "UnlockFailed"
    ONGOING_AUTHORIZED_TRANSACTION = "OngoingAuthorizedTransaction"
    UNKNOWN_CONNECTOR = "UnknownConnector"
    NOT_SUPPORTED = "NotSupported"


class ChangeOutcome(StrEnum):
    """Answer to ChangeAvailability and Reset."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    SCHEDULED = "Scheduled"


class Trigger(StrEnum):
    """What TriggerMessage may ask for, in 2.x words."""

    BOOT_NOTIFICATION = "BootNotification"
    HEARTBEAT = "Heartbeat"
    STATUS_NOTIFICATION = "StatusNotification"
    METER_VALUES = "MeterValues"
    TRANSACTION_EVENT = "TransactionEvent"
    FIRMWARE_STATUS = "FirmwareStatusNotification"
    LOG_STATUS = "LogStatusNotification"


@dataclass(frozen=True, slots=True)
class TransactionStatus:
    """Answer to GetTransactionStatus (OCPP 2.0.1 E14)."""

    ongoing: bool | None
    messages_in_queue: bool


class StationPort(Protocol):
    """What a CSMS (through its version's handlers), the local API and the reader may ask. Never waits for the CSMS."""

    def connectors(self) -> tuple[ConnectorSnapshot, ...]:
        """Return the present state of every connector, by EVSE."""
        ...

    def station_snapshot(self) -> ConnectorSnapshot:
        """Return the station itself as 1.6's connector 0."""
        ...

    def active_transaction(self, evse_id: int) -> Transaction | None:
        """Return the transaction running on this EVSE."""
        ...

    async def request_start(
        self,
        *,
        evse_id: int | None,
        id_token: IdToken,
        remote_start_id: int | None,
        group: IdToken | None = None,
    ) -> Verdict:
        """Start remotely (OCPP 2.0.1 F01, F02; 1.6 RemoteStartTransaction). `evse_id` None: the station chooses."""
        ...

    async def request_stop(self, transaction_id: str) -> Verdict:
        """Stop remotely (OCPP 2.0.1 F03)."""
        ...

    async def request_unlock(self, evse_id: int, connector_id: int, *, end_transaction: bool) -> UnlockOutcome:
        """Unlock a connector. `end_transaction`: 1.6 ends a running one first, 2.x refuses (OCPP 2.0.1 F05.FR.02)."""
        ...

    async def request_reset(self, kind: ResetKind, evse_id: int | None = None) -> ChangeOutcome:
        """Decide on a reset; it happens after the answer has left (`RESET_DELAY`)."""
        ...

    async def change_availability(
        self, status: OperationalStatus, *, evse_id: int | None = None, connector_id: int | None = None
    ) -> ChangeOutcome:
        """Change and store availability of the station (no `evse_id`), an EVSE or a connector (OCPP 2.0.1 G03, G04)."""
        ...

    async def clear_cache(self) -> bool:
        """Empty the authorization cache; False if there is none or it failed."""
        ...

    def local_list(self) -> ListSummary | None:
        """Return what the local authorization list holds; None while it is disabled."""
        ...

    async def update_local_list(self, update: ListUpdate) -> UpdateOutcome:
        """Change the local authorization list as a whole or not at all (OCPP 2.0.1 D01); FAILED while disabled."""
        ...

    def trigger(self, what: Trigger, evse_id: int | None = None) -> bool:
        """Publish what TriggerMessage asks for, after the answer. False: cannot (unknown EVSE, no transaction)."""
        ...

    async def transaction_status(self, transaction_id: str | None) -> TransactionStatus:
        """Tell what is still to be sent (OCPP 2.0.1 E14)."""
        ...

    def report(self, request_id: int, entries: Sequence[VariableReport]) -> None:
        """Publish a device-model report in parts, after the answer to the request for it."""
        ...

    async def present_token(self, id_token: IdToken, evse_id: int | None = None) -> Verdict:
        """Handle a card held to the reader (or `stationctl token present`)."""
        ...

    async def transaction_answered(self, event: TransactionEvent, answer: TransactionAnswer) -> None:
        """Take the CSMS's answer to a transaction event; called once per delivered event."""
        ...

    def registration_changed(self, *, accepted: bool) -> None:
        """Learn that the CSMS accepted (or no longer accepts) the station; called by the connection."""
        ...

    def faults(self) -> tuple[Fault, ...]:
        """Return every fault in force."""
        ...


# --- what the station needs -------------------------------------------------------------------------------------------


class Clock(Protocol):
    """Time. Durations and deadlines are monotonic; wall time is aware UTC."""

    def now(self) -> datetime:
        """Return the present wall time, corrected by the best source known."""
        ...

    def monotonic(self) -> float:
        """Return monotonic seconds; comparable with `MeterReading.taken_at_s`."""
        ...

    def csms_time(self, at: datetime) -> None:
        """Learn the CSMS's time (BootNotification, Heartbeat)."""
        ...


class CsmsPort(Protocol):
    """What the station asks of whatever CSMS is connected."""

    @property
    def online(self) -> bool:
        """True while connected and accepted."""
        ...

    @property
    def boot_may_be_repeated(self) -> bool:
        """True while an accepted station may introduce itself again if the CSMS wants it to."""
        ...

    @property
    def listed_tokens_are_cached(self) -> bool:
        """False if a token of the local list is kept out of the cache (OCPP 1.6 section 3.5.3; 2.x caches all)."""
        ...

    async def authorize(self, id_token: IdToken, evse_id: int | None) -> IdTokenInfo | None:
        """Ask about a token; None if the CSMS could not be asked or did not answer in time."""
        ...

    def publish(self, event: LiveEvent) -> None:
        """Send soon, if online, in order; else drop. Never blocks.

        The connection itself asks `StationPort.connectors` again after each registration, so no status is lost.
        """
        ...

    def wake(self) -> None:
        """Learn that the outbox has a new row."""
        ...


class PilotPort(Protocol):
    """The safety process, as the station uses it. Offers are repeated by the link until they change."""

    def status(self, evse_id: int) -> PilotStatus | None:
        """Return the last status; None while there is no connection to stationd-pilot."""
        ...

    def offer(self, evse_id: int, *, amps: float, phases: int, permit: bool) -> None:
        """Offer current from now on: renewed each second with a 5 s lease until changed. 0 A or no permit = pause."""
        ...

    async def reset_fault(self, evse_id: int, code: str) -> str | None:
        """Clear a latched fault whose cause is gone. Returns why not, in words; None if it was cleared."""
        ...

    async def self_test(self, evse_id: int) -> str | None:
        """Begin a test of the residual current device. Returns why not, in words; None if it began."""
        ...

    async def unlock(self, evse_id: int) -> bool:
        """Unlock the connector; True when it is seen unlocked, False if it stayed locked for 3 s."""
        ...

    def subscribe(self, listener: Callable[[int, PilotStatus | None], None]) -> None:
        """Call `listener(evse_id, status)` in the event loop at each change; status None when the link is lost."""
        ...


class Lifecycle(Protocol):
    """The process around the station."""

    def restart(self, reason: BootReason, *, hard: bool) -> None:
        """End this process cleanly and start it again with this boot reason; `hard` = the board, where configured."""
        ...


class SettingsPort(Protocol):
    """The table of variables with its present values. Reading never touches the disk."""

    def text(self, spec: VariableSpec) -> str:
        """Return the value as text."""
        ...

    def integer(self, spec: VariableSpec) -> int: ...  # noqa: D102 - the name says it

    def number(self, spec: VariableSpec) -> float: ...  # noqa: D102

    def boolean(self, spec: VariableSpec) -> bool: ...  # noqa: D102

    def members(self, spec: VariableSpec) -> tuple[str, ...]:
        """Return a list value split at its commas, without blanks; empty for ''."""
        ...

    def specs(self) -> Iterable[VariableSpec]:
        """Return every row of this station, EVSE and connector rows filled in."""
        ...

    def find(
        self,
        component: str,
        variable: str,
        *,
        instance: str | None = None,
        evse_id: int | None = None,
        connector_id: int | None = None,
    ) -> VariableSpec | None:
        """Find a row; names are compared case-insensitively (OCPP 2.0.1 part 2, identifierString)."""
        ...

    def knows_component(self, component: str, *, evse_id: int | None = None, connector_id: int | None = None) -> bool:
        """Tell UnknownComponent from UnknownVariable."""
        ...

    def find_key16(self, key: str) -> VariableSpec | None:
        """Find the row of a 1.6 configuration key, case-insensitively."""
        ...

    def origin(self, spec: VariableSpec) -> Origin:
        """Tell where the present value comes from."""
        ...

    def check(self, spec: VariableSpec, value: str) -> str | None:
        """Return why `value` cannot be stored (bounds, type, members), as one sentence; None if it can."""
        ...

    async def write(self, spec: VariableSpec, value: str, origin: Origin) -> SetOutcome:
        """Check, store durably, tell the listeners. REJECTED if `check` objects. Mutability is the caller's rule.

        Raises:
            StorageError: nothing was stored or changed.
        """
        ...

    def compute(self, spec: VariableSpec, source: Callable[[], str]) -> None:
        """Let a row's value be computed at each reading (AvailabilityState, DateTime)."""
        ...

    def on_change(self, spec: VariableSpec, listener: Callable[[str], None]) -> None:
        """Call `listener(new value)` after each change of this row."""
        ...


class TransactionStore(Protocol):
    """Transactions and their events, durable. A row and its outbox entries go in one commit."""

    async def commit(self, transaction: Transaction, events: Sequence[TransactionEvent]) -> None:
        """Store the transaction and queue its events; returns when both are on the disk.

        Raises:
            StorageError: nothing was stored.
        """
        ...

    async def open_transactions(self) -> list[Transaction]:
        """Return transactions not ended, oldest first."""
        ...

    async def recent(self, limit: int) -> list[Transaction]:
        """Return the newest transactions, newest first."""
        ...

    async def find(self, transaction_id: str) -> Transaction | None:
        """Return one transaction."""
        ...

    async def queued(self, transaction_id: str | None = None) -> int:
        """Count messages of transactions (of one transaction) still to be sent."""
        ...


class FaultStore(Protocol):
    """What the CSMS is to be told of faults, and which are in force; durable."""

    async def put(self, event: FaultEvent, in_force: Sequence[FaultInForce]) -> None:
        """Queue an event and store what is in force since, in one commit; the store numbers the event.

        Raises:
            StorageError: nothing was stored.
        """
        ...

    async def in_force(self) -> tuple[FaultInForce, ...]:
        """Return what was in force when last stored."""
        ...


class Outbox(Protocol):
    """The queue of durable events, as the sender uses it. `row_id` order is the order of creation."""

    async def head(self) -> OutboxRow | None:
        """Return the oldest row."""
        ...

    async def delivered(self, row_id: int, alias: int | None = None) -> None:
        """Remove a row; store the CSMS's integer transactionId of its transaction in the same commit."""
        ...

    async def failed(self, row_id: int) -> None:
        """Count one failed transmission."""
        ...

    async def mark_offline(self) -> None:
        """Set `offline` on every queued event (OCPP 2.0.1 E11.FR.07)."""
        ...

    def alias(self, transaction_id: str) -> int | None:
        """Return the 1.6 CSMS's integer for a transaction; from memory."""
        ...

    def transaction_of(self, alias: int) -> str | None:
        """Return our id for a 1.6 CSMS's integer; from memory."""
        ...


class TokenStore(Protocol):
    """The authorization cache, durable."""

    @property
    def size_bytes(self) -> int:
        """Return how much is stored; from memory."""
        ...

    async def get(self, id_token: IdToken) -> CachedToken | None:
        """Return the stored verdict, however old."""
        ...

    def used(self, id_token: IdToken) -> None:
        """Note that a verdict was used, for the policy of a full cache."""
        ...

    async def put(self, id_token: IdToken, info: IdTokenInfo, now: datetime, policy: CachePolicy) -> None:
        """Store or replace a verdict; one that has expired on arrival only removes the old one.

        A full cache drops what was not accepted first, then what `policy` says (OCPP 2.0.1 C10.FR.07).
        """
        ...

    async def clear(self) -> None:
        """Forget every entry."""
        ...


class AuthListStore(Protocol):
    """The local authorization list, durable."""

    @property
    def summary(self) -> ListSummary:
        """Return what is stored in all; from memory."""
        ...

    async def get(self, id_token: IdToken) -> IdTokenInfo | None:
        """Return the entry of a token, else the one of its value without a type (1.6), expired or not."""
        ...

    async def apply(self, update: ListUpdate, *, most_entries: int, most_bytes: int) -> bool:
        """Change the list and its version in one commit; False: it would become larger than that, nothing changed.

        Raises:
            StorageError: nothing changed.
        """
        ...


class SettingsStore(Protocol):
    """Settings that were written at run time, durable; rows are named by `VariableSpec.name`."""

    async def load(self) -> list[tuple[str, str, Origin]]:
        """Return (name, value, who wrote it) of every stored row."""
        ...

    async def put(self, name: str, value: str, origin: Origin) -> None:
        """Store or replace one row; returns when it is on the disk.

        Raises:
            StorageError: nothing was stored.
        """
        ...


class StateStore(Protocol):
    """Small durable facts by name: availability flags, the next boot reason, the last wall time."""

    async def get(self, name: str) -> str | None:
        """Return a fact."""
        ...

    async def put(self, name: str, value: str | None) -> None:
        """Store a fact durably; None removes it."""
        ...
