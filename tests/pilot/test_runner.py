from collections.abc import Callable
from math import nan

import pytest

from stationd.pilot.board import Channel
from stationd.pilot.interfaces import LockFeedback
from stationd.pilot.machine import Pins, Rules, Seen
from stationd.pilot.protocol import Offer, Status, decode
from stationd.pilot.runner import REPEAT_MS, STALL_MS, Runner
from tests.pilot.bench import Bench


class BenchChannel(Channel):
    """A channel whose hardware is the bench's wire, coil and lock."""

    def __init__(self, bench: Bench) -> None:
        self.evse_id = 1
        self.duty = 100.0
        self.bench = bench
        self.reading: Callable[[], object] = lambda: None
        """Called in each reading, after everything was looked at."""
        self.writing: Callable[[], object] = lambda: None
        """Called in each writing, before the coil is told anything."""
        self.beats: list[bool] = []

    def read(self, now_ms: int) -> Seen:
        seen = self.bench.look()
        self.reading()
        return seen

    def write(self, pins: Pins, now_ms: int, in_time: Callable[[], bool]) -> None:
        self.writing()
        self.duty = pins.duty
        self.bench.pins = pins
        self.bench.contactor = pins.closed and in_time()
        self.beats.append(self.bench.contactor)
        if pins.locked is not None:
            self.bench.feedback = LockFeedback.LOCKED if pins.locked else LockFeedback.UNLOCKED

    def close(self) -> None:
        pass


def runner_of(bench: Bench, clock: Callable[[], int] | None = None) -> Runner:
    return Runner(
        BenchChannel(bench), bench.rules, now_ms=0, latched=frozenset(), boot_id="b", clock=clock or bench_clock(bench)
    )


def bench_clock(bench: Bench) -> Callable[[], int]:
    return lambda: bench.now_ms * 1_000_000


def channel_of(runner: Runner) -> BenchChannel:
    assert isinstance(runner._channel, BenchChannel)
    return runner._channel


def bench_of(runner: Runner) -> Bench:
    return channel_of(runner).bench


def run(runner: Runner, from_ms: int, to_ms: int) -> list[Status]:
    told = []
    for now_ms in range(from_ms, to_ms, 4):
        bench_of(runner).now_ms = now_ms
        runner.tick(now_ms)
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
        uptime_ms=status.uptime_ms, boot_id="b", low_v=-12.0, cycles=1,
    )  # fmt: skip
    lost = run(runner, 4_000, 8_400)[-1]
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


def charging_runner() -> tuple[Runner, BenchChannel]:
    """Return a runner whose vehicle charges at 4 000 ms."""
    runner = runner_of(Bench())
    run(runner, 0, 2_000)
    bench_of(runner).volts = 9.0
    run(runner, 2_000, 2_200)
    assert runner.command(Offer(1, 16.0, 3, True, 10_000, 1), 2_200) is None
    bench_of(runner).volts = 6.0
    run(runner, 2_200, 4_000)
    channel = channel_of(runner)
    assert channel.bench.contactor
    channel.beats.clear()
    return runner, channel


def pause(channel: BenchChannel, ms: int) -> Callable[[], None]:
    """Return a driver that takes so long, once."""

    def take() -> None:
        channel.bench.now_ms += ms
        channel.reading = channel.writing = lambda: None

    return take


@pytest.mark.parametrize("where", ["reading", "writing"])
def test_a_stall_inside_a_tick_opens_with_the_first_beat_after_it(where: str) -> None:
    runner, channel = charging_runner()
    setattr(channel, where, pause(channel, STALL_MS + 10))
    run(runner, 4_000, 4_004)
    assert channel.beats == [False]
    run(runner, 4_000 + STALL_MS + 14, 4_000 + STALL_MS + 200)
    assert not any(channel.beats)


def test_a_late_tick_opens_with_its_first_beat() -> None:
    runner, channel = charging_runner()
    run(runner, 4_000 + STALL_MS + 10, 4_500)
    assert channel.beats
    assert not any(channel.beats)


def test_two_pauses_that_are_too_long_together_open() -> None:
    runner, channel = charging_runner()
    channel.reading = pause(channel, STALL_MS - 100)
    run(runner, 4_000 + 110, 4_000 + 114)
    assert channel.beats == [False]


def test_a_pause_shorter_than_the_lease_does_not_open() -> None:
    runner, channel = charging_runner()
    channel.reading = pause(channel, STALL_MS - 10)
    run(runner, 4_000, 4_004)
    assert channel.beats == [True]


def test_what_a_late_reading_decides_is_decided_at_the_time_it_came() -> None:
    runner, channel = charging_runner()
    assert runner.command(Offer(1, 16.0, 3, True, 100, 1), 4_000) is None
    channel.reading = pause(channel, 150)
    run(runner, 4_000, 4_004)
    assert runner.state.permit.lost


def test_each_vehicle_that_leaves_is_counted_once() -> None:
    bench = Bench()
    runner = runner_of(bench)
    run(runner, 0, 400)
    counts = []
    for start_ms, volts in (
        (400, 9.0),
        (800, 12.0),
        (1_200, 6.0),
        (1_600, 9.0),
        (2_000, 12.0),
        (2_400, 0.0),
        (2_800, 12.0),
    ):
        bench.volts = volts
        told = run(runner, start_ms, start_ms + 400)
        counts.append(told[-1].unplugs)
    assert counts == [0, 1, 1, 1, 2, 2, 2]  # a short circuit is no vehicle
