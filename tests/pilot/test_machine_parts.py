"""Each single condition of the machine, alone: what keeps it from closing, what opens it, what its pins say."""

from dataclasses import replace
from math import nan
from typing import Any

import pytest

from stationd.pilot import machine, phase_switch, rcd_test, wake_up
from stationd.pilot.connector_lock import Lock
from stationd.pilot.cp import CpState, CpTrack, Diode
from stationd.pilot.fault_inputs import Inputs
from stationd.pilot.interfaces import LockFeedback
from stationd.pilot.leaky import Leaky
from stationd.pilot.phase_switch import Phases
from stationd.pilot.rcd_test import RcdTest
from stationd.pilot.state import Pins, Rules, Seen, State
from stationd.pilot.wake_up import WakeUp
from tests.pilot.bench import SOCKET, VOLTS, Bench, charging, plugged

Changes = dict[str, Any]


def about_to_close() -> Bench:
    """Return a bench whose next tick closes for the first time."""
    bench = plugged()
    bench.offer(16)
    bench.volts = VOLTS["C"]
    return bench.until_about_to_close()


READY = about_to_close()
CHARGING = charging()


def after(bench: Bench, state: Changes | None = None, rules: Changes | None = None, **seen: Any) -> tuple[State, Pins]:
    """Return what the next tick makes of a bench whose state, rules or inputs differ."""
    changed = replace(bench.state, **(state or {}))
    changed = replace(changed, rules=replace(changed.rules, **(rules or {})))
    return machine.step(changed, replace(bench.look(), **seen), bench.now_ms + 4)


def test_without_a_change_it_closes_and_waits_for_nothing() -> None:
    state, pins = after(READY)
    assert (pins.closed, state.waits_for) == (True, "")
    assert (state.counters.cycles, state.counters.hot_openings) == (1, 0)
    assert state.rested_ms == READY.now_ms + 4 + 10_000


NOW = READY.now_ms + 4
COIL, LOCK, PERMIT, TRACK = READY.state.contactor, READY.state.lock, READY.state.permit, READY.state.track


@pytest.mark.parametrize(
    ("word", "state", "rules", "seen"),
    [
        ("stopping", {"stopping": True}, {}, {}),
        ("fault", {"latched": frozenset({"rcd_trip"})}, {}, {}),
        ("unavailable", {"available": False}, {}, {}),
        ("permit", {"permit": replace(PERMIT, until_ms=NOW)}, {}, {}),
        ("permit", {"permit": replace(PERMIT, granted=False)}, {}, {}),
        ("phase_switch", {"phases": Phases(since_ms=NOW, stage=phase_switch.Stage.STOPPING)}, {}, {}),
        ("phase_switch", {"phases": Phases(since_ms=NOW)}, {"phase_switch": True}, {"phases": 0}),
        ("wake_up", {"wake": WakeUp(wake_up.Stage.WAKING, NOW)}, {}, {}),
        ("wake_up", {"wake": WakeUp(wake_up.Stage.JOINING, NOW)}, {}, {}),
        ("offer", {"permit": replace(PERMIT, amps=5.9)}, {}, {}),
        ("contactor", {}, {}, {"contactor": True}),
        ("contactor", {}, {}, {"contactor": None}),
        ("contactor_rest", {"contactor": replace(COIL, since_ms=NOW - 999)}, {}, {}),
        ("contactor_rest", {"rested_ms": NOW + 40_001}, {}, {}),
        ("lock", {"lock": Lock(since_ms=NOW)}, {}, {"lock": LockFeedback.MOVING}),
        ("lock", {"lock": replace(LOCK, pausing=True)}, {}, {}),
        ("lock", {"lock": replace(LOCK, released=True)}, {}, {}),
        ("lock", {"lock": replace(LOCK, off_since_ms=NOW - 4)}, {}, {}),
        ("lock", {}, {}, {"lock": LockFeedback.MOVING}),
        ("rcd_test", {}, {"rcd_test": True}, {}),
        ("rcd_test", {"rcd_test": RcdTest(rcd_test.Stage.TRIPPING, NOW)}, {"rcd_test": True}, {}),
        ("diode", {"diode": Diode()}, {}, {}),
        ("diode", {}, {}, {"low_v": -5.0}),
        ("steady_inputs", {}, {}, {"stalled": True}),
        ("steady_inputs", {}, {}, {"high_v": 9.0}),
        ("steady_inputs", {}, {}, {"cp_new": False}),
        ("steady_inputs", {}, {}, {"high_v": None}),
        ("steady_inputs", {}, {}, {"faulty": frozenset({"tilt"})}),
        ("steady_inputs", {}, {}, {"pp_ohm": nan}),
        ("steady_inputs", {}, {"has_current": True}, {"amps": None}),
        ("steady_inputs", {"track": replace(TRACK, unsteady_ms=NOW - 99)}, {}, {}),
    ],
)
def test_each_single_lack_keeps_it_open_and_is_named(word: str, state: Changes, rules: Changes, seen: Changes) -> None:
    now, pins = after(READY, state, rules, **seen)
    assert not pins.closed
    assert now.waits_for == word
    assert now.counters == READY.state.counters


