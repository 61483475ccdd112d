from dataclasses import replace
from math import inf

import pytest

from stationd.pilot.cp import CpTrack
from stationd.pilot.cycles import Counters
from stationd.pilot.interfaces import LockFeedback
from stationd.pilot.state import NO_DERATING, Pins, Rules, Seen, start, updated

RULES = Rules(max_a=16.0, has_socket=True)


def test_rules_that_nobody_gave_are_those_of_the_documents() -> None:
    assert Rules(
        max_a=16.0, has_socket=True, ventilated=False, hold_a=6.0, hold_ms=60_000, close_ms=1_000, open_ms=500,
        min_off_ms=2_000, lock_ms=3_000, phases=3, phase_switch=False, single_phase_max_a=inf, simplified_a=10.0,
        wake_up="none", fault_f_ms=300, burst_cycles=5, rest_ms=10_000, rated_cycles=0, slow_open_ms=100, stuck_ms=0,
        has_current=False, over_current_ms=7_000, has_temperature=False, derating=NO_DERATING, rcd_test=False,
        rcd_test_ms=1_000, unlock_on_power_loss=False,
    ) == RULES  # fmt: skip


def test_inputs_that_nobody_has_say_nothing() -> None:
    assert Seen(9.0, 9.0, False) == Seen(
        9.0, 9.0, False, lock=LockFeedback.NONE, pp_ohm=inf, faulty=frozenset(), cp_new=True, temperature_c=None,
        amps=None, phases=None, stalled=False,
    )  # fmt: skip


def test_pins_that_nobody_set_are_safe() -> None:
    assert Pins() == Pins(duty=100.0, closed=False, locked=None, phases=None, cp_connected=True, rcd_test=False)


def test_a_start_is_safe_and_everything_begins_at_its_time() -> None:
    state = start(RULES, 5_000, frozenset({"rcd_trip"}), Counters(cycles=7))
    began = (state.started_ms, state.permit.until_ms, state.contactor.since_ms, state.lock.since_ms)
    assert began == (5_000,) * 4
    assert (state.phases.since_ms, state.rested_ms, state.duty_kind_ms) == (5_000,) * 3
    assert (state.duty, state.offered_a, state.faults, state.warnings, state.waits_for) == (100.0, 0.0, (), (), "")
    assert (state.available, state.stopping, state.settled) == (True, False, False)
    assert (state.latched, state.counters.cycles) == ({"rcd_trip"}, 7)
    assert (start(RULES, 0).latched, start(RULES, 0).counters) == (frozenset(), Counters())


def test_an_update_without_news_is_the_same_object() -> None:
    state = start(RULES, 0)
    assert updated(state, track=state.track, settled=False) is state
    fresh = updated(state, track=CpTrack(count=1), settled=False)
    assert (fresh.track.count, fresh.permit) == (1, state.permit)


@pytest.mark.parametrize("has_test", [True, False])
def test_a_start_asks_for_a_self_test_where_there_is_one(has_test: bool) -> None:
    state = start(replace(RULES, rcd_test=has_test), 5_000)
    assert (state.rcd_test.asked, state.rcd_test.since_ms) == (has_test, 5_000)
    assert (state.rested_ms, state.resets_ms) == (5_000, 5_000)
