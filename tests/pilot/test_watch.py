from dataclasses import replace
from math import nan
from typing import Any

import pytest

from stationd.pilot import phase_switch, rcd_test, wake_up
from stationd.pilot.connector_lock import Lock
from stationd.pilot.contactor import Contactor
from stationd.pilot.cp import ENOUGH, CpState, CpTrack, Diode, Steady
from stationd.pilot.cycles import Counters
from stationd.pilot.derating import FALL_MS, Curve, Heat
from stationd.pilot.interfaces import LockFeedback
from stationd.pilot.leaky import Leaky
from stationd.pilot.over_current import OverCurrent
from stationd.pilot.permit import Permit
from stationd.pilot.phase_switch import Phases
from stationd.pilot.rcd_test import RcdTest
from stationd.pilot.state import Rules, Seen, State, start
from stationd.pilot.vehicle import Vehicle
from stationd.pilot.wake_up import WakeUp
from stationd.pilot.watch import may_offer, pilot_parted, readable, watch

NOW_MS = 100_000
Changes = dict[str, Any]
OPEN = Contactor(since_ms=0, settled=True, open_since_ms=0)
CLOSED = Contactor(since_ms=0, settled=True, commanded=True)
SEEN = Seen(9.0, -12.0, False, LockFeedback.LOCKED, 220.0)
WAKING = (wake_up.Stage.WAKING, wake_up.Stage.JOINING)


def state_of(rules: Changes | None = None, **changes: Any) -> State:
    """Return a settled state under a permit, in which a vehicle in B is plugged for long and PWM runs."""
    state = start(Rules(**({"max_a": 32.0, "has_socket": True} | (rules or {}))), 0)
    usual: Changes = {
        "track": CpTrack(CpState.B, 0, CpState.B, 2, ENOUGH), "contactor": OPEN, "settled": True, "duty": 26.7,
        "permit": Permit(NOW_MS + 5_000, 16.0, granted=True, heard=True), "lock": Lock(since_ms=0, wanted=True),
        "vehicle": Vehicle(5, came=True, seen_b=True, was_away=True), "offered_a": 16.0,
    }  # fmt: skip
    return replace(state, **(usual | changes))


def see(state: State, now_ms: int = NOW_MS, **seen: Any) -> State:
    return watch(state, replace(SEEN, **seen), now_ms)


@pytest.mark.parametrize(
    ("rules", "seen"),
    [
        ({}, {"high_v": None}),
        ({}, {"contactor": None}),
        ({}, {"faulty": frozenset({"hardware"})}),
        ({}, {"lock": None}),
        ({}, {"pp_ohm": None}),
        ({"has_temperature": True}, {"temperature_c": None}),
        ({"has_temperature": True}, {"temperature_c": nan}),
        ({"phase_switch": True}, {"phases": None}),
        ({"has_current": True}, {"amps": None}),
    ],
)
def test_each_input_that_the_board_has_must_be_readable(rules: Changes, seen: Changes) -> None:
    given = Rules(**({"max_a": 32.0, "has_socket": True} | rules))
    assert not readable(given, replace(SEEN, **seen))
    fine: Changes = {"temperature_c": 20.0, "phases": 0, "amps": (0.0, 0.0, 0.0), "faulty": frozenset({"tilt"})}
    assert readable(given, replace(SEEN, **fine))


def test_what_the_board_lacks_need_not_be_readable() -> None:
    assert readable(Rules(max_a=32.0, has_socket=False), replace(SEEN, lock=None, pp_ohm=None))
    assert readable(Rules(max_a=32.0, has_socket=True), SEEN)


@pytest.mark.parametrize("stage", list(phase_switch.Stage))
def test_while_the_switch_parts_the_pilot_nothing_of_the_vehicle_is_believed(stage: phase_switch.Stage) -> None:
    state = state_of(phases=Phases(since_ms=NOW_MS, position=3, stage=stage), diode=Diode(good=2))
    parted = stage in (phase_switch.Stage.PARTED, phase_switch.Stage.MOVING, phase_switch.Stage.JOINING)
    assert pilot_parted(state) is parted
    assert may_offer(state, NOW_MS) is (stage is phase_switch.Stage.REST)
    now = see(see(state, high_v=12.0, low_v=12.0), NOW_MS + 4, high_v=12.0, low_v=12.0)
    assert now.track.state is (CpState.B if parted else CpState.A)
    later = see(now, NOW_MS + 500, high_v=12.0, low_v=12.0)
    assert (later.vehicle == state.vehicle) is parted
    assert (later.diode == state.diode) is parted
    if parted:
        assert now.track == CpTrack(CpState.B, NOW_MS + 4, None, 0, ENOUGH, NOW_MS + 4)


