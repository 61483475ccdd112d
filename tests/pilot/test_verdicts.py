from dataclasses import replace
from math import inf
from typing import Any

import pytest

from stationd.pilot import rcd_test
from stationd.pilot.connector_lock import Lock
from stationd.pilot.contactor import Contactor
from stationd.pilot.cp import CpState, CpTrack, Diode, Noise, Steady
from stationd.pilot.cycles import Counters
from stationd.pilot.derating import Curve, Heat
from stationd.pilot.fault_inputs import Inputs
from stationd.pilot.over_current import OverCurrent
from stationd.pilot.permit import Permit
from stationd.pilot.phase_switch import Phases
from stationd.pilot.proximity import Cable
from stationd.pilot.rcd_test import RcdTest
from stationd.pilot.state import Rules, Seen, State, start
from stationd.pilot.vehicle import Vehicle
from stationd.pilot.verdicts import faults, limit_a, offer_a, rested, warnings

NOW_MS = 100_000
CURVE = Curve(60.0, 80.0, 85.0, 5.0)
SEEN = Seen(9.0, -12.0, False)
SIMPLIFIED = Vehicle(plugged_ms=5, came=True)


def state_of(rules: dict[str, Any] | None = None, **changes: Any) -> State:
    """Return a healthy state in which a vehicle in B is plugged for long."""
    state = start(Rules(**({"max_a": 32.0, "has_socket": True} | (rules or {}))), 0)
    usual = {"track": CpTrack(CpState.B, 0), "cable": Cable(amps=32.0), "vehicle": Vehicle(5, came=True, seen_b=True)}
    return replace(state, **(usual | changes))


def at(state: CpState, since_ms: int = 0) -> CpTrack:
    return CpTrack(state, since_ms)


def test_a_healthy_vehicle_is_no_fault() -> None:
    assert faults(state_of(), SEEN, NOW_MS) == ()
    assert warnings(state_of(), NOW_MS) == ()


@pytest.mark.parametrize(
    ("code", "rules", "changes"),
    [
        ("rcd_trip", {}, {"latched": frozenset({"rcd_trip"})}),
        ("tilt", {}, {"inputs": Inputs(active=frozenset({"tilt"}))}),
        ("pilot_error", {}, {"noise": Noise(found=True)}),
        ("diode", {}, {"diode": Diode(shorted=True)}),
        ("ventilation", {}, {"track": at(CpState.D)}),
        ("proximity", {}, {"cable": Cable()}),
        ("contactor_failed", {}, {"contactor": Contactor(since_ms=0, tries=3)}),
        ("lock_failed", {}, {"lock": Lock(since_ms=0, failed=True)}),
        ("over_temperature", {"derating": CURVE}, {"heat": Heat(85.0)}),
        ("over_current", {}, {"over": OverCurrent(found=True)}),
        ("phase_switch", {}, {"phases": Phases(since_ms=0, failed=True)}),
        ("rcd_self_test", {}, {"rcd_test": RcdTest(rcd_test.Stage.FAILED)}),
    ],
)
def test_each_observation_is_its_one_fault(code: str, rules: dict[str, Any], changes: dict[str, Any]) -> None:
    assert faults(state_of(rules, **changes), SEEN, NOW_MS) == (code,)


@pytest.mark.parametrize(
    ("rules", "changes"),
    [
        ({"ventilated": True}, {"track": at(CpState.D)}),
        ({"has_socket": False}, {"cable": Cable()}),
        ({}, {"contactor": Contactor(since_ms=0, tries=2)}),
        ({"derating": CURVE}, {"heat": Heat(84.9)}),
        ({}, {"heat": Heat(199.0)}),
        ({}, {"rcd_test": RcdTest(rcd_test.Stage.PASSED)}),
        ({}, {"track": at(CpState.A), "cable": Cable()}),
    ],
)
def test_what_is_allowed_is_no_fault(rules: dict[str, Any], changes: dict[str, Any]) -> None:
    assert faults(state_of(rules, **changes), SEEN, NOW_MS) == ()


