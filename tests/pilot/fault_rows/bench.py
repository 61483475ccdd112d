"""A plant, the real stationd-pilot beside it, and a brain in the test's hand. Everything that either says is kept.

Plant, safety process and test read the same clock (CLOCK_MONOTONIC), so their times can be compared; all times here are
its milliseconds.
"""

import contextlib
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from stationd.pilot.protocol import Hello, Message, encode
from stationd.sandbox.plant.client import PlantClient
from stationd.sandbox.plant.errors import PlantError
from tests.pilot.fault_rows.place import Place, Truth
from tests.pilot.station import ROOT, Station

Json = dict[str, Any]
RENEW_S = 0.3
PATIENCE_S = 20.0
PLANT_PRIORITY = 10
LATE_MS = 20.0
"""A thread that sleeps and is woken so late says that the machine stood still."""
GAP_MS = 50.0
"""So does a plant that shows its state so late."""


def profile(*, timings: Json, evses: tuple[Json, ...] = ({},)) -> str:
    """Return the mock board with these times, and with so many EVSEs that differ in these keys."""
    text = (ROOT / "hw-profiles" / "mock.toml").read_text().replace('evses = "any"', 'evses = "as listed"')
    head, mark, rest = text.partition("\n[[evse]]\n")
    one, reader, after = rest.partition("\n[reader]\n")
    return _changed(head, timings) + "".join(mark + _changed(one, keys) for keys in evses) + reader + after


def _changed(text: str, keys: Json) -> str:
    for key, value in keys.items():
        text, found = re.subn(rf"(?m)^{key} = \S+", f"{key} = {json.dumps(value)}", text)
        assert found == 1, key
    return text


class Witness:
    """A thread that only sleeps: when it was woken late, the machine stood still, whoever was measured then."""

    def __init__(self) -> None:
        self._late: list[tuple[float, float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sleep, daemon=True)
        self._thread.start()

    def _sleep(self) -> None:
        before = time.monotonic()
        while not self._stop.wait(0.005):
            now = time.monotonic()
            if (now - before) * 1e3 > LATE_MS:
                self._late.append((before * 1e3, now * 1e3))
            before = now

    def late_ms(self, from_ms: float, until_ms: float) -> float:
        """Return the longest sleep within this time, 0 if none was too long."""
        return max((end - begin for begin, end in self._late if end >= from_ms and begin <= until_ms), default=0.0)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


class Bench:
    """One plant and one safety process with some EVSEs."""

    def __init__(self, folder: Path, text: str, *, evses: int = 1, look_ms: int = 20) -> None:
        self.folder = folder
        self.witness = Witness()
        self._look_ms = look_ms
        self.station = Station(folder, site="site_max_a = 32.0\n")
        Path(self.station.profile).write_text(text)
        self._plant = subprocess.Popen(
            [sys.executable, "-m", "stationd.sandbox.plant", "--runtime-dir", str(folder), "--evses", str(evses)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        assert self._plant.stdout is not None
        assert json.loads(self._plant.stdout.readline())["ready"] is True
        with contextlib.suppress(PermissionError):  # physics waits for nobody; the safety process goes before it
            os.sched_setscheduler(self._plant.pid, os.SCHED_RR, os.sched_param(PLANT_PRIORITY))
        self.changed = threading.Condition()
        self.replies: dict[int, str | None] = {}
        self.places = {n: Place(self, n, PlantClient(folder / "plant.sock", 15)) for n in range(1, evses + 1)}
        self._numbers = itertools.count(1)
        self._socket: socket.socket | None = None
        self._ending = threading.Event()
        self._looker = threading.Thread(target=self._look, args=(look_ms,), daemon=True)
        self._looker.start()
        self.start()

    def start(self) -> None:
        """Start the safety process, and be its brain."""
        marks = {number: place.mark() for number, place in self.places.items()}
        self.station.start()
        end = time.monotonic() + PATIENCE_S
        while True:
            link = socket.socket(socket.AF_UNIX)
            try:
                link.connect(str(self.folder / "pilot.sock"))
                break
            except OSError:
                link.close()
                assert time.monotonic() < end, f"stationd-pilot never listened: {self.station.stderr()}"
                time.sleep(0.005)
        link.settimeout(0.05)
        link.sendall(encode(Hello(1, "brain")))
        self._socket = link
        self._brain = threading.Thread(target=self._listen, args=(link,), daemon=True)
        self._brain.start()
        for number, place in self.places.items():
            place.wait(lambda _: True, after=marks[number])

    def kill(self) -> None:
        """Kill the safety process, as a power cut would."""
        assert self.station.process is not None
        self.station.process.kill()
        self.station.process.wait()
        self._brain.join()

    @property
    def mode(self) -> str:
        """`realtime` or `degraded: …`."""
        return (self.folder / "pilot-mode").read_text().strip()

    def late_ms(self, from_ms: float, until_ms: float) -> float:
        """Return how late machine or plant were at most within this time; 0 if that was usual."""
        looks = [truth.at_ms for truth in self.places[1].truths if from_ms <= truth.at_ms <= until_ms]
        gap_ms = max((later - one for one, later in pairwise(looks)), default=0.0) - self._look_ms
        return max(self.witness.late_ms(from_ms, until_ms), gap_ms if gap_ms > GAP_MS else 0.0)

    def send(self, message: Message) -> None:
        assert self._socket is not None
        with contextlib.suppress(OSError):  # it may just be restarted
            self._socket.sendall(encode(message))

    def number(self) -> int:
        return next(self._numbers)

    def close(self) -> None:
        self._ending.set()
        self.station.close()
        self._brain.join()
        for place in self.places.values():
            place.plant.close()
        self._plant.terminate()
        self._plant.wait(15)
        self._looker.join()
        self._plant.stdout.close()  # type: ignore[union-attr]
        self.witness.close()

    def _listen(self, link: socket.socket) -> None:
        """Read what the safety process says, and renew the offers, until it ends."""
        rest, renewed = b"", 0.0
        with link:
            while True:
                if time.monotonic() - renewed > RENEW_S:
                    renewed = time.monotonic()
                    for place in self.places.values():
                        place.renew()
                try:
                    data = link.recv(65_536)
                except TimeoutError:
                    continue
                except OSError:
                    return
                if not data:
                    return
                now_ms = time.monotonic() * 1e3
                *lines, rest = (rest + data).split(b"\n")
                with self.changed:
                    for line in lines:
                        self._take(json.loads(line), now_ms)
                    self.changed.notify_all()

    def _take(self, message: Json, now_ms: float) -> None:
        if message["type"] == "status":
            self.places[message["evse_id"]].take(message, now_ms)
        elif message["type"] == "reply":
            self.replies[message["seq"]] = message["error"]

    def _look(self, look_ms: int) -> None:
        """Watch what really is, whatever the sensors say."""
        with contextlib.suppress(PlantError), PlantClient(self.folder / "plant.sock", 15) as client:
            for state in client.watch(look_ms, last_reactions=0):
                if self._ending.is_set():
                    return
                for evse in state["evses"]:
                    self.places[evse["evse_id"]].look(Truth.of(state["t_ns"], evse))


@contextlib.contextmanager
def bench(folder: Path, text: str, *, evses: int = 1, look_ms: int = 20) -> Iterator[Bench]:
    made = Bench(folder, text, evses=evses, look_ms=look_ms)
    try:
        yield made
    finally:
        made.close()
