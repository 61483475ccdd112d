"""The one CSMS of a run: accepts everything, and notes when each action came and what its sender had cost by then."""

import argparse
import asyncio
import contextlib
import json
import signal
import ssl
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from stationd.api.server import Access, Method, Refused, Server
from tests.bench.procfs import cpu_ns

Json = dict[str, Any]
FLOOD_TICK_S = 0.01
FLOOD_OPEN = 16
"""So many CALLs of a flood may wait for their answers: more would only fill buffers, and delay all else for minutes."""
HEARTBEAT_S = 10
WARM_UP = 20
"""Messages of an action before those that count."""


@dataclass(slots=True)
class Seen:
    """Messages of one action. Times are monotonic and the CPU time is the sender's, both at reception."""

    count: int = 0
    first_ns: int = 0
    first_cpu_ns: int = 0
    warm_cpu_ns: int = 0
    """At the message that ends the warm-up."""
    last_ns: int = 0
    last_cpu_ns: int = 0


@dataclass(slots=True)
class Station:
    """One connected (or expected) station."""

    pid: int | None = None
    connection: ServerConnection | None = None
    seen: dict[str, Seen] = field(default_factory=dict)
    answers: dict[str, asyncio.Future[Any]] = field(default_factory=dict)
    flooded: int = 0
    results: int = 0
    errors: int = 0


class TinyCsms:
    """Serves stations; steered by the methods of its control socket."""

    def __init__(self) -> None:
        self._stations: dict[str, Station] = {}
        self._news = asyncio.Condition()
        self._calls = 0
        self._floods: set[asyncio.Task[None]] = set()

    # --- stations -----------------------------------------------------------------------------------------------------

    async def serve_station(self, connection: ServerConnection) -> None:
        """Handle one connection until it ends."""
        assert connection.request is not None
        station = self._station(connection.request.path.rsplit("/", 1)[-1])
        station.connection = connection
        with contextlib.suppress(ConnectionClosed):
            async for text in connection:
                await self._receive(station, json.loads(text))

    async def _receive(self, station: Station, frame: list[Any]) -> None:
        if frame[0] == 2:
            self._note(station, frame[2])
            assert station.connection is not None
            await station.connection.send(json.dumps([3, frame[1], _answer(frame[2], frame[3])]))
            async with self._news:
                self._news.notify_all()
        elif (future := station.answers.pop(frame[1], None)) is not None:
            if not future.done():
                future.set_result(frame[2:])
        else:
            station.results += frame[0] == 3
            station.errors += frame[0] == 4

    @staticmethod
    def _note(station: Station, action: str) -> None:
        now, cpu = time.monotonic_ns(), cpu_ns(station.pid) if station.pid is not None else 0
        seen = station.seen.setdefault(action, Seen(first_ns=now, first_cpu_ns=cpu))
        seen.count += 1
        seen.last_ns, seen.last_cpu_ns = now, cpu
        if seen.count == WARM_UP:
            seen.warm_cpu_ns = cpu

    def _station(self, identity: str) -> Station:
        return self._stations.setdefault(identity, Station())

    # --- control ------------------------------------------------------------------------------------------------------

    def methods(self) -> dict[str, Method]:
        """Return the table of the control socket."""
        change, one = Access.CHANGE, {"identity": str}
        action = {"action": str, **one}
        return {
            "watch": Method(change, self.watch, parameters={"pid": int, **one}),
            "wait": Method(change, self.wait, parameters={"count": int, "timeout_s": float, **action}),
            "call": Method(change, self.call, parameters={"payload": dict, **action}),
            "flood": Method(change, self.flood, parameters={"payload": dict, "per_s": int, **action}),
            "end_flood": Method(change, self.end_flood, parameters=one),
        }

    async def watch(self, identity: str, pid: int) -> None:
        """Begin anew with a station, whose process this is."""
        self._stations[identity] = Station(pid)

    async def wait(self, identity: str, action: str, count: int, timeout_s: float) -> Json:
        """Wait until so many messages of an action came; return what was noted."""
        station = self._station(identity)
        try:
            async with asyncio.timeout(timeout_s), self._news:
                await self._news.wait_for(lambda: action in station.seen and station.seen[action].count >= count)
        except TimeoutError:
            came = station.seen[action].count if action in station.seen else 0
            raise Refused(f"{identity} sent {came} of {count} {action} within {timeout_s:g} s") from None
        return asdict(station.seen[action])

    async def call(self, identity: str, action: str, payload: Json) -> list[Any]:
        """Send a CALL and return what follows the id in its answer."""
        station = self._station(identity)
        future = station.answers[self._next_id()] = asyncio.get_running_loop().create_future()
        await self._send(station, str(self._calls), action, payload)
        async with asyncio.timeout(10):
            answer: list[Any] = await future
        return answer

    async def flood(self, identity: str, action: str, payload: Json, per_s: int) -> None:
        """Send so many CALLs a second, or as many as the station answers, until `end_flood`."""
        task = asyncio.create_task(self._flood(self._station(identity), action, payload, per_s))
        self._floods.add(task)

    async def end_flood(self, identity: str) -> Json:
        """End all floods; return how many CALLs were sent to this station and how they were answered."""
        for task in self._floods:
            task.cancel()
        await asyncio.gather(*self._floods, return_exceptions=True)
        self._floods.clear()
        station = self._station(identity)
        return {"sent": station.flooded, "answered": station.results, "refused": station.errors}

    async def _flood(self, station: Station, action: str, payload: Json, per_s: int) -> None:
        began, before = time.monotonic(), station.flooded
        while True:
            due = before + int((time.monotonic() - began) * per_s)
            while station.flooded < min(due, station.results + station.errors + FLOOD_OPEN):
                await self._send(station, self._next_id(), action, payload)
                station.flooded += 1
            await asyncio.sleep(FLOOD_TICK_S)

    async def _send(self, station: Station, message_id: str, action: str, payload: Json) -> None:
        if station.connection is None:
            raise Refused("this station is not connected")
        await station.connection.send(json.dumps([2, message_id, action, payload]))

    def _next_id(self) -> str:
        self._calls += 1
        return str(self._calls)


def _answer(action: str, payload: Json) -> Json:
    now = datetime.now(UTC).isoformat()
    if action == "BootNotification":
        return {"status": "Accepted", "currentTime": now, "interval": HEARTBEAT_S}
    if action == "Heartbeat":
        return {"currentTime": now}
    if action == "Authorize" or "idToken" in payload:
        return {"idTokenInfo": {"status": "Accepted"}}
    return {}


async def run(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM."""
    csms = TinyCsms()
    tls = None
    if arguments.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(arguments.certificate, arguments.key)
    control = Server(arguments.control, csms.methods())
    await control.start()
    # neither compression nor pings, so that neither side pays for what it did not ask for
    options: Json = {"subprotocols": ["ocpp2.0.1"], "compression": None, "ping_interval": None}
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(control.close)
        servers = [await stack.enter_async_context(serve(csms.serve_station, "127.0.0.1", 0, **options))]
        if tls is not None:
            servers.append(
                await stack.enter_async_context(serve(csms.serve_station, "127.0.0.1", 0, ssl=tls, **options))
            )
        ports = [next(iter(server.sockets)).getsockname()[1] for server in servers]
        print(json.dumps({"ready": True, "ports": ports}), flush=True)
        await stop.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--control", type=Path, required=True)
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    asyncio.run(run(parser.parse_args()))
