"""Modbus devices for tests: pymodbus servers on TCP and on a serial line made of two pseudo terminals."""

import asyncio
import os
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerRTU
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from stationd.hal.bus import SerialLine, TcpHost

ANSWERED = "answered"
Hook = Callable[[bytes], bytes | None]
"""Takes an answer on its way to the client; returns what arrives instead, None for nothing."""


@dataclass
class CountingDevice:
    """Holds 0, 1, 2, … in registers 0 to 99, and in register 0 how often it was asked since it was made."""

    unit: int
    asked: int = 0

    def simulated(self) -> SimDevice:
        async def count(
            _function: int, start: int, _address: int, _count: int, registers: list[int], _new: object
        ) -> ExcCodes | None:
            self.asked += 1
            registers[0 - start] = self.asked
            return None

        data = SimData(0, values=list(range(100)), datatype=DataType.REGISTERS)
        return SimDevice(id=self.unit, simdata=[data], action=count)


class TcpMeters:
    """A Modbus TCP server; `hook` sees the answers."""

    def __init__(self, *devices: CountingDevice) -> None:
        self._devices = devices
        self._server: ModbusTcpServer | None = None
        self.hook: Hook = lambda answer: answer
        self.port = 0
        self.connections = 0
        self.open = 0

    @property
    def line(self) -> TcpHost:
        return TcpHost("127.0.0.1", self.port)

    async def start(self) -> None:
        self._server = ModbusTcpServer(
            [device.simulated() for device in self._devices],
            address=("127.0.0.1", self.port),
            trace_packet=self._packet,
            trace_connect=self._connect,
        )
        await self._server.serve_forever(background=True)
        self.port = self._server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.shutdown()
            self._server = None
            await asyncio.sleep(0)

    def _packet(self, sending: bool, data: bytes) -> bytes:
        return (self.hook(data) or b"") if sending else data

    def _connect(self, connected: bool) -> None:
        self.connections += connected
        self.open += 1 if connected else -1


@asynccontextmanager
async def tcp_meters(*devices: CountingDevice) -> AsyncIterator[TcpMeters]:
    meters = TcpMeters(*devices)
    await meters.start()
    try:
        yield meters
    finally:
        await meters.stop()


@dataclass
class SerialMeters:
    """A serial line with a Modbus RTU server at its far end; `log` holds ("request" or "answer", unit) in order."""

    path: Path
    line: SerialLine
    hook: Hook = lambda answer: answer
    log: list[tuple[str, int]] = field(default_factory=list)
    _near: int = -1
    _pending: bytes = b""

    def deliver(self, answer: bytes) -> None:
        """Send bytes to the client."""
        os.write(self._near, answer)

    def hang_up(self) -> None:
        """Pull the cable out of the board."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._near)
        os.close(self._near)
        self._near = -1


@asynccontextmanager
async def serial_meters(folder: Path, *devices: CountingDevice) -> AsyncIterator[SerialMeters]:
    """Serve the devices behind a link `folder/ttyMeter` to a pseudo terminal; devices not named stay silent."""
    near, near_end = os.openpty()
    far, far_end = os.openpty()
    for end in (near_end, far_end):
        tty.setraw(end)
    path = folder / "ttyMeter"
    path.unlink(missing_ok=True)
    path.symlink_to(os.ttyname(near_end))
    present = devices or (CountingDevice(247),)  # pymodbus serves no empty line
    server = ModbusSerialServer([each.simulated() for each in present], port=os.ttyname(far_end), baudrate=9600)
    await server.serve_forever(background=True)
    meters = SerialMeters(path, SerialLine(str(path), 9600, "N", 1), _near=near)
    loop = asyncio.get_running_loop()

    def to_server() -> None:
        request = os.read(near, 300)
        meters.log.append(("request", request[0]))
        if request[0] in {device.unit for device in devices}:  # who is not there says nothing
            os.write(far, request)

    def to_client() -> None:
        meters._pending += os.read(far, 300)
        length = 5 if meters._pending[1] & 0x80 else meters._pending[2] + 5
        if len(meters._pending) >= length:
            answer, meters._pending = meters._pending[:length], b""
            meters.log.append(("answer", answer[0]))
            if (arriving := meters.hook(answer)) is not None:
                meters.deliver(arriving)

    loop.add_reader(near, to_server)
    loop.add_reader(far, to_client)
    try:
        yield meters
    finally:
        os.close(near_end)
        if meters._near >= 0:
            meters.hang_up()
        loop.remove_reader(far)
        await server.shutdown()
        os.close(far)
        os.close(far_end)


def with_checksum(frame: bytes) -> bytes:
    """Return an RTU frame with its checksum."""
    return frame + FramerRTU.compute_CRC(frame).to_bytes(2, "big")
