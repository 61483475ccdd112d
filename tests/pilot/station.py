"""The real stationd-pilot as a process beside a small plant, and clients that speak to it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from stationd.pilot.protocol import Hello, Message, Offer, encode

ROOT = Path(__file__).parent.parent.parent
MAIN = ROOT / "stationd" / "pilot" / "__main__.py"
PATIENCE_S = 15.0


class Watcher:
    """A client of pilot.sock."""

    def __init__(self, folder: Path, role: str = "reader") -> None:
        self.seen: list[dict[str, Any]] = []
        self._rest = b""
        end = time.monotonic() + PATIENCE_S
        while True:
            self.sock = socket.socket(socket.AF_UNIX)
            try:
                self.sock.connect(str(folder / "pilot.sock"))
                break
            except OSError:
                self.sock.close()
                assert time.monotonic() < end, "stationd-pilot never listened"
                time.sleep(0.01)
        self.sock.settimeout(0.5)
        self.send(Hello(1, role))

    def send(self, *messages: Message) -> None:
        self.sock.sendall(b"".join(encode(message) for message in messages))

    def offer(self, amps: float = 16.0, *, permit: bool = True, lease_ms: int = 10_000, seq: int = 1) -> None:
        self.send(Offer(1, amps, 3, permit, lease_ms, seq))

    def wait(self, what: Callable[..., bool], *, repeat: Callable[[], None] | None = None) -> dict[str, Any]:
        """Return the first message from now on for which `what` is true; `repeat` is called twice a second."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            while b"\n" in self._rest:
                line, _, self._rest = self._rest.partition(b"\n")
                message = json.loads(line)
                self.seen.append(message)
                if what(message):
                    return message
            with contextlib.suppress(TimeoutError):
                data = self.sock.recv(65_536)
                if not data:
                    raise ConnectionError(f"closed by stationd-pilot after {self.seen[-1:]}")
                self._rest += data
            if repeat is not None:
                repeat()
        raise AssertionError(f"never came; last: {self.seen[-3:]}")

    def status(self, **wanted: Any) -> dict[str, Any]:
        """Return the next status with these values, renewing nothing."""
        return self.wait(
            lambda m: m["type"] == "status" and all(m[name] == value for name, value in wanted.items()),
        )

    def close(self) -> None:
        self.sock.close()


class Station:
    def __init__(self, folder: Path, *, site: str | None = "site_max_a = 16.0\n", hold_s: float = 60) -> None:
        self.folder = folder
        self.site = folder / "site.toml"
        if site is not None:
            self.site.write_text(site)
            self.site.chmod(0o644)
        text = (ROOT / "hw-profiles" / "mock.toml").read_text()
        for old, new in (
            ("hold_s = 60", f"hold_s = {hold_s}"),
            ("min_off_ms = 1000", "min_off_ms = 150"),
            ("lock_ms = 3000", "lock_ms = 400"),
        ):
            assert old in text
            text = text.replace(old, new)
        board = folder / "board.toml"  # the mock board, but with less waiting
        board.write_text(text)
        self.profile = str(board)
        self.process: subprocess.Popen[bytes] | None = None
        self.watchers: list[Watcher] = []

    def command(self, *more: str) -> list[str]:
        folder = str(self.folder)
        return [
            sys.executable, "-I", "-S", str(MAIN), "--profile", self.profile, "--runtime-dir", folder,
            "--state-dir", folder, "--site-limit", str(self.site), *more,
        ]  # fmt: skip

    def start(self, **environment: str) -> None:
        with open(self.folder / "stderr", "ab") as stderr:
            self.process = subprocess.Popen(
                self.command(), stderr=stderr, cwd="/", env={"PATH": os.environ["PATH"], **environment}
            )

    def client(self, role: str = "reader") -> Watcher:
        watcher = Watcher(self.folder, role)
        self.watchers.append(watcher)
        return watcher

    def signal(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def stderr(self) -> str:
        return (self.folder / "stderr").read_text()

    def close(self) -> None:
        for watcher in self.watchers:
            watcher.close()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE_S)


@contextlib.contextmanager
def running(folder: Path, **options: Any) -> Iterator[Station]:
    station = Station(folder, **options)
    station.start()
    try:
        yield station
    finally:
        station.close()