@pytest.mark.parametrize("stage", list(wake_up.Stage))
@pytest.mark.parametrize("mode", ["none", "state_f", "cp_switch"])
def test_waking_parts_the_pilot_only_by_the_switch_and_stops_the_offer_always(stage: wake_up.Stage, mode: str) -> None:
    state = state_of({"wake_up": mode}, wake=WakeUp(stage, NOW_MS))
    assert pilot_parted(state) is (mode == "cp_switch" and stage in WAKING)
    assert may_offer(state, NOW_MS) is (stage not in WAKING)


def test_a_vehicle_that_may_be_of_either_kind_is_offered_nothing_yet() -> None:
    assert not may_offer(state_of(vehicle=Vehicle(NOW_MS - 3_099)), NOW_MS)
    assert may_offer(state_of(vehicle=Vehicle(NOW_MS - 3_100)), NOW_MS)


def test_a_pilot_that_was_never_read_is_no_state_before_the_start_is_over() -> None:
    fresh = replace(state_of(), settled=False, track=CpTrack(), started_ms=NOW_MS - 500)
    assert see(fresh, high_v=None).track is fresh.track
    assert see(replace(fresh, settled=True), high_v=None).track.candidate is CpState.E
    assert see(fresh).track.candidate is CpState.B
    assert see(fresh, cp_new=False).track is fresh.track


@pytest.mark.parametrize(
    ("started_ms", "seen", "settled"),
    [
        (NOW_MS - 999, {"high_v": None}, False),
        (NOW_MS - 1_000, {"high_v": None}, True),
        (NOW_MS - 8, {}, True),
        (NOW_MS - 8, {"contactor": None}, False),
    ],
)
def test_the_start_is_over_with_the_first_good_look_or_after_a_second(
    started_ms: int, seen: Changes, settled: bool
) -> None:
    begun = replace(state_of(), settled=False, started_ms=started_ms)
    assert see(begun, **seen).settled is settled


def test_without_a_confirmed_state_a_good_look_does_not_end_the_start() -> None:
    begun = replace(state_of(), settled=False, started_ms=NOW_MS - 8, track=CpTrack())
    assert not see(begun).settled


def test_unreadable_inputs_are_a_fault_of_the_board_only_after_the_start() -> None:
    for settled in (False, True):
        state = replace(state_of(), settled=settled, started_ms=NOW_MS)
        for reading in ({"contactor": None}, {"faulty": frozenset({"hardware"})}):
            now = see(see(state, **reading), NOW_MS + 4, **reading)  # type: ignore[arg-type]
            assert ("hardware" in now.inputs.active) is settled


@pytest.mark.parametrize("stage", list(rcd_test.Stage))
def test_a_trip_that_was_asked_for_is_no_trip(stage: rcd_test.Stage) -> None:
    state = state_of({"rcd_test": True}, rcd_test=RcdTest(stage, NOW_MS))
    tripped = frozenset({"rcd_trip", "tilt"})
    now = see(see(state, faulty=tripped), NOW_MS + 4, faulty=tripped)
    assert "tilt" in now.inputs.active
    asked = stage in rcd_test.UNDER_WAY
    assert ("rcd_trip" in now.inputs.active) is not asked
    assert ("rcd_trip" in now.latched) is not asked


def test_a_trip_and_a_weld_are_latched() -> None:
    state = state_of(latched=frozenset({"hardware"}))
    tripped = see(see(state, faulty=frozenset({"rcd_trip"})), NOW_MS + 4, faulty=frozenset({"rcd_trip"}))
    assert tripped.latched == {"hardware", "rcd_trip"}
    welded = see(replace(state, contactor=replace(OPEN, differs_since_ms=0)), contactor=True)
    assert welded.latched == {"hardware", "contactor_welded"}
    assert see(state).latched is state.latched


