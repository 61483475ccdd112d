"""Hours of service in minutes: the real loop, runner, machine and server on a clock that only sleep moves.

Every simulated minute a vehicle comes, charges and leaves, the residual current device trips, a brain is lost and
found, a reader comes and goes, and somebody lies. The collector is off, as in the process itself: reference cycles
that a tick leaves behind stay, and are counted at the end. The interpreter keeps up to 2000 freed tuples of each size
below 20 for later use, less than 1 MiB for the sizes that the loop uses; these lists are filled beforehand, so that
their slow filling is not taken for growth of the program.
`python -m tests.pilot.soak` runs 8 hours at 250 Hz.
"""

import argparse
import gc
import resource
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stationd.pilot.keeper import Keeper
from stationd.pilot.loop import Loop
from stationd.pilot.protocol import GetStats, Hello, Message, Offer, ResetFault, SetAvailable, Unlock, encode
from stationd.pilot.server import Server
from tests.pilot.bench import VOLTS, Bench
from tests.pilot.test_runner import channel_of, runner_of

MS = 1_000_000
PERIOD_MS = 4
MINUTE = 60_000 // PERIOD_MS
"""Ticks."""
TUPLES, TUPLE_SIZES = 2_000, 20
"""Freed ones that the interpreter keeps, of each size below."""
HOURS = 8
GROWTH = 0.01


@dataclass(frozen=True, slots=True)
class Weight:
    """What the process holds at the end."""

    blocks: int
    """Of memory in use."""
    first_rss_kib: int
    """After the warm-up."""
    last_rss_kib: int
    cycles: int
    """Objects that only a collector could have freed."""


class Forgetful(list[bool]):
    """Takes the bench's notes of every beat, which would grow by themselves."""

    def append(self, beat: bool) -> None:
        pass


