"""Every fault and warning of the safety process: code, ChargeX name, how it ends, what a person should do.

Standard library only; used by both processes, like `hwprofile`. The codes go over the pilot's socket.
"""

from dataclasses import dataclass
from enum import StrEnum


class Ends(StrEnum):
    """What it takes for a fault to end."""

    CAUSE = "with its cause"
    UNPLUG = "when the vehicle is unplugged"
    RESET = "by a technician's reset"
    DURABLE = "by a technician's reset, also over a restart"


@dataclass(frozen=True, slots=True)
class FaultRow:
    """One fault (it opens the contactor and keeps it open) or warning (it does not)."""

    code: str
    mrec: str
    """Name in the ChargeX list of minimum required error codes; where that list has none, the usual name."""
    ends: Ends
    within_ms: int
    """From the cause to the opening order, or, for a warning, to its mention."""
    advice: str
    """One sentence: what a person should do."""


FAULTS: dict[str, FaultRow] = {
    row.code: row
    for row in (
        FaultRow("contactor_failed", "MREC17EVSEContactorFault", Ends.UNPLUG, 1_100,
                 "the contactor did not close or stay closed: check coil supply, wiring and feedback contact"),
        FaultRow("contactor_welded", "MREC17EVSEContactorFault", Ends.DURABLE, 600,
                 "the contactor did not open: switch the supply off, replace the contactor, then reset the fault"),
        FaultRow("diode", "MREC14PilotFault", Ends.UNPLUG, 650,
                 "the vehicle's pilot circuit lacks its diode: try another vehicle or cable"),
        FaultRow("door_open", "EnclosureOpen", Ends.CAUSE, 50,
                 "the housing is open: close it"),
        FaultRow("emergency_stop", "MREC8EmergencyStop", Ends.CAUSE, 50,
                 "the emergency stop is pressed: remove the danger, then release the button"),
        FaultRow("hardware", "VendorError", Ends.CAUSE, 200,
                 "an input or output of the board does not answer: check its wiring and supply"),
        FaultRow("lock_failed", "MREC1ConnectorLockFailure", Ends.UNPLUG, 12_000,
                 "the plug could not be locked or unlocked: push it in fully, or free the lock by hand"),
        FaultRow("over_current", "MREC4OverCurrentFailure", Ends.UNPLUG, 7_100,
                 "the vehicle drew more than it was offered: unplug it, and try another one"),
        FaultRow("over_temperature", "MREC3HighTemperature", Ends.CAUSE, 1_000,
                 "the station is too hot: let it cool down, and check terminals and ventilation"),
        FaultRow("pe_loss", "MREC2GroundFailure", Ends.CAUSE, 50,
                 "the protective earth is interrupted: switch the supply off and have an electrician repair it"),
        FaultRow("phase_switch", "MREC17EVSEContactorFault", Ends.RESET, 1_100,
                 "the phase switch does not follow its command: check its coil supply, wiring and feedback contact"),
        FaultRow("pilot_error", "MREC14PilotFault", Ends.CAUSE, 100,
                 "the control pilot is short-circuited, noisy or stuck: unplug the vehicle, and check cable and plug"),
        FaultRow("power_loss", "MREC15PowerLoss", Ends.CAUSE, 50,
                 "the mains failed: charging goes on when it is back"),
        FaultRow("proximity", "MREC23ProximityFault", Ends.CAUSE, 550,
                 "the cable's rating cannot be read: push the plug in fully, or try another cable"),
        FaultRow("rcd_self_test", "MREC2GroundFailure", Ends.UNPLUG, 2_000,
                 "the residual current device failed its test: have an electrician check it before anybody charges"),
        FaultRow("rcd_trip", "MREC2GroundFailure", Ends.DURABLE, 50,
                 "the residual current device tripped: unplug, have vehicle and station checked, then reset the fault"),
        FaultRow("restart_loop", "VendorError", Ends.RESET, 0,
                 "the safety process ended unexpectedly five times in ten minutes: read its log, then reset the fault"),
        FaultRow("tilt", "TiltDetected", Ends.CAUSE, 50,
                 "the station was moved or tilted: check its mounting and wiring"),
        FaultRow("ventilation", "MREC10InvalidVehicleMode", Ends.CAUSE, 50,
                 "the vehicle needs a ventilated place, and this one is not: charge it elsewhere"),
    )
}  # fmt: skip
"""By code. Every one of them opens the contactor and keeps it open."""

WARNINGS: dict[str, FaultRow] = {
    row.code: row
    for row in (
        FaultRow("contactor_resting", "VendorError", Ends.CAUSE, 100,
                 "the vehicle asks and stops again and again: the contactor rests for some seconds before it closes"),
        FaultRow("contactor_slow", "MREC17EVSEContactorFault", Ends.RESET, 600,
                 "the contactor opens late: have it replaced before it welds"),
        FaultRow("contactor_worn", "MREC17EVSEContactorFault", Ends.RESET, 1_000,
                 "the contactor has done the cycles it is rated for: have it replaced, then reset the warning"),
        FaultRow("derated", "MREC18CableOverTempDerate", Ends.CAUSE, 1_000,
                 "the station is warm and offers less current: check terminals and ventilation if it stays so"),
        FaultRow("simplified_vehicle", "MREC10InvalidVehicleMode", Ends.UNPLUG, 100,
                 "the vehicle has a simplified pilot circuit, so it is offered little current: nothing to do"),
    )
}  # fmt: skip
"""By code. Energy may flow with any of them."""
