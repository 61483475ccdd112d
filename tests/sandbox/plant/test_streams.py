"""The end of a connection."""

import asyncio
import socket

from stationd.sandbox.plant.streams import hang_up


async def test_peer_that_does_not_read_does_not_hold_the_end_up() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        _, writer = await asyncio.open_unix_connection(sock=ours)
        writer.write(b"x" * 10_000_000)
        async with asyncio.timeout(10):
            await hang_up(writer)
        assert writer.transport.is_closing()


async def test_peer_that_reads_gets_everything() -> None:
    ours, theirs = socket.socketpair()
    reader, other = await asyncio.open_unix_connection(sock=theirs)
    _, writer = await asyncio.open_unix_connection(sock=ours)
    writer.write(b"goodbye\n")
    await hang_up(writer)
    assert await reader.read() == b"goodbye\n"
    await hang_up(other)