class Soak:
    """One EVSE, its loop, and everybody who speaks to it."""

    def __init__(self, folder: Path, minutes: int, warm_up: int) -> None:
        self.now_ns = 1_000 * MS
        self.ticks = 0
        self.minutes, self.warm_up = minutes, warm_up
        self.first_rss_kib = 0
        self.weight = Weight(0, 0, 0, 0)
        self.trips = 0
        self.bench = Bench()
        runner = runner_of(self.bench, self.clock)
        channel_of(runner).beats = Forgetful()
        self.runner = runner
        self.server = Server(str(folder), gid=None, hello=Hello(1, "pilot", "soak", (1,)))
        keeper = Keeper(
            runners=[runner],
            watchdog=self,
            latch_path=str(folder / "latches.json"),
            latched={},
            copy_path=str(folder / "latches-copy.json"),
            copied={},
            counter_path=str(folder / "counters.json"),
            counted={},
            count=lambda runner: runner.state.counters,
            now_ms=0,
            say=sys.stderr.write,
        )
        self.loop = Loop(
            runners=[runner],
            server=self.server,
            watchdog=self,
            keeper=keeper,
            period_ms=PERIOD_MS,
            mode="realtime",
            clock=self.clock,
            sleep=self.sleep,
        )
        self.brain = self.connect("brain")
        self.guest: socket.socket | None = None
        second = 1_000 // PERIOD_MS
        self.script: dict[int, Callable[[], object]] = {at * second: self.renew for at in range(60)}
        self.script |= {
            2 * second + 1: lambda: self.plug("B"),
            5 * second + 1: lambda: self.plug("C"),
            8 * second + 1: self.visit,
            9 * second + 1: lambda: self.say(GetStats(7)),
            10 * second + 1: self.leave,
            12 * second + 1: self.lie,
            20 * second + 1: lambda: self.plug("mid"),
            20 * second + 40: lambda: self.plug("B"),
            24 * second + 1: lambda: self.plug("C"),
            30 * second + 1: self.trip,
            31 * second + 1: self.mend,
            32 * second + 1: lambda: self.plug("A"),
            33 * second + 1: lambda: self.say(ResetFault(1, 8, "rcd_trip")),
            34 * second + 1: lambda: self.plug("B"),
            35 * second + 1: lambda: self.plug("C"),
            36 * second + 1: self.lose_brain,
            38 * second + 1: self.find_brain,
            50 * second + 1: lambda: self.plug("B"),
            52 * second + 1: lambda: self.say(Unlock(1, 9)),
            53 * second + 1: lambda: self.plug("A"),
            55 * second + 1: lambda: self.say(SetAvailable(1, 10, False)),
            57 * second + 1: lambda: self.say(SetAvailable(1, 11, True)),
            MINUTE - 1: self.weigh,
        }

    # --- what the loop asks of the world ---

    def clock(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += PERIOD_MS * MS
        self.bench.now_ms = self.now_ns // MS
        self.ticks += 1
        action = self.script.get(self.ticks % MINUTE)
        if action is not None:
            action()

    def alive(self, now_ms: int) -> None:
        pass

    def wait_longer(self, patience_ms: int) -> None:
        pass

    def wait_as_before(self) -> None:
        pass

    # --- what happens in a minute ---

    def connect(self, role: str) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.connect(self.server.path)
        client.setblocking(False)
        client.send(encode(Hello(1, role)))
        return client

    def say(self, *messages: Message) -> None:
        self.brain.send(b"".join(encode(message) for message in messages))

    def renew(self) -> None:
        if self.brain.fileno() >= 0:
            drain(self.brain)
            self.say(Offer(1, 16.0, 3, True, 5_000, self.ticks))

    def plug(self, state: str) -> None:
        self.bench.volts = VOLTS[state]

    def visit(self) -> None:
        self.guest = self.connect("reader")

    def leave(self) -> None:
        if self.guest is not None:
            drain(self.guest)
            self.guest.close()
            self.guest = None

    def lie(self) -> None:
        with socket.socket(socket.AF_UNIX) as liar:
            liar.connect(self.server.path)
            liar.send(b'{"type":"offer","evse_id":1}\n' + b"x" * 5_000)

    def trip(self) -> None:
        self.trips += self.bench.contactor
        self.bench.faulty = frozenset({"rcd_trip"})

    def mend(self) -> None:
        self.bench.faulty = frozenset()

    def lose_brain(self) -> None:
        drain(self.brain)
        self.brain.close()

    def find_brain(self) -> None:
        self.brain = self.connect("brain")

    @property
    def cycles(self) -> int:
        """Closings of the contactor."""
        return self.runner.state.counters.cycles

    def weigh(self) -> None:
        minute = self.ticks // MINUTE + 1
        if minute == self.warm_up:
            self.first_rss_kib = rss_kib()
        if minute == self.minutes:
            last_rss_kib = rss_kib()
            cycles = gc.collect()  # which empties the lists of tuples, too, so that only what is in use is counted
            self.weight = Weight(sys.getallocatedblocks(), self.first_rss_kib, last_rss_kib, cycles)

    def run(self) -> None:
        self.loop.run(self.now_ns + self.minutes * MINUTE * PERIOD_MS * MS)
        self.brain.close()
        self.server.close()


def drain(client: socket.socket) -> None:
    try:
        while client.recv(65_536):
            pass
    except BlockingIOError:
        pass


def fill_tuple_lists() -> None:
    """Free as many tuples of each size as the interpreter keeps."""
    for size in range(1, TUPLE_SIZES):
        kept = [tuple(range(size)) for _ in range(TUPLES)]
        del kept


def rss_kib() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * resource.getpagesize() // 1_024


def soak(minutes: int, warm_up: int = 1) -> Soak:
    """Run so many simulated minutes and weigh at the end."""
    gc.collect()
    gc.freeze()
    gc.disable()
    fill_tuple_lists()
    try:
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            done = Soak(Path(folder), minutes, warm_up)
            done.run()
    finally:
        gc.enable()
        gc.unfreeze()
    return done


def main() -> int:
    """Run for hours of simulated time; return 1 if memory grew."""
    parser = argparse.ArgumentParser(description="Show that the loop of stationd-pilot does not grow.")
    parser.add_argument("--hours", type=float, default=HOURS, help="simulated hours (8)")
    minutes = max(2, round(parser.parse_args().hours * 60))
    warm_up = max(1, minutes // 16)
    short = soak(1).weight
    began = time.monotonic()
    done = soak(minutes, warm_up)
    took_s = time.monotonic() - began
    long = done.weight
    print(f"{done.ticks} ticks of {PERIOD_MS} ms in {took_s:.0f} s: {done.cycles} closings, {done.trips} trips")
    grew = long.cycles > 0
    for name, before_min, before, after in (
        ("blocks", 1, short.blocks, long.blocks),
        ("rss_kib", warm_up, long.first_rss_kib, long.last_rss_kib),
    ):
        growth = after / before - 1
        print(f"{name:8} {before} after {before_min} min, {after} after {minutes} min: {100 * growth:+.2f} %")
        grew = grew or growth > GROWTH
    print(f"cycles   {long.cycles} objects that only a collector could have freed")
    print("memory GREW" if grew else "memory did not grow")
    return int(grew)


if __name__ == "__main__":
    sys.exit(main())
