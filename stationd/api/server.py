"""JSON-RPC 2.0 on a unix socket, one JSON text a line: the transport of the local API.

Knows nothing of the station: methods are given as a table. The caller's rights come from its peer credentials. The
sandbox serves its own control sockets with it too.
"""

import asyncio
import contextlib
import json
import logging
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from stationd.domain.errors import StationError

log = logging.getLogger(__name__)

MAX_LINE_BYTES = 64 * 1024
MAX_CONNECTIONS = 32
SEND_S = 10.0  # a caller that takes nothing for so long is gone
FLUSH_S = 0.5  # how long a connection that closes may take to deliver what was written
MAX_PATH_BYTES = 107  # sun_path holds 108 with its closing NUL

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
REFUSED = -32000  # the station said no: the message says why
FORBIDDEN = -32001


class InvalidParams(StationError):
    """A parameter is missing, unknown or out of bounds; the text names it, the value and the fix."""


class Refused(StationError):
    """What was asked cannot be done now; the text says why."""


class Access(StrEnum):
    """Who may call a method."""

    READ = "read"
    """Whoever may connect to the socket (its file mode decides)."""
    CHANGE = "change"
    """Root, the daemon's own user, and members of the admin group."""


Result = Awaitable[Any]


@dataclass(frozen=True, slots=True)
class Method:
    """One row of the table."""

    access: Access
    handler: Callable[..., Result] | None = None
    stream: Callable[..., AsyncIterator[Any]] | None = None
    """Instead of `handler`: each item becomes a notification of the method's name, until the caller goes."""
    parameters: Mapping[str, type] = field(default_factory=dict)
    """Name -> JSON type; `optional` names those that may be left out."""
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Caller:
    """Peer credentials of a connection."""

    pid: int
    uid: int
    gid: int


class Server:
    """Serves a table of methods on a unix socket.

    Raises (from `start`):
        StationError: the path is too long, another process answers on it, or it cannot be made.
    """

    def __init__(self, path: Path, methods: Mapping[str, Method], *, admin_gid: int | None = None) -> None:
        self._path = path
        self._methods = methods
        self._admin_gid = admin_gid
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Make the socket and begin to answer."""
        if len(os.fsencode(self._path)) > MAX_PATH_BYTES:
            raise StationError(
                f"cannot make socket {self._path}: the path has {len(os.fsencode(self._path))} bytes and may have "
                f"{MAX_PATH_BYTES}; choose a shorter runtime_dir"
            )
        _remove_stale(self._path)
        try:
            self._server = await asyncio.start_unix_server(self._accept, self._path, limit=MAX_LINE_BYTES)
            self._path.chmod(0o660)
            if self._admin_gid is not None:
                os.chown(self._path, -1, self._admin_gid)
        except OSError as error:
            raise StationError(f"cannot make socket {self._path}: {error.strerror or error}") from None

    async def close(self) -> None:
        """Stop answering and remove the socket."""
        if self._server is None:
            return
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        with contextlib.suppress(OSError):
            self._path.unlink()
        self._server = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this callback in a task
        self._connections.add(task)
        try:
            if len(self._connections) > MAX_CONNECTIONS:
                await _send(writer, _error(None, REFUSED, f"too many connections: at most {MAX_CONNECTIONS}"))
                return
            await self._serve(reader, writer, _caller(writer))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            await _close(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, caller: Caller) -> None:
        while True:
            try:
                line = await reader.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError:
                await _send(writer, _error(None, PARSE_ERROR, f"a line may have {MAX_LINE_BYTES} bytes"))
                return
            if line.strip():
                await self._answer(line, reader, writer, caller)

    async def _answer(
        self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, caller: Caller
    ) -> None:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            await _send(writer, _error(None, PARSE_ERROR, "not a JSON text"))
            return
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            await _send(writer, _error(None, INVALID_REQUEST, "not a JSON-RPC 2.0 request with a method"))
            return
        request_id = request.get("id")
        try:
            method, arguments = self._resolve(request, caller)
            if method.stream is not None:
                await self._stream(request["method"], method.stream, arguments, request_id, reader, writer)
                return
            assert method.handler is not None  # noqa: S101 - a row has either
            answer = {"jsonrpc": "2.0", "id": request_id, "result": await method.handler(**arguments)}
        except InvalidParams as error:
            answer = _error(request_id, INVALID_PARAMS, str(error))
        except _Fault as error:
            answer = _error(request_id, error.code, str(error))
        except StationError as error:
            answer = _error(request_id, REFUSED, str(error))
        except Exception:
            log.exception("local api call failed method=%s", str(request["method"])[:60])
            answer = _error(request_id, INTERNAL_ERROR, "internal error; see the log")
        if "id" in request:
            await _send(writer, answer)

    def _resolve(self, request: dict[str, Any], caller: Caller) -> tuple[Method, dict[str, Any]]:
        name = request["method"]
        method = self._methods.get(name)
        if method is None:
            raise _Fault(METHOD_NOT_FOUND, f"unknown method {name[:60]!r}; known: {', '.join(sorted(self._methods))}")
        if method.access is Access.CHANGE and not self._may_change(caller):
            raise _Fault(
                FORBIDDEN, f"{name} is for administrators: run it as root, or join the admin group of stationd"
            )
        params = request.get("params", {})
        if not isinstance(params, dict):
            raise InvalidParams("params must be an object of named parameters")
        return method, _checked(name, method, params)

    def _may_change(self, caller: Caller) -> bool:
        if caller.uid in (0, os.geteuid()):
            return True
        return self._admin_gid is not None and self._admin_gid in _groups(caller)

    async def _stream(
        self,
        name: str,
        stream: Callable[..., AsyncIterator[Any]],
        arguments: dict[str, Any],
        request_id: Any,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Send items until the caller closes; the answer to the request itself comes first."""
        await _send(writer, {"jsonrpc": "2.0", "id": request_id, "result": "streaming"})
        gone = asyncio.ensure_future(reader.read())
        items = stream(**arguments)
        waited: list[asyncio.Future[Any]] = [gone]
        try:
            while True:
                item: asyncio.Future[Any] = asyncio.ensure_future(anext(items))
                waited = [gone, item]
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    return
                try:
                    value = item.result()
                except StopAsyncIteration:
                    return
                await _send(writer, {"jsonrpc": "2.0", "method": name, "params": value})
        finally:
            for future in waited:  # a stream that still runs cannot be closed
                future.cancel()
            await asyncio.gather(*waited, return_exceptions=True)
            await items.aclose()  # type: ignore[attr-defined]  # streams are async generators


