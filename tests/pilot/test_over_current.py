from math import inf, nan

import pytest

from stationd.pilot.over_current import OverCurrent, follow, readable

NONE = OverCurrent()


def look(over: OverCurrent, amps: float | None, now_ms: int, **changes: object) -> OverCurrent:
    situation = {"offered_a": 16.0, "closed": True, "plugged": True, "patience_ms": 7_000} | changes
    currents = None if amps is None else (0.0, amps, 0.0)
    return follow(over, currents, now_ms, **situation)  # type: ignore[arg-type]


def test_ten_percent_and_half_an_ampere_are_tolerated() -> None:
    assert look(NONE, 16 * 1.1 + 0.5, 0) is NONE
    assert look(NONE, 18.11, 0).since_ms == 0
    assert look(NONE, 1.7, 0, offered_a=1.0).since_ms == 0
    assert look(NONE, 1.6, 0, offered_a=1.0) is NONE


def test_too_much_for_seven_seconds_is_found() -> None:
    over = look(NONE, 20.0, 1_000)
    over = look(over, 20.0, 7_999)
    assert not over.found
    over = look(over, 20.0, 8_000)
    assert over.found
    assert look(over, 20.0, 9_000) is over


def test_a_moment_in_bounds_begins_the_time_anew() -> None:
    over = look(look(NONE, 20.0, 0), 16.0, 5_000)
    assert over == NONE
    assert not look(look(over, 20.0, 5_100), 20.0, 12_000).found


def test_it_stays_until_the_plug_is_out() -> None:
    found = OverCurrent(0, found=True)
    assert look(found, 0.0, 9_000).found
    assert look(found, 0.0, 9_000, closed=False).found
    assert look(found, 0.0, 9_000, plugged=False) == NONE
    assert look(OverCurrent(5), 20.0, 9_000, plugged=False) == NONE
    assert look(OverCurrent(None, found=True), 20.0, 9_000, plugged=False) == NONE
    assert look(NONE, 20.0, 9_000, plugged=False) is NONE


@pytest.mark.parametrize("changes", [{"closed": False}, {"offered_a": 0.0}])
def test_without_load_or_offer_nothing_is_judged(changes: dict[str, object]) -> None:
    assert look(NONE, 30.0, 0, **changes) is NONE
    assert look(OverCurrent(0), 30.0, 9_000, **changes) == NONE


@pytest.mark.parametrize("amps", [None, nan, inf, -inf, 1_001.0, -1_001.0])
def test_what_cannot_be_a_current_changes_nothing(amps: float | None) -> None:
    over = OverCurrent(0)
    assert not readable(None if amps is None else (0.0, amps, 0.0))
    assert look(over, amps, 9_000) is over


def test_ordinary_currents_can_be_read() -> None:
    assert readable((-1_000.0, 0.0, 1_000.0))