@pytest.mark.parametrize(
    ("test", "state", "seen", "stage"),
    [
        (RcdTest(), {}, {}, rcd_test.Stage.TRIPPING),
        (RcdTest(), {"permit": Permit(NOW_MS)}, {}, rcd_test.Stage.DUE),
        (RcdTest(), {"faults": ("tilt",)}, {}, rcd_test.Stage.DUE),
        (RcdTest(), {"stopping": True}, {}, rcd_test.Stage.DUE),
        (RcdTest(), {"track": CpTrack(CpState.A, 0, CpState.A, 2, 4)}, {"high_v": 12.0}, rcd_test.Stage.DUE),
        (RcdTest(), {}, {"contactor": True}, rcd_test.Stage.DUE),
        (RcdTest(), {"contactor": CLOSED}, {"contactor": True}, rcd_test.Stage.DUE),
        (RcdTest(), {}, {"faulty": frozenset({"rcd_trip"})}, rcd_test.Stage.DUE),
        (RcdTest(rcd_test.Stage.PASSED), {}, {}, rcd_test.Stage.PASSED),
        (RcdTest(rcd_test.Stage.PASSED), {"permit": Permit(NOW_MS)}, {}, rcd_test.Stage.DUE),
        (RcdTest(rcd_test.Stage.PASSED), {"permit": Permit(NOW_MS), "contactor": CLOSED}, {"contactor": True},
         rcd_test.Stage.PASSED),
        (RcdTest(rcd_test.Stage.FAILED), {"permit": Permit(NOW_MS)}, {}, rcd_test.Stage.FAILED),
        (RcdTest(rcd_test.Stage.FAILED), {"track": CpTrack(CpState.A, 0, CpState.A, 2, 4)}, {"high_v": 12.0},
         rcd_test.Stage.DUE),
        (RcdTest(rcd_test.Stage.TRIPPING, NOW_MS - 999), {}, {}, rcd_test.Stage.TRIPPING),
        (RcdTest(rcd_test.Stage.TRIPPING, NOW_MS - 1_000), {}, {}, rcd_test.Stage.FAILED),
    ],
)  # fmt: skip
def test_the_self_test_belongs_to_one_session(test: RcdTest, state: Changes, seen: Changes, stage: int) -> None:
    assert see(state_of({"rcd_test": True}, rcd_test=test, **state), **seen).rcd_test.stage is stage
    without = state_of(rcd_test=test, **state)
    assert see(without, **seen).rcd_test is test


def test_the_result_of_a_self_test_is_kept_when_it_ends() -> None:
    passing = RcdTest(rcd_test.Stage.RELEASING, NOW_MS, count=1)
    state = state_of({"rcd_test": True}, rcd_test=passing, counters=Counters(cycles=3))
    assert see(state).counters == Counters(cycles=3, rcd_test="passed")
    failing = replace(state, rcd_test=RcdTest(rcd_test.Stage.TRIPPING, NOW_MS - 1_000))
    assert see(failing).counters.rcd_test == "failed"
    begun = replace(state, rcd_test=RcdTest(), counters=Counters(rcd_test="passed"))
    assert see(begun).counters is begun.counters


def test_failed_closings_and_slow_openings_are_counted_once() -> None:
    state = state_of(contactor=replace(CLOSED, settled=False, differs_since_ms=NOW_MS - 1_000), counters=Counters(9))
    failed = see(state, contactor=False)
    assert (failed.contactor.failed, failed.counters) == (True, Counters(9, failed_closings=1))
    assert see(failed, NOW_MS + 4, contactor=False).counters is failed.counters
    opened = Contactor(since_ms=NOW_MS - 200, opening=True, open_since_ms=NOW_MS - 60)
    assert see(state_of(contactor=opened, counters=Counters(9))).counters == Counters(9, slow_openings=1)
    fast = replace(opened, since_ms=NOW_MS - 160)
    assert see(state_of(contactor=fast)).counters == Counters()
    assert see(state_of({"slow_open_ms": 90}, contactor=fast)).counters.slow_openings == 1


@pytest.mark.parametrize(
    ("cp", "high_v", "commanded", "tries"),
    [(CpState.A, 12.0, False, 0), (CpState.B, 9.0, False, 2), (CpState.E, 0.0, False, 2), (CpState.A, 12.0, True, 2)],
)
def test_the_next_vehicle_gets_its_own_tries(cp: CpState, high_v: float, commanded: bool, tries: int) -> None:
    coil = replace(CLOSED if commanded else OPEN, since_ms=NOW_MS - 100, tries=2)
    state = state_of(track=CpTrack(cp, 0, cp, 5, 4), contactor=coil)
    assert see(state, high_v=high_v, contactor=commanded).contactor.tries == tries


def test_the_times_of_the_contactor_are_those_of_the_profile() -> None:
    rules = {"close_ms": 70, "open_ms": 40}
    closing = replace(CLOSED, settled=False, differs_since_ms=NOW_MS - 70)
    assert see(state_of(rules, contactor=closing), contactor=False).contactor.failed
    assert not see(state_of(rules, contactor=closing), NOW_MS - 1, contactor=False).contactor.failed
    opening = Contactor(since_ms=0, differs_since_ms=NOW_MS - 40)
    assert see(state_of(rules, contactor=opening), contactor=True).contactor.welded
    assert not see(state_of(rules, contactor=opening), NOW_MS - 1, contactor=True).contactor.welded


