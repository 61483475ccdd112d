"""The short form of `make soak`."""

import time

import pytest

from tests.pilot.soak import MINUTE, Soak, soak

MINUTES = 4


def test_nothing_grows_in_minutes_of_charging_tripping_and_talking() -> None:
    began = time.process_time()
    short = soak(1).weight
    done = soak(MINUTES)
    assert done.ticks >= MINUTES * MINUTE
    assert (done.cycles, done.trips) == (3 * MINUTES, MINUTES)  # it did what it is weighed for
    assert done.weight.cycles == 0
    assert done.weight.blocks - short.blocks <= 20
    assert done.weight.last_rss_kib < done.weight.first_rss_kib * 1.01
    assert time.process_time() - began < 60


def test_growth_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """One reference cycle, and one kept list, in each minute."""
    kept: list[object] = []

    def leak(self: Soak) -> None:
        cycle: list[object] = []
        cycle.append(cycle)
        kept.extend([object()] for _ in range(20))

    monkeypatch.setattr(Soak, "mend", lambda self: (leak(self), setattr(self.bench, "faulty", frozenset())))
    short, longer = soak(1).weight, soak(3).weight
    assert longer.cycles == 3
    assert longer.blocks - short.blocks > 40
