from math import inf, nan

import pytest

from stationd.pilot.leaky import Leaky
from stationd.pilot.over_current import LAG_MS, TOLERANCE, TOLERANCE_A, OverCurrent, follow, readable

NONE = OverCurrent()


def look(over: OverCurrent, amps: float | None, now_ms: int, **changes: object) -> OverCurrent:
    situation = {"offered_a": 16.0, "closed": True, "gone": False, "patience_ms": 7_000} | changes
    currents = None if amps is None else (0.0, amps, 0.0)
    return follow(over, currents, now_ms, **situation)  # type: ignore[arg-type]


def drawn(*parts: tuple[float, int, float], every_ms: int = 100) -> OverCurrent:
    """Return the state after parts of (amperes, milliseconds, offer)."""
    over, now_ms = NONE, 1_000
    for amps, ms, offered_a in parts:
        for _ in range(ms // every_ms):
            over = look(over, amps, now_ms, offered_a=offered_a)
            now_ms += every_ms
    return over


def test_ten_percent_and_half_an_ampere_are_tolerated() -> None:
    assert not drawn((16 * 1.1 + 0.5, 60_000, 16.0)).found
    assert drawn((18.2, 60_000, 16.0)).found


def test_too_much_for_seven_seconds_is_found() -> None:
    assert not drawn((20.0, 7_000, 16.0)).found
    found = drawn((20.0, 7_100, 16.0))
    assert found.found
    assert look(found, 20.0, 8_100) is found


def test_a_dip_costs_no_more_than_it_lasts() -> None:
    assert drawn((20.0, 6_800, 16.0), (0.0, 100, 16.0), (20.0, 400, 16.0)).found
    assert drawn(*[(20.0, 900, 16.0), (0.0, 100, 16.0)] * 9).found


def test_a_vehicle_that_is_mostly_in_bounds_is_not_found() -> None:
    assert not drawn(*[(20.0, 3_000, 16.0), (16.0, 3_000, 16.0)] * 20).found


def test_a_lower_offer_counts_after_six_seconds() -> None:
    assert not drawn((16.0, 1_000, 16.0), (16.0, 6_000 + 6_900, 8.0)).found
    assert drawn((16.0, 1_000, 16.0), (16.0, 6_000 + 7_200, 8.0)).found


def test_a_short_lower_offer_does_not_count() -> None:
    assert not drawn(*[(16.0, 5_000, 16.0), (16.0, 5_000, 8.0)] * 10).found


@pytest.mark.parametrize("pause_ms", [100, 5_000])
def test_a_pause_now_and_then_does_not_hide_too_much(pause_ms: int) -> None:
    assert drawn(*[(40.0, 5_000, 16.0), (40.0, pause_ms, 0.0)] * 4).found


def test_it_stays_until_the_plug_is_out() -> None:
    found = OverCurrent(found=True, peak_a=16.0)
    assert look(found, 0.0, 9_000).found
    assert look(found, 0.0, 9_000, closed=False).found
    assert look(found, 0.0, 9_000, gone=True) == NONE
    assert look(NONE, 20.0, 9_000, gone=True) is NONE


def test_an_open_contactor_is_not_judged() -> None:
    over = NONE
    for now_ms in range(0, 30_000, 100):
        over = look(over, 30.0, now_ms, closed=False)
    assert not over.found


def test_steady_currents_make_no_new_object() -> None:
    over = drawn((16.0, 500, 16.0))
    assert look(over, 16.0, 9_000) is over


@pytest.mark.parametrize("amps", [None, nan, inf, -inf, 1_001.0, -1_001.0])
def test_what_cannot_be_a_current_changes_nothing(amps: float | None) -> None:
    over = OverCurrent(peak_a=16.0)
    running = OverCurrent(Leaky(since_ms=8_000), peak_a=16.0)
    assert look(running, amps, 9_000) == OverCurrent(Leaky(empty_ms=10_000), peak_a=16.0)
    assert not readable(None if amps is None else (0.0, amps, 0.0))
    assert look(over, amps, 9_000) is over


def test_ordinary_currents_can_be_read() -> None:
    assert readable((-1_000.0, 0.0, 1_000.0))


def test_the_tolerance_is_a_tenth_and_half_an_ampere() -> None:
    assert (TOLERANCE, TOLERANCE_A, LAG_MS) == (1.1, 0.5, 6_000)


def test_the_offer_that_counts_is_the_highest_of_the_last_seconds() -> None:
    over = look(NONE, 0.0, 0, offered_a=16.0)
    assert over == OverCurrent(peak_a=16.0)
    lower = look(over, 0.0, 1_000, offered_a=8.0)
    assert lower == OverCurrent(peak_a=16.0, below_since_ms=1_000)
    assert look(lower, 0.0, 6_999, offered_a=8.0) is lower
    assert look(lower, 0.0, 7_000, offered_a=8.0) == OverCurrent(peak_a=8.0)
    assert look(lower, 0.0, 3_000, offered_a=16.0) == over
    assert look(lower, 0.0, 3_000, offered_a=20.0) == OverCurrent(peak_a=20.0)


def test_an_excess_that_ended_is_not_found_afterwards() -> None:
    late = OverCurrent(excess=Leaky(since_ms=0), peak_a=16.0)
    assert not look(late, 16.0, 9_000).found
    assert look(late, 20.0, 7_000).found
    assert not look(late, 20.0, 6_999).found
