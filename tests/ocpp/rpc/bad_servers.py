"""Servers on loopback that behave in every way a CSMS, or what answers in its place, can misbehave."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from stationd.ocpp.rpc.connection_settings import ConnectionSettings
from stationd.ocpp.rpc.dial import connect
from stationd.ocpp.rpc.transport import TransportError
from tests.fakes.certificates import Authority


def at(port: int, **more: Any) -> ConnectionSettings:
    values: dict[str, Any] = {"url": f"ws://127.0.0.1:{port}/ocpp", "security_profile": 0}
    return ConnectionSettings(identity="CS 1", subprotocols=("ocpp2.1", "ocpp2.0.1"), **{**values, **more})


async def failure(settings: ConnectionSettings, **options: Any) -> TransportError:
    with pytest.raises(TransportError) as caught:
        await connect(settings, **options)
    return caught.value


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


@asynccontextmanager
async def server(
    handler: Callable[[ServerConnection], Awaitable[None]] = echo, **options: Any
) -> AsyncIterator[tuple[int, list[Any]]]:
    requests: list[Any] = []

    def see(connection: ServerConnection, request: Any) -> None:
        requests.append(request)

    values = {"subprotocols": ["ocpp2.0.1", "ocpp2.1"], "ping_interval": None, "process_request": see, **options}
    async with serve(handler, "127.0.0.1", values.pop("port", 0), **values) as running:
        try:
            yield next(iter(running.sockets)).getsockname()[1], requests
        finally:
            for connection in list(running.connections):
                connection.transport.abort()


@asynccontextmanager
async def raw_server(reply: bytes | None) -> AsyncIterator[int]:
    """A TCP server that answers the first bytes with `reply` and hangs up; None: never answers."""
    held: list[asyncio.StreamWriter] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        await reader.read(1)
        if reply is not None:
            writer.write(reply)
            await writer.drain()
            writer.close()

    running = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield running.sockets[0].getsockname()[1]
    finally:
        running.close()
        for writer in held:
            writer.transport.abort()
        await running.wait_closed()


def tls_server(certificate: tuple[Path, Path], *, security_level: int = 2, **changes: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(f"DEFAULT:@SECLEVEL={security_level}")
    context.load_cert_chain(*certificate)
    for name, value in changes.items():
        setattr(context, name, value)
    return context


@asynccontextmanager
async def handshake_only(context: ssl.SSLContext) -> AsyncIterator[int]:
    """A server of OpenSSL alone: unlike asyncio's it says by an alert why it refuses."""

    def shake(listener: socket.socket) -> None:
        with listener.accept()[0] as accepted:
            accepted.settimeout(10)
            shaken = context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
            with shaken, suppress(OSError):
                try:
                    shaken.do_handshake()
                finally:
                    while socket.socket.recv(shaken, 1000):  # a reset because of unread bytes would overtake the alert
                        pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        work = asyncio.create_task(asyncio.to_thread(shake, listener))
        yield listener.getsockname()[1]
        await work


def secure(port: int, authority: Authority, **more: Any) -> ConnectionSettings:
    values = {
        "url": f"wss://localhost:{port}/ocpp",
        "security_profile": 2,
        "password": "0123456789abcdef",
        "ca_file": str(authority.ca_file),
    }
    return at(port, **{**values, **more})


# --- slow, deaf and lying ones ----------------------------------------------------------------------------------------


@asynccontextmanager
async def by_hand(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[int]:
    """A TCP server that does what `talk` says; everything is cut at the end."""
    tasks: list[asyncio.Task[None]] = []

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def run() -> None:
            with suppress(OSError, asyncio.IncompleteReadError):
                await talk(reader, writer)
            await asyncio.Event().wait()

        tasks.append(asyncio.create_task(run()))
        try:
            await asyncio.gather(tasks[-1], return_exceptions=True)
        finally:
            writer.transport.abort()

    running = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    try:
        yield running.sockets[0].getsockname()[1]
    finally:
        running.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await running.wait_closed()


async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, subprotocol: str = "ocpp2.1") -> None:
    """Answer the WebSocket request by hand."""
    protocol = ServerProtocol(subprotocols=[Subprotocol(subprotocol)])
    protocol.receive_data(await reader.readuntil(b"\r\n\r\n"))
    (request,) = protocol.events_received()
    assert isinstance(request, Request)
    protocol.send_response(protocol.accept(request))
    writer.writelines(protocol.data_to_send())
    await writer.drain()


async def drip(writer: asyncio.StreamWriter, data: bytes, every_s: float) -> None:
    """Send one byte at a time."""
    for value in data:
        writer.write(bytes([value]))
        await writer.drain()
        await asyncio.sleep(every_s)


class Proxy:
    """A TCP proxy that can fall silent in the middle of a connection: no FIN, no RST, and it still accepts."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._passing = asyncio.Event()
        self._passing.set()
        self._server: asyncio.Server
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    def fall_silent(self) -> None:
        """Forward nothing any more, in either direction."""
        self._passing.clear()

    def recover(self) -> None:
        """Forward again."""
        self._passing.set()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, back]
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                await self._passing.wait()
                sink.write(data)
                await sink.drain()
        await self._passing.wait()
        sink.close()
