"""Faults that a charging vehicle may meet, as data: what is broken, what must be named, how it ends."""

from dataclasses import dataclass
from enum import StrEnum


class Recovery(StrEnum):
    """What is done so that it charges again."""

    CAUSE = "the end of its cause"
    UNPLUG = "unplugging, not by the end of its cause"
    RESET = "a reset, not by unplugging"
    DURABLE = "unplugging and then a reset, not by a restart of the process"


@dataclass(frozen=True, slots=True)
class Case:
    """One fault of the plant, set while a vehicle charges."""

    code: str
    fault: str
    words: str
    """For a reader of the table."""
    recovery: Recovery = Recovery.CAUSE
    state_f: bool | None = True
    """Whether state F follows; None: it may."""
    companions: frozenset[str] = frozenset()
    """Codes that may come with it for a while."""
    warnings: tuple[str, ...] = ()
    bound_ms: float | None = None
    parts_ms: float | None = None


CASES = (
    Case("pe_loss", "pe_loss", "input while charging"),
    Case("emergency_stop", "emergency_stop", "input while charging"),
    Case("door_open", "door_open", "input while charging"),
    Case("tilt", "tilt", "input while charging"),
    Case("power_loss", "power_loss", "input while charging, coil without supply"),
    Case("rcd_trip", "rcd_trip", "input while charging, coil without supply", Recovery.DURABLE),
    Case("hardware", "inputs_lost", "no fault input can be read"),
    Case("hardware", "feedback_lost", "the contactor's feedback cannot be read"),
    Case("hardware", "lock_feedback_lost", "the lock's feedback cannot be read"),
    Case("hardware", "phase_feedback_lost", "the phase switch's feedback cannot be read"),
    Case("hardware", "temperature_lost", "the temperature cannot be read"),
    Case("hardware", "current_lost", "the current cannot be read"),
    Case("hardware", "cp_silent", "the board says nothing any more", state_f=None),
    Case("diode", "diode_shorted", "the diode is shorted while charging", Recovery.UNPLUG,
         companions=frozenset({"pilot_error"})),  # state F does not reach -12 V through a shorted diode
    Case("pilot_error", "cp_shorted", "pilot shorted to PE", state_f=False, parts_ms=100),
    Case("pilot_error", "cp_mid_band", "pilot at 7.5 V, between B and C", state_f=False, parts_ms=100),
    Case("proximity", "pp_open", "proximity contact open while charging"),
    Case("proximity", "pp_out_of_range", "proximity contact at 30 ohm while charging"),
    Case("over_temperature", "over_temperature", "95 C while charging", warnings=("derated",)),
)  # fmt: skip