class _Fault(StationError):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def _checked(name: str, method: Method, params: dict[str, Any]) -> dict[str, Any]:
    for key, value in params.items():
        wanted = method.parameters.get(key)
        if wanted is None:
            known = ", ".join(method.parameters) or "none"
            raise InvalidParams(f"{name} has no parameter {key[:60]!r}; it takes: {known}")
        if value is None and key in method.optional:
            continue
        numbers = wanted is float and isinstance(value, int | float) and not isinstance(value, bool)
        if not numbers and (not isinstance(value, wanted) or (wanted is not bool and isinstance(value, bool))):
            raise InvalidParams(f"{name}: {key} must be {_WORDS.get(wanted, wanted.__name__)}, not {str(value)[:60]!r}")
    missing = [key for key in method.parameters if key not in params and key not in method.optional]
    if missing:
        raise InvalidParams(f"{name} needs {', '.join(missing)}")
    return {key: value for key, value in params.items() if value is not None}


_WORDS: dict[type, str] = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
}


def _error(request_id: Any, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}


async def _send(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    writer.write(json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")
    try:
        async with asyncio.timeout(SEND_S):
            await writer.drain()
    except TimeoutError:
        raise ConnectionAbortedError("the caller does not read") from None


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close a connection; a caller that does not read what is left must not keep us."""
    writer.close()
    try:
        async with asyncio.timeout(FLUSH_S):
            await writer.wait_closed()
    except TimeoutError:
        writer.transport.abort()
    except (ConnectionError, asyncio.CancelledError):
        pass


def _caller(writer: asyncio.StreamWriter) -> Caller:
    raw = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return Caller(*struct.unpack("3i", raw))


def _groups(caller: Caller) -> set[int]:
    """Return the caller's groups, supplementary ones included (the kernel passes only the primary one)."""
    groups = {caller.gid}
    with contextlib.suppress(OSError, ValueError):
        for line in Path(f"/proc/{caller.pid}/status").read_text().splitlines():
            if line.startswith("Groups:"):
                groups.update(int(word) for word in line.split()[1:])
    return groups


def _remove_stale(path: Path) -> None:
    """Remove a socket that a dead process left; a living one is an error."""
    if not path.exists():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise StationError(f"cannot use socket {path}: {error.strerror or error}") from None
    raise StationError(
        f"cannot make socket {path}: another process answers on it; stop it, or choose another runtime_dir"
    )
