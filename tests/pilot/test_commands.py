from dataclasses import fields, replace
from typing import Any

import pytest

from stationd.pilot import commands
from stationd.pilot.connector_lock import Lock
from stationd.pilot.contactor import Contactor
from stationd.pilot.cp import CpState, CpTrack
from stationd.pilot.cycles import Counters
from stationd.pilot.machine import Rules, Seen, State, start
from stationd.pilot.over_current import OverCurrent
from stationd.pilot.permit import Permit
from stationd.pilot.phase_switch import Phases
from stationd.pilot.protocol import GetStats, Hello, Message, Offer, Reply, ResetFault, SelfTest, SetAvailable, Unlock
from stationd.pilot.rcd_test import RcdTest, Stage
from tests.pilot.bench import SOCKET, TETHERED, VOLTS, Bench, charging


def test_unlock_is_refused_while_the_contactor_is_closed() -> None:
    assert charging().unlock() == "cannot unlock: the contactor is closed; withdraw the permit first"


def test_unlock_is_refused_while_nobody_knows_whether_the_contactor_is_open() -> None:
    bench = Bench(coil="unreadable")
    bench.run(100)
    assert bench.unlock() is not None


class Flicker(Bench):
    """A bench whose contact stays closed, with feedback that drops out for one tick in 60."""

    def look(self) -> Seen:
        return replace(super().look(), contactor=self.pins.closed or self.now_ms % 240 != 0)


def flickering(rules: Rules = SOCKET) -> Bench:
    bench = charging(rules)
    broken = Flicker(**{field.name: getattr(bench, field.name) for field in fields(bench)})
    broken.state, broken.volts = bench.state, VOLTS["B"]
    return broken


def test_flickering_feedback_of_a_weld_unlocks_nothing() -> None:
    bench = flickering()
    for _ in range(1_500):
        bench.tick()
        bench.unlock()
        assert bench.pins.locked is True
    assert bench.faults == ("contactor_welded",)
    assert "still seen closed" in str(bench.reset("contactor_welded"))


def test_flickering_feedback_of_a_weld_keeps_the_lock_when_the_brain_stays_away() -> None:
    bench = flickering(replace(SOCKET, hold_ms=1_000))
    bench.run(15_000)
    assert bench.pins.locked is True
    assert bench.faults == ("contactor_welded",)


def test_unlock_right_after_opening_moves_the_lock_once_the_contactor_is_surely_open() -> None:
    bench = charging()
    bench.volts = VOLTS["B"]
    bench.run(16)
    assert bench.unlock() is None
    bench.run(40)
    assert bench.pins.locked is True
    bench.run(40)
    assert bench.pins.locked is False


def test_unlock_is_refused_long_after_an_opening_that_nobody_is_sure_of() -> None:
    bench = Bench(coil="welded")
    bench.run(400)
    bench.coil = "obeys"
    bench.run(400, every_ms=400)
    assert "not surely open" in str(bench.unlock())


def test_unlock_of_a_fixed_cable_is_refused() -> None:
    bench = Bench(rules=TETHERED)
    bench.run(100)
    assert bench.unlock() == "cannot unlock: the cable is fixed"


def test_unlock_tries_a_failed_lock_again() -> None:
    bench = charging()
    bench.volts = VOLTS["B"]
    bench.run(100)
    bench.lock = "jammed"
    assert bench.unlock() is None
    bench.run(11_000)
    assert bench.faults == ("lock_failed",)
    bench.lock = "obeys"
    assert bench.unlock() is None
    bench.run(1_000)
    assert bench.pins.locked is False
    assert bench.faults == ()


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("rcd_trip", "cannot reset 'rcd_trip': it is not in force"),
        ("nonsense", "cannot reset 'nonsense': it is not in force"),
        ("door_open", "cannot reset door_open: its input is still faulty; remove the cause first"),
    ],
)
def test_a_reset_needs_a_fault_whose_cause_is_gone(code: str, sentence: str) -> None:
    bench = Bench(faulty=frozenset({"door_open"}))
    bench.run(100)
    assert bench.reset(code) == sentence