@pytest.mark.parametrize(("commanded", "held"), [(True, 7.0), (False, 0.0)])
def test_a_lost_permit_is_held_for_a_closed_contactor(commanded: bool, held: float) -> None:
    gone = replace(state_of().permit, until_ms=NOW_MS)
    coil = CLOSED if commanded else OPEN
    state = state_of({"hold_a": 7.0, "hold_ms": 500}, permit=gone, contactor=coil)
    now = see(state, contactor=commanded)
    assert (now.permit.lost, now.permit.hold_a) == (True, held)
    assert see(now, NOW_MS + 499, contactor=commanded).permit.hold_a == held
    assert see(now, NOW_MS + 500, contactor=commanded).permit.hold_a == 0.0


def test_too_much_current_is_found_after_the_time_of_the_profile() -> None:
    state = state_of({"over_current_ms": 50}, contactor=CLOSED, over=OverCurrent(Leaky(NOW_MS - 50), peak_a=16.0))
    much = {"contactor": True, "amps": (0.0, 0.0, 30.0), "high_v": 6.0}
    assert see(state, **much).over.found
    assert not see(state, NOW_MS - 1, **much).over.found
    assert not see(replace(state, contactor=OPEN), amps=(0.0, 0.0, 30.0)).over.found
    assert not see(replace(state, offered_a=32.0), **much).over.found
    gone = replace(state, over=OverCurrent(found=True), track=CpTrack(CpState.A, 0, CpState.A, 2, 4))
    assert see(gone, high_v=12.0).over == OverCurrent()


def test_heat_falls_only_by_the_hysteresis_of_the_profile() -> None:
    state = state_of({"derating": Curve(50.0, 60.0, 70.0, 9.0)}, heat=Heat(60.0))
    cooling = see(state, temperature_c=50.0)
    assert see(cooling, NOW_MS + FALL_MS, temperature_c=50.0).heat == Heat(59.0)


@pytest.mark.parametrize(
    ("stuck_ms", "seen", "since_ms"),
    [(100, {}, 7), (100, {"high_v": 9.1}, NOW_MS), (0, {"high_v": 9.1}, 7), (100, {"high_v": 9.1, "cp_new": False}, 7)],
)
def test_readings_that_repeat_are_timed_where_the_front_end_has_noise(
    stuck_ms: int, seen: Changes, since_ms: int
) -> None:
    state = state_of({"stuck_ms": stuck_ms}, steady=Steady(9.0, -12.0, 7))
    assert see(state, **seen).steady.since_ms == since_ms


@pytest.mark.parametrize(
    ("changes", "seen", "good"),
    [
        ({}, {}, 1),
        ({}, {"cp_new": False}, 0),
        ({"duty": 100.0}, {}, 0),
        ({"track": CpTrack(CpState.E, 0, CpState.E, 5, 4)}, {"high_v": 0.0}, 0),
    ],
)
def test_the_diode_is_looked_at_in_new_samples_of_a_vehicle_under_pwm(
    changes: Changes, seen: Changes, good: int
) -> None:
    assert see(state_of(**changes), **seen).diode.good == good


def test_the_diode_check_ends_with_the_vehicle_and_outlives_a_disturbance() -> None:
    shorted = Diode(shorted=True)
    gone = state_of(diode=shorted, track=CpTrack(CpState.A, 0, CpState.A, 2, 4))
    assert see(gone, high_v=12.0).diode == Diode()
    disturbed = state_of(diode=shorted, track=CpTrack(CpState.E, 0, CpState.E, 5, 4))
    assert see(disturbed, high_v=0.0).diode is shorted


def test_the_time_of_pwm_counts_for_the_diode() -> None:
    bad = Diode(0, NOW_MS - 100)
    assert see(state_of(diode=bad, duty_kind_ms=NOW_MS - 500), low_v=-5.0).diode.shorted
    assert not see(state_of(diode=bad, duty_kind_ms=NOW_MS - 499), low_v=-5.0).diode.shorted


def test_a_fixed_cable_is_not_looked_for() -> None:
    state = state_of({"has_socket": False})
    assert see(state).cable is state.cable
    assert see(state_of()).cable.candidate == 32.0


