from math import inf, nan

import pytest

from stationd.pilot.proximity import SETTLE_MS, Cable, cable_amps, follow


@pytest.mark.parametrize(
    ("ohms", "amps"),
    [(1500, 13), (680, 20), (220, 32), (100, 63),  # nominal
     (2460, 13), (1100, 13), (936, 20), (400, 20), (308, 32), (164, 32), (140, 63), (80, 63),  # ends of rows
     (1000, 13), (350, 20), (150, 32), (70, 63), (3000, 13), (309, 20), (937, 13), (141, 32),  # gaps: the weaker cable
     (60, 63), (4500, 13)],
)  # fmt: skip
def test_a_resistance_is_a_cable(ohms: float, amps: float) -> None:
    assert cable_amps(ohms) == amps


@pytest.mark.parametrize("ohms", [None, 0, 59.9, 4500.1, inf, -inf, nan, -100])
def test_what_no_cable_has_is_no_cable(ohms: float | None) -> None:
    assert cable_amps(ohms) is None


def settle(cable: Cable, amps: float | None, now_ms: int, *, plugged: bool) -> Cable:
    for at in range(now_ms, now_ms + SETTLE_MS + 20, 10):
        cable = follow(cable, amps, at, plugged=plugged)
    return cable


def test_a_reading_counts_after_it_stood_still() -> None:
    cable = follow(Cable(), 32.0, 0, plugged=True)
    cable = follow(cable, 32.0, SETTLE_MS - 1, plugged=True)
    assert cable.amps is None
    cable = follow(cable, 13.0, SETTLE_MS, plugged=True)
    cable = follow(cable, 32.0, SETTLE_MS + 10, plugged=True)
    assert cable.amps is None
    assert settle(cable, 32.0, 200, plugged=True).amps == 32.0


def test_while_plugged_a_rating_falls_but_never_rises_not_even_after_a_gap() -> None:
    cable = settle(Cable(), 32.0, 0, plugged=True)
    cable = settle(cable, 13.0, 1_000, plugged=True)
    assert cable.amps == 13.0
    cable = settle(cable, 32.0, 2_000, plugged=True)
    assert cable.amps == 13.0
    cable = settle(cable, None, 3_000, plugged=True)
    assert cable.amps is None
    cable = settle(cable, 63.0, 4_000, plugged=True)
    assert cable.amps == 13.0
    cable = settle(cable, 63.0, 5_000, plugged=False)
    assert cable.amps == 63.0


def test_a_settled_cable_makes_no_new_objects() -> None:
    cable = settle(Cable(), 32.0, 0, plugged=True)
    assert follow(cable, 32.0, 10_000, plugged=True) is cable


@pytest.mark.parametrize(
    ("good", "odd", "trusted"), [(64, 64, False), (4, 4, False), (200, 64, False), (600, 64, True)]
)
@pytest.mark.parametrize("other", [None, 13.0, 63.0])
def test_a_reading_that_comes_and_goes_is_no_cable(good: int, odd: int, trusted: bool, other: float | None) -> None:
    cable = settle(Cable(), 32.0, 0, plugged=True)
    worst_ms = 0
    for now_ms in range(1_000, 5_000, 4):
        amps = 32.0 if (now_ms - 1_000) % (good + odd) >= odd else other
        cable = follow(cable, amps, now_ms, plugged=True)
        if cable.amps is None and not worst_ms:
            worst_ms = now_ms - 1_000
    assert (worst_ms == 0) is trusted
    assert worst_ms <= max(good + odd, SETTLE_MS) + 64
    assert settle(cable, 32.0, 5_000, plugged=True).amps == 32.0


def test_a_reading_counts_after_exactly_100_ms() -> None:
    cable = follow(Cable(), 32.0, 1_000, plugged=True)
    assert follow(cable, 32.0, 1_099, plugged=True).amps is None
    assert follow(cable, 32.0, 1_100, plugged=True).amps == 32.0


def test_an_odd_reading_is_remembered_from_its_first_sight_and_no_cable_after_100_ms() -> None:
    cable = settle(Cable(), 32.0, 0, plugged=True)
    odd = follow(cable, 13.0, 1_000, plugged=True)
    assert (odd.amps, odd.odd_since_ms) == (32.0, 1_000)
    back = follow(odd, 32.0, 1_004, plugged=True)
    assert back.odd_since_ms == 1_000
    assert follow(back, 13.0, 1_099, plugged=True).amps == 32.0
    gone = follow(back, 13.0, 1_100, plugged=True)
    assert gone.amps is None
    assert follow(gone, 13.0, 1_104, plugged=True) is gone


def test_a_reading_that_stood_for_300_ms_is_trusted_like_before() -> None:
    cable = follow(settle(Cable(), 32.0, 0, plugged=True), 13.0, 1_000, plugged=True)
    cable = follow(cable, 32.0, 1_004, plugged=True)
    cable = follow(cable, 32.0, 1_303, plugged=True)
    assert cable.odd_since_ms == 1_000
    assert follow(cable, 32.0, 1_304, plugged=True).odd_since_ms is None


def test_what_was_read_without_a_vehicle_limits_nobody() -> None:
    cable = settle(Cable(), 13.0, 0, plugged=False)
    assert follow(cable, 13.0, 500, plugged=False) is cable
    assert settle(cable, 32.0, 1_000, plugged=True).amps == 32.0
