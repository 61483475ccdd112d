"""Start, stop and events of transactions (block E), without I/O: values in, values out."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from stationd.domain.events import TransactionEvent, TransactionEventType
from stationd.domain.faults import FaultCode
from stationd.domain.id_token import IdToken
from stationd.domain.measurands import MeterSample
from stationd.domain.pilot import CpState, PilotStatus
from stationd.domain.states import ChargingState, StopReason, TriggerReason
from stationd.domain.transaction import Transaction

EV_CONNECTED, AUTHORIZED = "EVConnected", "Authorized"
POWER_PATH_CLOSED, ENERGY_TRANSFER = "PowerPathClosed", "EnergyTransfer"


@dataclass(frozen=True, slots=True)
class Facts:
    """What TxStartPoint and TxStopPoint speak of."""

    cable: bool
    authorized: bool
    energy: bool = False


def holds(point: str, facts: Facts) -> bool:
    """Tell whether what a start or stop point names is so (OCPP 2.0.1 E01.FR.01-06)."""
    return {
        EV_CONNECTED: facts.cable,
        AUTHORIZED: facts.authorized,
        POWER_PATH_CLOSED: facts.cable and facts.authorized,
        ENERGY_TRANSFER: facts.energy,
    }.get(point, False)


def starts(points: Collection[str], facts: Facts) -> bool:
    """Tell whether a transaction should run: the first listed start point that holds starts it (E01)."""
    return any(holds(point, facts) for point in points)


def ends(points: Collection[str], before: Facts, after: Facts) -> bool:
    """Tell whether a listed stop point stopped being true (E06)."""
    return any(holds(point, before) and not holds(point, after) for point in points)


def starts_with_energy_only(points: Collection[str]) -> bool:
    """True if power must be offered before the transaction starts, as only flowing energy starts it (E01.FR.06)."""
    return bool(points) and set(points) <= {ENERGY_TRANSFER}


def stop_points(configured: Collection[str], *, chosen: bool, stop_on_unplug: bool) -> frozenset[str]:
    """Return the stop points in force; PowerPathClosed is the same as EVConnected and Authorized (E06.FR.06).

    Where nobody chose TxStopPoint (a 1.6 CSMS cannot), StopTxOnEVSideDisconnect=false alone must keep an unplugged
    transaction open (OCPP 1.6 chapter 9.1.27); a chosen set that has EVConnected ends it all the same (E10.FR.01).
    """
    points = set(configured)
    if POWER_PATH_CLOSED in points:
        points = points - {POWER_PATH_CLOSED} | {EV_CONNECTED, AUTHORIZED}
    return frozenset(points if chosen or stop_on_unplug else points - {EV_CONNECTED})


@dataclass(frozen=True, slots=True)
class Cause:
    """What began the end of an authorisation or of a transaction."""

    trigger: TriggerReason
    reason: StopReason
    token: IdToken | None = None
    """Set if a token did it; only then is it told (TC_B_22: none after RequestStop or Reset)."""
    forced: bool = False
    """True: the transaction ends whatever the stop points are."""


UNPLUGGED = Cause(TriggerReason.EV_COMMUNICATION_LOST, StopReason.EV_DISCONNECTED)
REMOTE_STOP = Cause(TriggerReason.REMOTE_STOP, StopReason.REMOTE)
DEAUTHORIZED = Cause(TriggerReason.DEAUTHORIZED, StopReason.DE_AUTHORIZED)
NOT_PLUGGED_IN = Cause(TriggerReason.EV_CONNECT_TIMEOUT, StopReason.TIMEOUT, forced=True)
"""E03.FR.05, F02.FR.07: stationd has no bay sensor, so nothing else could end it."""
UNLOCKED = Cause(TriggerReason.UNLOCK_COMMAND, StopReason.UNLOCK_COMMAND, forced=True)
RESET = Cause(TriggerReason.RESET_COMMAND, StopReason.IMMEDIATE_RESET, forced=True)
HARD_RESET = Cause(TriggerReason.RESET_COMMAND, StopReason.HARD_RESET, forced=True)
ENERGY_STOPPED = Cause(TriggerReason.CHARGING_STATE_CHANGED, StopReason.STOPPED_BY_EV, forced=True)
STORAGE_FAILED = Cause(TriggerReason.ABNORMAL_CONDITION, StopReason.OTHER, forced=True)

_FAULT_REASONS = {
    FaultCode.RCD_TRIP: StopReason.GROUND_FAULT,
    FaultCode.PE_LOSS: StopReason.GROUND_FAULT,
    FaultCode.EMERGENCY_STOP: StopReason.EMERGENCY_STOP,
    FaultCode.OVER_CURRENT: StopReason.OVERCURRENT_FAULT,
}


def stopped_by_token(token: IdToken) -> Cause:
    """Return the cause of a stop by the same token or one of its group (E07)."""
    return Cause(TriggerReason.STOP_AUTHORIZED, StopReason.LOCAL, token)


def stopped_by_master_pass(token: IdToken) -> Cause:
    """Return the cause of a stop by a token of the master-pass group (C16.FR.02, FR.08)."""
    return Cause(TriggerReason.STOP_AUTHORIZED, StopReason.MASTER_PASS, token)


def stopped_by_fault(code: FaultCode) -> Cause:
    """Return the cause of an end by a fault (E06.FR.16)."""
    reason = _FAULT_REASONS.get(code, StopReason.OTHER)
    return Cause(TriggerReason.ABNORMAL_CONDITION, reason, forced=True)


_TRIGGERS = {
    StopReason.LOCAL: TriggerReason.STOP_AUTHORIZED,
    StopReason.MASTER_PASS: TriggerReason.STOP_AUTHORIZED,
    StopReason.REMOTE: TriggerReason.REMOTE_STOP,
    StopReason.DE_AUTHORIZED: TriggerReason.DEAUTHORIZED,
    StopReason.EV_DISCONNECTED: TriggerReason.EV_COMMUNICATION_LOST,
    StopReason.TIMEOUT: TriggerReason.EV_CONNECT_TIMEOUT,
    StopReason.IMMEDIATE_RESET: TriggerReason.RESET_COMMAND,
    StopReason.HARD_RESET: TriggerReason.RESET_COMMAND,
    StopReason.UNLOCK_COMMAND: TriggerReason.UNLOCK_COMMAND,
    StopReason.STOPPED_BY_EV: TriggerReason.CHARGING_STATE_CHANGED,
}


def trigger_of(reason: StopReason) -> TriggerReason:
    """Return the trigger that goes with a stored reason, for an end that a restart interrupted."""
    return _TRIGGERS.get(reason, TriggerReason.ABNORMAL_CONDITION)


def charging_state(status: PilotStatus | None, facts: Facts, *, offering: bool, suspended: bool) -> ChargingState:
    """Return the state of the energy path as it is now, without any grace for the EV.

    `suspended`: the token turned out to be invalid but the transaction goes on (E05.FR.02).
    """
    if not facts.cable:
        return ChargingState.IDLE
    if status is not None and status.sensed_closed and status.cp in (CpState.C, CpState.D):
        return ChargingState.CHARGING
    if suspended:
        return ChargingState.SUSPENDED_EVSE
    if not facts.authorized:
        return ChargingState.EV_CONNECTED
    if offering and status is not None and status.cp is CpState.B:
        return ChargingState.SUSPENDED_EV
    return ChargingState.SUSPENDED_EVSE


@dataclass(frozen=True, slots=True)
class Moment:
    """Circumstances of an event."""

    at: datetime
    meter_wh: float
    meter_at: datetime
    """When the meter gave `meter_wh`; long before `at` if it has died since."""
    offline: bool
    facts: Facts
    state: ChargingState
    samples: tuple[MeterSample, ...] = ()
    phases_used: int | None = None
    cable_max_a: float | None = None
    time_spent_charging_s: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A transaction with what the CSMS was told of it already. Frozen: adopted only once the commit returned."""

    tx: Transaction
    stop_points: frozenset[str]
    told_evse: bool = False
    told_token: bool = False
    told_remote: bool = True
    """False while the first event after a remote start is still to come (F01.FR.25)."""
    ran: bool = False
    """Was authorised with the EV connected at some event: a 1.6 transaction runs from there."""
    stop_token: IdToken | None = None
    """The token that began the end, in every event from there on (1.6 wants it in StopTransaction)."""
    told_stop_token: bool = False

    @property
    def suspended(self) -> bool:
        """True if the CSMS refused the token and the transaction goes on without energy (E05.FR.02)."""
        return self.tx.id_token is not None and not self.tx.authorized and self.tx.stop_reason is None


