"""Block N of OCPP 2.1, diagnostics, as far as it differs from 2.0.1: events have a severity."""

from stationd.domain.events import FaultEvent
from stationd.domain.faults import FaultCode
from stationd.ocpp.v201.diagnostics import fault_data, notify_event
from stationd.ocpp.version import Context, Outgoing

DANGER, HARDWARE_FAILURE, SYSTEM_FAILURE, ERROR, WARNING = 0, 1, 2, 4, 6
_SEVERITIES = {
    FaultCode.CONTACTOR_WELDED: DANGER,
    FaultCode.EMERGENCY_STOP: DANGER,
    FaultCode.PE_LOSS: DANGER,
    FaultCode.RCD_SELF_TEST: DANGER,
    FaultCode.RCD_TRIP: DANGER,
    FaultCode.CONTACTOR_FAILED: HARDWARE_FAILURE,
    FaultCode.HARDWARE: HARDWARE_FAILURE,
    FaultCode.LOCK_FAILED: HARDWARE_FAILURE,
    FaultCode.METER_LOST: HARDWARE_FAILURE,
    FaultCode.OVER_TEMPERATURE: HARDWARE_FAILURE,
    FaultCode.PHASE_SWITCH: HARDWARE_FAILURE,
    FaultCode.PILOT_LOST: SYSTEM_FAILURE,
    FaultCode.RESTART_LOOP: SYSTEM_FAILURE,
    FaultCode.STORAGE_FAILED: SYSTEM_FAILURE,
}
"""Danger is for what may hurt somebody; the rest of the faults are errors of a vehicle or of its surroundings."""


def severity(event: FaultEvent) -> int:
    """Return how bad it is, 0 (danger) to 9 (debug), by the station's own judgement (OCPP 2.1 N07.FR.21)."""
    return _SEVERITIES.get(event.code, ERROR) if event.blocking else WARNING


def fault_to_wire(ctx: Context, event: FaultEvent) -> Outgoing:
    """Return NotifyEvent of a fault that came or went."""
    return notify_event(ctx, {**fault_data(event), "severity": severity(event)})
