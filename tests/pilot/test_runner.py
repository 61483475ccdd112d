from collections.abc import Callable
from dataclasses import replace
from math import nan

import pytest

from stationd.pilot.board import Channel
from stationd.pilot.cycles import Counters
from stationd.pilot.interfaces import LockFeedback
from stationd.pilot.machine import Pins, Rules, Seen
from stationd.pilot.phase_switch import Stage
from stationd.pilot.protocol import Offer, ResetFault, SelfTest, SetAvailable, Status, Unlock, decode
from stationd.pilot.runner import REPEAT_MS, STALL_MS, Runner
from tests.pilot.bench import TETHERED, Bench


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


def test_the_times_of_stall_and_status_are_those_of_the_documents() -> None:
    assert (STALL_MS, REPEAT_MS) == (250, 1_000)


def test_before_the_first_tick_nothing_is_known_and_messages_are_answered() -> None:
    runner = runner_of(Bench())
    assert (runner.seen.high_v, runner.seen.contactor, runner.line) == (None, None, b"")
    assert "not surely open" in str(runner.command(Unlock(1, 1), 0))


def test_a_tick_tells_what_it_decided() -> None:
    assert runner_of(Bench()).tick(4) == Pins(100.0, closed=False, locked=False)


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
    repeated = run(runner, 400, 400 + 3 * REPEAT_MS)
    assert len(repeated) == 3
    assert repeated[1].uptime_ms - repeated[0].uptime_ms == REPEAT_MS
    assert not repeated[0].brain_lost  # nobody was there yet
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
    told = run(runner, 0, 1_200)
    status = told[-1]
    assert (told[0].cp, status.cp, status.volts) == ("E", "E", 0.0)
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


def test_a_status_tells_counters_phases_heat_and_all_that_is_wrong() -> None:
    rules = Rules(max_a=16.0, has_socket=True, phases=1, rated_cycles=5, has_temperature=True)
    bench = Bench(rules=rules, celsius=41.6, volts=9.126, faulty=frozenset({"tilt"}))
    counters = Counters(cycles=5, hot_openings=4, slow_openings=3, failed_closings=2, rcd_test="passed")
    runner = Runner(
        BenchChannel(bench), rules, now_ms=1_000, latched=frozenset(), boot_id="b", counters=counters,
        clock=bench_clock(bench),
    )  # fmt: skip
    status = run(runner, 1_000, 2_000)[-1]
    assert (status.cycles, status.hot_openings, status.slow_openings, status.failed_closings) == (5, 4, 3, 2)
    assert (status.rcd_test, status.phases, status.temperature_c) == ("passed", 1, 42.0)
    assert (status.warnings, status.faults) == (("contactor_worn",), ("tilt",))
    assert (status.volts, status.low_v) == (9.13, 9.13)
    assert status.uptime_ms < 1_000
    assert runner.command(Offer(1, 10.006, 3, True, 5_000, 1), 2_000) is None
    bench.faulty = frozenset()
    assert run(runner, 2_000, 4_000)[-1].offered_amps == 10.01


def test_a_status_says_what_the_vehicle_waits_for() -> None:
    bench = Bench(volts=9.0)
    runner = runner_of(bench)
    run(runner, 0, 1_200)
    bench.volts = 6.0
    assert run(runner, 1_200, 1_600)[-1].waits_for == "permit"


def test_a_temperature_that_is_no_number_is_none() -> None:
    runner = runner_of(Bench(celsius=nan))
    assert run(runner, 0, 400)[-1].temperature_c is None


def test_a_contact_that_is_closed_without_an_order_is_told() -> None:
    runner = runner_of(Bench(coil="welded"))
    status = run(runner, 0, 400)[-1]
    assert (status.commanded_closed, status.sensed_closed) == (False, True)


def test_a_contact_that_cannot_be_read_is_told_as_it_was_ordered() -> None:
    runner = runner_of(Bench(coil="unreadable"))
    assert run(runner, 0, 1_200)[-1].sensed_closed is False


def test_a_jammed_lock_is_told_as_failed() -> None:
    bench = Bench(lock="jammed", rules=Rules(max_a=16.0, has_socket=True, lock_ms=100))
    runner = runner_of(bench)
    channel_of(runner).write = lambda pins, now_ms, in_time: setattr(bench, "pins", pins)  # type: ignore[method-assign]
    bench.volts = 9.0
    run(runner, 0, 400)
    assert runner.command(Offer(1, 16.0, 3, True, 10_000, 1), 400) is None
    status = run(runner, 400, 3_000)[-1]
    assert (status.lock, status.faults) == ("failed", ("lock_failed",))


def test_a_self_test_is_told_while_it_runs() -> None:
    bench = Bench(rules=Rules(max_a=16.0, has_socket=True, rcd_test=True))
    runner = runner_of(bench)
    run(runner, 0, 12_000)
    assert runner.command(SelfTest(1, 1), 12_000) is None
    words = [status.rcd_test for status in run(runner, 12_000, 13_000)]
    assert "running" in words
    assert words[-1] == "passed"


def test_the_answer_to_a_message_is_handed_on() -> None:
    runner = runner_of(Bench())
    run(runner, 0, 100)
    assert runner.command(ResetFault(1, 1, "tilt"), 100) == "cannot reset 'tilt': it is not in force"


def test_a_stop_opens_a_contactor_under_load() -> None:
    runner, channel = charging_runner()
    assert not runner.seen_open
    runner.stop()
    run(runner, 4_000, 4_004)
    assert channel.beats == [False]