def begin(tx: Transaction, points: frozenset[str], *, remote: bool) -> Record:
    """Return the record of a transaction of which nothing was told yet."""
    return Record(tx, points, told_remote=not remote)


def resume(tx: Transaction, points: frozenset[str]) -> Record:
    """Return the record of a transaction read from the disk; what was told follows from what was stored."""
    connected = tx.charging_state is not ChargingState.IDLE
    return Record(
        tx,
        points,
        told_evse=connected,
        told_token=tx.id_token is not None,
        ran=connected and tx.id_token is not None,
    )


def add_event(
    record: Record, moment: Moment, kind: TransactionEventType, trigger: TriggerReason
) -> tuple[Record, TransactionEvent]:
    """Return the record after one more event, and the event. The seqNo is used once: commit both or neither."""
    tx = record.tx
    ended = kind is TransactionEventType.ENDED
    tell_stop = record.stop_token is not None and not record.told_stop_token
    tell_token = tell_stop or (not record.told_token and tx.id_token is not None)
    tell_evse = moment.facts.cable and not record.told_evse
    ran = record.ran or (moment.facts.cable and tx.authorized)
    tell_remote = not record.told_remote
    event = TransactionEvent(
        event_type=kind,
        transaction_id=tx.transaction_id,
        seq_no=tx.next_seq_no,
        timestamp=moment.at,
        # F01.FR.19/25, F02.FR.21: overrides whatever else would fit
        trigger=TriggerReason.REMOTE_START if tell_remote else trigger,
        evse_id=tx.evse_id,
        connector_id=tx.connector_id,
        charging_state=moment.state,
        meter_wh=moment.meter_wh,
        offline=moment.offline,
        authorized=ran,
        id_token=tx.id_token,
        tell_id_token=tell_token,
        tell_evse=tell_evse,
        remote_start_id=tx.remote_start_id if tell_remote else None,
        stop_reason=tx.stop_reason if ended else None,
        stop_token=record.stop_token,
        samples=moment.samples,
        time_spent_charging_s=moment.time_spent_charging_s,
        phases_used=moment.phases_used,
        cable_max_a=moment.cable_max_a,
    )
    return _after(record, moment, event, ended=ended), event


def _after(record: Record, moment: Moment, event: TransactionEvent, *, ended: bool) -> Record:
    tx = replace(
        record.tx,
        next_seq_no=event.seq_no + 1,
        charging_state=moment.state,
        last_wh=moment.meter_wh,
        last_sample_at=moment.meter_at,
        ended_at=moment.at if ended else None,
        meter_stop_wh=moment.meter_wh if ended else None,
    )
    return replace(
        record,
        tx=tx,
        told_evse=record.told_evse or event.tell_evse,
        told_token=record.told_token or event.id_token is not None,
        told_remote=True,
        ran=event.authorized,
        told_stop_token=event.stop_token is not None,
    )


def stopping(record: Record, cause: Cause) -> Record:
    """Return the record of a transaction whose authorisation is over; the first reason stays (E06.FR.08)."""
    reason = record.tx.stop_reason or cause.reason
    tx = replace(record.tx, authorized=False, stop_reason=reason)
    return replace(record, tx=tx, stop_token=record.stop_token or cause.token)
