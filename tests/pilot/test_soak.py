"""The short form of `make soak`."""

import time

import pytest

from tests.pilot.soak import MINUTE, Soak, soak

MINUTES = 4


def test_nothing_grows_in_minutes_of_charging_tripping_and_talking() -> None:
    began = time.process_time()
    done = soak(MINUTES, 1)
    first, last = done.weights
    assert done.ticks >= MINUTES * MINUTE
    assert (done.cycles, done.trips) == (3 * MINUTES, MINUTES)  # it did what it is weighed for
    assert last.cycles == 0
    assert last.blocks - first.blocks <= 20, done.weights
    assert time.process_time() - began < 60


def test_growth_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """One reference cycle, and one kept list, in each minute."""
    kept: list[object] = []

    def leak(self: Soak) -> None:
        cycle: list[object] = []
        cycle.append(cycle)
        kept.extend([object()] for _ in range(20))

    monkeypatch.setattr(Soak, "mend", lambda self: (leak(self), setattr(self.bench, "faulty", frozenset())))
    first, last = soak(3, 1).weights
    assert last.cycles == 2
    assert last.blocks - first.blocks > 40
