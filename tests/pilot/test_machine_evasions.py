"""What nobody gets by doing it again and again, or for a moment only, as stories on the bench."""

from dataclasses import replace

import pytest

from stationd.pilot.derating import Curve
from tests.pilot.bench import TETHERED, VOLTS, Bench, charging, plugged


def test_moments_of_pwm_do_not_begin_a_pause_anew() -> None:
    bench = charging()
    began = bench.now_ms
    while bench.pins.closed:
        bench.offer(0)
        bench.run(1_000)
        bench.offer(16)
        bench.tick()
        assert bench.now_ms - began < 7_500


def test_a_pause_after_a_long_offer_has_its_full_time() -> None:
    bench = charging()
    for _ in range(4):
        bench.offer(0)
        bench.run(5_000)
        bench.offer(16)
        bench.run(5_100)
        assert bench.pins.closed


def test_a_brain_that_offers_only_for_moments_has_no_hold_without_end() -> None:
    bench = charging(replace(TETHERED, hold_ms=10_000))
    began = bench.now_ms
    while bench.pins.closed:
        bench.offer(16, lease_ms=0)
        bench.run(4_000)
        assert bench.now_ms - began < 30_000


def test_a_permit_that_lives_as_long_as_the_hold_gives_it_back() -> None:
    bench = charging(replace(TETHERED, hold_ms=4_000), lease_ms=5_000)
    for _ in range(4):
        bench.offer(16, lease_ms=5_000)
        bench.run(8_000)
        assert bench.pins.closed


def test_a_hold_follows_a_falling_limit_and_does_not_rise_again() -> None:
    curve = Curve(60.0, 80.0, 85.0, 5.0)
    bench = Bench(rules=replace(TETHERED, hold_a=16.0, has_temperature=True, derating=curve), celsius=20.0)
    plugged(bench)
    bench.offer(16)
    bench.run(100)
    bench.volts = VOLTS["C"]
    bench.until(closed=True, within_ms=1_000)
    bench.run(11_000)
    assert bench.state.offered_a == 16.0
    bench.celsius = 78.0
    bench.run(1_000)
    assert bench.state.offered_a == pytest.approx(8.0)
    bench.celsius = 20.0
    bench.run(10_000)
    assert bench.state.offered_a == pytest.approx(8.0)


def test_a_loose_contact_under_load_is_no_new_vehicle_but_a_fault() -> None:
    bench = charging(TETHERED)
    for _ in range(3):
        assert bench.faults == ()
        bench.volts = VOLTS["A"]
        bench.run(12)
        assert not bench.pins.closed
        bench.volts = VOLTS["C"]
        bench.offer(16)
        bench.run(3_000)
    assert bench.faults == ("pilot_error",)
    assert bench.state.vehicle.seen_b


def test_a_contactor_that_opens_late_three_times_is_taken_out_of_service() -> None:
    bench = charging(TETHERED)
    for n in range(3):
        bench.coil = "welded"
        bench.volts = VOLTS["B"]
        bench.run(300)
        bench.coil = "obeys"
        bench.run(1_000)
        assert bench.state.contactor.slow == n + 1
        bench.offer(16)
        bench.volts = VOLTS["C"]
        bench.run(400)
    assert bench.faults == ("contactor_failed",)
    assert not bench.pins.closed
    assert bench.reset("contactor_failed") is None
    bench.offer(16)
    bench.until(closed=True, within_ms=2_000)


def test_a_process_that_needs_the_contactors_open_gets_them_in_good_order() -> None:
    bench = charging()
    bench.state = replace(bench.state, paused=True)
    bench.tick()
    assert (bench.pins.duty, bench.pins.closed) == (100.0, True)
    assert 5_900 <= bench.until(closed=False, within_ms=7_000) <= 6_010
    bench.offer(16)
    bench.run(2_000)
    assert not bench.pins.closed
    assert bench.state.waits_for == "pause"
    bench.state = replace(bench.state, paused=False)
    bench.offer(16)
    bench.until(closed=True, within_ms=2_000)


def test_a_pause_of_the_process_ends_no_state_f() -> None:
    bench = Bench(rules=TETHERED)
    bench.run(1_200)
    assert bench.available(False) is None
    bench.state = replace(bench.state, paused=True)
    bench.run(100)
    assert bench.pins.duty == 0.0