def test_a_trip_is_not_reset_while_its_input_is_on() -> None:
    bench = Bench(faulty=frozenset({"rcd_trip"}))
    bench.run(100)
    assert "still faulty" in str(bench.reset("rcd_trip"))
    bench.run(100)
    assert bench.faults == ("rcd_trip",)


def test_a_weld_is_not_reset_while_the_contact_is_closed() -> None:
    bench = Bench(coil="welded")
    bench.run(1_000)
    assert bench.faults == ("contactor_welded",)
    assert "still seen closed" in str(bench.reset("contactor_welded"))


def test_a_fault_that_ends_by_itself_is_not_reset() -> None:
    bench = Bench(volts=VOLTS["E"])
    bench.run(500)
    assert bench.reset("pilot_error") == "cannot reset pilot_error: it ends by itself with its cause"


def test_an_unreadable_file_of_latches_can_be_reset() -> None:
    bench = Bench(latched=frozenset({"hardware"}))
    bench.run(100)
    assert bench.faults == ("hardware",)
    assert bench.reset("hardware") is None
    bench.run(8)
    assert bench.faults == ()


def test_a_failed_contactor_can_be_tried_again_after_a_reset() -> None:
    bench = charging()
    bench.coil = "stuck_open"
    for _ in range(9):
        bench.offer(16)
        bench.run(1_000)
    assert bench.faults == ("contactor_failed",)
    bench.coil = "obeys"
    bench.offer(16)
    assert bench.reset("contactor_failed") is None
    bench.until(closed=True, within_ms=3_000)


def test_a_failed_lock_can_be_tried_again_after_a_reset() -> None:
    bench = Bench(lock="jammed")
    bench.run(1_200)
    bench.volts = VOLTS["B"]
    bench.run(200)
    for _ in range(11):
        bench.offer(16)
        bench.run(1_000)
    assert bench.faults == ("lock_failed",)
    bench.lock = "obeys"
    assert bench.reset("lock_failed") is None
    bench.run(100)
    assert bench.faults == ()


@pytest.mark.parametrize("message", [Hello(1, "brain"), Reply(1), GetStats(1)])
def test_other_messages_change_nothing(message: Hello | Reply | GetStats) -> None:
    bench = Bench()
    state = bench.state
    assert "cannot do anything" in str(bench.say(message))
    assert bench.state is state


def state_of(rules: Rules = SOCKET, **changes: Any) -> State:
    """Return a state whose contactor is surely open since long."""
    coil = Contactor(since_ms=0, settled=True, open_since_ms=0)
    return replace(start(rules, 0), **({"contactor": coil, "settled": True} | changes))


SEEN = Seen(9.0, 9.0, False)


def said(state: State, message: Message, now_ms: int = 100_000, **seen: Any) -> tuple[State, str | None]:
    return commands.apply(state, replace(SEEN, **seen), message, now_ms)


def test_an_offer_is_taken_as_it_is() -> None:
    now, error = said(state_of(), Offer(1, 13.0, 1, True, 4_000, 1))
    assert error is None
    assert now.permit == Permit(104_000, amps=13.0, granted=True, heard=True, phases=1)


@pytest.mark.parametrize(
    ("permit", "live", "released"), [(True, False, False), (True, True, True), (False, False, True)]
)
def test_only_a_new_permit_locks_again_what_was_unlocked_on_demand(permit: bool, live: bool, released: bool) -> None:
    old = Permit(100_001 if live else 100_000, 16.0, granted=True)
    lock = Lock(since_ms=3, wanted=True, tries=2, released=True)
    now, _ = said(state_of(permit=old, lock=lock), Offer(1, 16.0, 3, permit, 5_000, 1))
    assert now.lock == replace(lock, released=released)


def test_an_offer_leaves_a_lock_that_is_not_released_alone() -> None:
    state = state_of(lock=Lock(since_ms=3, wanted=True))
    assert said(state, Offer(1, 16.0, 3, True, 5_000, 1))[0].lock is state.lock


def test_unlock_begins_a_new_try() -> None:
    tired = Lock(since_ms=3, wanted=True, tries=3, failed=True, pausing=True)
    now, error = said(state_of(lock=tired), Unlock(1, 1))
    assert error is None
    assert now.lock == Lock(since_ms=100_000, wanted=True, released=True)


