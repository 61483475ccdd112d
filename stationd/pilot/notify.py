"""The service manager's notification socket (sd_notify), and a word on stderr that never waits."""

import contextlib
import os
import select
import socket
from collections.abc import Mapping

MAX_TEXT_BYTES = 4_000
"""A pipe that poll calls writable takes at least 4096 bytes."""


class Notifier:
    """Tells systemd READY, STATUS, STOPPING and that the loop lives; does nothing without NOTIFY_SOCKET."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket: socket.socket | None = None
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        usec = environment.get("WATCHDOG_USEC", "")
        self._usec = int(usec) if usec.isdecimal() else 0
        self._every_ms = self._usec // 2_000
        self._next_ms = 0

    def send(self, text: str) -> None:
        """Send lines such as `READY=1`; lost if nobody listens."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.sendto(text.encode(), self._address)

    def alive(self, now_ms: int) -> None:
        """Pat the watchdog at half its interval."""
        if self._every_ms and now_ms >= self._next_ms:
            self._next_ms = now_ms + self._every_ms
            self.send("WATCHDOG=1")

    def wait_longer(self, patience_ms: int) -> None:
        """Ask the watchdog to wait so long for the next pat, if that is longer than its interval."""
        if self._every_ms:
            self.send(f"WATCHDOG_USEC={max(self._usec, patience_ms * 1_000)}")

    def wait_as_before(self) -> None:
        """Pat the watchdog and give it its interval back."""
        if self._every_ms:
            self.send(f"WATCHDOG=1\nWATCHDOG_USEC={self._usec}")

    def close(self) -> None:
        """Give the socket back."""
        if self._socket is not None:
            self._socket.close()


def say(text: str) -> None:
    """Write one line to stderr, unless its reader is so far behind that writing would wait."""
    poll = select.poll()
    poll.register(2, select.POLLOUT)
    with contextlib.suppress(OSError):
        if any(events & select.POLLOUT for _, events in poll.poll(0)):
            os.write(2, f"stationd-pilot: {text}\n".encode()[:MAX_TEXT_BYTES])
