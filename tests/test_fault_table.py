from stationd.fault_table import FAULTS, WARNINGS, Ends

TOLD = (
    ("contactor_failed", "MREC17EVSEContactorFault", Ends.UNPLUG, 1_100),
    ("contactor_welded", "MREC17EVSEContactorFault", Ends.DURABLE, 600),
    ("diode", "MREC14PilotFault", Ends.UNPLUG, 650),
    ("door_open", "EnclosureOpen", Ends.CAUSE, 50),
    ("emergency_stop", "MREC8EmergencyStop", Ends.CAUSE, 50),
    ("hardware", "VendorError", Ends.CAUSE, 200),
    ("lock_failed", "MREC1ConnectorLockFailure", Ends.UNPLUG, 12_000),
    ("over_current", "MREC4OverCurrentFailure", Ends.UNPLUG, 7_100),
    ("over_temperature", "MREC3HighTemperature", Ends.CAUSE, 1_000),
    ("pe_loss", "MREC2GroundFailure", Ends.CAUSE, 50),
    ("phase_switch", "MREC17EVSEContactorFault", Ends.RESET, 1_100),
    ("pilot_error", "MREC14PilotFault", Ends.CAUSE, 100),
    ("power_loss", "MREC15PowerLoss", Ends.CAUSE, 50),
    ("proximity", "MREC23ProximityFault", Ends.CAUSE, 550),
    ("rcd_self_test", "MREC2GroundFailure", Ends.UNPLUG, 2_000),
    ("rcd_trip", "MREC2GroundFailure", Ends.DURABLE, 50),
    ("restart_loop", "VendorError", Ends.RESET, 0),
    ("tilt", "TiltDetected", Ends.CAUSE, 50),
    ("ventilation", "MREC10InvalidVehicleMode", Ends.CAUSE, 50),
    ("contactor_resting", "VendorError", Ends.CAUSE, 100),
    ("contactor_slow", "MREC17EVSEContactorFault", Ends.RESET, 600),
    ("contactor_worn", "MREC17EVSEContactorFault", Ends.RESET, 1_000),
    ("derated", "MREC18CableOverTempDerate", Ends.CAUSE, 1_000),
    ("simplified_vehicle", "MREC10InvalidVehicleMode", Ends.UNPLUG, 100),
)
"""What goes to a CSMS, into files and into promises of time: changed here too, on purpose, or not at all."""


def test_every_row_stands_under_its_own_code() -> None:
    assert all(code == row.code for code, row in (FAULTS | WARNINGS).items())
    assert not FAULTS.keys() & WARNINGS.keys()


def test_every_row_tells_a_person_what_to_do_in_one_sentence() -> None:
    for row in (FAULTS | WARNINGS).values():
        assert ": " in row.advice, row.code
        assert not row.advice.endswith("."), row.code
        assert row.advice[0].islower(), row.code
        assert row.mrec, row.code


def test_what_only_hardware_can_undo_survives_a_restart() -> None:
    assert {code for code, row in FAULTS.items() if row.ends is Ends.DURABLE} == {"contactor_welded", "rcd_trip"}


def test_bounds_are_those_of_the_fault_catalogue() -> None:
    assert FAULTS["pilot_error"].within_ms <= 100
    assert all(
        FAULTS[code].within_ms <= 1_000 for code in ("rcd_trip", "pe_loss", "door_open", "tilt", "emergency_stop")
    )
    assert FAULTS["over_temperature"].within_ms <= 1_000


def test_codes_names_ends_and_times_are_those_that_others_rely_on() -> None:
    rows = (*FAULTS.values(), *WARNINGS.values())
    assert tuple((row.code, row.mrec, row.ends, row.within_ms) for row in rows) == TOLD
    assert len(FAULTS) == 19
