"""Names of the faults that a test or a person can set."""

RCD_TRIP = "rcd_trip"
POWER_LOSS = "power_loss"
INPUTS = (RCD_TRIP, "pe_loss", "emergency_stop", "door_open", "tilt", POWER_LOSS)
"""Inputs of the board; `rcd_trip` and `power_loss` also drop the coil in hardware."""
WELDED, STUCK_OPEN = "contactor_welded", "contactor_stuck_open"
CLOSES_LATE, OPENS_LATE, DROPS = "contactor_closes_late", "contactor_opens_late", "contactor_drops"
FEEDBACK_STUCK_OPEN, FEEDBACK_STUCK_CLOSED = "feedback_stuck_open", "feedback_stuck_closed"
FEEDBACK_LOST, INPUTS_LOST = "feedback_lost", "inputs_lost"
LOCK_JAMMED, LOCK_SLOW, LOCK_FEEDBACK_LOST = "lock_jammed", "lock_slow", "lock_feedback_lost"
PHASE_SWITCH_STUCK, PHASE_FEEDBACK_LOST = "phase_switch_stuck", "phase_feedback_lost"
RCD_TEST_DEAD, RCD_TEST_STUCK = "rcd_test_dead", "rcd_test_stuck"
DIODE_SHORTED, CP_SHORTED, CP_OPEN = "diode_shorted", "cp_shorted", "cp_open"
CP_STUCK, CP_NOISY, CP_MID_BAND, CP_SILENT = "cp_stuck", "cp_noisy", "cp_mid_band", "cp_silent"
PP_OPEN, PP_OUT_OF_RANGE, PP_GAP, PP_WEAKER = "pp_open", "pp_out_of_range", "pp_gap", "pp_weaker"
OVER_TEMPERATURE, TEMPERATURE_LOST = "over_temperature", "temperature_lost"
OVER_CURRENT, CURRENT_LOST = "over_current", "current_lost"
METER_SILENT, METER_NOISE, METER_NAN, METER_NEGATIVE = "meter_silent", "meter_noise", "meter_nan", "meter_negative"
METER_JUMP, METER_WRONG_UNIT, METER_RESET = "meter_jump", "meter_wrong_unit", "meter_reset"
READER_SILENT, CARD_HELD, CARD_FLOOD = "reader_silent", "card_held", "card_flood"

KNOWN = (
    *INPUTS, INPUTS_LOST,
    WELDED, STUCK_OPEN, CLOSES_LATE, OPENS_LATE, DROPS, FEEDBACK_STUCK_OPEN, FEEDBACK_STUCK_CLOSED, FEEDBACK_LOST,
    LOCK_JAMMED, LOCK_SLOW, LOCK_FEEDBACK_LOST, PHASE_SWITCH_STUCK, PHASE_FEEDBACK_LOST, RCD_TEST_DEAD, RCD_TEST_STUCK,
    DIODE_SHORTED, CP_SHORTED, CP_OPEN, CP_STUCK, CP_NOISY, CP_MID_BAND, CP_SILENT,
    PP_OPEN, PP_OUT_OF_RANGE, PP_GAP, PP_WEAKER, OVER_TEMPERATURE, TEMPERATURE_LOST, OVER_CURRENT, CURRENT_LOST,
    METER_SILENT, METER_NOISE, METER_NAN, METER_NEGATIVE, METER_JUMP, METER_WRONG_UNIT, METER_RESET,
    READER_SILENT, CARD_HELD, CARD_FLOOD,
)  # fmt: skip
OPENING = frozenset((
    *INPUTS, DIODE_SHORTED, CP_SHORTED, CP_OPEN, CP_NOISY, CP_MID_BAND, CP_SILENT, PP_OPEN, PP_OUT_OF_RANGE,
    OVER_TEMPERATURE, OVER_CURRENT, FEEDBACK_STUCK_OPEN, FEEDBACK_LOST, LOCK_FEEDBACK_LOST,
    INPUTS_LOST,
))  # fmt: skip
"""Faults for which a closed contactor is expected to open: each starts a reaction. So does `contactor_drops`, later."""
HARDWARE_OPENS = frozenset((RCD_TRIP, POWER_LOSS))
"""Inputs with which the coil has no supply, whatever the driver orders."""
PILOT_LOST = frozenset((CP_SHORTED, CP_OPEN))
"""Faults with which the car sees no PWM."""
ONCE = frozenset((DROPS, METER_RESET))
"""Faults that happen once and then are mended by themselves."""