@pytest.mark.parametrize(
    ("wanted", "failed", "pausing"), [(False, True, True), (False, False, False), (True, True, False)]
)
def test_a_lock_that_failed_to_unlock_begins_with_a_move(wanted: bool, failed: bool, pausing: bool) -> None:
    lock = Lock(since_ms=3, wanted=wanted, failed=failed)
    assert said(state_of(lock=lock), Unlock(1, 1))[0].lock.pausing is pausing


def test_a_welded_contactor_keeps_the_lock_with_its_own_sentence() -> None:
    state = state_of(latched=frozenset({"contactor_welded"}))
    assert "the contactor is welded; repair it" in str(said(state, Unlock(1, 1))[1])


@pytest.mark.parametrize(
    ("now_ms", "sensed", "allowed"),
    [(10_560, False, True), (10_561, False, False), (10_010, True, False), (10_010, None, False)],
)
def test_unlock_is_taken_for_as_long_as_an_opening_may_take(now_ms: int, sensed: bool | None, allowed: bool) -> None:
    state = state_of(contactor=Contactor(since_ms=10_000))
    now, error = said(state, Unlock(1, 1), now_ms, contactor=sensed)
    assert (error is None) is allowed
    assert now.lock.released is allowed


@pytest.mark.parametrize(
    ("available", "commanded", "sensed", "allowed"),
    [(False, False, False, True), (False, True, False, False), (False, False, True, False), (False, False, None, False),
     (True, True, True, True), (True, False, None, True)],
)  # fmt: skip
def test_state_f_needs_an_open_contactor_and_its_end_nothing(
    available: bool, commanded: bool, sensed: bool | None, allowed: bool
) -> None:
    state = state_of(contactor=Contactor(since_ms=0, commanded=commanded), available=not available)
    now, error = said(state, SetAvailable(1, 1, available), contactor=sensed)
    assert (error is None) is allowed
    assert now.available is (available if allowed else not available)


TESTED = replace(SOCKET, rcd_test=True)


@pytest.mark.parametrize(
    ("state", "seen", "sentence"),
    [
        (state_of(), {}, "has no test output"),
        (state_of(TESTED), {"contactor": None}, "not surely open"),
        (state_of(TESTED), {"contactor": True}, "not surely open"),
        (state_of(TESTED, contactor=Contactor(since_ms=0)), {}, "not surely open"),
        (state_of(TESTED, rcd_test=RcdTest(Stage.TRIPPING)), {}, "under way"),
        (state_of(TESTED, rcd_test=RcdTest(Stage.RELEASING)), {}, "under way"),
        (state_of(TESTED), {"faulty": frozenset({"rcd_trip"})}, "is tripped"),
    ],
)
def test_a_self_test_that_cannot_be_is_refused(state: State, seen: dict[str, Any], sentence: str) -> None:
    now, error = said(state, SelfTest(1, 1), **seen)
    assert now is state
    assert sentence in str(error)


@pytest.mark.parametrize("stage", [Stage.DUE, Stage.PASSED, Stage.FAILED])
def test_a_self_test_is_asked_for(stage: Stage) -> None:
    now, error = said(state_of(TESTED, rcd_test=RcdTest(stage)), SelfTest(1, 1), faulty=frozenset({"tilt"}))
    assert (now.rcd_test, error) == (RcdTest(asked=True), None)


