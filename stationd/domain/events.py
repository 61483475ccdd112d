"""What the station tells the CSMS, without any OCPP version.

`TransactionEvent` is durable: it goes to the outbox in the same commit as its transaction. So is `FaultEvent`, on its
own. All others are live: sent when there is a connection, dropped (or superseded by the current state) when there is
none.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from stationd.domain.faults import Fault, FaultCode
from stationd.domain.id_token import IdToken
from stationd.domain.measurands import MeterSample
from stationd.domain.states import BootReason, ChargingState, ConnectorStatus, StopReason, TriggerReason
from stationd.domain.variables import VariableReport


class TransactionEventType(StrEnum):
    """Position of an event in its transaction."""

    STARTED = "Started"
    UPDATED = "Updated"
    ENDED = "Ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionEvent:
    """One step of a transaction. Complete in itself: translated to any version at the moment it is sent."""

    event_type: TransactionEventType
    transaction_id: str
    seq_no: int
    timestamp: datetime
    trigger: TriggerReason
    evse_id: int
    connector_id: int
    charging_state: ChargingState
    meter_wh: float
    """Import register at this event, Wh."""
    offline: bool = False
    authorized: bool = False
    """Authorised and EV connected: from the first event with this a 1.6 transaction runs."""
    id_token: IdToken | None = None
    """The transaction's token, in every event once it is known."""
    tell_id_token: bool = False
    """True in the first event after authorisation and in the one that a token ended (OCPP 2.0.1 E07.FR.02)."""
    tell_evse: bool = False
    """True in the first event after the EV was connected (OCPP 2.0.1 E01.FR.16)."""
    remote_start_id: int | None = None
    """Set only in the first event after the request (OCPP 2.0.1 F01.FR.25)."""
    stop_reason: StopReason | None = None
    stop_token: IdToken | None = None
    """The token that ended it; None unless a token did."""
    samples: tuple[MeterSample, ...] = ()
    time_spent_charging_s: int | None = None
    phases_used: int | None = None
    cable_max_a: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultEvent:
    """A fault began or ended (OCPP 2.0.1 N07). Complete in itself, like a transaction's events."""

    code: FaultCode
    evse_id: int
    """0 = the station itself."""
    timestamp: datetime
    cleared: bool
    """True: it ended."""
    problem: bool
    """What the component's Problem is after it: another fault of the same component may still be in force."""
    blocking: bool
    """False for a warning."""
    transaction_id: str | None = None
    """Of the transaction that ran then."""
    event_id: int = 0
    """Given by the store: it rises with each event, over restarts too."""


DurableEvent = TransactionEvent | FaultEvent


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One durable message to be delivered."""

    row_id: int
    event: DurableEvent
    attempts: int
    """Transmissions that failed so far."""


@dataclass(frozen=True, slots=True)
class StationBooted:
    """Ask for registration (BootNotification)."""

    reason: BootReason


@dataclass(frozen=True, slots=True)
class HeartbeatDue:
    """Nothing was sent for the heartbeat interval, or one was triggered."""


@dataclass(frozen=True, slots=True)
class AuthorizationRequested:
    """Ask the CSMS about a token."""

    id_token: IdToken
    evse_id: int | None = None


@dataclass(frozen=True, slots=True)
class LocalListConflict:
    """The CSMS says otherwise of a token than its local authorization list (OCPP 1.6 section 3.5.2)."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSnapshot:
    """Everything from which any version's connector status follows."""

    evse_id: int
    """0 = the station itself (1.6 connector 0)."""
    connector_id: int
    status: ConnectorStatus
    """2.x status by precedence Faulted > Unavailable > Occupied > Reserved > Available."""
    operative: bool
    """False if ChangeAvailability (or an unaccepted boot) made it unavailable."""
    changed_at: datetime
    made_inoperative: bool = False
    """Of the station itself: ChangeAvailability made it Inoperative, and with it every connector."""
    cable_connected: bool = False
    charging_state: ChargingState = ChargingState.IDLE
    transaction_id: str | None = None
    authorized: bool = False
    """A token waits for the cable, or the running transaction is authorised."""
    finishing: bool = False
    """The transaction is over and the cable still in (1.6 Finishing)."""
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectorStatusChanged:
    """A connector's status is new, or was asked for."""

    snapshot: ConnectorSnapshot
    asked_for: bool = False
    """The CSMS wants to hear it even if it is what was told last (TriggerMessage)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterValuesTaken:
    """Meter values that belong to no transaction event: clock-aligned while idle, or triggered."""

    evse_id: int
    samples: tuple[MeterSample, ...]
    transaction_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPart:
    """One part of a device-model report (NotifyReport); the CSMS numbers reports by `request_id`."""

    request_id: int
    generated_at: datetime
    seq_no: int
    to_be_continued: bool
    entries: tuple[VariableReport, ...]


class LongJob(StrEnum):
    """Jobs whose status a CSMS may ask for."""

    FIRMWARE = "firmware"
    LOG = "log"


@dataclass(frozen=True, slots=True)
class JobStatus:
    """State of a long job; `Idle` when none runs."""

    job: LongJob
    status: str = "Idle"
    request_id: int | None = None


LiveEvent = (
    StationBooted
    | HeartbeatDue
    | AuthorizationRequested
    | LocalListConflict
    | ConnectorStatusChanged
    | MeterValuesTaken
    | ReportPart
    | JobStatus
)
Event = DurableEvent | LiveEvent
