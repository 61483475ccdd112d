from math import inf, nan

import pytest

from stationd.pilot.derating import DWELL_MS, Curve, Heat, allowed_a, follow, readable

CURVE = Curve(60.0, 80.0, 85.0, 5.0)


def warmed(celsius: float, heat: Heat | None = None) -> Heat:
    heat = heat or Heat()
    for now_ms in range(0, DWELL_MS + 1, 100):
        heat = follow(heat, celsius, now_ms, hysteresis_c=5.0)
    return heat


@pytest.mark.parametrize(
    ("celsius", "amps"),
    [(-20, 32), (60, 32), (60.1, 31), (70, 19), (79.9, 6), (80, 6), (84.9, 6), (85, 0), (120, 0)],
)
def test_current_falls_in_proportion_to_six_amperes_and_then_to_none(celsius: float, amps: float) -> None:
    assert allowed_a(Heat(celsius), CURVE, 32.0) == amps


def test_without_a_curve_every_temperature_allows_everything() -> None:
    assert allowed_a(Heat(199.0), Curve(), 32.0) == 32.0


def test_a_limit_below_six_amperes_is_not_raised() -> None:
    assert allowed_a(Heat(82.0), CURVE, 0.0) == 0.0
    assert allowed_a(Heat(82.0), CURVE, 6.0) == 6.0


def test_a_higher_reading_counts_once_it_stood() -> None:
    heat = follow(Heat(30.0), 90.0, 0, hysteresis_c=5.0)
    heat = follow(heat, 90.0, DWELL_MS - 1, hysteresis_c=5.0)
    assert heat.celsius == 30.0
    assert follow(heat, 90.0, DWELL_MS, hysteresis_c=5.0) == Heat(90.0)


def test_one_wild_reading_counts_for_nothing() -> None:
    heat = follow(Heat(30.0), 90.0, 0, hysteresis_c=5.0)
    heat = follow(heat, 30.0, 256, hysteresis_c=5.0)
    assert heat == Heat(30.0)
    assert follow(heat, 90.0, DWELL_MS, hysteresis_c=5.0).celsius == 30.0


def test_what_cools_stays_hysteresis_behind() -> None:
    heat = warmed(86.0)
    assert follow(heat, 82.0, 0, hysteresis_c=5.0) is heat
    assert allowed_a(follow(heat, 80.1, 0, hysteresis_c=5.0), CURVE, 32.0) == 0.0
    assert follow(heat, 79.0, 0, hysteresis_c=5.0) == Heat(84.0)
    assert allowed_a(Heat(84.0), CURVE, 32.0) == 6.0


@pytest.mark.parametrize("celsius", [None, nan, inf, -inf, -60.1, 200.1])
def test_what_no_board_shows_is_unreadable_and_changes_nothing(celsius: float | None) -> None:
    assert not readable(celsius)
    heat = Heat(30.0, 5)
    assert follow(heat, celsius, 10_000, hysteresis_c=5.0) is heat


@pytest.mark.parametrize("celsius", [-60.0, 0.0, 200.0])
def test_what_a_board_may_show_is_readable(celsius: float) -> None:
    assert readable(celsius)


def test_the_same_temperature_makes_no_new_object() -> None:
    heat = warmed(40.0)
    assert follow(heat, 40.0, 9_999, hysteresis_c=5.0) is heat


def test_the_curve_without_a_choice_has_5_degrees_of_hysteresis() -> None:
    assert Curve().hysteresis_c == 5.0


def test_a_reading_that_rises_late_has_its_own_half_second() -> None:
    heat = follow(Heat(30.0), 90.0, 10_000, hysteresis_c=5.0)
    assert follow(heat, 90.0, 10_499, hysteresis_c=5.0) is heat
    assert follow(heat, 90.0, 10_500, hysteresis_c=5.0) == Heat(90.0)


def test_up_to_the_begin_of_the_curve_no_part_of_an_ampere_is_lost() -> None:
    assert allowed_a(Heat(60.0), CURVE, 15.5) == 15.5
    assert allowed_a(Heat(60.1), CURVE, 15.5) == 15.0


def test_a_curve_may_be_a_step() -> None:
    step = Curve(60.0, 60.0, 85.0, 5.0)
    assert [allowed_a(Heat(celsius), step, 32.0) for celsius in (60.0, 60.1, 85.0)] == [32.0, 6.0, 0.0]
