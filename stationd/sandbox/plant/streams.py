"""The end of a stream connection."""

import asyncio
import contextlib

FLUSH_S = 0.3  # SIGTERM must end the plant within a second, whatever its clients do


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection; what a client has not read by then is thrown away."""
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(FLUSH_S):
            await writer.wait_closed()
    writer.transport.abort()
