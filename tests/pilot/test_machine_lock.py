"""The rules when the brain is lost, and those of the connector lock, as scenarios."""

from dataclasses import replace

import pytest

from stationd.pilot.interfaces import LockFeedback
from tests.pilot.bench import SOCKET, VOLTS, Bench, charging, plugged

# --- brain lost ---


def test_brain_lost_holds_6_a_for_the_hold_time_then_pauses_then_opens_then_unlocks() -> None:
    bench = charging(replace(SOCKET, hold_ms=20_000), lease_ms=5_000)
    bench.run(5_000)
    assert bench.state.permit.lost
    assert bench.state.offered_a == pytest.approx(6)
    bench.run(19_900)
    assert bench.pins.closed
    assert bench.state.offered_a == pytest.approx(6)
    bench.run(100)
    assert bench.pins.duty == 100.0
    assert bench.pins.closed
    assert bench.pins.locked is True
    assert 5_800 <= bench.until(closed=False, within_ms=7_000) <= 6_100
    bench.run(100)
    assert bench.pins.locked is False


def test_during_the_hold_nothing_closes_again() -> None:
    bench = charging(lease_ms=5_000)
    bench.run(5_000)
    assert bench.pins.closed
    bench.volts = VOLTS["B"]
    bench.run(20)
    assert not bench.pins.closed
    assert bench.pins.duty == 100.0
    bench.volts = VOLTS["C"]
    bench.run(10_000)
    assert not bench.pins.closed


def test_during_the_hold_every_fault_opens() -> None:
    bench = charging(lease_ms=5_000)
    bench.run(5_000)
    bench.faulty = frozenset({"door_open"})
    assert bench.until(closed=False, within_ms=100) <= 8


def test_without_hold_time_the_lease_end_pauses() -> None:
    bench = charging(replace(SOCKET, hold_ms=0), lease_ms=1_000)
    bench.run(1_000)
    assert bench.pins.duty == 100.0
    bench.until(closed=False, within_ms=6_100)


def test_a_brain_that_comes_back_goes_on_without_opening() -> None:
    bench = charging(lease_ms=5_000)
    bench.run(30_000)
    assert bench.pins.closed
    bench.offer(16)
    bench.run(100)
    assert bench.pins.closed
    assert bench.state.offered_a == pytest.approx(16)
    assert not bench.state.permit.lost


def test_a_vehicle_that_waits_keeps_its_lock_until_the_hold_time_is_over() -> None:
    bench = plugged()
    bench.offer(16, lease_ms=1_000)
    bench.run(60_000, every_ms=20)
    assert bench.pins.locked is True
    bench.run(1_500, every_ms=20)
    assert bench.pins.locked is False


# --- lock ---


def test_nothing_closes_before_the_lock_is_seen_locked() -> None:
    bench = plugged(Bench(lock="jammed"))
    bench.offer(16)
    bench.volts = VOLTS["C"]
    bench.run(2_900)
    assert not bench.pins.closed
    bench.lock = "obeys"
    bench.until(closed=True, within_ms=500)


def test_a_lock_that_never_locks_is_named_after_three_tries() -> None:
    bench = plugged(Bench(lock="jammed"))
    for _ in range(11):
        bench.offer(16)
        bench.run(1_000)
    assert bench.faults == ("lock_failed",)


def failed_to_lock() -> Bench:
    """Return a bench whose lock failed for a vehicle that holds a permit."""
    bench = plugged(Bench(lock="jammed"))
    for _ in range(11):
        bench.offer(16)
        bench.run(1_000)
    return bench


def test_a_lock_that_failed_for_one_plug_gets_its_tries_back_once_it_is_out() -> None:
    bench = failed_to_lock()
    bench.volts = VOLTS["A"]
    bench.run(280)
    assert bench.faults == ("lock_failed",)  # a loose contact is no new plug
    bench.run(40)
    assert bench.faults == ()
    for _ in range(10):
        bench.offer(16)
        bench.run(1_000)
    assert bench.faults == ("lock_failed",)  # it does not move without a plug either: told, but not tried for ever
    tries = 0
    for _ in range(10):
        bench.offer(16)
        for _ in range(250):
            was = bench.pins.locked
            tries += bench.tick().locked is not was
    assert tries == 0
    bench.volts = VOLTS["B"]
    bench.run(200)
    assert bench.faults == ()
    bench.lock = "obeys"
    bench.volts = VOLTS["C"]
    bench.offer(16)
    bench.until(closed=True, within_ms=8_000)


