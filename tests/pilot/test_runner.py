from math import nan

import pytest

from stationd.pilot.board import Channel
from stationd.pilot.interfaces import LockFeedback
from stationd.pilot.machine import Pins, Rules, Seen
from stationd.pilot.protocol import Offer, Status, decode
from stationd.pilot.runner import REPEAT_MS, Runner
from tests.pilot.bench import Bench


class BenchChannel(Channel):
    """A channel whose hardware is the bench's wire, coil and lock."""

    def __init__(self, bench: Bench) -> None:
        self.evse_id = 1
        self.duty = 100.0
        self.bench = bench

    def read(self, now_ms: int, *, stalled: bool) -> Seen:
        self.bench.stalled = stalled
        return self.bench.look()

    def write(self, pins: Pins, now_ms: int) -> None:
        self.duty = pins.duty
        self.bench.pins = pins
        self.bench.contactor = pins.closed
        if pins.locked is not None:
            self.bench.feedback = LockFeedback.LOCKED if pins.locked else LockFeedback.UNLOCKED

    def close(self) -> None:
        pass


def runner_of(bench: Bench) -> Runner:
    return Runner(BenchChannel(bench), bench.rules, now_ms=0, latched=frozenset(), boot_id="b")


def run(runner: Runner, from_ms: int, to_ms: int) -> list[Status]:
    told = []
    for now_ms in range(from_ms, to_ms, 4):
        runner.tick(now_ms, stalled=False)
        line = runner.news(now_ms)
        if line:
            status = decode(line)
            assert isinstance(status, Status)
            told.append(status)
    return told


def test_the_first_status_waits_for_the_first_reading() -> None:
    bench = Bench(volts=None)
    runner = runner_of(bench)
    assert run(runner, 0, 100) == []
    bench.volts = 9.0
    assert [status.cp for status in run(runner, 100, 140)] == ["B"]


def test_a_status_is_sent_on_change_and_once_a_second() -> None:
    bench = Bench()
    runner = runner_of(bench)
    assert len(run(runner, 0, 400)) == 2  # settled; cable read
    assert len(run(runner, 400, 400 + 3 * REPEAT_MS)) == 3
    bench.volts = 11.5  # volts alone are no news
    assert len(run(runner, 3_400, 3_500)) == 0
    bench.volts = 9.0
    assert [status.cp for status in run(runner, 3_500, 3_520)] == ["B"]


def test_a_status_says_everything() -> None:
    bench = Bench(rules=Rules(max_a=16.0, has_socket=True))
    runner = runner_of(bench)
    run(runner, 0, 3_000)
    bench.volts = 9.0
    run(runner, 3_000, 3_200)
    assert runner.command(Offer(1, 32.0, 3, True, 5_000, 1), 3_200) is None
    bench.volts = 6.0
    status = run(runner, 3_200, 4_000)[-1]
    assert status == Status(
        evse_id=1, cp="C", volts=6.0, duty=26.67, commanded_closed=True, sensed_closed=True, lock="locked",
        pp_amps=32.0, max_amps=16.0, offered_amps=16.0, permit=True, brain_lost=False, faults=(),
        uptime_ms=status.uptime_ms, boot_id="b",
    )  # fmt: skip
    lost = run(runner, 8_100, 8_400)[-1]
    assert (lost.permit, lost.brain_lost, lost.offered_amps) == (False, True, 6.0)


def test_a_cable_weaker_than_the_board_is_the_maximum() -> None:
    runner = runner_of(Bench(pp_ohm=1_500.0))
    assert run(runner, 0, 400)[-1].max_amps == 13.0


def test_a_lock_that_cannot_be_read_is_told_as_failed() -> None:
    runner = runner_of(Bench(lock="unreadable"))
    assert run(runner, 0, 1_100)[-1].lock == "failed"


@pytest.mark.parametrize("volts", [None, nan])
def test_a_pilot_that_cannot_be_read_is_told_as_e(volts: float | None) -> None:
    runner = runner_of(Bench(volts=volts))
    status = run(runner, 0, 1_200)[-1]
    assert (status.cp, status.volts) == ("E", 0.0)
    assert status.faults


def test_a_stop_opens_and_is_seen_open() -> None:
    bench = Bench()
    runner = runner_of(bench)
    run(runner, 0, 100)
    runner.stop()
    run(runner, 100, 104)
    assert runner.open
    assert runner.seen_open
    bench.coil = "welded"
    run(runner, 104, 108)
    assert runner.open
    assert not runner.seen_open
