"""Availability (block G): StatusNotification, ChangeAvailability. 1.6 knows no EVSE: connectorId is our evse_id."""

from stationd.domain.answers import Acknowledged, Answer
from stationd.domain.events import ConnectorSnapshot, ConnectorStatusChanged
from stationd.domain.faults import Fault, FaultCode, row_of
from stationd.domain.states import ChargingState, ConnectorStatus, OperationalStatus
from stationd.domain.variable_table import VENDOR_NAME
from stationd.ocpp.v16 import wire
from stationd.ocpp.version import Context, Json, Outgoing
from stationd.station.ports import ChangeOutcome

_FIXED = {
    ConnectorStatus.FAULTED: "Faulted",
    ConnectorStatus.UNAVAILABLE: "Unavailable",
    ConnectorStatus.RESERVED: "Reserved",
}
"""Statuses that have the same word whatever else is going on."""

_CHARGING = {
    ChargingState.CHARGING: "Charging",
    ChargingState.SUSPENDED_EV: "SuspendedEV",
    ChargingState.SUSPENDED_EVSE: "SuspendedEVSE",
}

_ERROR_CODES = {
    FaultCode.CONTACTOR_FAILED: "PowerSwitchFailure",
    FaultCode.CONTACTOR_SLOW: "PowerSwitchFailure",
    FaultCode.CONTACTOR_WELDED: "PowerSwitchFailure",
    FaultCode.CONTACTOR_WORN: "PowerSwitchFailure",
    FaultCode.DERATED: "HighTemperature",
    FaultCode.DIODE: "EVCommunicationError",
    FaultCode.HARDWARE: "InternalError",
    FaultCode.LOCK_FAILED: "ConnectorLockFailure",
    FaultCode.METER_LOST: "PowerMeterFailure",
    FaultCode.OVER_CURRENT: "OverCurrentFailure",
    FaultCode.OVER_TEMPERATURE: "HighTemperature",
    FaultCode.PE_LOSS: "GroundFailure",
    FaultCode.PHASE_SWITCH: "PowerSwitchFailure",
    FaultCode.PILOT_ERROR: "EVCommunicationError",
    FaultCode.PILOT_LOST: "InternalError",
    FaultCode.POWER_LOSS: "UnderVoltage",
    FaultCode.RCD_SELF_TEST: "GroundFailure",
    FaultCode.RCD_TRIP: "GroundFailure",
    FaultCode.READER_LOST: "ReaderFailure",
    FaultCode.RESTART_LOOP: "InternalError",
    FaultCode.STORAGE_FAILED: "InternalError",
}
"""The rest is OtherError, told apart by vendorErrorCode."""
_EV_COMMUNICATION_STATUSES = frozenset({"Preparing", "SuspendedEV", "SuspendedEVSE", "Finishing"})

_STATION_STATUSES = frozenset({ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE})


def status_to_wire(ctx: Context, event: ConnectorStatusChanged) -> Outgoing:
    """Translate a connector's (or, as connector 0, the station's) state to StatusNotification."""
    snapshot = event.snapshot
    status = connector_status(snapshot, told=_told(ctx, snapshot))
    fault = _leading_fault(snapshot.faults)
    payload = wire.without_none(
        connectorId=snapshot.evse_id,
        errorCode=error_code(fault, status),
        status=status,
        timestamp=wire.time_to_wire(snapshot.changed_at),
        info=_info(snapshot, status, fault),
        vendorId=wire.shortened(ctx.settings.text(VENDOR_NAME), 255) if fault else None,
        vendorErrorCode=str(fault.code) if fault else None,
    )
    return Outgoing("StatusNotification", payload, _read)


def connector_status(snapshot: ConnectorSnapshot, *, told: bool) -> str:
    """Return the 1.6 status; `told` = the CSMS has an integer for the running transaction.

    Before authorisation a 2.x transaction may run already: for 1.6 that is Preparing.
    """
    if snapshot.evse_id == 0:  # connector 0 has three states only
        return _FIXED[snapshot.status] if snapshot.status in _STATION_STATUSES else "Available"
    if snapshot.status in _FIXED:
        return _FIXED[snapshot.status]
    if snapshot.finishing:
        return "Finishing"
    if snapshot.transaction_id is not None and (snapshot.authorized or told):
        return _CHARGING.get(snapshot.charging_state, _waiting(snapshot) if told else "Preparing")
    occupied = snapshot.status is ConnectorStatus.OCCUPIED or snapshot.authorized or snapshot.cable_connected
    return "Preparing" if occupied else "Available"


def _waiting(snapshot: ConnectorSnapshot) -> str:
    """Return who holds up a started transaction: the station after a stop or deauthorisation, else the EV's side."""
    return "SuspendedEVSE" if snapshot.cable_connected and not snapshot.authorized else "SuspendedEV"


def error_code(fault: Fault | None, status: str) -> str:
    """Return the errorCode; with a status other than Faulted it is a warning."""
    if fault is None:
        return "OtherError" if status == "Faulted" else "NoError"
    code = _ERROR_CODES.get(fault.code, "OtherError")
    if code == "EVCommunicationError" and status not in _EV_COMMUNICATION_STATUSES:
        return "OtherError"  # OCPP 1.6 section 4.9 allows it with those four only
    return code


def _told(ctx: Context, snapshot: ConnectorSnapshot) -> bool:
    return snapshot.transaction_id is not None and ctx.aliases.alias(snapshot.transaction_id) is not None


def _leading_fault(faults: tuple[Fault, ...]) -> Fault | None:
    return next((fault for fault in faults if fault.blocking), faults[0] if faults else None)


def _info(snapshot: ConnectorSnapshot, status: str, fault: Fault | None) -> str | None:
    if fault is not None:
        others = [str(other.code) for other in snapshot.faults if other is not fault]
        return wire.shortened("; also: ".join([row_of(fault.code).mrec, *([", ".join(others)] if others else [])]), 50)
    if status == "SuspendedEV" and not snapshot.cable_connected:
        return "EV side disconnected"  # OCPP 1.6 section 4.9
    return None


def _read(_response: Json) -> Answer:
    return Acknowledged()


async def change(ctx: Context, req: Json) -> Json:
    """Change availability (OCPP 1.6 ChangeAvailability); connector 0 is the station with all its connectors."""
    connector_id, status = req["connectorId"], OperationalStatus(req["type"])
    named = [snapshot for snapshot in ctx.station.connectors() if connector_id in (0, snapshot.evse_id)]
    if connector_id and not named:
        return {"status": "Rejected"}
    if status is OperationalStatus.INOPERATIVE:
        return {"status": str(await ctx.station.change_availability(status, evse_id=connector_id or None))}
    if connector_id and ctx.station.station_snapshot().made_inoperative:
        return {"status": "Rejected"}  # it would stay Unavailable with the station
    return {"status": str(await _make_operative(ctx, named, whole_station=connector_id == 0))}


async def _make_operative(ctx: Context, named: list[ConnectorSnapshot], *, whole_station: bool) -> ChangeOutcome:
    """Lift every flag: 1.6 has one state where 2.x has three flags. The station comes last."""
    places: list[tuple[int | None, int | None]] = []
    for snapshot in named:
        places += [(snapshot.evse_id, snapshot.connector_id), (snapshot.evse_id, None)]
    if whole_station:
        places.append((None, None))
    outcome = ChangeOutcome.ACCEPTED
    for evse_id, connector_id in places:
        outcome = await ctx.station.change_availability(
            OperationalStatus.OPERATIVE, evse_id=evse_id, connector_id=connector_id
        )
        if outcome is ChangeOutcome.REJECTED:
            break
    return outcome
