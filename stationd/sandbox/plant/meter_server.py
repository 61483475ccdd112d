"""The meters as Modbus devices: EVSE n is unit n, over TCP and, if asked for, as RTU on a pty.

The only file of the plant that knows pymodbus. Each answer is computed when it is asked for.
"""

import asyncio
import contextlib
import logging
import os
import tty
from functools import partial
from pathlib import Path
from random import Random

from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from stationd.sandbox.plant import faults
from stationd.sandbox.plant.engine import Engine
from stationd.sandbox.plant.errors import StartError
from stationd.sandbox.plant.meter import MAX_REGISTERS_A_READ, spoil, words
from stationd.sandbox.plant.plant import Plant

HOST = "127.0.0.1"
READ_INPUT_REGISTERS = 4
REGISTERS = 360  # the map ends at 357; the library refuses what is above
UNIT_AT_TCP, UNIT_AT_RTU = 6, 0  # where a frame carries its unit
NOISE_SHARE = 0.3
"""Answers that `meter_noise` spoils."""


class MeterServer:
    """Serves every EVSE's meter."""

    def __init__(self, plant: Plant, engine: Engine) -> None:
        self._plant = plant
        self._engine = engine
        self._servers: list[ModbusTcpServer | ModbusSerialServer] = []
        self._ptys: list[int] = []
        self._link: Path | None = None
        self._noise = Random(0)
        logging.getLogger("pymodbus").addHandler(logging.NullHandler())  # what matters is raised below

    async def start_tcp(self, port: int) -> int:
        """Serve TCP; return the port, which the kernel chooses if 0 is given.

        Raises:
            StartError: the port is taken.
        """
        server = ModbusTcpServer(
            self._devices(), address=(HOST, port), trace_packet=partial(self._answer, UNIT_AT_TCP, False)
        )
        self._servers.append(server)
        if not await server.listen():
            raise StartError(f"cannot serve the meter on {HOST}:{port}: the port is taken; give another or 0")
        listener = server.transport
        if not isinstance(listener, asyncio.Server):
            raise StartError(f"cannot serve the meter on {HOST}:{port}: this version of pymodbus is not known")
        return int(listener.sockets[0].getsockname()[1])

    async def start_rtu(self, link: Path) -> None:
        """Serve RTU on a pty that `link` points to. Two ptys back to back, since the library opens a device by name.

        Raises:
            StartError: no pty, or the link cannot be made.
        """
        ours, theirs, ours_name = self._open_line(link)
        loop = asyncio.get_running_loop()
        loop.add_reader(ours, _copy, ours, theirs)
        loop.add_reader(theirs, _copy, theirs, ours)
        server = ModbusSerialServer(
            self._devices(),
            framer=FramerType.RTU,
            port=ours_name,
            baudrate=9600,
            trace_packet=partial(self._answer, UNIT_AT_RTU, True),
        )
        self._servers.append(server)
        if not await server.listen():
            raise StartError(f"cannot serve the meter on {ours_name}: the tty does not open")

    async def close(self) -> None:
        """Stop serving."""
        for server in self._servers:
            await server.shutdown()  # type: ignore[no-untyped-call]
        for descriptor in self._ptys:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)
        if self._link is not None:
            self._link.unlink(missing_ok=True)

    def _open_line(self, link: Path) -> tuple[int, int, str]:
        try:
            ours, ours_name = self._open_pty()
            theirs, theirs_name = self._open_pty()
            link.unlink(missing_ok=True)
            link.symlink_to(theirs_name)
        except OSError as error:
            raise StartError(f"cannot make the meter's tty {link}: {error.strerror}") from None
        self._link = link
        return ours, theirs, ours_name

    def _open_pty(self) -> tuple[int, str]:
        master, slave = os.openpty()
        self._ptys += [master, slave]  # the slave stays open: a client that closes it must not hang up the line
        tty.setraw(slave)
        os.set_blocking(master, False)
        return master, os.ttyname(slave)

    def _devices(self) -> list[SimDevice]:
        block = [0] * REGISTERS
        return [
            SimDevice(
                id=unit,
                simdata=[SimData(0, values=list(block), datatype=DataType.REGISTERS, readonly=True)],
                action=partial(self._read, unit),
            )
            for unit in (0, *self._plant.evses)  # the library's unit 0 answers for every number that is not listed
        ]

    async def _read(
        self,
        unit: int,
        function_code: int,
        start_address: int,
        address: int,
        count: int,
        registers: list[int],
        written: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Fill in the registers asked for, or refuse as the device does."""
        if unit not in self._plant.evses:
            return ExcCodes.GATEWAY_NO_RESPONSE
        if function_code != READ_INPUT_REGISTERS or written is not None:
            return ExcCodes.ILLEGAL_ADDRESS if function_code == READ_INPUT_REGISTERS - 1 else ExcCodes.ILLEGAL_FUNCTION
        if count > MAX_REGISTERS_A_READ:
            return ExcCodes.ILLEGAL_VALUE
        self._engine.settle(self._engine.now())
        evse = self._plant.evses[unit]
        values = evse.meter.values(evse.voltage_v, evse.current_a)
        answer = words(spoil(values, evse.faults), address, count)
        if answer is None:
            return ExcCodes.ILLEGAL_ADDRESS
        offset = address - start_address
        registers[offset : offset + count] = answer
        return None

    def _answer(self, unit_at: int, only_known: bool, sending: bool, data: bytes) -> bytes:
        """Let an answer out, unless its meter is silent; on a serial line absent units are silent too."""
        if not sending or len(data) <= unit_at:
            return data
        evse = self._plant.evses.get(data[unit_at])
        if evse is None:
            return b"" if only_known else data
        if faults.METER_SILENT in evse.faults:
            return b""
        if faults.METER_NOISE in evse.faults and self._noise.random() < NOISE_SHARE:
            # a serial frame has a checksum that finds any byte; TCP has one of its own, so there an answer is only lost
            at = self._noise.randrange(len(data)) if only_known else 0
            return data[:at] + bytes([data[at] ^ 0xA5]) + data[at + 1 :]
        return data


def _copy(source: int, target: int) -> None:
    with contextlib.suppress(OSError):  # a full line loses bytes, as a real one
        os.write(target, os.read(source, 4096))