def test_faults_are_sorted() -> None:
    state = state_of(latched=frozenset({"rcd_trip"}), inputs=Inputs(active=frozenset({"tilt", "door_open"})))
    assert faults(state, SEEN, NOW_MS) == ("door_open", "rcd_trip", "tilt")


def test_state_f_hides_nothing_that_was_seen_before_it() -> None:
    track = at(CpState.F)
    assert faults(state_of(track=track, duty=0.0, faults=("ventilation",)), SEEN, NOW_MS) == ("ventilation",)
    assert faults(state_of(track=track, duty=0.0), SEEN, NOW_MS) == ()
    assert faults(state_of(faults=("ventilation",)), SEEN, NOW_MS) == ()


@pytest.mark.parametrize(
    ("cp", "since_ms", "commanded", "was", "told"),
    [
        ("B", NOW_MS - 499, False, (), False),
        ("B", NOW_MS - 500, False, (), True),
        ("C", NOW_MS - 1, True, (), True),
        ("D", NOW_MS - 500, False, (), True),
        ("E", 0, True, (), False),
        ("E", 0, False, ("proximity",), True),
        ("A", 0, False, ("proximity",), False),
    ],
)
def test_a_missing_cable_is_a_fault_with_a_vehicle_at_once_under_load(
    cp: str, since_ms: int, commanded: bool, was: tuple[str, ...], told: bool
) -> None:
    state = state_of(
        {"ventilated": True},
        track=at(CpState(cp), since_ms), cable=Cable(), faults=was,
        contactor=Contactor(since_ms=0, commanded=commanded),
    )  # fmt: skip
    assert ("proximity" in faults(state, SEEN, NOW_MS)) is told


@pytest.mark.parametrize(
    ("stuck_ms", "high_v", "cp", "since_ms", "told"),
    [
        (1_000, 9.0, "B", NOW_MS - 1_000, True),
        (1_000, 9.0, "B", NOW_MS - 999, False),
        (0, 9.0, "B", 0, False),
        (1_000, None, "B", 0, False),
        (1_000, 12.0, "A", 0, False),
    ],
)
def test_readings_that_repeat_themselves_for_too_long_are_stuck(
    stuck_ms: int, high_v: float | None, cp: str, since_ms: int, told: bool
) -> None:
    state = state_of({"stuck_ms": stuck_ms}, steady=Steady(high_v, high_v, since_ms), track=at(CpState(cp)))
    assert faults(state, SEEN, NOW_MS) == (("pilot_error",) if told else ())


@pytest.mark.parametrize(
    ("cp", "since_ms", "duty", "kind_ms", "told"),
    [
        (CpState.E, NOW_MS - 49, 100.0, 0, False),
        (CpState.E, NOW_MS - 50, 100.0, 0, True),
        (CpState.F, NOW_MS - 1_000, 100.0, 0, True),
        (CpState.F, NOW_MS - 999, 100.0, 0, False),
        (CpState.F, 0, 100.0, NOW_MS - 999, False),
        (CpState.F, 0, 0.0, 0, False),
        (CpState.B, 0, 0.0, NOW_MS - 1_000, True),
        (CpState.B, 0, 0.0, NOW_MS - 999, False),
        (CpState.B, 0, 100.0, 0, False),
        (None, 0, 0.0, 0, False),
    ],
)
def test_a_pilot_that_nobody_explains_is_an_error_after_its_time(
    cp: CpState | None, since_ms: int, duty: float, kind_ms: int, told: bool
) -> None:
    state = state_of(track=CpTrack(cp, since_ms), duty=duty, duty_kind_ms=kind_ms)
    assert faults(state, SEEN, NOW_MS) == (("pilot_error",) if told else ())
    assert faults(state, replace(SEEN, high_v=None), NOW_MS) == ()  # one that cannot be read is another fault


