"""What a real station looked like from moment to moment: as the plant says, and as stationd-pilot says."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from stationd.pilot.protocol import Hello, encode
from stationd.sandbox.plant.client import PlantClient
from tests.flows.support import PATIENCE_S, Flow

Json = dict[str, Any]
LOOK_MS = 20


@dataclass(frozen=True, slots=True)
class Look:
    """One EVSE at one moment of the plant's clock, which is the machine's `time.monotonic`."""

    t_s: float
    duty: float
    closed: bool
    ordered: bool
    """The driver orders the contactor closed."""
    lock: str


class PlantWatch:
    """Looks at one EVSE of the plant every 20 ms. A context manager; `looks` grows meanwhile."""

    def __init__(self, flow: Flow, evse_id: int = 1) -> None:
        self.looks: list[Look] = []
        self._evse_id = evse_id
        self._client = PlantClient(flow.sandbox.folders.runtime_dir / "plant.sock", timeout_s=PATIENCE_S)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        self.wait(lambda _: True, "a first look")
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        with contextlib.closing(self._client.watch(LOOK_MS, last_reactions=0)) as states:  # type: ignore[type-var]
            for state in states:
                if self._over.is_set():
                    return
                evse = next(one for one in state["evses"] if one["evse_id"] == self._evse_id)
                pins, contactor = evse["pins"], evse["contactor"]
                self.looks.append(
                    Look(state["t_ns"] / 1e9, pins["duty"], contactor["closed"], pins["close"], evse["lock"])
                )

    def wait(self, what: Callable[[Look], bool], words: str, *, after_s: float = 0.0) -> Look:
        """Return the first look after a time for which `what` is true."""
        end, index = time.monotonic() + PATIENCE_S, 0
        while True:
            while index < len(self.looks):
                look, index = self.looks[index], index + 1
                if look.t_s >= after_s and what(look):
                    return look
            assert time.monotonic() < end, f"never seen in {len(self.looks)} looks: {words}; last: {self.looks[-1:]}"
            time.sleep(0.01)

    def between(self, from_s: float, to_s: float) -> list[Look]:
        """Return the looks of a time."""
        found = [look for look in self.looks if from_s <= look.t_s <= to_s]
        assert found
        return found

    def highest_duty(self) -> float:
        """Return the most that was ever offered: of all looks with PWM the greatest duty."""
        return max((look.duty for look in self.looks if look.duty < 100), default=0.0)


class PilotReader:
    """Reads pilot.sock as a `reader`: every change of stationd-pilot is in `statuses`. A context manager."""

    def __init__(self, runtime_dir: Path) -> None:
        self.statuses: list[Json] = []
        self.ended = False
        """stationd-pilot closed the connection."""
        self.last_notice = ""
        self._stats: list[Json] = []
        self._over = threading.Event()
        self._link = socket.socket(socket.AF_UNIX)
        self._link.settimeout(0.2)
        self._link.connect(str(runtime_dir / "pilot.sock"))
        self._link.sendall(encode(Hello(1, "reader")))
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        self.wait(lambda _: True, "a first status")
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._link.close()

    def _run(self) -> None:
        rest = b""
        while not self._over.is_set():
            try:
                data = self._link.recv(65_536)
            except TimeoutError:
                continue
            except OSError:
                data = b""
            if not data:
                self.ended = True
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._take(json.loads(line))

    def _take(self, message: Json) -> None:
        if message["type"] == "status":
            self.statuses.append(message)
        elif message["type"] == "stats":
            self._stats.append(message)
        elif message["type"] == "reply":
            self.last_notice = message["error"]

    def wait(self, what: Callable[[Json], bool], words: str, *, after: int = 0) -> Json:
        """Return the first status from an index on for which `what` is true."""
        end = time.monotonic() + PATIENCE_S
        while True:
            while after < len(self.statuses):
                status, after = self.statuses[after], after + 1
                if what(status):
                    return status
            assert time.monotonic() < end, f"never told: {words}; last: {self.statuses[-1:]}"
            time.sleep(0.01)

    def newest(self) -> Json:
        """Return the next status: one that is told from now on."""
        return self.wait(lambda _: True, "another status", after=len(self.statuses))

    def stats(self) -> Json:
        """Ask how the loop ran."""
        known, end = len(self._stats), time.monotonic() + PATIENCE_S
        self._link.sendall(b'{"type": "get_stats", "seq": 1}\n')
        while len(self._stats) == known:
            assert time.monotonic() < end, "no stats"
            time.sleep(0.01)
        return self._stats[-1]
