"""Vehicles and faults that take their time: each at its own EVSE of one station, all at once, at real times."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from tests.pilot.fault_rows.bench import Bench, bench, profile
from tests.pilot.fault_rows.place import Place
from tests.pilot.fault_rows.rows import Recorder, Round
from tests.pilot.fault_rows.scenarios import SCENARIOS, Scenario, Story

TRIES = 3
STOOD_STILL_MS = 80.0
"""A plant that is silent for 100 ms is a fault of the board, as it should be."""


@dataclass(slots=True)
class Told:
    """How a story ended, and why it was begun anew."""

    seen: Round | None
    again: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def side_by_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, list[Future[Told]]]]:
    evses = tuple(scenario.keys for scenario in SCENARIOS)
    folder = tmp_path_factory.mktemp("slow")
    with (
        bench(folder, profile(timings={}, evses=evses), evses=len(evses), look_ms=50) as made,
        ThreadPoolExecutor(len(evses)) as pool,
    ):
        yield made, [pool.submit(_tell, s.story, made.places[n]) for n, s in enumerate(SCENARIOS, start=1)]


def _tell(story: Story, place: Place) -> Told:
    """Go through a story; begin anew if it went wrong while the machine stood still."""
    again: list[str] = []
    while True:
        begun_ms = time.monotonic() * 1e3
        try:
            return Told(story(place), again)
        except AssertionError as error:
            late_ms = place.bench.late_ms(begun_ms, time.monotonic() * 1e3)
            if late_ms < STOOD_STILL_MS or len(again) + 1 == TRIES:
                raise
            again.append(f"something came {late_ms:.0f} ms late: {str(error)[:60]}")
            place.mend()
            place.empty()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "scenario"), list(enumerate(SCENARIOS)), ids=[scenario.name.replace(" ", "-") for scenario in SCENARIOS]
)
def test_side_by_side(
    side_by_side: tuple[Bench, list[Future[Told]]], recorder: Recorder, number: int, scenario: Scenario
) -> None:
    made, futures = side_by_side
    place = made.places[number + 1]
    told = futures[number].result()
    for why in told.again:
        recorder.again(f"{scenario.name}: {why}")
    place.judge()
    if told.seen is not None:
        rounds = iter([told.seen])
        recorder.in_time(made, lambda: next(rounds, None) or _again(place, scenario))
        place.judge()


def _again(place: Place, scenario: Scenario) -> Round:
    seen = scenario.story(place)
    assert seen is not None
    return seen
