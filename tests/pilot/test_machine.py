"""What the machine does, as stories on the bench; what it must never do is in test_machine_invariants.py."""

from dataclasses import replace
from math import inf

import pytest

from stationd.pilot.cp import CpState
from tests.pilot.bench import SOCKET, TETHERED, VOLTS, Bench, charging, plugged


def test_a_vehicle_charges_after_permit_lock_and_demand() -> None:
    bench = plugged()
    assert bench.pins.duty == 100.0
    bench.offer(16)
    pins = bench.run(40)
    assert pins.duty == pytest.approx(26.667, abs=0.001)
    assert pins.locked is True
    assert not pins.closed
    bench.volts = VOLTS["C"]
    assert bench.until(closed=True, within_ms=3_000) <= 300


def test_a_simplified_vehicle_that_starts_in_c_charges() -> None:
    bench = Bench()
    bench.run(1_200)
    bench.volts = VOLTS["C"]
    bench.run(500)
    assert bench.pins.duty == 100.0
    bench.offer(10)
    bench.until(closed=True, within_ms=1_000)


@pytest.mark.parametrize("state", ["A", "B", "E", "mid"])
def test_leaving_c_opens_within_two_samples(state: str) -> None:
    bench = charging()
    bench.volts = VOLTS[state]
    bench.tick()
    assert bench.pins.closed  # one sample is noise
    bench.tick()
    assert not bench.pins.closed


def test_one_odd_sample_does_not_open() -> None:
    bench = charging()
    for state in ("mid", "B", "E"):
        bench.volts = VOLTS[state]
        bench.tick()
        bench.volts = VOLTS["C"]
        bench.run(20)
    assert bench.pins.closed


@pytest.mark.parametrize(
    "odd",
    [
        *({"volts": VOLTS[state]} for state in ("A", "B", "E", "mid")),
        {"volts": None},
        {"faulty": frozenset({"rcd_trip"})},
        {"faulty": frozenset({"hardware"})},
        {"coil": "unreadable"},
        {"lock": "unreadable"},
        {"pp_ohm": None},
        {"pp_ohm": inf},
    ],
)
@pytest.mark.parametrize("every", [2, 3])
def test_inputs_that_are_wrong_every_few_ticks_open_within_120_ms(odd: dict[str, object], every: int) -> None:
    bench = charging()
    fine = {name: getattr(bench, name) for name in odd}
    for n in range(30):
        for name in odd:
            setattr(bench, name, fine[name] if n % every else odd[name])
        if not bench.tick().closed:
            break
    assert not bench.pins.closed


def test_the_same_reading_twice_is_one_sample() -> None:
    bench = charging()
    bench.volts = VOLTS["B"]
    seen = replace(bench.look(), cp_new=False)
    bench.look = lambda: seen  # type: ignore[method-assign]
    bench.run(400)
    assert bench.pins.closed


@pytest.mark.parametrize("state", ["B", "A", "mid"])
def test_the_sample_in_which_it_would_close_must_ask_for_power_too(state: str) -> None:
    bench = plugged()
    bench.offer(16)
    bench.volts = VOLTS["C"]
    bench.until_about_to_close()
    bench.volts = VOLTS[state]
    assert not bench.tick().closed


def test_d_without_ventilation_is_refused_and_named() -> None:
    bench = charging()
    bench.volts = VOLTS["D"]
    bench.run(12)
    assert not bench.pins.closed
    bench.run(400)  # meanwhile this station signals state F: nothing new can be seen then
    assert bench.faults == ("ventilation",)
    bench.volts = VOLTS["C"]
    bench.run(12)
    assert bench.faults == ()
    bench.until(closed=True, within_ms=2_000)


def test_d_with_ventilation_charges() -> None:
    bench = charging(replace(SOCKET, ventilated=True))
    bench.volts = VOLTS["D"]
    bench.run(500)
    assert bench.pins.closed
    assert bench.faults == ()


@pytest.mark.parametrize(
    ("ohms", "offered"), [(1500, 13), (680, 20), (220, 32), (100, 32), (1000, 13), (350, 20)]
)  # profile: 32 A
def test_the_cable_limits_the_offer(ohms: float, offered: float) -> None:
    bench = plugged(Bench(pp_ohm=ohms))
    bench.offer(63)
    bench.run(40)
    assert bench.state.offered_a == pytest.approx(offered)


