"""The station's clock."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from stationd.station.ports import Clock
from stationd.station.timekeeper import Timekeeper, rfc3339

START = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """System time and monotonic time that the test moves apart."""

    def __init__(self, *, system: datetime = START, last_known: datetime | None = None) -> None:
        self.system = system
        self.mono = 100.0
        self.keeper = Timekeeper(last_known=last_known, system_time=lambda: self.system, monotonic=lambda: self.mono)
        port: Clock = self.keeper
        assert port.monotonic() == 100.0

    def pass_time(self, seconds: float) -> None:
        self.system += timedelta(seconds=seconds)
        self.mono += seconds


def test_the_systems_time_counts_until_the_csms_has_spoken() -> None:
    world = World()
    assert world.keeper.now() == START
    world.system += timedelta(hours=1)  # NTP found the time
    assert world.keeper.now() == START + timedelta(hours=1)


def test_a_board_without_a_battery_never_goes_before_the_last_known_time() -> None:
    world = World(system=datetime(1970, 1, 1, tzinfo=UTC), last_known=START)
    assert world.keeper.now() == START
    world.pass_time(5)
    assert world.keeper.now() == START + timedelta(seconds=5)
    world.system = START + timedelta(days=1)
    assert world.keeper.now() == START + timedelta(days=1)


def test_the_csmss_time_wins_when_it_differs_by_more_than_two_seconds() -> None:
    world = World()
    world.keeper.csms_time(START + timedelta(minutes=10))
    world.pass_time(3)
    assert world.keeper.now() == START + timedelta(minutes=10, seconds=3)


def test_a_smaller_difference_says_nothing() -> None:
    world = World()
    world.keeper.csms_time(START + timedelta(seconds=1.9))
    assert world.keeper.now() == START
    world.pass_time(60)
    world.keeper.csms_time(START + timedelta(seconds=58.1))
    assert world.keeper.now() == START + timedelta(seconds=60)


def test_steps_of_the_systems_clock_do_not_hurt_after_that() -> None:
    for offset in (0.0, 600.0):
        world = World()
        world.keeper.csms_time(START + timedelta(seconds=offset))
        world.system -= timedelta(days=30)
        world.pass_time(7)
        assert world.keeper.now() == START + timedelta(seconds=offset + 7)


def test_any_zone_is_understood_and_none_is_refused() -> None:
    world = World()
    there = (START + timedelta(hours=1)).astimezone(timezone(timedelta(hours=2)))
    world.keeper.csms_time(there)
    assert world.keeper.now() == START + timedelta(hours=1)
    assert world.keeper.now().tzinfo is UTC
    world.keeper.csms_time(datetime(2030, 1, 1))  # noqa: DTZ001 - the point of this test
    assert world.keeper.now() == START + timedelta(hours=1)


def test_stamps_are_rfc_3339_in_utc() -> None:
    assert rfc3339(START) == "2026-01-01T00:00:00.000Z"
    assert rfc3339(datetime(2026, 1, 1, 2, 0, 0, 123456, timezone(timedelta(hours=2)))) == "2026-01-01T00:00:00.123Z"


IMPOSSIBLE = [
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2024, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2100, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-14))),
]


@pytest.mark.parametrize("at", IMPOSSIBLE)
def test_an_impossible_time_of_the_csms_is_refused_and_logged_once(
    at: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    for _ in range(3):
        world.keeper.csms_time(at)
        world.pass_time(60)
    assert world.keeper.now() == START + timedelta(seconds=180)
    assert caplog.text.count("reason=impossible") == 1
    world.keeper.csms_time(START)
    assert world.keeper.now() == START
    world.keeper.csms_time(at)
    assert world.keeper.now() == START
    assert caplog.text.count("reason=impossible") == 2


@pytest.mark.parametrize("at", [*IMPOSSIBLE, datetime(2030, 1, 1)])  # noqa: DTZ001 - written by hand, or by a damaged file
def test_an_impossible_last_known_time_is_no_floor(at: datetime) -> None:
    world = World(last_known=at)
    world.pass_time(1e9)
    assert world.keeper.now() == START + timedelta(seconds=1e9)
