"""Start, watch and end the processes of a simulated station. Synchronous; standard library only."""

import argparse
import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from stationd.domain.errors import StationError

POLL_S = 0.02
END_S = 5.0
MAX_PORT = 65_535


def port_number(text: str) -> int:
    """Return a TCP port given on a command line.

    Raises:
        argparse.ArgumentTypeError: it is none; the text says what would be.
    """
    if text.isdecimal() and int(text) <= MAX_PORT:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port: give 0 (any free one) to {MAX_PORT}")


class ProcessFailedError(StationError):
    """A process did not start, or ended when it should not; the text has its last lines."""


class Process:
    """One child process with its log file. Its own session, so that a Ctrl-C reaches only us, and we end it."""

    def __init__(self, name: str, argv: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as sink:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                [str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=sink,
                start_new_session=True, env={**os.environ, **(env or {})},
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Exit status; None while it runs."""
        return self._process.poll()

    def ready_line(self, timeout_s: float) -> dict[str, Any]:
        """Wait for the one JSON line that says that it is ready.

        Raises:
            ProcessFailedError: it ended, or said nothing in time.
        """
        stdout: IO[bytes] | None = self._process.stdout
        assert stdout is not None  # noqa: S101 - given as PIPE above
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if select.select([stdout], [], [], 0.1)[0]:
                line = stdout.readline()
                if line:
                    answer: dict[str, Any] = json.loads(line)
                    return answer
                self._process.wait(1)
            if self.status is not None:
                raise self.failure("ended at once")
        raise self.failure(f"was not ready within {timeout_s:.0f} s")

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until `ready` holds; a process that ends meanwhile is a failure."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self.status is not None:
                raise self.failure("ended at once")
            if time.monotonic() > deadline:
                raise self.failure(f"was not ready within {timeout_s:.0f} s")
            time.sleep(POLL_S)

    def failure(self, what: str) -> ProcessFailedError:
        """Return an error with the last lines of the log."""
        lines = self.log.read_text(errors="replace").strip().splitlines()[-4:] if self.log.exists() else []
        return ProcessFailedError("\n".join([f"{self.name} {what}:", *(f"  {line}" for line in lines)]))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def end(self, timeout_s: float = END_S) -> int:
        """End it with SIGTERM, and with SIGKILL if it does not obey; return the exit status."""
        if self.status is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()
        return self._process.wait()

    def kill(self) -> None:
        """Kill it and everything it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
