"""`plant-reader.sock`: the card reader (docs/PLANT_PROTOCOL.md, section 2)."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable

from stationd.sandbox.plant.errors import RefusedError
from stationd.sandbox.plant.plant import Plant
from stationd.sandbox.plant.streams import hang_up

ACK_TIMEOUT_S = 2.0
MAX_LINE_BYTES = 4096


class ReaderServer:
    """Serves the one reader driver; a newer connection replaces the older."""

    def __init__(self, plant: Plant, listen: Callable[[], socket.socket], ack_timeout_s: float = ACK_TIMEOUT_S) -> None:
        self._plant = plant
        self._ack_timeout_s = ack_timeout_s
        self._listen = listen
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._connected = asyncio.Event()
        self._presented = 0
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._held_to_reader = asyncio.Lock()

    async def start(self) -> None:
        """Take connections, unless the reader is dead."""
        if self._server is None and not self._plant.reader_silent():
            self._server = await asyncio.start_unix_server(self._serve, sock=self._listen(), limit=MAX_LINE_BYTES)

    def close(self) -> None:
        """Drop the driver and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._drop()

    @property
    def connected(self) -> bool:
        """True while a driver listens."""
        return self._writer is not None

    async def fault_changed(self) -> None:
        """Let the reader die or live: dead means that the device is gone, so that a driver can notice it."""
        if self._plant.reader_silent():
            self.close()
        else:
            await self.start()

    async def present(self, token: str, token_type: str, evse_id: int) -> int:
        """Hold a card to the reader and wait until the driver acknowledged it; return the presentation's number.

        Raises:
            RefusedError: no driver acknowledged it in time.
        """
        async with self._held_to_reader:
            self._presented += 1
            number = self._presented
            acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting[number] = acknowledged
            card = {"card": token, "type": token_type, "n": number, "evse_id": evse_id}
            try:
                async with asyncio.timeout(self._ack_timeout_s):
                    await self._connected.wait()
                    self._write(card)
                    await acknowledged
            except TimeoutError:
                raise RefusedError(f"cannot present card: {self._why_silent()} for {self._ack_timeout_s:g} s") from None
            finally:
                del self._waiting[number]
            return number

    def _why_silent(self) -> str:
        if self._plant.reader_silent():
            return "the reader is dead (fault reader_silent)"
        if self._writer is None:
            return "no reader driver was connected"
        return "the reader driver did not acknowledge it"

    def _write(self, message: dict[str, object]) -> None:
        if self._writer is not None:
            self._writer.write(json.dumps(message).encode() + b"\n")

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._connected.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:  # died between the accept and now
            writer.close()
            return
        self._drop()
        self._writer = writer
        self._connected.set()
        try:
            while line := await reader.readline():
                self._acknowledge(line)
        except (OSError, ValueError):
            pass  # gone, or a line longer than any acknowledgement
        finally:
            if self._writer is writer:
                self._drop()
            await hang_up(writer)

    def _acknowledge(self, line: bytes) -> None:
        with contextlib.suppress(ValueError, RecursionError, AttributeError, TypeError):
            waiting = self._waiting.get(json.loads(line).get("ack"))
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
