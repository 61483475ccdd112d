"""Faults of the station as the driver, the technician and the CSMS see them."""

from dataclasses import dataclass
from enum import StrEnum


class FaultCode(StrEnum):
    """Names of faults; values are the codes that `stationd-pilot` sends, plus those the brain finds itself."""

    PILOT_ERROR = "pilot_error"
    DIODE = "diode"
    PROXIMITY = "proximity"
    VENTILATION = "ventilation"
    RCD_TRIP = "rcd_trip"
    PE_LOSS = "pe_loss"
    EMERGENCY_STOP = "emergency_stop"
    DOOR_OPEN = "door_open"
    TILT = "tilt"
    OVER_TEMPERATURE = "over_temperature"
    OVER_CURRENT = "over_current"
    CONTACTOR_WELDED = "contactor_welded"
    CONTACTOR_FAILED = "contactor_failed"
    LOCK_FAILED = "lock_failed"
    HARDWARE = "hardware"
    """An input or output of the safety process does not answer."""
    PILOT_LOST = "pilot_lost"
    """The brain has no connection to stationd-pilot; stationd-pilot keeps the outputs safe by itself."""
    METER_LOST = "meter_lost"
    READER_LOST = "reader_lost"
    STORAGE_FAILED = "storage_failed"
    """The state directory cannot be written, so no transaction can be recorded."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in force. `evse_id` 0 means the whole station."""

    code: FaultCode
    evse_id: int
    blocking: bool = True
    """True if no energy may flow while it lasts; False for a warning (a lost card reader, say)."""
