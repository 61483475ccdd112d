import pytest

from stationd.pilot.cp import GONE_MS, CpState, CpTrack
from stationd.pilot.vehicle import FORGET_MS, LEAVE_C_MS, SEEN_B_MS, Vehicle, follow, simplified, unsure


def seen(states: str, every_ms: int = 400) -> Vehicle:
    """Return the vehicle after states that each stand for so long; `-` is none yet."""
    vehicle = Vehicle()
    for n, state in enumerate(states):
        if state != "-":
            track = CpTrack(state=CpState(state), since_ms=n * every_ms)
            for now_ms in range(n * every_ms, (n + 1) * every_ms, 50):
                vehicle = follow(vehicle, track, now_ms)
    return vehicle


@pytest.mark.parametrize("states", ["AC", "AD", "AECC", "-AC", "AFC", "ABAC"])
def test_a_vehicle_that_never_showed_b_is_simplified(states: str) -> None:
    assert simplified(seen(states))
    assert not unsure(seen(states), 1_000)


@pytest.mark.parametrize("states", ["AB", "ABC", "ABCEC", "B", "CB", "CBC", "ACB"])
def test_a_vehicle_that_showed_b_is_not(states: str) -> None:
    assert not simplified(seen(states))
    assert not unsure(seen(states), 1_000)


def test_a_vehicle_found_in_c_at_the_start_has_three_seconds_to_show_b() -> None:
    vehicle = seen("-C")
    assert simplified(vehicle)
    assert LEAVE_C_MS == 3_100
    assert unsure(vehicle, 400 + LEAVE_C_MS - 1)
    assert not unsure(vehicle, 400 + LEAVE_C_MS)


def test_a_vehicle_found_at_the_start_was_not_seen_to_come() -> None:
    assert not seen("C").came
    assert seen("AC").came
    assert not Vehicle().came


@pytest.mark.parametrize("states", ["", "A", "E", "F", "ABCA", "CA"])
def test_no_vehicle_is_neither(states: str) -> None:
    assert not simplified(seen(states))
    assert not unsure(seen(states), 0)


def test_a_vehicle_found_at_the_start_is_another_one_after_it_left() -> None:
    assert not unsure(seen("CAC"), 200)


@pytest.mark.parametrize("states", ["AA", "ABB", "ABE", "ABCC"])
def test_nothing_new_makes_no_new_object(states: str) -> None:
    vehicle = seen(states[:-1])
    assert follow(vehicle, CpTrack(state=CpState(states[-1]), since_ms=2_000), 2_900) is vehicle


def test_a_b_that_is_but_passed_on_the_way_to_c_does_not_count() -> None:
    away = seen("A")
    edge = follow(away, CpTrack(state=CpState.B, since_ms=1_000), 1_000 + SEEN_B_MS - 1)
    assert simplified(edge)
    assert not simplified(follow(edge, CpTrack(state=CpState.B, since_ms=1_000), 1_000 + SEEN_B_MS))


def test_a_moment_of_a_is_a_bad_contact_and_no_new_vehicle() -> None:
    ordinary = seen("AB")
    glitch = CpTrack(state=CpState.A, since_ms=1_000)
    assert follow(ordinary, glitch, 1_000 + GONE_MS - 1) is ordinary
    assert follow(ordinary, glitch, 1_000 + GONE_MS) == Vehicle(was_away=True)


def test_behind_a_state_f_may_be_another_vehicle_after_a_second() -> None:
    ordinary = seen("AB")
    hidden = CpTrack(state=CpState.F, since_ms=1_000)
    assert follow(ordinary, hidden, 1_000 + FORGET_MS - 1) is ordinary
    forgotten = follow(ordinary, hidden, 1_000 + FORGET_MS)
    assert forgotten == Vehicle()
    assert follow(forgotten, hidden, 9_000) is forgotten


def test_the_times_are_those_of_the_rules() -> None:
    assert (SEEN_B_MS, FORGET_MS, LEAVE_C_MS, GONE_MS) == (100, 1_000, 3_100, 300)


@pytest.mark.parametrize("cp", ["B", "C", "D", "E"])
def test_only_a_state_f_hides_who_is_plugged(cp: str) -> None:
    ordinary = seen("AB")
    assert follow(ordinary, CpTrack(state=CpState(cp), since_ms=1_000), 90_000) == ordinary
