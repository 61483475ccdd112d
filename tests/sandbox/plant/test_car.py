"""The car: when S2 moves, how the current follows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationd.sandbox.plant.car import FALL_A_PER_S, NS, RISE_A_PER_S, Car, ramp

S2_CLOSE_NS, S2_OPEN_NS = 200_000_000, 1_500_000_000


def car(**changes: object) -> Car:
    values: dict[str, object] = {"max_a": 16.0, "phases": 3, "cable_a": 32.0, "wants": True}
    return Car(**{**values, **changes})  # type: ignore[arg-type]


def test_car_closes_s2_soon_after_an_offer_and_not_before() -> None:
    it = car()
    it.see_offer(16, 0)
    it.happen(S2_CLOSE_NS - 1)
    assert not it.s2_closed
    it.happen(S2_CLOSE_NS)
    assert it.s2_closed
    assert it.next_event_ns() is None


def test_car_without_wish_leaves_s2_open() -> None:
    it = car(wants=False)
    it.see_offer(16, 0)
    assert it.next_event_ns() is None


def test_car_stops_drawing_at_once_and_opens_s2_within_3_s_when_the_offer_ends() -> None:
    it = car(s2_closed=True, offered_a=16.0)
    assert it.target_a == 16
    it.see_offer(0, 0)
    assert it.target_a == 0
    assert it.next_event_ns() == S2_OPEN_NS < 3 * NS
    it.happen(S2_OPEN_NS)
    assert not it.s2_closed


def test_offer_that_comes_back_in_time_keeps_s2_closed() -> None:
    it = car(s2_closed=True, offered_a=16.0)
    it.see_offer(0, 0)
    it.see_offer(10, S2_OPEN_NS - 1)
    assert it.next_event_ns() is None
    assert it.target_a == 10


def test_car_wants_power_when_its_time_has_come() -> None:
    it = car(wants=False, wants_at_ns=5 * NS)
    it.see_offer(16, 0)
    it.happen(5 * NS - 1)
    assert not it.s2_closed
    it.happen(5 * NS)
    assert it.s2_closed


@pytest.mark.parametrize(("max_a", "offer", "cable", "target"), [(16, 32, 20, 16), (32, 10, 20, 10), (32, 63, 13, 13)])
def test_target_is_the_least_of_car_offer_and_cable(max_a: float, offer: float, cable: float, target: float) -> None:
    assert car(max_a=max_a, cable_a=cable, offered_a=offer, s2_closed=True).target_a == target


def test_ramp_reaches_its_target_exactly_and_stays() -> None:
    end, charge, square = ramp(0.0, 12.0, 3.0)
    assert end == 12
    assert charge == pytest.approx(12 * 1.0 / 2 + 12 * 2.0)
    assert square == pytest.approx(12**2 / 3 + 12**2 * 2.0)


@given(st.floats(0, 80), st.floats(0, 80), st.floats(0, 10), st.floats(0, 10))
def test_ramp_in_two_steps_is_the_ramp_in_one(start: float, target: float, first_s: float, second_s: float) -> None:
    middle, charge_1, square_1 = ramp(start, target, first_s)
    end, charge_2, square_2 = ramp(middle, target, second_s)
    whole_end, charge, square = ramp(start, target, first_s + second_s)
    assert end == pytest.approx(whole_end, abs=1e-6)
    assert charge_1 + charge_2 == pytest.approx(charge, rel=1e-6, abs=1e-6)
    assert square_1 + square_2 == pytest.approx(square, rel=1e-6, abs=1e-6)
    assert abs(end - start) <= max(RISE_A_PER_S, FALL_A_PER_S) * (first_s + second_s) + 1e-6
