"""Faults of the station as the driver, the technician and the CSMS see them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from stationd.fault_table import FAULTS, WARNINGS, Ends, FaultRow


class FaultCode(StrEnum):
    """Names of faults; values are the codes that `stationd-pilot` sends, plus those the brain finds itself."""

    CONTACTOR_FAILED = "contactor_failed"
    CONTACTOR_RESTING = "contactor_resting"
    CONTACTOR_SLOW = "contactor_slow"
    CONTACTOR_WELDED = "contactor_welded"
    CONTACTOR_WORN = "contactor_worn"
    DERATED = "derated"
    DIODE = "diode"
    DOOR_OPEN = "door_open"
    EMERGENCY_STOP = "emergency_stop"
    HARDWARE = "hardware"
    """An input or output of the safety process does not answer; also a code that this release does not know."""
    LOCK_FAILED = "lock_failed"
    OVER_CURRENT = "over_current"
    """By stationd-pilot where the board measures current, else by the brain from the meter."""
    OVER_TEMPERATURE = "over_temperature"
    PE_LOSS = "pe_loss"
    PHASE_SWITCH = "phase_switch"
    PILOT_ERROR = "pilot_error"
    POWER_LOSS = "power_loss"
    PROXIMITY = "proximity"
    RCD_SELF_TEST = "rcd_self_test"
    RCD_TRIP = "rcd_trip"
    RESTART_LOOP = "restart_loop"
    SIMPLIFIED_VEHICLE = "simplified_vehicle"
    TILT = "tilt"
    VENTILATION = "ventilation"

    METER_LOST = "meter_lost"
    PILOT_LOST = "pilot_lost"
    """The brain has no connection to stationd-pilot; stationd-pilot keeps the outputs safe by itself."""
    READER_LOST = "reader_lost"
    STORAGE_FAILED = "storage_failed"
    """The state directory cannot be written, so no transaction can be recorded."""


BRAIN_FAULTS: dict[str, FaultRow] = {
    row.code: row
    for row in (
        FaultRow("meter_lost", "PowerMeterFailure", Ends.CAUSE, 10_000,
                 "the energy meter does not answer: check its wiring, address and bus settings"),
        FaultRow("pilot_lost", "InternalError", Ends.CAUSE, 8_000,
                 "stationd-pilot does not answer: check that it runs; the outputs are safe without it"),
        FaultRow("reader_lost", "ReaderFailure", Ends.CAUSE, 30_000,
                 "the card reader does not answer: check its cable; remote start still works"),
        FaultRow("storage_failed", "InternalError", Ends.CAUSE, 10_000,
                 "the disk takes no more records, so nothing new starts: free space, or replace the card"),
    )
}  # fmt: skip
"""What the brain alone finds, by code. `within_ms` is the usual time, not a limit."""


def is_pilots(code: FaultCode) -> bool:
    """Tell whether stationd-pilot says when this fault begins and ends."""
    return code not in BRAIN_FAULTS


def row_of(code: FaultCode) -> FaultRow:
    """Return what is known of a fault, by whomever it is found."""
    return FAULTS.get(code) or WARNINGS.get(code) or BRAIN_FAULTS[code]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in force. `evse_id` 0 means the whole station."""

    code: FaultCode
    evse_id: int
    blocking: bool = True
    """True if no energy may flow while it lasts; False for a warning (a lost card reader, say)."""


@dataclass(frozen=True, slots=True)
class FaultInForce:
    """A fault with the time at which it was first seen."""

    fault: Fault
    since: datetime
