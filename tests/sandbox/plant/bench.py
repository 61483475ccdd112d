"""A real plant process, and a driver that attaches to it as the mock drivers do."""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stationd.sandbox.plant.client import PlantClient

Json = dict[str, Any]
REPO = Path(__file__).parents[3]
TICK_S = 0.004
PATIENCE_S = 20.0


def spawn(runtime_dir: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "stationd.sandbox.plant", "--runtime-dir", str(runtime_dir), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPO,
    )


@dataclass
class Bench:
    """A running plant."""

    process: subprocess.Popen[str]
    ready: Json
    client: PlantClient

    @property
    def runtime_dir(self) -> Path:
        return Path(self.ready["runtime_dir"])

    @contextmanager
    def driver(self, evse_id: int = 1, react: "Reaction | None" = None) -> Iterator["Driver"]:
        driver = Driver(self.runtime_dir, evse_id, react)
        try:
            yield driver
        finally:
            driver.close()

    def another_client(self) -> PlantClient:
        return PlantClient(self.runtime_dir / "plant.sock", timeout_s=PATIENCE_S)


@contextmanager
def short_folder() -> Iterator[Path]:
    """Socket paths are short: pytest's own folders may not be."""
    folder = Path(tempfile.mkdtemp(prefix="plant-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Bench]:
    with spawn(folder, *options) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            ready = json.loads(line)
            with PlantClient(folder / "plant.sock", timeout_s=PATIENCE_S) as client:
                yield Bench(process, ready, client)
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
    assert process.stderr is not None
    # a plant that ran says nothing on stderr; a traceback of it would be here


Reaction = Callable[[Json, Json], None]
"""Takes the newest state and the pins, which it may change."""


class Driver:
    """Sends pins every tick and keeps the newest state."""

    def __init__(self, runtime_dir: Path, evse_id: int = 1, react: Reaction | None = None) -> None:
        self.pins: Json = {"duty": 100.0, "close": False, "lock": False, "n": 0}
        self.state: Json = {}
        self.received = 0
        self.ended = False
        self.silent = False
        self._react = react
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._link = connect_pins(runtime_dir)
        self._link.send(json.dumps({"attach": evse_id}).encode())
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def drive(self, **pins: Any) -> None:
        with self._changed:
            self.pins.update(pins)

    def wait(self, predicate: Callable[[Json], bool]) -> Json:
        with self._changed:
            assert self._changed.wait_for(lambda: bool(self.state) and predicate(self.state), PATIENCE_S), self.state
            return dict(self.state)

    def wait_ended(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.ended, PATIENCE_S)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._link.close()

    def _run(self) -> None:
        self._link.settimeout(TICK_S)
        while not self._stop.is_set() and not self.ended:
            began = time.monotonic()
            try:
                packet = self._link.recv(4096)
                with self._changed:
                    self.ended = not packet
                    if packet:
                        self.state = json.loads(packet)
                        self.received += 1
                    self._changed.notify_all()
            except TimeoutError:
                pass
            except OSError:
                self.ended = True
            with self._changed:
                if self._react is not None and self.state:
                    self._react(self.state, self.pins)
                self.pins["n"] += 1
                packet = json.dumps(self.pins).encode()
            if not self.silent:
                try:
                    self._link.send(packet)
                except TimeoutError:
                    pass  # the plant is late and its queue full: the next tick sends again
                except OSError:
                    self.ended = True
            time.sleep(max(0.0, TICK_S - (time.monotonic() - began)))
        with self._changed:
            self._changed.notify_all()


def connect_pins(runtime_dir: Path) -> socket.socket:
    link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    link.settimeout(PATIENCE_S)
    try:
        link.connect(str(runtime_dir / "plant-pins.sock"))
    except OSError:
        link.close()
        raise
    return link


def obey(state: Json, pins: Json) -> None:
    """A station in short: PWM while a car is there, closed while it wants power and nothing is wrong."""
    plugged = 1.0 < state["cp_high_v"] < 11.0
    wants = 4.0 < state["cp_high_v"] < 7.0
    fault = any(state["inputs"].values()) or (state["temperature_c"] or 0) > 80
    pins["duty"] = 26.7 if plugged else 100.0
    pins["close"] = wants and not fault
    pins["lock"] = plugged and wants


def charging(state: Json) -> bool:
    return bool(state["contactor_closed"]) and state["current_a"][0] > 1.0