def test_the_installers_limit_limits_the_offer_and_0_never_closes() -> None:
    bench = plugged(Bench(rules=replace(SOCKET, max_a=16.0)))
    bench.offer(32)
    bench.run(40)
    assert bench.state.offered_a == pytest.approx(16)
    bench = plugged(Bench(rules=replace(SOCKET, max_a=0.0)))
    bench.offer(32)
    bench.volts = VOLTS["C"]
    bench.run(3_000)
    assert bench.pins.duty == 100.0
    assert not bench.pins.closed
    assert bench.faults == ()


@pytest.mark.parametrize("ohms", [inf, 30.0, 9_000.0])
def test_a_vehicle_without_a_readable_cable_is_refused_and_named(ohms: float) -> None:
    bench = plugged(Bench(pp_ohm=ohms))
    bench.offer(16)
    bench.volts = VOLTS["C"]
    bench.run(2_000)
    assert not bench.pins.closed
    assert bench.faults == ("proximity",)
    bench.pp_ohm = 220.0
    bench.until(closed=True, within_ms=1_000)


def test_a_cable_that_cannot_be_read_any_more_opens() -> None:
    bench = charging()
    bench.pp_ohm = inf
    assert bench.until(closed=False, within_ms=500) <= 120
    assert bench.faults == ("proximity",)


def test_a_missing_diode_is_refused_and_named_until_the_plug_is_out() -> None:
    bench = plugged(Bench(diode=False))
    bench.offer(16)
    bench.volts = VOLTS["C"]
    bench.run(2_000)
    assert not bench.pins.closed
    assert bench.faults == ("diode",)
    bench.diode = True
    bench.run(2_000)
    assert bench.faults == ("diode",)
    bench.volts = VOLTS["A"]
    bench.run(320)
    assert bench.faults == ()


def test_a_diode_that_shorts_while_charging_opens_in_good_time() -> None:
    bench = charging()
    bench.run(600)
    bench.diode = False
    assert bench.until(closed=False, within_ms=500) <= 108
    assert bench.faults == ("diode",)


def test_a_disturbed_pilot_clears_neither_diode_fault_nor_cable_rating() -> None:
    bench = plugged(Bench(diode=False, pp_ohm=1500.0))
    bench.offer(16)
    bench.run(1_000)
    assert bench.faults == ("diode",)
    bench.volts = VOLTS["E"]
    bench.pp_ohm = 220.0
    bench.run(500)
    bench.diode = True
    bench.volts = VOLTS["B"]
    bench.run(500)
    assert bench.faults == ("diode",)
    assert bench.state.cable.amps == 13.0
    bench.volts = VOLTS["A"]
    bench.run(500)
    assert bench.faults == ()
    assert bench.state.cable.amps == 32.0


def test_a_lost_permit_pauses_and_opens_after_6_s_if_the_vehicle_keeps_drawing() -> None:
    bench = charging()
    bench.offer(permit=False)
    bench.tick()
    assert bench.pins.duty == 100.0
    assert bench.pins.closed
    bench.offer(permit=False)
    assert 5_990 <= bench.until(closed=False, within_ms=7_000) <= 6_010


def test_a_lost_permit_opens_at_once_when_the_vehicle_stops() -> None:
    bench = charging()
    bench.offer(permit=False)
    bench.run(1_000)
    bench.volts = VOLTS["B"]
    assert bench.until(closed=False, within_ms=100) <= 8


def test_an_offer_below_6_a_is_a_pause() -> None:
    bench = charging()
    bench.offer(5.9)
    bench.run(100)
    assert bench.pins.duty == 100.0
    assert bench.pins.closed
    bench.offer(6)
    bench.run(8_000)
    assert bench.pins.closed
    assert bench.state.offered_a == pytest.approx(6)


def test_between_two_closings_there_is_a_minimum_off_time() -> None:
    bench = charging()
    bench.volts = VOLTS["B"]
    bench.run(40)
    opened_ms = bench.state.contactor.since_ms
    bench.volts = VOLTS["C"]
    bench.until(closed=True, within_ms=3_000)
    assert bench.now_ms - opened_ms >= 1_000


