"""A watcher of `stationd-pilot`, on its own socket: it needs no stationd and can change nothing. Synchronous."""

import contextlib
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from stationd.api.client import ApiError, UnreachableError
from stationd.pilot import protocol

ANSWER_S = 5.0
"""stationd-pilot sends each status once a second, the first ones after a second at most."""


@dataclass(frozen=True, slots=True)
class PilotView:
    """Everything that stationd-pilot says of itself at one time."""

    statuses: tuple[protocol.Status, ...]
    stats: protocol.Stats


class PilotReader:
    """One connection as a `reader`. `look` may be called again and again."""

    def __init__(self, path: Path, *, timeout_s: float = ANSWER_S) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._buffer = b""
        self._seq = 0
        self._statuses: dict[int, protocol.Status] = {}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(str(path))
            self._send(protocol.Hello(protocol.VERSION, "reader"))
        except FileNotFoundError:
            raise self._unreachable("there is no such socket") from None
        except ConnectionRefusedError:
            raise self._unreachable("nobody answers") from None
        except PermissionError:
            raise self._unreachable("you may not use it; run this as root or join the group of the socket") from None
        except OSError as error:
            raise self._unreachable(error.strerror or str(error)) from None
        try:
            self._evses = self._hello()
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def look(self) -> PilotView:
        """Return the newest status of every EVSE, and how the loop runs.

        Raises:
            UnreachableError: it went away or says nothing.
            ApiError: it refused this connection, or speaks another language.
        """
        self._seq += 1
        self._send(protocol.GetStats(self._seq))
        deadline, stats = self._deadline(), None
        while stats is None or set(self._statuses) < set(self._evses):
            message = self._receive(deadline)
            if isinstance(message, protocol.Stats):
                stats = message
            else:
                self._take(message)
        return PilotView(tuple(self._statuses[evse_id] for evse_id in sorted(self._statuses)), stats)

    def wait(self, seconds: float) -> None:
        """Let time pass, reading what comes: who does not read is disconnected."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            message = self._receive(until, patient=True)
            if message is not None:
                self._take(message)

    def _hello(self) -> tuple[int, ...]:
        deadline = self._deadline()
        while not isinstance(message := self._receive(deadline), protocol.Hello):
            self._take(message)
        return message.evses

    def _take(self, message: protocol.Message | None) -> None:
        if isinstance(message, protocol.Status):
            self._statuses[message.evse_id] = message
        elif isinstance(message, protocol.Reply) and message.error is not None:
            raise ApiError(f"stationd-pilot refused: {message.error}")

    def _deadline(self) -> float:
        return time.monotonic() + self._timeout_s

    def _send(self, message: protocol.Message) -> None:
        # it may have said why before: the next answer to read is that, or the end of the stream
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(protocol.encode(message))

    def _receive(self, deadline: float, *, patient: bool = False) -> protocol.Message | None:
        """Return the next message; None if it is of a newer stationd-pilot or, `patient`, if none came in time."""
        while b"\n" not in self._buffer:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                chunk = self._socket.recv(65_536)
            except TimeoutError:
                if patient:
                    return None
                raise self._unreachable(f"it said nothing for {self._timeout_s:g} s") from None
            except OSError as error:
                raise self._unreachable(error.strerror or str(error)) from None
            if not chunk:
                raise self._unreachable("it closed the connection")
            self._buffer += chunk
            if len(self._buffer) > 100 * protocol.MAX_LINE_BYTES:
                raise ApiError(f"cannot follow {self._path}: it sends no lines; is it stationd-pilot's socket?")
        line, self._buffer = self._buffer.split(b"\n", 1)
        try:
            return protocol.decode(line)
        except protocol.UnknownTypeError:
            return None
        except protocol.ProtocolError as error:
            raise ApiError(f"cannot follow stationd-pilot at {self._path}: {error}; install the same release") from None

    def _unreachable(self, why: str) -> UnreachableError:
        self._socket.close()
        return UnreachableError(f"cannot reach stationd-pilot at {self._path}: {why}. Is stationd-pilot running?")
