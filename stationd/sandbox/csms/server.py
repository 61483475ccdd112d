"""The sandbox CSMS's websocket side. The `ocpp` package checks every payload, so the other side is independent."""

import asyncio
import base64
import contextlib
import hmac
import json
import logging
import uuid
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

from ocpp.exceptions import OCPPError
from ocpp.messages import Call, CallResult, validate_payload
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from stationd.api.server import InvalidParams, Refused
from stationd.sandbox.csms.answers import Json, Policy, answer, now
from stationd.sandbox.csms.ledger import Ledger, Station

log = logging.getLogger(__name__)
SUBPROTOCOLS = {"ocpp2.1": "2.1", "ocpp2.0.1": "2.0.1", "ocpp1.6": "1.6"}
CALL_TIMEOUT_S = 30
KEPT_FRAMES = 2000


class CallFailedError(Refused):
    """The station answered a call with CALLERROR, or not at all."""


@dataclass(slots=True)
class Link:
    """One connected station."""

    station: Station
    connection: ServerConnection
    pending: dict[str, tuple[str, asyncio.Future[Json]]] = field(default_factory=dict)
    one_call: asyncio.Lock = field(default_factory=asyncio.Lock)


class Csms:
    """Accepts stations on ws://HOST:PORT/ANYTHING/IDENTITY and keeps the ledger."""

    def __init__(self, ledger: Ledger, policy: Policy, *, password: str | None, versions: list[str]) -> None:
        self.ledger = ledger
        self.policy = policy
        self.links: dict[str, Link] = {}
        self.frames: deque[Json] = deque(maxlen=KEPT_FRAMES)
        self._listeners: set[asyncio.Queue[Json]] = set()
        self._password = password
        self._subprotocols = [Subprotocol(f"ocpp{version}") for version in versions]
        self._server: Server | None = None
        self._address = ("127.0.0.1", 0)

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port."""
        self._server = await serve(
            self._serve, host, port, subprotocols=self._subprotocols, process_request=self._admit,
            compression=None, max_size=2**20, ping_interval=None, close_timeout=1,
        )  # fmt: skip
        self._address = (host, int(next(iter(self._server.sockets)).getsockname()[1]))
        return self._address[1]

    async def close(self) -> None:
        """Close every connection and stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def come_back(self) -> None:
        """Listen again where it was."""
        if self._server is None:
            await self.start(*self._address)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if self._password is not None:
            identity = _identity(request.path)
            wanted = "Basic " + base64.b64encode(f"{identity}:{self._password}".encode()).decode()
            if not hmac.compare_digest(request.headers.get("Authorization", ""), wanted):
                return connection.respond(HTTPStatus.UNAUTHORIZED, "wrong or missing credentials\n")
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        if connection.subprotocol is None or connection.request is None:
            await connection.close(1002, "no common OCPP version")
            return
        identity = _identity(connection.request.path)
        ocpp = SUBPROTOCOLS[connection.subprotocol]
        station = self.ledger.stations.setdefault(identity, Station(identity, ocpp))
        station.ocpp, station.connected = ocpp, True
        replaced = self.links.get(identity)
        link = self.links[identity] = Link(station, connection)
        if replaced is not None:
            await replaced.connection.close(1008, "replaced by a newer connection")
        self._note(identity, "info", f"connected with OCPP {ocpp}")
        try:
            async for text in connection:
                await self._receive(link, text)
        except ConnectionClosed:
            pass
        finally:
            for _, future in link.pending.values():
                if not future.done():
                    future.set_exception(CallFailedError("the station disconnected"))
            if self.links.get(identity) is link:
                del self.links[identity]
                station.connected = False
            self._note(identity, "info", "disconnected")

    async def _receive(self, link: Link, text: str | bytes) -> None:
        frame = json.loads(text)
        self._note(link.station.identity, "in", frame)
        kind = frame[0]
        if kind == 2:
            if not self.policy.mute:
                await self._answer(link, frame[1], frame[2], frame[3])
        elif kind in (3, 4) and frame[1] in link.pending:
            action, future = link.pending.pop(frame[1])
            if future.done():
                return
            if kind == 4:
                future.set_exception(CallFailedError(f"{action}: CALLERROR {frame[2]}: {frame[3]}"))
                return
            try:
                await validate_payload(CallResult(frame[1], frame[2], action), link.station.ocpp)
            except OCPPError as error:
                future.set_exception(CallFailedError(f"{action}: the response breaks its schema: {error}"))
            else:
                future.set_result(frame[2])

    async def _answer(self, link: Link, message_id: str, action: str, payload: Json) -> None:
        if action in self.policy.failing:
            await self._send(link, [4, message_id, "InternalError", "made to fail", {}])
            return
        try:
            await validate_payload(Call(message_id, action, payload), link.station.ocpp)
        except OCPPError as error:
            log.warning("%s %s refused: %s", link.station.identity, action, error)
            code = getattr(error, "code", None) or "InternalError"
            await self._send(link, [4, message_id, code, str(error.description)[:250], {}])
            return
        response = answer(self.ledger, self.policy, link.station, action, payload)
        if response is None:
            await self._send(link, [4, message_id, "NotImplemented", f"no {action} here", {}])
        else:
            await self._send(link, [3, message_id, response])

    async def call(self, identity: str | None, action: str, payload: Json) -> Json:
        """Send a request to a station and return its response.

        Raises:
            Refused: no such station is connected, or it answered with CALLERROR or not at all.
        """
        link = self._link(identity)
        async with link.one_call:
            message_id = str(uuid.uuid4())
            future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
            link.pending[message_id] = (action, future)
            try:
                await self._send(link, [2, message_id, action, payload])
                return await asyncio.wait_for(future, CALL_TIMEOUT_S)
            except TimeoutError:
                raise CallFailedError(f"{action}: no answer within {CALL_TIMEOUT_S} s") from None
            except ConnectionClosed:
                raise CallFailedError(f"{action}: the station disconnected") from None
            finally:
                link.pending.pop(message_id, None)

    async def send_raw(self, identity: str | None, text: str) -> None:
        """Send any text as a frame, well-formed or not."""
        link = self._link(identity)
        self._note(link.station.identity, "out", text)
        await link.connection.send(text)

    async def disconnect(self, identity: str | None) -> None:
        """Close a station's connection."""
        await self._link(identity).connection.close(1001, "going away")

    def _link(self, identity: str | None) -> Link:
        if identity is None:
            if len(self.links) != 1:
                raise InvalidParams(f"name a station: {', '.join(self.links) or 'none'} connected")
            return next(iter(self.links.values()))
        try:
            return self.links[identity]
        except KeyError:
            raise Refused(
                f"station {identity!r} is not connected; connected: {', '.join(self.links) or 'none'}"
            ) from None

    async def _send(self, link: Link, frame: list[Any]) -> None:
        self._note(link.station.identity, "out", frame)
        with contextlib.suppress(ConnectionClosed):
            await link.connection.send(json.dumps(frame))

    def _note(self, identity: str, direction: str, frame: Any) -> None:
        note = {"at": now(), "station": identity, "direction": direction, "frame": frame}
        self.frames.append(note)
        for queue in self._listeners:
            if not queue.full():
                queue.put_nowait(note)

    def listen(self) -> asyncio.Queue[Json]:
        """Return a queue that gets every frame from now on; give it back with `unlisten`."""
        queue: asyncio.Queue[Json] = asyncio.Queue(1000)
        self._listeners.add(queue)
        return queue

    def unlisten(self, queue: asyncio.Queue[Json]) -> None:
        """Stop filling a queue."""
        self._listeners.discard(queue)


def _identity(path: str) -> str:
    return unquote(urlsplit(path).path.rstrip("/").rsplit("/", 1)[-1])
