import pytest

from stationd.pilot.cp import CpState
from stationd.pilot.vehicle import LEAVE_C_MS, Vehicle, follow, simplified, unsure


def seen(states: str, every_ms: int = 100) -> Vehicle:
    vehicle = Vehicle()
    for n, state in enumerate(states):
        vehicle = follow(vehicle, None if state == "-" else CpState(state), n * every_ms)
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
    assert unsure(vehicle, 100 + LEAVE_C_MS - 1)
    assert not unsure(vehicle, 100 + LEAVE_C_MS)


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
    assert follow(vehicle, CpState(states[-1]), 900) is vehicle
