"""What a fault means and what a person should do about it, one sentence each."""

from stationd.domain.faults import FaultCode

FAULT_TEXTS: dict[FaultCode, str] = {
    FaultCode.PILOT_ERROR: "the control pilot shows no valid state: check cable, plug and pilot wiring",
    FaultCode.DIODE: "the vehicle's pilot diode was not seen: unplug; try another cable or vehicle",
    FaultCode.PROXIMITY: "the cable's coding cannot be read: unplug; try another cable",
    FaultCode.VENTILATION: "the vehicle asks for ventilation, which this site does not declare",
    FaultCode.RCD_TRIP: "residual current detected: unplug, have vehicle and cable checked, then reset both",
    FaultCode.PE_LOSS: "protective earth is missing: do not use; call an electrician",
    FaultCode.EMERGENCY_STOP: "the emergency stop is pressed: make sure that it is safe, then release it",
    FaultCode.DOOR_OPEN: "the housing is open: close it, and nothing else is needed",
    FaultCode.TILT: "the housing was tilted: check its mounting",
    FaultCode.OVER_TEMPERATURE: "the housing is too hot: let it cool down; check the ventilation and the terminals",
    FaultCode.OVER_CURRENT: "the vehicle drew more than offered: unplug; try another vehicle",
    FaultCode.CONTACTOR_WELDED: "the contactor did not open: switch off the supply and have it replaced",
    FaultCode.CONTACTOR_FAILED: "the contactor did not close: check its supply and its feedback contact",
    FaultCode.LOCK_FAILED: "the connector lock does not move: push the plug fully in, then try again",
    FaultCode.HARDWARE: "an input or output of the safety process does not answer: check the board and the hw-profile",
    FaultCode.PILOT_LOST: "stationd-pilot does not answer: check that it runs; the outputs are safe without it",
    FaultCode.METER_LOST: "the energy meter does not answer: check its wiring, address and bus settings",
    FaultCode.STORAGE_FAILED: "the disk takes no more records, so nothing new starts: free space, or replace the card",
    FaultCode.READER_LOST: "the card reader does not answer: check its cable; remote start still works",
}


def fault_text(code: FaultCode) -> str:
    """Return the sentence of a fault."""
    return FAULT_TEXTS[code]
