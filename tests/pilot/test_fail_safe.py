from dataclasses import replace

import pytest

from stationd.hwprofile import load
from stationd.pilot.board import Channel
from stationd.pilot.fail_safe import refusals
from stationd.pilot.interfaces import CpReading

MOCK = load("mock", evse_count=1)


class Driver:
    """A contactor; `releases` is what it says of its kernel, None says nothing."""

    def __init__(self, releases: object) -> None:
        if releases is not None:
            self.releases_on_death = releases

    def write(self, *, closed: bool, now_ms: int) -> None:
        pass

    def sensed_closed(self, now_ms: int) -> bool | None:
        return False

    def close(self) -> None:
        pass


class Pilot:
    def sample(self, now_ms: int) -> CpReading | None:
        return None

    def set_duty(self, duty: float) -> float:
        return duty

    def close(self) -> None:
        pass


def channel_of(releases: object) -> Channel:
    return Channel(evse_id=1, pilot=Pilot(), contactor=Driver(releases))


@pytest.mark.parametrize("fail_safe", ["pulse", "mcu", "simulated"])
def test_what_hardware_proves_needs_no_word_of_a_driver(fail_safe: str) -> None:
    assert refusals(replace(MOCK, fail_safe=fail_safe), [channel_of(None)]) == []


@pytest.mark.parametrize("releases", [None, False, "yes", 1])
def test_a_release_that_no_driver_confirms_is_refused(releases: object) -> None:
    told = refusals(replace(MOCK, fail_safe="release"), [channel_of(True), channel_of(releases)])
    assert told == [
        'cannot use hw-profile mock: fail_safe = "release", but the contactor driver of EVSE 1 does not confirm that '
        "this kernel releases its pin when the process dies; turn the kernel's strict mode on, or build the board "
        "with a pulse or an mcu"
    ]


def test_a_release_that_is_confirmed_is_good() -> None:
    assert refusals(replace(MOCK, fail_safe="release"), [channel_of(True)]) == []
