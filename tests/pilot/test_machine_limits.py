"""Faults, warnings and limits beyond the pilot itself, as stories on the bench."""

from dataclasses import replace
from math import inf

import pytest

from stationd.pilot.derating import Curve
from stationd.pilot.protocol import ResetFault
from tests.pilot.bench import SOCKET, TETHERED, VOLTS, Bench, charging

WARM = replace(TETHERED, has_temperature=True, derating=Curve(60.0, 80.0, 85.0, 5.0))
METERED = replace(TETHERED, has_current=True)


def cold(rules: object = WARM) -> Bench:
    bench = Bench(rules=rules, celsius=25.0, amps=(0.0, 0.0, 0.0))  # type: ignore[arg-type]
    bench.run(1_200)
    bench.volts = VOLTS["B"]
    bench.run(200)
    bench.offer(32)
    bench.run(100)
    bench.volts = VOLTS["C"]
    bench.until(closed=True, within_ms=2_000)
    return bench


def test_a_warm_station_offers_less_and_says_so() -> None:
    bench = cold()
    bench.celsius = 70.0
    bench.run(600)
    assert bench.pins.duty == pytest.approx(19 / 0.6)
    assert bench.state.warnings == ("derated",)
    assert bench.pins.closed


def test_a_hot_station_opens_within_a_second_and_comes_back_cooler() -> None:
    bench = cold()
    bench.celsius = 95.0
    assert bench.until(closed=False, within_ms=2_000) <= 1_000
    assert bench.faults == ("over_temperature",)
    bench.celsius = 81.0
    bench.run(4_000)
    assert bench.faults == ("over_temperature",)
    bench.celsius = 79.0
    bench.run(12_000)
    assert bench.faults == ()
    bench.offer(32)
    bench.until(closed=True, within_ms=2_000)
    assert bench.pins.duty == pytest.approx(10.0)


@pytest.mark.parametrize("celsius", [None, float("nan"), 500.0])
def test_a_temperature_that_cannot_be_read_opens(celsius: float | None) -> None:
    bench = cold()
    bench.celsius = celsius
    assert bench.until(closed=False, within_ms=1_000) <= 50
    assert bench.faults == ("hardware",)


def test_a_vehicle_that_draws_too_much_is_stopped_after_seven_seconds() -> None:
    bench = cold(METERED)
    bench.offer(16)
    bench.run(1_000)
    bench.amps = (18.0, 0.0, 0.0)
    bench.run(7_500)
    assert bench.pins.closed
    bench.offer(16)
    bench.amps = (20.0, 0.0, 0.0)
    assert 7_000 <= bench.until(closed=False, within_ms=8_000) <= 7_100
    assert bench.faults == ("over_current",)
    bench.volts = VOLTS["A"]
    bench.run(700)
    assert bench.faults == ()


def test_over_current_ends_by_a_reset_too() -> None:
    bench = cold(METERED)
    bench.amps = (60.0, 0.0, 0.0)
    bench.until(closed=False, within_ms=8_000)
    bench.amps = (0.0, 0.0, 0.0)
    assert bench.reset("over_current") is None
    bench.run(100)
    assert bench.faults == ()


def test_currents_that_cannot_be_read_open() -> None:
    bench = cold(METERED)
    bench.amps = None
    assert bench.until(closed=False, within_ms=1_000) <= 50


def test_a_stuck_front_end_is_a_pilot_error() -> None:
    bench = charging(replace(TETHERED, stuck_ms=500))
    assert bench.faults == ()
    assert bench.until(closed=False, within_ms=2_000) <= 500
    assert bench.faults == ("pilot_error",)


