"""Names of the faults that a test or a person can set."""

RCD_TRIP = "rcd_trip"
INPUTS = (RCD_TRIP, "pe_loss", "emergency_stop", "door_open", "tilt", "power_loss")
"""Inputs of the board; `rcd_trip` also drops the coil in hardware."""
WELDED = "contactor_welded"
STUCK_OPEN = "contactor_stuck_open"
LOCK_JAMMED = "lock_jammed"
DIODE_SHORTED = "diode_shorted"
CP_SHORTED = "cp_shorted"
CP_OPEN = "cp_open"
PP_OPEN = "pp_open"
METER_SILENT = "meter_silent"
READER_SILENT = "reader_silent"
OVER_TEMPERATURE = "over_temperature"

KNOWN = (
    *INPUTS, WELDED, STUCK_OPEN, LOCK_JAMMED, DIODE_SHORTED, CP_SHORTED, CP_OPEN, PP_OPEN, METER_SILENT, READER_SILENT,
    OVER_TEMPERATURE,
)  # fmt: skip
OPENING = frozenset((*INPUTS, DIODE_SHORTED, CP_SHORTED, CP_OPEN, PP_OPEN, OVER_TEMPERATURE))
"""Faults for which a closed contactor is expected to open: each starts a reaction."""
PILOT_LOST = frozenset((CP_SHORTED, CP_OPEN))
"""Faults with which the car sees no PWM."""