def test_a_stall_opens_and_starts_again() -> None:
    bench = charging()
    bench.stalled = True
    bench.tick()
    assert not bench.pins.closed
    bench.run(1_500)  # it stalls on and on: nothing closes
    assert not bench.pins.closed
    bench.stalled = False
    bench.until(closed=True, within_ms=1_500)


# --- contactor ---


def test_a_contactor_that_never_closes_is_tried_three_times_and_named() -> None:
    bench = plugged(Bench(coil="stuck_open"))
    bench.offer(16)
    bench.volts = VOLTS["C"]
    closings = 0
    for _ in range(2_500):
        was = bench.pins.closed
        bench.offer(16)
        closings += bench.tick().closed and not was
    assert closings == 3
    assert bench.faults == ("contactor_failed",)
    bench.volts = VOLTS["A"]
    bench.run(320)
    assert bench.faults == ()


def test_a_welded_contactor_is_named_kept_and_keeps_the_lock() -> None:
    bench = charging()
    bench.coil = "welded"
    bench.volts = VOLTS["B"]
    bench.run(450)
    assert bench.faults == ()
    bench.run(100)
    assert bench.faults == ("contactor_welded",)
    assert bench.state.latched == {"contactor_welded"}
    bench.offer(permit=False)
    bench.volts = VOLTS["A"]
    bench.run(200_000, every_ms=100)
    assert bench.pins.locked is True
    assert bench.unlock() is not None
    bench.coil = "obeys"
    bench.run(100)
    assert bench.faults == ("contactor_welded",)  # latched
    assert bench.reset("contactor_welded") is None
    bench.run(100)
    assert bench.faults == ()
    assert bench.pins.locked is False


def test_a_latched_fault_of_an_earlier_life_keeps_everything_open() -> None:
    bench = plugged(Bench(latched=frozenset({"contactor_welded"})))
    bench.offer(16)
    bench.volts = VOLTS["C"]
    bench.run(3_000)
    assert bench.faults == ("contactor_welded",)
    assert not bench.pins.closed
    assert bench.pins.duty == 100.0


# --- fault inputs ---


@pytest.mark.parametrize("name", ["pe_loss", "emergency_stop", "door_open", "tilt"])
def test_an_input_opens_and_ends_with_its_cause(name: str) -> None:
    bench = charging()
    bench.faulty = frozenset({name})
    assert bench.until(closed=False, within_ms=100) <= 8
    assert bench.faults == (name,)
    bench.faulty = frozenset()
    bench.run(1_100)
    assert bench.faults == ()
    bench.until(closed=True, within_ms=2_000)


def test_a_residual_current_trip_stays_until_it_is_reset() -> None:
    bench = charging()
    bench.faulty = frozenset({"rcd_trip"})
    bench.run(100)
    bench.faulty = frozenset()
    bench.run(5_000)
    assert bench.faults == ("rcd_trip",)
    bench.volts = VOLTS["A"]
    bench.run(100)
    assert bench.faults == ("rcd_trip",)
    assert bench.reset("rcd_trip") is None
    bench.run(4)
    assert bench.faults == ()


def test_an_unreadable_input_is_a_hardware_fault_after_the_start() -> None:
    bench = Bench(coil="unreadable")
    bench.run(900)
    assert bench.faults == ()
    assert not bench.state.settled
    bench.run(200)
    assert bench.faults == ("hardware",)
    assert bench.state.settled
    bench.coil = "obeys"
    bench.run(1_100)
    assert bench.faults == ()


def test_the_first_good_reading_settles_the_start() -> None:
    bench = Bench()
    bench.run(12)
    assert bench.state.settled
    assert bench.state.track.state is CpState.A


# --- pilot ---


def test_a_shorted_pilot_is_named_and_ends_with_its_cause() -> None:
    bench = charging()
    bench.volts = VOLTS["E"]
    bench.run(100)
    assert bench.faults == ("pilot_error",)
    bench.volts = VOLTS["B"]
    bench.run(20)
    assert bench.faults == ()


def test_an_edge_that_is_filtered_is_no_fault() -> None:
    bench = plugged()
    bench.volts = VOLTS["mid"]
    bench.run(40)
    bench.volts = VOLTS["A"]
    for _ in range(30):
        bench.tick()
        assert bench.faults == ()


