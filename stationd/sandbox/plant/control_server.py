"""`plant.sock`: the control, JSON-RPC 2.0 with one JSON text a line (docs/PLANT_PROTOCOL.md, section 3)."""

import asyncio
import contextlib
import json
import socket
from typing import Any

from stationd.sandbox.plant.errors import PlantError
from stationd.sandbox.plant.methods import METHODS, WATCH, Control
from stationd.sandbox.plant.parameters import check_params
from stationd.sandbox.plant.streams import hang_up

MAX_LINE_BYTES = 65_536
PARSE_ERROR, INVALID_REQUEST, UNKNOWN_METHOD = -32700, -32600, -32601
Json = dict[str, Any]


class ControlServer:
    """Answers calls in the order in which a connection sends them; connections do not wait for each other."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, listener: socket.socket) -> None:
        """Take connections."""
        self._server = await asyncio.start_unix_server(self._accept, sock=listener, limit=MAX_LINE_BYTES)

    async def close(self) -> None:
        """Drop every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(_Connection(self._control, reader, writer).serve())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Connection:
    """One client."""

    def __init__(self, control: Control, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._control = control
        self._reader = reader
        self._writer = writer
        self._watch: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        try:
            while line := await self._reader.readline():
                if line.strip():
                    await self._handle(line)
        except ValueError:  # StreamReader's word for a line above its limit; what follows cannot be told apart
            with contextlib.suppress(OSError):
                await self._send(_failure(None, INVALID_REQUEST, f"cannot read a line above {MAX_LINE_BYTES} bytes"))
        except OSError:
            pass  # the client is gone
        finally:
            if self._watch is not None:
                self._watch.cancel()
            await hang_up(self._writer)

    async def _handle(self, line: bytes) -> None:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError) as error:
            await self._send(_failure(None, PARSE_ERROR, f"cannot read request: {error}"))
            return
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            await self._send(_failure(None, INVALID_REQUEST, "cannot read request: give an object with a method"))
            return
        answer = await self._call(request)
        if "id" in request:
            await self._send(answer)
        if request["method"] == "watch" and "result" in answer:
            self._start_watch(request.get("params", {}))

    async def _call(self, request: Json) -> Json:
        call_id, method, params = request.get("id"), request["method"], request.get("params", {})
        try:
            if method == "watch":
                return _success(call_id, check_params(method, WATCH, params))
            if method not in METHODS:
                known = ", ".join((*METHODS, "watch"))
                return _failure(call_id, UNKNOWN_METHOD, f"cannot call {method[:40]!r}: the methods are {known}")
            handler, table = METHODS[method]
            return _success(call_id, await handler(self._control, check_params(method, table, params)))
        except PlantError as error:
            return _failure(call_id, error.code, str(error))

    def _start_watch(self, params: Json) -> None:
        if self._watch is not None:
            self._watch.cancel()
        values = check_params("watch", WATCH, params)
        task = self._notify(values["interval_ms"] / 1000, values["last_reactions"])
        self._watch = asyncio.get_running_loop().create_task(task)

    async def _notify(self, interval_s: float, last_reactions: int) -> None:
        """Send `state` at the interval; a client that does not read gets fewer of them, never old ones."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        with contextlib.suppress(OSError):
            while True:
                view = self._control.view(last_reactions)
                await self._send({"jsonrpc": "2.0", "method": "state", "params": view})
                due_s = max(due_s + interval_s, loop.time())
                await asyncio.sleep(due_s - loop.time())

    async def _send(self, message: Json) -> None:
        self._writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        await self._writer.drain()


def _success(call_id: Any, result: Json) -> Json:
    return {"jsonrpc": "2.0", "id": call_id, "result": result}


def _failure(call_id: Any, code: int, sentence: str) -> Json:
    return {"jsonrpc": "2.0", "id": call_id, "error": {"code": code, "message": sentence}}
