from stationd.fault_table import FAULTS, WARNINGS, Ends


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