@pytest.mark.parametrize(
    ("code", "rules", "changes"),
    [
        ("contactor_resting", {}, {"waits_for": "contactor_rest", "rested_ms": NOW_MS + 40_001}),
        ("contactor_slow", {}, {"contactor": Contactor(since_ms=0, slow=1)}),
        ("contactor_worn", {"rated_cycles": 10}, {"counters": Counters(cycles=10)}),
        ("derated", {"derating": CURVE}, {"heat": Heat(70.0)}),
        ("simplified_vehicle", {}, {"vehicle": SIMPLIFIED, "offered_a": 6.0}),
    ],
)
def test_each_observation_is_its_one_warning(code: str, rules: dict[str, Any], changes: dict[str, Any]) -> None:
    assert warnings(state_of(rules, **changes), NOW_MS) == (code,)


@pytest.mark.parametrize(
    ("rules", "changes"),
    [
        ({}, {"waits_for": "contactor_rest", "rested_ms": NOW_MS + 40_000}),
        ({}, {"waits_for": "permit", "rested_ms": NOW_MS + 90_000}),
        ({"rated_cycles": 10}, {"counters": Counters(cycles=9)}),
        ({}, {"counters": Counters(cycles=9)}),
        ({"derating": CURVE}, {"heat": Heat(60.0)}),
        ({}, {"vehicle": SIMPLIFIED}),
        ({}, {"offered_a": 6.0}),
    ],
)
def test_what_is_usual_is_no_warning(rules: dict[str, Any], changes: dict[str, Any]) -> None:
    assert warnings(state_of(rules, **changes), NOW_MS) == ()


@pytest.mark.parametrize(
    ("rules", "changes", "amps"),
    [
        ({}, {}, 32.0),
        ({"max_a": 16.0}, {}, 16.0),
        ({}, {"cable": Cable(amps=13.0)}, 13.0),
        ({}, {"cable": Cable()}, 32.0),
        ({"has_socket": False}, {"cable": Cable(amps=13.0)}, 32.0),
        ({"derating": CURVE}, {"heat": Heat(70.0)}, 19.0),
        ({"phase_switch": True, "single_phase_max_a": 20.0}, {"phases": Phases(since_ms=0, position=1)}, 20.0),
        ({"phase_switch": True, "single_phase_max_a": 20.0}, {"phases": Phases(since_ms=0, position=3)}, 32.0),
        ({"single_phase_max_a": 20.0}, {"phases": Phases(since_ms=0, position=1)}, 32.0),
        ({"simplified_a": 7.0}, {"vehicle": SIMPLIFIED}, 7.0),
        ({"simplified_a": 40.0}, {"vehicle": SIMPLIFIED}, 32.0),
        ({"simplified_a": 7.0}, {}, 32.0),
    ],
)
def test_the_least_of_all_limits_counts(rules: dict[str, Any], changes: dict[str, Any], amps: float) -> None:
    state = state_of(rules, **changes)
    assert limit_a(state) == amps
    if not rules.get("has_socket", True) or state.cable.amps is not None:
        permitted = replace(state, permit=Permit(until_ms=NOW_MS + 1, amps=inf, granted=True))
        assert offer_a(permitted, NOW_MS) == amps
        assert offer_a(replace(permitted, permit=replace(permitted.permit, amps=6.5)), NOW_MS) == 6.5
    assert offer_a(state, NOW_MS) == 0.0


def test_a_socket_without_a_readable_cable_is_offered_nothing() -> None:
    permit = Permit(until_ms=NOW_MS + 1, amps=16.0, granted=True)
    assert offer_a(state_of(cable=Cable(), permit=permit), NOW_MS) == 0.0
    assert offer_a(state_of({"has_socket": False}, cable=Cable(), permit=permit), NOW_MS) == 16.0


def test_a_burst_of_closings_needs_its_rest() -> None:
    state = state_of({"burst_cycles": 3, "rest_ms": 1_000}, rested_ms=NOW_MS + 2_000)
    assert rested(state, NOW_MS)
    assert not rested(state, NOW_MS - 1)