@pytest.mark.parametrize(
    ("state", "rules", "seen"),
    [
        ({"contactor": replace(COIL, since_ms=NOW - 1_000)}, {}, {}),
        ({"rested_ms": NOW + 40_000}, {}, {}),
        ({"permit": replace(PERMIT, amps=6.0, until_ms=NOW + 1)}, {}, {}),
        ({"track": replace(TRACK, unsteady_ms=NOW - 100)}, {}, {}),
        ({"rcd_test": RcdTest(rcd_test.Stage.PASSED, 0)}, {"rcd_test": True}, {}),
        ({"phases": Phases(since_ms=0, position=3, unparted=False)}, {"phase_switch": True}, {"phases": 3}),
        ({}, {"has_socket": False}, {"lock": LockFeedback.NONE, "pp_ohm": nan}),
        ({}, {"has_current": True}, {"amps": (0.0, 0.0, 0.0)}),
    ],
)
def test_what_is_just_enough_closes(state: Changes, rules: Changes, seen: Changes) -> None:
    now, pins = after(READY, state, rules, **seen)
    assert (pins.closed, now.waits_for) == (True, "")


def test_a_vehicle_that_does_not_ask_waits_for_nothing() -> None:
    bench = plugged()
    bench.run(100)
    assert bench.state.waits_for == ""
    bench.volts = VOLTS["D"]
    bench.run(100)
    assert bench.state.waits_for == ""  # not served here at all


def test_a_ventilated_vehicle_in_d_waits_like_one_in_c() -> None:
    bench = plugged(Bench(rules=replace(SOCKET, ventilated=True)))
    bench.volts = VOLTS["D"]
    bench.run(100)
    assert bench.state.waits_for == "permit"


ON = CHARGING.now_ms + 4


@pytest.mark.parametrize(
    ("state", "seen"),
    [
        ({"latched": frozenset({"rcd_trip"})}, {}),
        ({"inputs": Inputs(frozenset({"tilt"}), (("tilt", 4),), (("tilt", ON),))}, {"faulty": frozenset({"tilt"})}),
        ({"stopping": True}, {}),
        ({}, {"stalled": True}),
        ({"available": False}, {}),
        ({"track": CpTrack(CpState.C, 0, CpState.B, 1, 3)}, {"high_v": 9.0}),
        ({"track": CpTrack(CpState.B, 0, CpState.B, 2, 0)}, {"high_v": 9.0}),
        ({"track": CpTrack(CpState.D, 0, CpState.D, 2, 0)}, {"high_v": 3.0}),
        ({"contactor": replace(CHARGING.state.contactor, failed=True)}, {}),
        ({"lock": replace(CHARGING.state.lock, off_since_ms=ON - 100)}, {"lock": LockFeedback.MOVING}),
        ({"phases": Phases(since_ms=ON, stage=phase_switch.Stage.PARTED)}, {}),
        ({"phases": Phases(since_ms=ON, stage=phase_switch.Stage.JOINING)}, {}),
        ({"pause": Leaky(ON - 6_000), "permit": replace(CHARGING.state.permit, granted=False)}, {}),
    ],
)
def test_each_single_reason_opens_in_its_tick(state: Changes, seen: Changes) -> None:
    assert not after(CHARGING, state, **seen)[1].closed


@pytest.mark.parametrize(
    ("state", "seen"),
    [
        ({}, {}),
        ({"track": CpTrack(CpState.C, 0, CpState.C, 2, 0)}, {"high_v": 9.0}),
        ({"lock": replace(CHARGING.state.lock, off_since_ms=ON - 99)}, {"lock": LockFeedback.MOVING}),
        ({"phases": Phases(since_ms=ON, stage=phase_switch.Stage.STOPPING)}, {}),
        ({"phases": Phases(since_ms=ON, stage=phase_switch.Stage.OPENED)}, {}),
        ({"pause": Leaky(ON - 5_999), "permit": replace(CHARGING.state.permit, granted=False)}, {}),
    ],
)
def test_what_is_no_reason_yet_keeps_it_closed(state: Changes, seen: Changes) -> None:
    assert after(CHARGING, state, **seen)[1].closed


