from dataclasses import replace
from math import inf, nan

import pytest

from stationd.pilot.derating import FALL_MS, RISE_MS, Curve, Heat, allowed_a, follow, readable
from stationd.pilot.leaky import Leaky

CURVE = Curve(60.0, 80.0, 85.0, 5.0)


def shown(heat: Heat, *readings: tuple[float | None, int], every_ms: int = 100) -> Heat:
    """Return the heat after readings that each last for so many milliseconds."""
    now_ms = 0
    for celsius, ms in readings:
        for _ in range(ms // every_ms):
            heat = follow(heat, celsius, now_ms, hysteresis_c=5.0)
            now_ms += every_ms
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
    assert shown(Heat(30.0), (90.0, RISE_MS)).celsius == 30.0
    assert shown(Heat(30.0), (90.0, RISE_MS + 100)) == Heat(90.0)


def test_the_lowest_of_the_higher_readings_counts() -> None:
    assert shown(Heat(30.0), (190.0, 300), (61.0, 100), (90.0, 200)) == Heat(61.0)


def test_one_wild_reading_counts_for_nothing() -> None:
    heat = shown(Heat(30.0), (190.0, 200), (30.0, 300))
    assert heat == Heat(30.0)
    assert shown(Heat(30.0), (190.0, 200), (30.0, 300), (190.0, 500)).celsius == 30.0


def test_a_sensor_that_drops_out_now_and_then_hides_no_heat() -> None:
    flickering = [(90.0, 300), (20.0, 100)] * 4
    assert shown(Heat(30.0), *flickering).celsius == 90.0
    assert shown(Heat(90.0), *flickering * 5).celsius == 90.0


def test_what_cools_counts_after_five_seconds_and_stays_hysteresis_behind() -> None:
    hot = Heat(86.0)
    assert shown(hot, (79.0, FALL_MS)).celsius == 86.0
    assert shown(hot, (79.0, FALL_MS + 100)) == Heat(84.0)
    assert shown(hot, (81.0, 60_000)) is hot


def test_the_highest_of_the_lower_readings_counts() -> None:
    assert shown(Heat(86.0), (20.0, 2_000), (70.0, 100), (20.0, 3_000)) == Heat(75.0)


def test_one_warm_reading_begins_the_cooling_anew() -> None:
    assert shown(Heat(86.0), (20.0, 4_900), (85.0, 100), (20.0, 4_900)).celsius == 86.0


@pytest.mark.parametrize("celsius", [None, nan, inf, -inf, -60.1, 200.1])
def test_what_no_board_shows_is_unreadable_and_changes_nothing(celsius: float | None) -> None:
    assert not readable(celsius)
    rising = Heat(30.0, Leaky(since_ms=9_900), 60.0)
    assert follow(rising, celsius, 10_000, hysteresis_c=5.0) == Heat(30.0, Leaky(empty_ms=10_100), 60.0)
    heat = Heat(30.0)
    assert follow(heat, celsius, 10_000, hysteresis_c=5.0) is heat


@pytest.mark.parametrize("celsius", [-60.0, 0.0, 200.0])
def test_what_a_board_may_show_is_readable(celsius: float) -> None:
    assert readable(celsius)


@pytest.mark.parametrize("celsius", [40.0, 36.0, 41.0, 20.0])
def test_the_same_temperature_makes_no_new_object(celsius: float) -> None:
    heat = shown(Heat(40.0), (celsius, 200))
    assert follow(heat, celsius, 250, hysteresis_c=5.0) is heat


def test_without_another_word_a_limit_rises_again_five_degrees_cooler() -> None:
    assert Curve() == Curve(inf, inf, inf, 5.0)


@pytest.mark.parametrize(("celsius", "amps"), [(60.0, 32.0), (80.0, 6.0), (81.0, 6.0), (84.99, 6.0)])
def test_the_ends_of_the_curve_are_its_values(celsius: float, amps: float) -> None:
    assert allowed_a(Heat(celsius), CURVE, 32.0) == amps


def test_each_step_of_rising_and_falling_is_remembered() -> None:
    rising = follow(Heat(30.0, falling_since_ms=3, falling_c=9.0), 50.0, 1_000, hysteresis_c=5.0)
    assert rising == Heat(30.0, rising=Leaky(since_ms=1_000), rising_c=50.0)
    assert follow(rising, 50.0, 1_100, hysteresis_c=5.0) is rising
    assert follow(rising, 45.0, 1_100, hysteresis_c=5.0) == replace(rising, rising_c=45.0)
    stopped = follow(rising, 30.0, 1_300, hysteresis_c=5.0)
    assert stopped == Heat(30.0, rising=Leaky(empty_ms=1_600), rising_c=50.0)
    assert follow(stopped, 30.0, 1_600, hysteresis_c=5.0) == Heat(30.0)
    falling = follow(Heat(60.0), 20.0, 1_000, hysteresis_c=5.0)
    assert falling == Heat(60.0, falling_since_ms=1_000, falling_c=20.0)
    assert follow(falling, 30.0, 1_100, hysteresis_c=5.0) == replace(falling, falling_c=30.0)
    assert follow(falling, 57.0, 1_100, hysteresis_c=5.0) == Heat(60.0)
