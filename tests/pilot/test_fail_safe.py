from dataclasses import replace

import pytest

from stationd.hwprofile import load
from stationd.pilot.board import Channel
from stationd.pilot.fail_safe import refusals
from tests.pilot.bench import Bench
from tests.pilot.test_runner import BenchChannel

MOCK = load("mock", evse_count=1)


class Releasing(BenchChannel):
    def __init__(self, releases: object) -> None:
        super().__init__(Bench())
        self.releases_on_death = releases


@pytest.mark.parametrize("fail_safe", ["pulse", "mcu", "simulated"])
def test_what_hardware_proves_needs_no_word_of_a_driver(fail_safe: str) -> None:
    assert refusals(replace(MOCK, fail_safe=fail_safe), [BenchChannel(Bench())]) == []


@pytest.mark.parametrize(
    "channel",
    [BenchChannel(Bench()), Releasing(False), Releasing(None), Releasing("yes")],
    ids=lambda c: type(c).__name__,
)
def test_a_release_that_no_driver_confirms_is_refused(channel: Channel) -> None:
    told = refusals(replace(MOCK, fail_safe="release"), [Releasing(True), channel])
    assert told == [
        'cannot use hw-profile mock: fail_safe = "release", but the contactor driver of EVSE 1 does not confirm that '
        "this kernel releases its pin when the process dies; turn the kernel's strict mode on, or build the board "
        "with a pulse or an mcu"
    ]


def test_a_release_that_is_confirmed_is_good() -> None:
    assert refusals(replace(MOCK, fail_safe="release"), [Releasing(True)]) == []
