"""What codes mean and what a person should do about them, one sentence each."""

from stationd.domain.faults import FaultCode, row_of

_WAITS = {
    "contactor": "the contactor to be seen open",
    "contactor_rest": "the contactor's rest since it last opened",
    "diode": "the vehicle's pilot diode to be seen",
    "fault": "the end of the fault",
    "lock": "the plug to be locked",
    "offer": "an offer of at least 6 A: see the limits",
    "permit": "a permit of stationd",
    "phase_switch": "the change of phases",
    "rcd_test": "the test of the residual current device",
    "pause": "the safety process, which saves a fault and goes on at once",
    "steady_inputs": "a pilot and inputs that stand still",
    "stopping": "the end of stationd-pilot",
    "unavailable": "stationd to make it available",
    "wake_up": "the vehicle to wake up",
}


def fault_text(code: FaultCode) -> str:
    """Return the sentence of a fault."""
    return row_of(code).advice


def waits_text(code: str) -> str:
    """Return what keeps the contactor open, in words; a code of a newer stationd-pilot as it is."""
    return _WAITS.get(code, code.replace("_", " "))