def test_a_contactor_that_was_told_to_close_is_not_seen_open_while_it_moves() -> None:
    runner, channel = charging_runner()
    channel.bench.coil = "stuck_open"
    run(runner, 4_000, 4_004)
    assert runner.seen.contactor is False
    assert not runner.open
    assert not runner.seen_open


@pytest.mark.parametrize(("late_ms", "closed"), [(STALL_MS, True), (STALL_MS + 1, False)])
@pytest.mark.parametrize("where", ["between", "reading", "writing"])
def test_the_lease_counts_to_the_millisecond(where: str, late_ms: int, closed: bool) -> None:
    runner, channel = charging_runner()
    written_ms = 3_996
    if where == "between":
        run(runner, written_ms + late_ms, written_ms + late_ms + 1)
    else:
        setattr(channel, where, pause(channel, late_ms - 4))
        run(runner, 4_000, 4_004)
    assert channel.beats == [closed]


@pytest.mark.parametrize("volts", [9.0, 6.0, 3.0])
def test_a_vehicle_in_any_state_that_leaves_is_counted_and_a_short_circuit_does_not_make_it_leave(volts: float) -> None:
    bench = Bench()
    runner = runner_of(bench)
    run(runner, 0, 400)
    counts = []
    for start_ms, now_v in ((400, volts), (800, 0.0), (1_200, 12.0)):
        bench.volts = now_v
        counts.append(run(runner, start_ms, start_ms + 400)[-1].unplugs)
    assert counts == [0, 0, 1]


def test_a_pilot_that_this_station_parts_is_no_vehicle_that_left() -> None:
    bench = Bench(rules=Rules(max_a=16.0, has_socket=True, wake_up="cp_switch"))
    runner = runner_of(bench)
    run(runner, 0, 400)
    bench.volts = 9.0
    run(runner, 400, 1_200)
    parted = False
    for from_ms in range(1_200, 41_200, 4_000):
        assert runner.command(Offer(1, 16.0, 3, True, 10_000, 1), from_ms) is None
        for start_ms in range(from_ms, from_ms + 4_000, 40):
            run(runner, start_ms, start_ms + 40)
            parted = parted or not bench.pins.cp_connected
    assert parted
    assert run(runner, 41_200, 42_400)[-1].unplugs == 0


def test_an_order_to_close_that_came_too_late_makes_the_next_tick_begin_from_open() -> None:
    bench = Bench(rules=TETHERED)
    runner = runner_of(bench)
    run(runner, 0, 1_200)
    bench.volts = 9.0
    run(runner, 1_200, 1_600)
    assert runner.command(Offer(1, 16.0, 3, True, 10_000, 1), 1_600) is None
    run(runner, 1_600, 1_700)
    bench.volts = 6.0
    run(runner, 1_700, 2_000)
    assert bench.contactor

    def hang() -> None:
        bench.now_ms += STALL_MS

    channel_of(runner).writing = hang
    bench.now_ms = 2_004
    runner.tick(2_004)
    channel_of(runner).writing = lambda: None
    assert not bench.contactor  # its coil may have dropped by itself
    run(runner, bench.now_ms + 4, bench.now_ms + 12)
    assert runner.open
    opened_ms = bench.now_ms
    while not bench.contactor:
        run(runner, bench.now_ms + 4, bench.now_ms + 8)
    assert bench.now_ms - opened_ms >= TETHERED.min_off_ms - 12


def test_a_vehicle_behind_a_long_state_f_may_be_another_one() -> None:
    bench = Bench()
    runner = runner_of(bench)
    run(runner, 0, 1_000)
    bench.volts = 9.0
    run(runner, 1_000, 2_000)
    assert runner.command(SetAvailable(1, 1, False), 2_000) is None
    run(runner, 2_000, 4_000)
    assert runner.command(SetAvailable(1, 2, True), 4_000) is None
    assert run(runner, 4_000, 6_000)[-1].unplugs == 0
    assert runner.command(SetAvailable(1, 3, False), 6_000) is None
    run(runner, 6_000, 12_000)
    assert runner.command(SetAvailable(1, 4, True), 12_000) is None
    assert run(runner, 12_000, 14_000)[-1].unplugs == 1


def test_a_loose_contact_is_no_unplugging() -> None:
    bench = Bench()
    runner = runner_of(bench)
    run(runner, 0, 1_000)
    bench.volts = 9.0
    run(runner, 1_000, 2_000)
    bench.volts = 12.0
    words = [status.cp for status in run(runner, 2_000, 2_200)]
    bench.volts = 9.0
    statuses = run(runner, 2_200, 4_000)
    assert "A" not in words
    assert statuses[-1].unplugs == 0
    bench.volts = 12.0
    last = run(runner, 4_000, 6_000)[-1]
    assert (last.cp, last.unplugs) == ("A", 1)


def test_a_pause_for_the_process_opens_and_ends() -> None:
    bench = Bench()
    runner = runner_of(bench)
    run(runner, 0, 1_000)
    runner.pause(True)
    assert runner.state.paused
    runner.pause(False)
    assert not runner.state.paused


def test_a_runner_is_at_rest_with_the_contactor_seen_open_and_no_switch_under_way() -> None:
    bench = Bench()
    runner = runner_of(bench)
    run(runner, 0, 1_000)
    assert runner.at_rest
    runner.state = replace(runner.state, phases=replace(runner.state.phases, stage=Stage.MOVING))
    assert not runner.at_rest
    assert runner.seen_open
