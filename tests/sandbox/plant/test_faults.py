"""The names of faults."""

from stationd.sandbox.plant import faults


def test_every_fault_that_must_open_is_a_known_one() -> None:
    assert set(faults.KNOWN) >= faults.OPENING
    assert set(faults.KNOWN) >= faults.PILOT_LOST
    assert len(set(faults.KNOWN)) == len(faults.KNOWN)


def test_broken_meter_reader_lock_and_contactor_do_not_demand_an_opening() -> None:
    kept = {"contactor_welded", "contactor_stuck_open", "lock_jammed", "meter_silent", "reader_silent"}
    assert set(faults.KNOWN) - faults.OPENING == kept