def test_a_pause_begins_once_and_ends_with_an_offer() -> None:
    paused, pins = after(CHARGING, {"permit": replace(CHARGING.state.permit, amps=0.0)})
    assert (paused.pause, pins.duty, pins.closed) == (Leaky(ON), 100.0, True)
    later, _ = machine.step(paused, CHARGING.look(), ON + 400)
    assert later.pause is paused.pause
    again, _ = machine.step(replace(later, permit=CHARGING.state.permit), CHARGING.look(), ON + 404)
    assert again.pause == Leaky(empty_ms=ON + 808)


@pytest.mark.parametrize(
    ("state", "hot"),
    [
        ({"latched": frozenset({"rcd_trip"})}, 1),
        ({"track": CpTrack(CpState.B, 0, CpState.B, 2, 4)}, 0),
        ({"track": CpTrack(CpState.A, 0, CpState.A, 2, 4)}, 1),
        ({"track": CpTrack(CpState.E, 0, CpState.E, 5, 4)}, 0),
    ],
)
def test_an_opening_under_load_is_counted_as_hot(state: Changes, hot: int) -> None:
    volts = {CpState.A: 12.0, CpState.B: 9.0, CpState.E: 0.0}
    high_v = volts.get(state["track"].state, 6.0) if "track" in state else 6.0
    now, pins = after(CHARGING, state, high_v=high_v)
    assert not pins.closed
    assert now.counters.hot_openings == hot
    assert now.counters.cycles == 1


@pytest.mark.parametrize(
    ("state", "rules", "told"),
    [
        ({}, {}, True),
        ({}, {"fault_f_ms": 0}, False),
        ({"stopping": True}, {}, False),
    ],
)
def test_a_fault_under_load_is_told_by_state_f_for_its_time(state: Changes, rules: Changes, told: bool) -> None:
    now, pins = after(CHARGING, {"latched": frozenset({"rcd_trip"})} | state, rules)
    assert pins.duty == (0.0 if told else 100.0)
    assert now.fault_f_ms == (ON if told else None)
    if told:
        quiet = Seen(-12.0, -12.0, False, LockFeedback.LOCKED, 220.0)
        assert machine.step(now, quiet, ON + 299)[1].duty == 0.0
        assert machine.step(now, quiet, ON + 300)[1].duty == 100.0
        assert machine.step(replace(now, stopping=True), quiet, ON + 4)[1].duty == 100.0


def test_a_fault_without_load_is_told_by_no_state_f() -> None:
    assert after(READY, {"latched": frozenset({"rcd_trip"})})[1].duty == 100.0


def test_an_ordinary_opening_is_told_by_no_state_f() -> None:
    now, pins = after(CHARGING, {"available": False})
    assert not pins.closed
    assert now.fault_f_ms is None


@pytest.mark.parametrize(
    ("state", "rules", "expected"),
    [
        ({}, {}, {"phases": None, "cp_connected": True, "rcd_test": False}),
        ({"phases": Phases(since_ms=ON, position=1)}, {}, {"phases": 1}),
        ({"phases": Phases(since_ms=ON, position=3, stage=phase_switch.Stage.PARTED)}, {}, {"cp_connected": False}),
        ({"phases": Phases(since_ms=ON, position=3, stage=phase_switch.Stage.MOVING)}, {}, {"cp_connected": False}),
        ({"phases": Phases(since_ms=ON, position=3, stage=phase_switch.Stage.OPENED)}, {}, {"cp_connected": True}),
        ({"phases": Phases(since_ms=ON, position=3, stage=phase_switch.Stage.JOINING)}, {}, {"cp_connected": True}),
        (
            {"phases": Phases(since_ms=ON, stage=phase_switch.Stage.MOVING), "stopping": True},
            {"phase_switch": True},
            {"cp_connected": False},
        ),
        ({"wake": WakeUp(wake_up.Stage.WAKING, ON)}, {"wake_up": "cp_switch"}, {"cp_connected": False}),
        ({"wake": WakeUp(wake_up.Stage.JOINING, ON)}, {"wake_up": "cp_switch"}, {"cp_connected": True}),
        ({"wake": WakeUp(wake_up.Stage.WAKING, ON)}, {"wake_up": "state_f"}, {"cp_connected": True, "duty": 0.0}),
        ({"rcd_test": RcdTest(rcd_test.Stage.TRIPPING, ON)}, {}, {"rcd_test": True}),
        ({"rcd_test": RcdTest(rcd_test.Stage.RELEASING, ON)}, {}, {"rcd_test": False}),
        ({"rcd_test": RcdTest(rcd_test.Stage.TRIPPING, ON), "stopping": True}, {}, {"rcd_test": False}),
        ({}, {"has_socket": False}, {"locked": None}),
        ({"stopping": True}, {}, {"duty": 100.0}),
        ({"available": False}, {}, {"duty": 0.0}),
    ],
)
def test_the_pins_say_what_the_state_says(state: Changes, rules: Changes, expected: Changes) -> None:
    pins = after(READY, state, rules)[1]
    assert {name: getattr(pins, name) for name in expected} == expected


