import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stationd.pilot.cycles import Counters
from stationd.pilot.keeper import PATIENCE_MS, RETRY_MS, Keeper
from stationd.pilot.loop import FORGET_MS, REST_MS, STOP_MS, Loop
from stationd.pilot.phase_switch import MOVE_MS
from stationd.pilot.protocol import GetStats, Hello, Offer, Reply, ResetFault, Stats, Status, Unlock, decode, encode
from stationd.pilot.runner import STALL_MS, Runner
from stationd.pilot.server import Server
from tests.pilot.bench import VOLTS, Bench
from tests.pilot.test_runner import channel_of, runner_of

MS = 1_000_000


class Time:
    """A clock that only sleep moves; `at` runs things at their time."""

    def __init__(self) -> None:
        self.now_ns = 1_000 * MS
        self.slept: list[float] = []
        self.at: dict[int, object] = {}
        self.cost_ns = 0

    def clock(self) -> int:
        self.now_ns += self.cost_ns
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_ns += round(seconds * 1e9)
        for due in sorted(due for due in self.at if due * MS <= self.now_ns):
            self.at.pop(due)()  # type: ignore[operator]


class Ended(Exception):
    """Leaves the loop from within its sleep."""


class Rig:
    def __init__(self, folder: Path) -> None:
        self.time = Time()
        self.bench = Bench()
        self.runner = runner_of(self.bench, self.time.clock)
        self.said: list[str] = []
        self.pats: list[int] = []
        self.patience: list[tuple[int, bool]] = []
        """How long the watchdog was asked to wait, and whether the latches were on the disk then."""
        self.latch_path = folder / "latches.json"
        self.server = Server(str(folder), gid=None, hello=Hello(1, "pilot"))
        self.counters = Counters()
        self.keeper = Keeper(
            runners=[self.runner],
            watchdog=self,
            latch_path=str(self.latch_path),
            latched={},
            copy_path=str(folder / "latches-copy.json"),
            copied={},
            counter_path=str(folder / "counters.json"),
            counted={1: Counters()},
            count=lambda runner: self.counters,
            now_ms=0,
            say=self.said.append,
        )
        self.loop = Loop(
            runners=[self.runner],
            server=self.server,
            watchdog=self,
            keeper=self.keeper,
            period_ms=4,
            mode="realtime",
            clock=self.time.clock,
            sleep=self.time.sleep,
        )

    def alive(self, now_ms: int) -> None:
        self.pats.append(now_ms)

    def wait_longer(self, patience_ms: int) -> None:
        self.patience.append((patience_ms, self.latch_path.exists()))

    def wait_as_before(self) -> None:
        self.patience.append((0, self.latch_path.exists()))

    def run(self, ms: int) -> None:
        self.loop.run(self.time.now_ns + ms * MS)

    def run_on(self, ms: int) -> None:
        """Tick so long, without the good order of an end."""
        end = Ended()

        def leave() -> None:
            raise end

        self.time.at[self.time.now_ns // MS + ms] = leave
        with contextlib.suppress(Ended):
            self.loop.run()

    def charge(self) -> None:
        """Let a vehicle charge from 2 s on."""

        def offer() -> None:
            reply = self.loop.handle(Offer(1, 16.0, 3, True, 10_000, 1), self.time.now_ns // MS)
            assert reply is not None
            assert decode(reply) == Reply(1)

        self.time.at[1_100] = lambda: setattr(self.bench, "volts", VOLTS["B"])
        self.time.at[1_400] = offer
        self.time.at[1_500] = lambda: setattr(self.bench, "volts", VOLTS["C"])


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.server.close()


def test_ticks_keep_to_an_absolute_schedule(rig: Rig) -> None:
    rig.time.cost_ns = 100_000  # every look at the clock costs 0.1 ms
    rig.run(400)
    assert 100 <= rig.loop.stats.ticks <= 102
    assert rig.loop.stats.overruns == 0
    assert all(0 < seconds <= 0.004 for seconds in rig.time.slept)


def test_missed_ticks_are_counted_and_left_out(rig: Rig) -> None:
    rig.time.at[1_100] = lambda: setattr(rig.time, "now_ns", rig.time.now_ns + 50 * MS)
    rig.run(200)
    assert rig.loop.stats.overruns == 1
    assert rig.loop.stats.late.max_us == 50_000
    assert 37 <= rig.loop.stats.ticks <= 40
    assert all(0 < seconds <= 0.004 for seconds in rig.time.slept)


def test_every_tick_is_told_to_the_watchdog(rig: Rig) -> None:
    rig.run(100)
    assert len(rig.pats) == rig.loop.stats.ticks


def test_a_stop_opens_before_it_ends(rig: Rig) -> None:
    rig.charge()
    rig.time.at[3_500] = rig.loop.stop
    closed_before: list[bool] = []
    rig.time.at[3_490] = lambda: closed_before.append(rig.bench.contactor)
    rig.loop.run()
    assert closed_before == [True]
    assert rig.bench.contactor is False
    assert rig.bench.pins.duty == 100.0
    assert rig.time.now_ns <= 3_520 * MS


def test_a_stop_does_not_wait_for_ever_for_a_welded_contact(rig: Rig) -> None:
    rig.bench.coil = "welded"
    rig.time.at[1_100] = rig.loop.stop
    rig.loop.run()
    assert 1_100 + STOP_MS <= rig.time.now_ns // MS <= 1_100 + STOP_MS + 10


def test_a_stop_in_the_middle_of_a_change_of_phases_keeps_the_pilot_parted_until_the_switch_is_at_rest(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path)
    rig.bench.rules, rig.bench.phases = replace(rig.bench.rules, phase_switch=True), 3
    rig.runner = runner_of(rig.bench, rig.time.clock)
    rig.loop._runners, rig.loop._by_id = (rig.runner,), {1: rig.runner}
    moved_ms: list[int] = []
    parted: list[tuple[int, bool]] = []

    def look() -> None:
        pins, now_ms = rig.bench.pins, rig.time.now_ns // MS
        if pins.phases == 1 and not moved_ms:
            moved_ms.append(now_ms)
            rig.loop.stop()
        rig.bench.phases = pins.phases
        parted.append((now_ms, not pins.cp_connected))

    rig.charge()
    rig.time.at[4_000] = lambda: rig.loop.handle(Offer(1, 16.0, 1, True, 10_000, 2), rig.time.now_ns // MS)
    rig.time.at[4_100] = lambda: setattr(rig.bench, "volts", VOLTS["B"])  # it follows the end of PWM
    for at_ms in range(4_002, 9_000, 4):
        rig.time.at[at_ms] = look
    rig.loop.run()
    rig.server.close()
    ended_ms = rig.time.now_ns // MS
    assert moved_ms[0] + MOVE_MS <= ended_ms <= moved_ms[0] + REST_MS
    assert all(apart for now_ms, apart in parted if moved_ms[0] <= now_ms < moved_ms[0] + MOVE_MS - 8)
    assert rig.bench.pins.cp_connected is True
    assert rig.bench.contactor is False


class Moving(Runner):
    """A runner whose phase switch never comes to rest."""

    @property
    def at_rest(self) -> bool:
        return False


@pytest.mark.parametrize(("coil", "waited_ms"), [("obeys", REST_MS), ("welded", STOP_MS)])
def test_a_stop_waits_longer_for_a_switch_than_for_a_contactor_and_for_neither_for_ever(
    rig: Rig, coil: str, waited_ms: int
) -> None:
    rig.bench.coil = coil
    rig.runner.__class__ = Moving
    rig.time.at[1_100] = rig.loop.stop
    rig.loop.run()
    assert 1_100 + waited_ms <= rig.time.now_ns // MS <= 1_100 + waited_ms + 10


def test_a_stall_opens(rig: Rig) -> None:
    rig.charge()
    seen: list[bool] = []
    rig.time.at[3_500] = lambda: setattr(rig.time, "now_ns", rig.time.now_ns + (STALL_MS + 5) * MS)
    rig.time.at[3_500 + STALL_MS + 8] = lambda: seen.append(rig.bench.contactor)
    rig.run(3_500)
    assert seen == [False]


def test_after_a_long_stall_nobody_is_listened_to(rig: Rig) -> None:
    dropped: list[str] = []
    rig.server.drop_all = dropped.append  # type: ignore[method-assign]
    rig.time.at[1_100] = lambda: setattr(rig.time, "now_ns", rig.time.now_ns + (FORGET_MS + 5) * MS)
    rig.run(3_000)
    assert len(dropped) == 1
    assert "stood still" in dropped[0]


def test_messages_are_answered(rig: Rig) -> None:
    rig.run(100)
    assert decode(rig.loop.handle(Unlock(7, 3), 0) or b"") == Reply(3, "cannot find EVSE 7: this board has 1 to 1")
    stats = decode(rig.loop.handle(GetStats(8), 0) or b"")
    assert isinstance(stats, Stats)
    assert (stats.seq, stats.mode, stats.period_ms, stats.ticks) == (8, "realtime", 4, rig.loop.stats.ticks)


def test_a_latch_is_written_once_with_the_contactor_open(rig: Rig) -> None:
    rig.charge()
    written: list[bool] = []
    rig.time.at[3_500] = lambda: (
        written.append(rig.latch_path.exists()),
        setattr(rig.bench, "faulty", frozenset({"rcd_trip"})),
    )
    rig.time.at[3_600] = lambda: written.append(rig.latch_path.exists())
    rig.run(3_000)
    assert written == [False, True]
    assert rig.bench.contactor is False
    assert json.loads(rig.latch_path.read_text()) == {"latched": {"1": ["rcd_trip"]}}
    assert rig.patience == [(PATIENCE_MS, False), (0, True)]


def test_a_disk_that_refuses_is_said_now_and_then_and_written_later(rig: Rig) -> None:
    rig.bench.faulty = frozenset({"rcd_trip"})
    rig.latch_path.mkdir()
    rig.time.at[3_000] = rig.latch_path.rmdir
    rig.run(RETRY_MS + 1_000)
    assert len(rig.said) == 1
    assert [patience_ms for patience_ms, _ in rig.patience] == [PATIENCE_MS, 0] * 2
    assert "would not outlive a restart" in rig.said[0]
    assert rig.latch_path.is_file()


def test_a_latch_that_was_reset_leaves_the_file(rig: Rig) -> None:
    rig.bench.faulty = frozenset({"rcd_trip"})
    rig.run(100)
    assert "rcd_trip" in rig.latch_path.read_text()
    rig.bench.faulty = frozenset()
    rig.run(1_200)
    assert rig.runner.state.latched == {"rcd_trip"}
    assert decode(rig.loop.handle(ResetFault(1, 2, "rcd_trip"), 0) or b"") == Reply(2)
    rig.run(100)
    assert json.loads(rig.latch_path.read_text()) == {"latched": {}}


def test_a_latch_beside_a_vehicle_that_charges_gets_a_pause_and_the_vehicle_charges_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    other = Bench(faulty=frozenset({"rcd_trip"}))
    tripped = runner_of(other, rig.time.clock)
    tripped.evse_id = 2
    rig.loop._runners = rig.keeper._runners = (rig.runner, tripped)
    rig.loop._reactions = rig.loop._reactions * 2
    rig.keeper._latch_after_ms = 3_000  # so long for the vehicle to get its power
    looks: list[tuple[bool, bool, float]] = []

    def look() -> None:
        duty, volts = rig.bench.pins.duty, rig.bench.volts
        looks.append((rig.bench.contactor, rig.latch_path.exists(), duty))
        if volts == VOLTS["C"] and duty == 100.0:
            rig.time.at[rig.time.now_ns // MS + 2_000] = lambda: setattr(rig.bench, "volts", VOLTS["B"])
            rig.time.at[rig.time.now_ns // MS + 5_000] = lambda: setattr(rig.bench, "volts", VOLTS["C"])

    def offer() -> None:
        rig.loop.handle(Offer(1, 16.0, 3, True, 10_000, 1), rig.time.now_ns // MS)

    rig.charge()
    for at_ms in range(5_000, 90_000, 5_000):
        rig.time.at[at_ms] = offer
    for at_ms in range(3_001, 90_000, 1_000):
        rig.time.at[at_ms] = look
    rig.run_on(89_000)
    rig.server.close()
    assert (tmp_path / "latches-copy.json").exists()
    charging = [closed for closed, _, _ in looks]
    begun = charging.index(False)
    assert 55 <= begun <= 64  # a minute after the vehicle got its power
    assert [saved for _, saved, _ in looks[:begun]] == [False] * begun
    assert all(saved for _, saved, _ in looks[begun + 3 :])
    assert sum(not closed for closed in charging) <= 8
    assert looks[-1][0] is True
    assert json.loads(rig.latch_path.read_text()) == {"latched": {"2": ["rcd_trip"]}}


def test_an_opening_is_counted_from_the_last_calm_look(rig: Rig) -> None:
    rig.time.cost_ns = 100_000
    rig.charge()
    rig.time.at[3_500] = lambda: setattr(rig.bench, "volts", VOLTS["B"])
    rig.run(3_000)
    stats = rig.loop.measured()
    assert stats.reactions == 1
    assert 8_000 < stats.reaction_max_us < 12_000
    assert stats.reaction_p999_us == stats.reaction_max_us


def test_the_end_of_a_pause_is_no_reaction(rig: Rig) -> None:
    rig.charge()
    pause = Offer(1, 0.0, 3, False, 10_000, 2)
    closed: list[bool] = []
    rig.time.at[3_500] = lambda: (closed.append(rig.bench.contactor), rig.loop.handle(pause, rig.time.now_ns // MS))
    rig.run(10_000)
    assert closed == [True]
    assert rig.bench.contactor is False
    assert rig.loop.measured().reactions == 0


def test_a_trip_is_a_reaction(rig: Rig) -> None:
    rig.charge()
    rig.time.at[3_500] = lambda: setattr(rig.bench, "faulty", frozenset({"rcd_trip"}))
    rig.run(3_000)
    assert rig.loop.measured().reactions == 1


def test_the_time_of_a_write_is_not_held_against_the_loop(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(path: str, latched: object, *, durable_file: bool = True) -> None:
        if durable_file:
            rig.time.now_ns += 2_000 * MS
            rig.latch_path.touch()

    monkeypatch.setattr("stationd.pilot.latches.write", slow)
    rig.bench.faulty = frozenset({"rcd_trip"})
    rig.run(2_500)
    assert rig.latch_path.exists()
    assert rig.loop.stats.overruns == 0
    assert rig.loop.stats.late.max_us == 0
    assert rig.loop.stats.work_max_us == 0
    assert 120 <= rig.loop.stats.ticks <= 126
    assert all(0 < seconds <= 0.004 for seconds in rig.time.slept)


def test_an_overdue_tick_is_found_even_if_its_work_ended_on_the_dot(rig: Rig) -> None:
    rig.time.at[1_100] = lambda: setattr(rig.time, "now_ns", rig.time.now_ns + 4 * MS)
    rig.run(200)
    assert rig.loop.stats.late.max_us == 4_000
    assert rig.loop.stats.overruns == 0
    assert all(0 < seconds <= 0.004 for seconds in rig.time.slept)


def test_news_go_to_those_who_listen_and_greet_those_who_come(rig: Rig) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(rig.server.path)
        client.send(encode(Hello(1, "reader")))
        rig.run(2_500)
        lines = [decode(line + b"\n") for line in client.recv(65_536).splitlines()]
    told = [line for line in lines if isinstance(line, Status)]
    assert isinstance(lines[0], Hello)
    assert len(told) >= 3  # the greeting, and one a second
    assert {one.cp for one in told} <= {"A", "E"}
    assert told[-1].cp == "A"


def test_a_message_that_names_no_evse_is_answered(rig: Rig) -> None:
    answer = decode(rig.loop.handle(Reply(3), 0) or b"")
    assert answer == Reply(3, "cannot find EVSE None: this board has 1 to 1")


def test_a_brain_that_floods_and_does_not_read_loses_its_connection_and_its_vehicle_is_held_then_let_go(
    rig: Rig,
) -> None:
    with socket.socket(socket.AF_UNIX) as brain:
        brain.connect(rig.server.path)
        brain.setblocking(False)
        brain.send(encode(Hello(1, "brain")))
        rig.bench.volts = VOLTS["B"]
        rig.run_on(300)
        brain.send(encode(Offer(1, 16.0, 3, True, 10_000, 1)))
        rig.run_on(200)
        rig.bench.volts = VOLTS["C"]
        rig.run_on(1_500)
        assert rig.bench.contactor is True
        flood = encode(GetStats(2)) * 20
        while rig.server.clients:
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                brain.send(flood)
            rig.run_on(100)
    assert rig.time.now_ns < 12_000 * MS  # long before the lease ends
    assert rig.bench.contactor is True
    rig.run_on(10_000)
    assert rig.runner.state.permit.lost is True
    assert (rig.bench.contactor, round(rig.runner.state.offered_a, 1)) == (True, 6.0)
    rig.run_on(60_000)
    assert rig.bench.pins.duty == 100.0
    rig.run_on(6_000)
    assert rig.bench.contactor is False
    assert rig.loop.measured().overruns == 0


def test_the_patience_of_the_loop_is_that_of_the_documents() -> None:
    assert (FORGET_MS, STOP_MS, REST_MS) == (2_500, 300, 3_000)


def test_a_run_with_an_end_stops_at_it(rig: Rig) -> None:
    began_ms = rig.time.now_ns // MS
    rig.run(40)
    assert rig.time.now_ns // MS == began_ms + 40


def test_work_is_measured_in_microseconds(rig: Rig) -> None:
    rig.time.cost_ns = 100_000
    rig.run(40)
    stats = rig.loop.measured()
    assert 100 <= stats.work_mean_us <= stats.work_max_us <= 1_000
    assert (stats.seq, stats.period_ms) == (0, 4)


@pytest.mark.parametrize(("work_ns", "overruns"), [(4 * MS, 0), (4 * MS + 1, 1)])
def test_work_that_takes_longer_than_a_period_is_an_overrun(rig: Rig, work_ns: int, overruns: int) -> None:
    def slow() -> None:
        rig.time.now_ns += work_ns
        channel_of(rig.runner).reading = lambda: None

    channel_of(rig.runner).reading = slow
    rig.run(40)
    assert rig.loop.stats.overruns == overruns


def test_the_inputs_and_the_watchdog_are_told_the_time(rig: Rig) -> None:
    told: list[int] = []
    channel = channel_of(rig.runner)
    look = channel.read
    channel.read = lambda now_ms: (told.append(now_ms), look(now_ms))[1]  # type: ignore[method-assign]
    began_ms = rig.time.now_ns // MS
    rig.run(8)
    assert told == [began_ms, began_ms + 4, began_ms + 8]
    assert rig.pats == told


def test_a_tick_that_took_long_tells_the_time_of_its_end(rig: Rig) -> None:
    rig.time.at[1_008] = lambda: setattr(channel_of(rig.runner), "reading", slow)

    def slow() -> None:
        rig.time.now_ns += 30 * MS
        channel_of(rig.runner).reading = lambda: None

    rig.run(8)
    assert rig.pats[-1] == 1_038


@pytest.mark.parametrize(("gap_ms", "dropped"), [(FORGET_MS, 0), (FORGET_MS + 1, 1)])
def test_connections_end_after_a_pause_of_more_than_2_5_s(rig: Rig, gap_ms: int, dropped: int) -> None:
    reasons: list[str] = []
    rig.server.drop_all = reasons.append  # type: ignore[method-assign]
    rig.time.at[1_008] = lambda: setattr(rig.time, "now_ns", (1_004 + gap_ms) * MS)
    rig.run(gap_ms + 100)
    assert len(reasons) == dropped
    assert all(f"{gap_ms} ms" in reason for reason in reasons)


def test_whoever_comes_is_told_everything_at_once(rig: Rig) -> None:
    rig.run_on(1_100)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(rig.server.path)
        client.send(encode(Hello(1, "reader")))
        rig.run_on(12)
        lines = [decode(line + b"\n") for line in client.recv(65_536).splitlines()]
    assert [type(line) for line in lines] == [Hello, Status]


def test_the_end_writes_what_a_full_disk_refused_before(rig: Rig) -> None:
    rig.bench.faulty = frozenset({"rcd_trip"})
    rig.latch_path.mkdir()
    rig.time.at[1_500] = rig.latch_path.rmdir
    rig.time.at[1_600] = rig.loop.stop
    rig.loop.run()
    assert "rcd_trip" in rig.latch_path.read_text()


def test_a_stop_waits_for_every_contactor(rig: Rig) -> None:
    other = Bench(coil="welded")
    rig.loop._runners = (rig.runner, runner_of(other, rig.time.clock))
    rig.loop._reactions = rig.loop._reactions * 2
    rig.time.at[1_100] = rig.loop.stop
    rig.loop.run()
    assert rig.time.now_ns // MS >= 1_100 + STOP_MS


def test_the_time_that_999_of_1000_keep_is_told(rig: Rig) -> None:
    stats = rig.loop.stats
    for histogram in (stats.late, stats.reaction):
        for time_us in (10,) * 9_985 + (1_000,) * 14 + (40_000,):
            histogram.add(time_us)
    told = rig.loop.measured(7)
    assert (told.seq, told.late_p999_us, told.reaction_p999_us) == (7, 1_050, 1_050)
    assert (told.late_max_us, told.reaction_max_us, told.reactions) == (40_000, 40_000, 10_000)