def test_a_plug_that_could_not_be_locked_is_told_until_it_is_out_though_it_is_unlocked_meanwhile() -> None:
    bench = failed_to_lock()
    bench.offer(permit=False)
    assert bench.unlock() is None
    bench.lock = "obeys"
    bench.run(60_000, every_ms=20)
    assert bench.pins.locked is False
    assert bench.faults == ("lock_failed",)
    bench.volts = VOLTS["A"]
    bench.run(400)
    assert bench.faults == ()


def test_a_plug_that_could_not_be_locked_may_be_tried_again_by_a_reset_or_a_permit() -> None:
    for again in ("reset", "permit"):
        bench = failed_to_lock()
        bench.offer(permit=False)
        assert bench.unlock() is None
        bench.run(1_000)
        bench.lock = "obeys"
        if again == "reset":
            assert bench.reset("lock_failed") is None
            bench.run(20)
            assert bench.faults == ()
        bench.offer(16)
        bench.run(200)
        assert bench.faults == ()
        bench.volts = VOLTS["C"]
        bench.until(closed=True, within_ms=3_000)


def test_a_lock_that_failed_to_unlock_is_told_until_it_moves_or_another_plug_comes() -> None:
    bench = charging()
    bench.lock = "jammed"
    bench.offer(permit=False)
    bench.volts = VOLTS["B"]
    bench.run(200)
    assert bench.unlock() is None
    bench.run(11_000)
    assert bench.faults == ("lock_failed",)
    bench.volts = VOLTS["A"]
    bench.run(20_000)
    assert bench.faults == ("lock_failed",)
    bench.volts = VOLTS["B"]
    bench.run(200)
    assert bench.faults == ()
    bench.run(11_000)
    assert bench.faults == ("lock_failed",)
    bench.lock = "obeys"
    bench.volts = VOLTS["A"]
    bench.run(400)
    bench.volts = VOLTS["B"]
    bench.run(4_000)
    assert bench.faults == ()
    assert bench.feedback is LockFeedback.UNLOCKED


def test_the_lock_stays_after_the_permit_until_unlock() -> None:
    bench = charging()
    bench.offer(permit=False)
    bench.volts = VOLTS["B"]
    bench.run(2_000)
    assert bench.pins.locked is True
    assert bench.unlock() is None
    bench.run(20)
    assert bench.pins.locked is False


def test_the_lock_opens_by_itself_once_the_vehicle_is_gone_and_no_permit_is_held() -> None:
    bench = charging()
    bench.volts = VOLTS["A"]
    bench.run(500)
    assert bench.pins.locked is True  # the permit is still held
    bench.offer(permit=False)
    bench.run(20)
    assert bench.pins.locked is False


def test_unlock_on_demand_lasts_until_a_new_permit() -> None:
    bench = charging()
    bench.volts = VOLTS["B"]
    bench.run(40)
    assert bench.unlock() is None
    bench.volts = VOLTS["C"]
    for _ in range(3):
        bench.offer(16)
        bench.run(1_000)
    assert bench.pins.locked is False
    assert not bench.pins.closed
    bench.offer(permit=False)
    bench.run(20)
    bench.offer(16)
    bench.until(closed=True, within_ms=2_000)


def test_unlock_in_the_very_tick_of_closing_keeps_it_open() -> None:
    bench = plugged()
    bench.offer(16)
    bench.volts = VOLTS["C"]
    while True:
        probe = bench.clone()
        if probe.tick().closed:
            break
        bench.tick()
    assert bench.unlock() is None
    bench.run(2_000)
    assert not bench.pins.closed
    assert bench.pins.locked is False


def test_unlock_after_the_vehicle_left_works_with_a_permit_held() -> None:
    bench = charging()
    bench.volts = VOLTS["A"]
    bench.run(400)
    assert bench.unlock() is None
    bench.run(20)
    assert bench.pins.locked is False
    bench.volts = VOLTS["B"]
    bench.run(40)
    assert bench.pins.locked is True  # a new plug-in locks again


def test_a_restart_leaves_the_lock_where_it_is() -> None:
    bench = Bench(volts=VOLTS["B"], feedback=LockFeedback.LOCKED)
    bench.run(50_000, every_ms=20)
    assert bench.pins.locked is True
    bench.run(11_000, every_ms=20)
    assert bench.pins.locked is False  # nobody came back for it


def test_a_dip_of_the_mains_gives_no_cable_away() -> None:
    bench = charging(replace(SOCKET, unlock_on_power_loss=True))
    bench.faulty = frozenset({"power_loss"})
    bench.run(2_900)
    bench.faulty = frozenset()
    bench.run(1_500)
    assert bench.pins.locked is True
    bench.faulty = frozenset({"power_loss"})
    bench.run(3_100)
    assert bench.pins.locked is False
