"""Watching stationd-pilot on its own socket, right and wrong, against a small server that speaks the protocol."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from stationd.api.client import ApiError, UnreachableError
from stationd.ctl.pilot_reader import PilotReader, PilotView
from stationd.pilot import protocol

STATUS = protocol.Status(
    evse_id=1, cp="C", volts=6.0, duty=26.7, commanded_closed=True, sensed_closed=True, lock="locked", pp_amps=32.0,
    max_amps=16.0, offered_amps=16.0, permit=True, brain_lost=False, faults=(), uptime_ms=65_000, boot_id="b1",
    unplugs=2, low_v=-12.0, cycles=7, hot_openings=1, temperature_c=41.0, rcd_test="passed",
)  # fmt: skip
STATS = protocol.Stats(1, "realtime", 4, 1000, 0, 80, 200, 900, 300)
HELLO = protocol.Hello(protocol.VERSION, "pilot", "b1", (1, 2))
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(path: Path, script: Script) -> AsyncIterator[None]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield
    finally:
        server.close()


def send(writer: asyncio.StreamWriter, *messages: protocol.Message) -> None:
    for message in messages:
        writer.write(protocol.encode(message))


async def good(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Behave as stationd-pilot does: hello, statuses, and stats when asked."""
    send(writer, HELLO)
    assert protocol.decode(await reader.readline()) == protocol.Hello(protocol.VERSION, "reader")
    send(writer, STATUS, replace(STATUS, evse_id=2, cp="A"))
    while line := await reader.readline():
        asked = protocol.decode(line)
        assert isinstance(asked, protocol.GetStats)
        send(writer, replace(STATUS, uptime_ms=66_000))
        writer.write(b'{"type":"of_the_future","seq":0}\n')
        send(writer, replace(STATS, seq=asked.seq))


def look(path: Path, timeout_s: float = 5.0) -> PilotView:
    with PilotReader(path, timeout_s=timeout_s) as reader:
        return reader.look()


async def test_it_sees_every_evse_and_the_loop(tmp_path: Path) -> None:
    async with serving(tmp_path / "s", good):
        view = await asyncio.to_thread(look, tmp_path / "s")
    assert view == PilotView((replace(STATUS, uptime_ms=66_000), replace(STATUS, evse_id=2, cp="A")), STATS)


async def test_a_second_look_shows_what_came_meanwhile(tmp_path: Path) -> None:
    def twice() -> PilotView:
        with PilotReader(tmp_path / "s") as reader:
            reader.look()
            reader.wait(0.05)
            return reader.look()

    async with serving(tmp_path / "s", good):
        view = await asyncio.to_thread(twice)
    assert view.stats.seq == 2


async def test_without_a_socket_the_path_and_the_fix_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError) as raised:
        look(tmp_path / "s")
    told = f"cannot reach stationd-pilot at {tmp_path}/s: there is no such socket. Is stationd-pilot running?"
    assert str(raised.value) == told


async def test_a_socket_that_nobody_serves_is_told(tmp_path: Path) -> None:
    async with serving(tmp_path / "s", good):
        pass
    if not (tmp_path / "s").exists():  # newer servers remove it
        pytest.skip("the socket is gone with its server")
    with pytest.raises(UnreachableError, match="nobody answers"):
        look(tmp_path / "s")


async def test_silence_is_told_after_its_time(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(tmp_path / "s", silent):
        with pytest.raises(UnreachableError, match=r"it said nothing for 0\.1 s"):
            await asyncio.to_thread(look, tmp_path / "s", 0.1)


async def test_an_end_of_the_connection_is_told(tmp_path: Path) -> None:
    async def leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        send(writer, HELLO)

    async with serving(tmp_path / "s", leaves):
        with pytest.raises(UnreachableError, match=r"it closed the connection|Broken pipe|reset"):
            await asyncio.to_thread(look, tmp_path / "s")


async def test_a_refusal_is_told_in_its_words(tmp_path: Path) -> None:
    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        send(writer, HELLO, protocol.Reply(0, "8 connections are served already"))
        await reader.read()

    async with serving(tmp_path / "s", refuses):
        with pytest.raises(ApiError, match="stationd-pilot refused: 8 connections are served already"):
            await asyncio.to_thread(look, tmp_path / "s")


@pytest.mark.parametrize("text", [b"HTTP/1.1 400 Bad Request\r\n", b'{"type":"status","evse_id":"one"}\n'])
async def test_another_language_is_told(tmp_path: Path, text: bytes) -> None:
    async def talks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await reader.read()

    async with serving(tmp_path / "s", talks):
        with pytest.raises(ApiError, match="install the same release"):
            await asyncio.to_thread(look, tmp_path / "s")


async def test_an_endless_line_fills_no_memory(tmp_path: Path) -> None:
    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    async with serving(tmp_path / "s", floods):
        with pytest.raises(ApiError, match="it sends no lines"):
            await asyncio.to_thread(look, tmp_path / "s")