def test_each_fault_is_reset_in_its_own_place() -> None:
    sick = state_of(
        faults=("contactor_failed", "lock_failed", "over_current", "phase_switch", "rcd_self_test"),
        warnings=("contactor_slow", "contactor_worn"),
        contactor=Contactor(since_ms=0, settled=True, tries=3, slow=2),
        lock=Lock(since_ms=3, wanted=True, tries=3, failed=True, pausing=True),
        over=OverCurrent(found=True),
        phases=Phases(since_ms=5, position=1, failed=True),
        rcd_test=RcdTest(Stage.FAILED),
        counters=Counters(cycles=9, slow_openings=2),
    )
    wanted: dict[str, dict[str, Any]] = {
        "contactor_failed": {"contactor": Contactor(since_ms=0, settled=True)},
        "contactor_slow": {"contactor": replace(sick.contactor, slow=0)},
        "contactor_worn": {"counters": Counters(cycles=0, slow_openings=2)},
        "lock_failed": {"lock": Lock(since_ms=100_000, wanted=True)},
        "over_current": {"over": OverCurrent()},
        "phase_switch": {"phases": Phases(since_ms=5, position=1)},
        "rcd_self_test": {"rcd_test": RcdTest()},
    }
    for code, changes in wanted.items():
        assert said(sick, ResetFault(1, 1, code)) == (replace(sick, resets_ms=160_000, **changes), None)


def test_resets_are_no_way_to_go_on_with_a_fault_for_ever() -> None:
    state, now_ms, done = state_of(warnings=("contactor_slow",)), 100_000, 0
    for second in range(300):
        reset = ResetFault(1, 1, "contactor_slow")
        state, error = commands.apply(state, Seen(None, None, False), reset, now_ms + 1_000 * second)
        done += error is None
    assert done == 9  # five at once, then one a minute
    assert "too many resets in a row" in str(error)


def test_a_latched_fault_is_forgotten_with_the_weld_of_the_contactor() -> None:
    coil = Contactor(since_ms=0, settled=True, open_since_ms=0)
    latched = frozenset({"contactor_welded", "rcd_trip"})
    away = CpTrack(state=CpState.A)
    sick = state_of(latched=latched, faults=tuple(sorted(latched)), contactor=coil, track=away)
    now, error = said(sick, ResetFault(1, 1, "contactor_welded"))
    assert (error, now.latched, now.contactor.welded) == (None, {"rcd_trip"}, False)
    unsure = replace(sick, contactor=replace(coil, settled=False, welded=True))
    assert "still seen closed" in str(said(unsure, ResetFault(1, 1, "contactor_welded"))[1])
    now, error = said(unsure, ResetFault(1, 1, "rcd_trip"))
    assert (error, now.latched, now.contactor.welded) == (None, {"contactor_welded"}, False)


def test_a_code_that_is_not_in_force_is_told_in_part() -> None:
    assert said(state_of(), ResetFault(1, 1, "x" * 50))[1] == f"cannot reset '{'x' * 40}': it is not in force"


@pytest.mark.parametrize(("code", "when"), [("diode", "when the vehicle is unplugged"), ("derated", "with its cause")])
def test_what_ends_by_itself_says_when(code: str, when: str) -> None:
    state = state_of(faults=("diode",), warnings=("derated",))
    now, error = said(state, ResetFault(1, 1, code))
    assert error == f"cannot reset {code}: it ends by itself {when}"
    assert now.faults == state.faults


@pytest.mark.parametrize("cp", ["B", "C", "D", "E", "F", None])
def test_a_trip_is_reset_without_a_vehicle_only(cp: str | None) -> None:
    latched = frozenset({"rcd_trip"})
    track = CpTrack(state=None if cp is None else CpState(cp))
    now, error = said(state_of(latched=latched, faults=("rcd_trip",), track=track), ResetFault(1, 1, "rcd_trip"))
    assert "unplug it first" in str(error)
    assert now.latched == latched


@pytest.mark.parametrize(
    ("stage", "ago_ms", "again"),
    [(Stage.PASSED, 9_999, False), (Stage.PASSED, 10_000, True), (Stage.FAILED, 9_999, False), (Stage.DUE, 1, True)],
)
def test_a_test_by_hand_is_done_again_after_ten_seconds(stage: Stage, ago_ms: int, again: bool) -> None:
    rules = replace(TETHERED, rcd_test=True)
    coil = Contactor(since_ms=0, settled=True, open_since_ms=0)
    state = replace(start(rules, 0), contactor=coil, rcd_test=RcdTest(stage, 100_000 - ago_ms))
    seen = Seen(12.0, 12.0, contactor=False)
    now, error = commands.apply(state, seen, SelfTest(1, 1), 100_000)
    assert (error is None) is again
    assert now.rcd_test.asked is again