def test_the_time_of_a_level_is_that_of_its_change_and_not_of_another_current() -> None:
    other, pins = after(CHARGING, {"permit": replace(CHARGING.state.permit, amps=10.0)})
    assert pins.duty != CHARGING.pins.duty
    assert other.duty_kind_ms == CHARGING.state.duty_kind_ms
    paused, _ = after(CHARGING, {"permit": replace(CHARGING.state.permit, amps=0.0)})
    assert paused.duty_kind_ms == ON
    f_state, _ = after(READY, {"available": False})
    assert f_state.duty_kind_ms == NOW


@pytest.mark.parametrize(
    ("rules", "faults", "locked"),
    [
        ({"unlock_on_power_loss": True}, frozenset({"power_loss"}), False),
        ({}, frozenset({"power_loss"}), True),
        ({"unlock_on_power_loss": True}, frozenset({"tilt"}), True),
    ],
)
def test_a_power_loss_unlocks_if_the_profile_says_so(rules: Changes, faults: frozenset[str], locked: bool) -> None:
    bench = charging(replace(SOCKET, **rules))
    bench.faulty = faults
    bench.run(2_900)
    assert bench.pins.locked is True
    bench.run(200)
    assert bench.pins.locked is locked


@pytest.mark.parametrize("cp", ["A", "B"])
def test_what_was_unlocked_on_demand_is_locked_again_for_the_next_plug_only(cp: str) -> None:
    bench = plugged()
    bench.offer(16)
    bench.run(200)
    assert bench.pins.locked is True
    assert bench.unlock() is None
    bench.run(200)
    assert bench.pins.locked is False
    bench.volts = VOLTS[cp]
    bench.run(400)
    assert bench.state.lock.released is (cp == "B")


def test_what_others_go_by_is_what_it_is() -> None:
    assert machine.FAULT_INPUTS == ("rcd_trip", "pe_loss", "emergency_stop", "door_open", "tilt", "power_loss")
    assert machine.LATCHING == ("rcd_trip", "contactor_welded", "hardware")
    assert (machine.S2_GRACE_MS, machine.CLOSE_AFTER_MS) == (6_000, 100)
    assert Rules(max_a=16.0, has_socket=True).fault_f_ms == 300


@pytest.mark.parametrize(
    ("state", "rules", "seen", "duty"),
    [
        ({"stopping": True}, {}, {}, 100.0),
        ({"available": False}, {}, {}, 0.0),
        ({"fault_f_ms": NOW - 299}, {}, {}, 0.0),
        ({"latched": frozenset({"rcd_trip"})}, {}, {}, 100.0),
        ({"wake": WakeUp(wake_up.Stage.WAKING, NOW)}, {"wake_up": "state_f"}, {}, 0.0),
        ({"wake": WakeUp(wake_up.Stage.WAKING, NOW)}, {"wake_up": "cp_switch"}, {}, 100.0),
        ({"wake": WakeUp(wake_up.Stage.JOINING, NOW)}, {"wake_up": "state_f"}, {}, 100.0),
        ({"phases": Phases(NOW, stage=phase_switch.Stage.STOPPING)}, {}, {}, 100.0),
        ({"track": CpTrack(CpState.A, 0, CpState.A, 2, 4)}, {}, {"high_v": 12.0}, 100.0),
        ({"track": CpTrack(CpState.E, NOW - 8, CpState.E, 5, 4)}, {}, {"high_v": 0.0}, 100.0),
    ],
)
def test_without_a_vehicle_or_in_between_nothing_is_offered(
    state: Changes, rules: Changes, seen: Changes, duty: float
) -> None:
    now, pins = after(READY, state, rules, **seen)
    assert (pins.duty, now.offered_a) == (duty, 0.0)


def test_an_evse_that_is_taken_away_under_load_is_not_in_state_f_before_it_is_open() -> None:
    now, pins = after(CHARGING, {"available": False})
    assert (pins.duty, now.offered_a, pins.closed) == (100.0, 0.0, False)
    assert machine.step(now, CHARGING.look(), ON + 4)[1].duty == 0.0


def test_without_a_permit_nothing_is_locked() -> None:
    assert plugged().pins.locked is False
