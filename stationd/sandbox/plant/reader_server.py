"""`plant-reader.sock`: the card reader (docs/PLANT_PROTOCOL.md, section 2)."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable
from random import Random

from stationd.sandbox.plant import faults
from stationd.sandbox.plant.errors import RefusedError
from stationd.sandbox.plant.plant import Plant
from stationd.sandbox.plant.streams import hang_up

ACK_TIMEOUT_S = 2.0
MAX_LINE_BYTES = 4096
HELD_EVERY_S = 0.1
FLOOD_EVERY_S = 0.02
FLOOD_CARDS = 20
"""A thousand cards a second, in bunches."""
MAX_UNREAD_BYTES = 65_536
FIRST_CARD: dict[str, object] = {"card": "04A2B3C4D5E680", "type": "ISO14443", "evse_id": 1}
"""What lies on the reader if no card was presented before."""


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
        self._last_card = FIRST_CARD
        self._babble: asyncio.Task[None] | None = None
        self._random = Random(0)

    async def start(self) -> None:
        """Take connections, unless the reader is dead."""
        if self._server is None and not self._plant.reader_silent():
            self._server = await asyncio.start_unix_server(self._serve, sock=self._listen(), limit=MAX_LINE_BYTES)

    def close(self) -> None:
        """Drop the driver and refuse new ones."""
        if self._babble is not None:
            self._babble.cancel()
            self._babble = None
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
            return
        await self.start()
        babbles = any(self._plant.reader_has(fault) for fault in (faults.CARD_HELD, faults.CARD_FLOOD))
        if babbles and self._babble is None:
            self._babble = asyncio.get_running_loop().create_task(self._keep_babbling())
        elif not babbles and self._babble is not None:
            self._babble.cancel()
            self._babble = None

    async def _keep_babbling(self) -> None:
        """Report what a broken reader reports. A driver that does not read gets fewer of it, never a growing queue."""
        while True:
            flood = self._plant.reader_has(faults.CARD_FLOOD)
            for _ in range(FLOOD_CARDS if flood else 1):
                if self._writer is None or self._writer.transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
                    break
                self._presented += 1
                token = {"card": f"{self._random.getrandbits(56):014X}"} if flood else {}
                self._write({**self._last_card, **token, "n": self._presented})
            await asyncio.sleep(FLOOD_EVERY_S if flood else HELD_EVERY_S)

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
            self._last_card = {"card": token, "type": token_type, "evse_id": evse_id}
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
