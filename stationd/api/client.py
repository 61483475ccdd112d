"""A caller of the local API and of the plant's control socket. Synchronous, standard library only."""

import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class ApiError(Exception):
    """The call failed; the text is a sentence for a person."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class UnreachableError(ApiError):
    """Nobody answers on the socket."""


class Client:
    """One connection. `call` asks and waits; `stream` yields notifications."""

    def __init__(self, path: Path, *, timeout_s: float = 10.0, who: str = "stationd") -> None:
        self._path = path
        self._who = who
        self._buffer = b""
        self._next_id = 1
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(str(path))
        except FileNotFoundError:
            self._unreachable("there is no such socket")
        except ConnectionRefusedError:
            self._unreachable("nobody answers")
        except PermissionError:
            self._unreachable("you may not use it; run this as root or join the group of the socket")
        except OSError as error:
            self._unreachable(str(error))

    def _unreachable(self, why: str) -> None:
        self._socket.close()
        raise UnreachableError(f"cannot reach {self._who} at {self._path}: {why}. Is {self._who} running?")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def call(self, method: str, **params: Any) -> Any:
        """Call a method and return its result.

        Raises:
            ApiError: the other side refused, went away or did not answer in time.
        """
        request_id = self._next_id
        self._next_id += 1
        self._send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == request_id or (message.get("id") is None and "error" in message):
                if "error" in message:
                    raise ApiError(message["error"].get("message", "?"), message["error"].get("code", 0))
                return message.get("result")

    def stream(self, method: str, **params: Any) -> Iterator[Any]:
        """Call a streaming method and yield the parameters of its notifications until the other side closes."""
        self.call(method, **params)
        self._socket.settimeout(None)
        while True:
            try:
                message = self._receive()
            except UnreachableError:
                return
            if "error" in message:
                raise ApiError(message["error"].get("message", "?"), message["error"].get("code", 0))
            if "method" in message:
                yield message.get("params")

    def _send(self, message: dict[str, Any]) -> None:
        # a server that closed may have said why before: the answer to read next is that, or the end of the stream
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def _receive(self) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            try:
                chunk = self._socket.recv(65536)
            except TimeoutError:
                raise ApiError(f"{self._who} did not answer in time") from None
            except OSError as error:
                raise UnreachableError(f"{self._who} closed the connection: {error}") from None
            if not chunk:
                raise UnreachableError(f"{self._who} closed the connection")
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\n", 1)
        try:
            message = json.loads(line)
        except ValueError:
            raise ApiError(f"{self._who} sent something that is not JSON") from None
        if not isinstance(message, dict):
            raise ApiError(f"{self._who} sent something that is not a JSON-RPC message")
        return message