@pytest.mark.parametrize(
    "changes",
    [
        {"permit": Permit(NOW_MS, 16.0, granted=True)},
        {"permit": Permit(NOW_MS + 1, 5.9, granted=True)},
        {"faults": ("tilt",)},
        {"stopping": True},
        {"available": False},
        {"phases": Phases(since_ms=NOW_MS, stage=phase_switch.Stage.STOPPING)},
    ],
)
def test_nobody_is_woken_without_a_current_to_offer(changes: Changes) -> None:
    asleep = WakeUp(wake_up.Stage.WATCHING, NOW_MS - 30_000)
    assert see(state_of({"wake_up": "state_f"}, wake=asleep, **changes)).wake == WakeUp()


def test_a_vehicle_is_woken_where_the_board_can_and_pwm_offers() -> None:
    asleep = WakeUp(wake_up.Stage.WATCHING, NOW_MS - 30_000)
    permit = Permit(NOW_MS + 1, 6.0, granted=True)
    for mode in ("state_f", "cp_switch"):
        state = state_of({"wake_up": mode}, wake=asleep, permit=permit, offered_a=6.0)
        assert see(state).wake == WakeUp(wake_up.Stage.WAKING, NOW_MS, 1)
        assert see(replace(state, offered_a=5.9)).wake == WakeUp()
    assert see(state_of(wake=asleep)).wake is asleep


@pytest.mark.parametrize(
    ("rules", "changes", "stage"),
    [
        ({"phase_switch": True}, {}, phase_switch.Stage.STOPPING),
        ({}, {}, phase_switch.Stage.REST),
        ({"phase_switch": True}, {"stopping": True}, phase_switch.Stage.REST),
        ({"phase_switch": True}, {"faults": ("tilt",)}, phase_switch.Stage.REST),
        ({"phase_switch": True}, {"permit": Permit(NOW_MS, 16.0, granted=True, phases=1)}, phase_switch.Stage.REST),
        ({"phase_switch": True}, {"wake": WakeUp(wake_up.Stage.WAKING, NOW_MS)}, phase_switch.Stage.REST),
        ({"phase_switch": True}, {"wake": WakeUp(wake_up.Stage.JOINING, NOW_MS)}, phase_switch.Stage.REST),
        ({"phase_switch": True}, {"wake": WakeUp(wake_up.Stage.DONE, NOW_MS)}, phase_switch.Stage.STOPPING),
    ],
)
def test_phases_are_changed_for_a_permit_and_for_nothing_else(rules: Changes, changes: Changes, stage: int) -> None:
    one = Permit(NOW_MS + 1, 16.0, granted=True, phases=1)
    three = Phases(since_ms=0, position=3, unparted=False)
    state = state_of(rules, **({"permit": one, "phases": three} | changes))
    assert see(state, phases=3).phases.stage is stage


def test_the_switch_moves_only_under_an_open_contactor_and_rests_as_the_profile_says() -> None:
    parted = Phases(since_ms=NOW_MS - 100, position=3, target=1, stage=phase_switch.Stage.PARTED)
    state = state_of({"phase_switch": True, "rest_ms": 77}, phases=parted)
    moved = see(state, phases=3).phases
    assert (moved.stage, moved.position, moved.rested_ms) == (phase_switch.Stage.MOVING, 1, NOW_MS + 77)
    for closed in (True, None):
        assert see(state, phases=3, contactor=closed).phases.stage is phase_switch.Stage.JOINING


def test_nothing_new_makes_no_new_state() -> None:
    state = see(state_of(track=CpTrack(CpState.B, 0, CpState.B, 2, ENOUGH)))
    for now_ms in range(NOW_MS + 4, NOW_MS + 2_000, 4):
        last = state
        state = see(state, now_ms)
    assert state is last


def test_a_contactor_that_opened_a_moment_ago_is_no_open_one_for_a_self_test() -> None:
    state = state_of({"rcd_test": True}, contactor=Contactor(since_ms=NOW_MS - 10))
    assert see(state).rcd_test.stage is rcd_test.Stage.DUE


def test_earlier_slow_openings_are_not_counted_again() -> None:
    failing = replace(CLOSED, settled=False, differs_since_ms=NOW_MS - 1_000, slow=3)
    assert see(state_of(contactor=failing), contactor=False).counters == Counters(failed_closings=1)


def test_a_pilot_that_this_station_parts_asks_for_nothing() -> None:
    moving = Phases(since_ms=NOW_MS, position=3, stage=phase_switch.Stage.MOVING)
    state = state_of({"phase_switch": True}, phases=moving, track=CpTrack(CpState.C, 0, CpState.C, 2, 0))
    assert see(state, phases=3).track.no_demand == ENOUGH