@pytest.mark.parametrize("pattern", [("mid", "mid", "C"), ("E", "E", "C"), ("mid",) * 4 + ("C",), ("C",) * 20 + ("E",)])
def test_a_disturbed_pilot_never_closes(pattern: tuple[str, ...]) -> None:
    bench = charging()
    bench.volts = VOLTS["E"]
    bench.run(12)
    assert not bench.pins.closed
    for n in range(2_500):
        bench.volts = VOLTS[pattern[n % len(pattern)]]
        bench.offer(16)
        assert not bench.tick().closed


def test_one_other_sample_starts_the_time_before_closing_again() -> None:
    bench = plugged()
    bench.offer(16)
    bench.volts = VOLTS["C"]
    bench.run(96)
    bench.volts = VOLTS["E"]
    bench.tick()
    bench.volts = VOLTS["C"]
    assert bench.until(closed=True, within_ms=500) == 100


def test_a_pilot_that_drops_out_under_load_again_and_again_is_given_up_until_the_plug_is_out() -> None:
    bench = charging()
    for _ in range(3):
        assert bench.faults == ()
        bench.volts = VOLTS["E"]
        bench.run(12)
        assert not bench.pins.closed
        bench.volts = VOLTS["C"]
        bench.run(1_500)
    assert bench.faults == ("pilot_error",)
    bench.run(20_000)
    bench.volts = VOLTS["B"]
    bench.run(1_000)
    assert bench.faults == ("pilot_error",)
    bench.volts = VOLTS["A"]
    bench.run(320)
    assert bench.faults == ()


@pytest.mark.parametrize("edge", [(), ("mid",), ("mid", "mid", "mid")])
def test_a_vehicle_that_stops_and_starts_in_good_order_is_served_for_ever(edge: tuple[str, ...]) -> None:
    bench = charging(replace(SOCKET, burst_cycles=10))
    for _ in range(6):
        for state in edge:
            bench.volts = VOLTS[state]
            bench.tick()
        bench.volts = VOLTS["B"]
        bench.run(40)
        assert not bench.pins.closed
        bench.volts = VOLTS["C"]
        bench.offer(16)
        bench.until(closed=True, within_ms=1_500)


def test_dropouts_far_apart_are_no_fault() -> None:
    bench = charging()
    for _ in range(4):
        bench.volts = VOLTS["E"]
        bench.run(12)
        bench.volts = VOLTS["C"]
        for _ in range(2):
            bench.offer(16)
            bench.run(8_000)
        assert bench.faults == ()
        assert bench.pins.closed


def test_state_f_needs_an_open_contactor_and_excludes_charging() -> None:
    bench = charging()
    assert bench.available(False) is not None
    bench.volts = VOLTS["B"]
    bench.run(40)
    assert bench.available(False) is None
    bench.tick()
    assert bench.pins.duty == 0.0
    bench.run(3_000)
    assert bench.faults == ()
    assert bench.state.track.state is CpState.F
    bench.volts = VOLTS["C"]
    bench.offer(16)
    bench.run(2_000)
    assert bench.pins.duty == 0.0
    assert not bench.pins.closed
    assert bench.available(True) is None
    bench.offer(16)
    bench.run(3_000)  # nobody knows who is plugged after an hour in state F: an ordinary vehicle shows B
    bench.volts = VOLTS["B"]
    bench.run(200)
    bench.offer(16)
    bench.volts = VOLTS["C"]
    bench.until(closed=True, within_ms=2_000)
    assert bench.faults == ()


def test_a_generator_that_does_not_follow_is_named() -> None:
    bench = Bench()
    bench.run(1_200)
    bench.volts = -12.0  # state F, but nobody asked for it
    bench.run(900)
    assert bench.faults == ()
    bench.run(200)
    assert bench.faults == ("pilot_error",)


def test_stopping_opens_and_ends_the_offer_at_once() -> None:
    bench = charging()
    bench.stop()
    bench.tick()
    assert not bench.pins.closed
    assert bench.pins.duty == 100.0
    bench.run(3_000)
    assert not bench.pins.closed


def test_a_fixed_cable_needs_neither_lock_nor_proximity() -> None:
    bench = charging(TETHERED)
    assert bench.pins.closed
    assert bench.pins.locked is None


def test_a_quiet_machine_makes_no_new_states() -> None:
    bench = charging()
    bench.run(200)
    state = bench.state
    bench.run(100)
    assert bench.state is state