def test_a_front_end_with_noise_is_not_stuck() -> None:
    bench = Bench(rules=replace(TETHERED, stuck_ms=500))
    bench.run(1_200)

    def noisy(volts: float, ms: int) -> None:
        for n in range(ms // 4):
            bench.volts = volts + 0.01 * (n % 7)
            bench.tick()

    noisy(9.0, 400)
    bench.offer(16)
    noisy(9.0, 400)
    noisy(6.0, 5_000)
    assert bench.pins.closed
    assert bench.faults == ()


def test_a_front_end_that_is_clipped_without_a_vehicle_is_not_stuck() -> None:
    bench = Bench(rules=replace(TETHERED, stuck_ms=500))
    bench.run(5_000)
    assert bench.faults == ()


def test_a_contactor_that_opens_late_is_named_until_it_is_reset() -> None:
    bench = charging(TETHERED)
    bench.coil = "welded"
    bench.volts = VOLTS["B"]
    bench.run(200)
    bench.coil = "obeys"
    bench.run(200)
    assert bench.faults == ()
    assert bench.state.warnings == ("contactor_slow",)
    assert bench.state.counters.slow_openings == 1
    bench.offer(16)
    bench.volts = VOLTS["C"]
    bench.until(closed=True, within_ms=2_000)
    assert bench.reset("contactor_slow") is None
    bench.run(10)
    assert bench.state.warnings == ()


def test_wear_is_counted() -> None:
    bench = charging(TETHERED)
    assert bench.state.counters.cycles == 1
    bench.volts = VOLTS["B"]
    bench.run(1_200)
    assert bench.state.counters.hot_openings == 0
    bench.offer(16)
    bench.volts = VOLTS["C"]
    bench.until(closed=True, within_ms=2_000)
    bench.faulty = frozenset({"door_open"})
    bench.run(100)
    assert (bench.state.counters.cycles, bench.state.counters.hot_openings) == (2, 1)


def test_failed_closings_are_counted() -> None:
    bench = Bench(rules=TETHERED, coil="stuck_open")
    bench.run(1_200)
    bench.volts = VOLTS["B"]
    bench.run(200)
    bench.offer(16)
    bench.volts = VOLTS["C"]
    bench.run(9_000)
    assert bench.faults == ("contactor_failed",)
    assert bench.state.counters.failed_closings == 3


def test_a_contactor_at_the_end_of_its_rated_life_is_named() -> None:
    bench = charging(replace(TETHERED, rated_cycles=2))
    assert bench.state.warnings == ()
    bench.volts = VOLTS["B"]
    bench.run(1_200)
    bench.volts = VOLTS["C"]
    bench.offer(16)
    bench.until(closed=True, within_ms=2_000)
    bench.tick()
    assert bench.state.warnings == ("contactor_worn",)
    assert bench.reset("contactor_worn") is None
    bench.run(10)
    assert bench.state.warnings == ()
    assert bench.state.counters.cycles == 0


def test_a_vehicle_that_asks_again_and_again_gives_the_contactor_rest() -> None:
    bench = charging(TETHERED)
    closings = 1
    for _ in range(12):
        bench.offer(16)
        bench.volts = VOLTS["B"]
        bench.run(1_100)
        bench.volts = VOLTS["C"]
        was = bench.pins.closed
        for _ in range(100):
            closings += bench.tick().closed and not was
            was = bench.pins.closed
        if not was:
            assert bench.state.waits_for == "contactor_rest"
            assert bench.state.warnings == ("contactor_resting",)
    assert closings == 6


def test_a_simplified_vehicle_is_offered_ten_amperes() -> None:
    bench = Bench(rules=TETHERED)
    bench.run(1_200)
    bench.volts = VOLTS["C"]
    bench.run(100)
    bench.offer(32)
    bench.until(closed=True, within_ms=1_500)
    bench.tick()
    assert bench.pins.duty == pytest.approx(10 / 0.6)
    assert bench.state.warnings == ("simplified_vehicle",)


def test_a_profile_may_allow_a_simplified_vehicle_more() -> None:
    bench = Bench(rules=replace(TETHERED, simplified_a=16.0))
    bench.run(1_200)
    bench.volts = VOLTS["C"]
    bench.run(100)
    bench.offer(32)
    bench.until(closed=True, within_ms=1_500)
    assert bench.pins.duty == pytest.approx(16 / 0.6)


def test_a_power_loss_opens_and_lets_the_cable_go_where_the_profile_says_so() -> None:
    for unlocks in (False, True):
        bench = charging(replace(SOCKET, unlock_on_power_loss=unlocks))
        bench.faulty = frozenset({"power_loss"})
        assert bench.until(closed=False, within_ms=100) <= 50
        assert bench.faults == ("power_loss",)
        bench.run(3_200)
        assert bench.pins.locked is not unlocks
        bench.faulty = frozenset()
        bench.run(1_200)
        bench.offer(16)
        bench.until(closed=True, within_ms=2_000)
        assert bench.pins.locked is True


def test_a_fault_that_ends_by_itself_says_when() -> None:
    bench = Bench(rules=WARM, celsius=90.0)
    bench.run(1_200)
    assert bench.faults == ("over_temperature",)
    refusal = bench.say(ResetFault(1, 1, "over_temperature"))
    assert refusal == "cannot reset over_temperature: it ends by itself with its cause"


@pytest.mark.parametrize(("wrong", "code"), [({"pp_ohm": inf}, "proximity"), ({"volts": VOLTS["D"]}, "ventilation")])
def test_a_fault_of_the_vehicle_lasts_while_this_station_signals_state_f(wrong: dict[str, float], code: str) -> None:
    bench = charging()
    fine = {name: getattr(bench, name) for name in wrong}
    for name, value in wrong.items():
        setattr(bench, name, value)
    bench.until(closed=False, within_ms=200)
    seen = set()
    for _ in range(300):
        bench.tick()
        seen.add((bench.faults, bench.pins.duty))
    assert seen == {((code,), 0.0), ((code,), 100.0)}
    for name, value in fine.items():
        setattr(bench, name, value)
    bench.until(closed=True, within_ms=2_000)


def test_a_vehicle_that_leaves_ends_the_fault_of_its_cable() -> None:
    bench = charging()
    bench.pp_ohm = inf
    bench.run(600)
    bench.volts = VOLTS["E"]
    bench.run(600)
    assert "proximity" in bench.faults  # E says nothing about the plug
    bench.volts = VOLTS["A"]
    bench.run(12)
    assert bench.faults == ()
