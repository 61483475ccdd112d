from dataclasses import replace

from stationd.pilot.cycles import Counters
from stationd.pilot.state import Rules, State, start, updated

RULES = Rules(max_a=16.0, has_socket=True)


def test_a_start_is_open_without_permit_and_knows_what_outlived_the_restart() -> None:
    state = start(RULES, 5_000, frozenset({"rcd_trip"}), Counters(cycles=7))
    assert not state.contactor.commanded
    assert state.permit.until_ms == 5_000
    assert not state.permit.granted
    assert state.latched == {"rcd_trip"}
    assert state.counters.cycles == 7
    assert start(RULES, 5_000).counters == Counters()


def test_equal_states_have_equal_hashes() -> None:
    one, other = start(RULES, 5), start(RULES, 5)
    assert one is not other
    assert {one: 1}[other] == 1
    assert hash(replace(one, stopping=True)) != hash(one)


def test_an_update_that_changes_nothing_makes_no_new_object() -> None:
    state = start(RULES, 5)
    assert updated(state, permit=state.permit, stopping=False) is state
    changed: State = updated(state, permit=state.permit, stopping=True)
    assert changed == replace(state, stopping=True)
