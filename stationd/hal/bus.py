"""Modbus buses, serial and TCP: one owner per line, requests one after the other. The only file that imports pymodbus.

Nothing runs in the background: a line connects when somebody reads, and again after it was lost.
- A read takes the whole line for all its blocks, waits its turn in order, and ends within `BusTimings.budget_s`.
- A device that answered before gets one second chance; one that does not answer is left alone for a growing time, so it
  costs its neighbours one time-out in a while and its own readers nothing.
- After an answer that did not come, TCP is closed (a late answer dies with its connection; gateways that do not return
  the transaction id exist); a serial device is not asked again until an answer that late is out of the question.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from stationd.domain.errors import ConfigurationError, HardwareError
from stationd.hal.register_map import Block, Table

_log = logging.getLogger(__name__)

MODBUS_EXCEPTIONS = {
    1: "illegal function",
    2: "illegal address: is it another model?",
    3: "illegal value",
    4: "device failure",
    6: "device busy",
    10: "gateway path unavailable",
    11: "gateway: device did not answer",
}


class BusError(HardwareError):
    """A device or its line did not answer; the text says which and what to look at."""


class _NoAnswerError(BusError):
    """The request was sent, and no answer that fits came in time. It may still come."""


@dataclass(frozen=True, slots=True)
class SerialLine:
    """An RS-485 line."""

    port: str
    baudrate: int
    parity: str
    stopbits: int

    @property
    def key(self) -> str:
        """Return the device's own name, whatever links lead to it."""
        return os.path.realpath(self.port)

    @property
    def name(self) -> str:
        """Return the words for it in errors."""
        return self.port


@dataclass(frozen=True, slots=True)
class TcpHost:
    """A meter or gateway that speaks Modbus TCP."""

    host: str
    port: int

    @property
    def key(self) -> str:
        """Return what makes it the same line as another."""
        return self.name.lower()

    @property
    def name(self) -> str:
        """Return the words for it in errors."""
        return f"{self.host}:{self.port}"


Line = SerialLine | TcpHost


@dataclass(frozen=True, slots=True)
class BusTimings:
    """Times that no meter needs otherwise; tests shorten them."""

    budget_s: float = 2.5
    """A read ends within this, or within five time-outs of its device: turn, time-out, pause, second chance."""
    backoff_first_s: float = 1.0
    backoff_max_s: float = 30.0
    reconnect_max_s: float = 5.0
    late_factor: float = 2.0
    """A serial device may answer this many time-outs after its time-out; that long it is not asked again."""


class BusDevice:
    """One device on a line. Made by `BusPool.device`."""

    def __init__(self, owner: "_Owner", unit: int, timeout_s: float, user: str, timings: BusTimings) -> None:
        self._owner = owner
        self._unit = unit
        self._timeout_s = timeout_s
        self._timings = timings
        self._health = _Health(timings.backoff_first_s, timings.backoff_max_s)
        self._one = asyncio.Lock()
        self._missed: BusError | None = None
        """Why the present read needs its second chance."""
        self._closed = False
        self.user = user
        self.name = f"unit {unit} on {owner.line.name}"

    async def read(self, blocks: Sequence[Block]) -> list[tuple[int, ...]]:
        """Return the registers of all blocks, read in one turn on the line. One read at a time; others wait.

        Raises:
            BusError: the device or its line does not answer, or is left alone after it did not.
        """
        budget_s = max(self._timings.budget_s, 5 * self._timeout_s)
        try:
            async with asyncio.timeout(budget_s), self._one:
                return await self._read(blocks)
        except TimeoutError:
            busy = BusError(f"cannot read {self.name}: the line was busy for {budget_s:g} s")
            if self._missed is None:
                self._failed(busy)
            raise busy from None

    async def close(self) -> None:
        """Give the line back; it is closed with its last device."""
        if not self._closed:
            self._closed = True
            await self._owner.release(self._unit)

    async def _read(self, blocks: Sequence[Block]) -> list[tuple[int, ...]]:
        if self._closed:
            raise BusError(f"cannot read {self.name}: it was closed")
        if (wait_s := self._health.wait_s(self._owner.monotonic())) > 0:
            raise BusError(f"{self._health.reason}; next try in {wait_s:.1f} s")
        self._missed = None
        try:
            answers = await self._read_with_second_chance(blocks)
        except BusError as error:
            self._failed(error)
            raise
        except asyncio.CancelledError:  # who waits no longer must not keep a silent device from being left alone
            if self._missed is not None:
                self._failed(self._missed)
            raise
        if (silent_s := self._health.answered(self._owner.monotonic())) is not None:
            _log.info("device_answered user=%r device=%r silent_s=%.0f", self.user, self.name, silent_s)
        return answers

    async def _read_with_second_chance(self, blocks: Sequence[Block]) -> list[tuple[int, ...]]:
        await asyncio.sleep(self._owner.quarantine_s(self._unit))
        try:
            return await self._owner.read(self._unit, blocks, self._timeout_s)
        except _NoAnswerError as error:
            if not self._health.well:
                raise
            self._missed = error
            _log.debug("answer_lost user=%r reason=%r", self.user, str(error))
        await asyncio.sleep(self._owner.quarantine_s(self._unit))
        return await self._owner.read(self._unit, blocks, self._timeout_s)

    def _failed(self, error: BusError) -> None:
        if self._health.failed(str(error), self._owner.monotonic()):
            _log.warning("device_lost user=%r reason=%r", self.user, str(error))


class BusPool:
    """All Modbus lines of the station. Give one to every meter; `close` it after them."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic, timings: BusTimings | None = None) -> None:
        self.monotonic = monotonic
        self._timings = timings or BusTimings()
        self._owners: dict[str, _Owner] = {}

    def device(self, line: Line, *, unit: int, timeout_s: float, user: str) -> BusDevice:
        """Return a device on a line, which is shared with the other devices there. Connects at the first read.

        Raises:
            ConfigurationError: another user of this line has other settings, or the same unit.
        """
        _library()  # now rather than in the first read: the import takes a while, and may fail
        owner = self._owners.get(line.key)
        if owner is None:
            owner = _Owner(line, self.monotonic, self._timings, lambda: self._owners.pop(line.key, None))
        elif line != owner.line and isinstance(line, SerialLine) and isinstance(owner.line, SerialLine):
            for setting in ("baudrate", "parity", "stopbits"):
                here, there = getattr(line, setting), getattr(owner.line, setting)
                if here != there:
                    other = next(iter(owner.devices.values())).user
                    raise ConfigurationError(
                        f"cannot open meter bus {line.name} for {user}: {setting} {here} here, {there} for {other}; "
                        "all devices on a line need the same settings"
                    )
        if unit in owner.devices:
            raise ConfigurationError(
                f"cannot open unit {unit} on meter bus {line.name} for {user}: {owner.devices[unit].user} reads it; "
                "give each meter its own unit"
            )
        device = BusDevice(owner, unit, timeout_s, user, self._timings)
        owner.devices[unit] = device
        self._owners[line.key] = owner
        return device

    async def close(self) -> None:
        """Close every line, whether its devices were closed or not."""
        for owner in list(self._owners.values()):
            for device in list(owner.devices.values()):
                await device.close()


class _Health:
    """How often something failed in a row, and how long it is left alone."""

    def __init__(self, first_s: float, max_s: float) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._failures = 0
        self._failed_since_s = 0.0
        self._next_s = 0.0
        self.well = False
        """The last request was answered; False before the first one."""
        self.reason = ""

    def wait_s(self, now_s: float) -> float:
        return self._next_s - now_s if self._failures else 0.0

    def failed(self, reason: str, now_s: float) -> bool:
        """Count a failure; True if it is the first in a row."""
        self.well = False
        self.reason = reason
        self._failures += 1
        self._next_s = now_s + min(self._first_s * 2.0 ** min(self._failures - 1, 16), self._max_s)
        if self._failures == 1:
            self._failed_since_s = now_s
        return self._failures == 1

    def answered(self, now_s: float) -> float | None:
        """Forget the failures; return how long they lasted if there were any."""
        silent_s = now_s - self._failed_since_s if self._failures else None
        self.well = True
        self._failures = 0
        return silent_s


class _Owner:
    """Owns one line: its connection and the order of its requests."""

    def __init__(
        self, line: Line, monotonic: Callable[[], float], timings: BusTimings, on_unused: Callable[[], object]
    ) -> None:
        self.line = line
        self.monotonic = monotonic
        self.devices: dict[int, BusDevice] = {}
        self._timings = timings
        self._on_unused = on_unused
        self._turn = asyncio.Lock()  # first come, first served
        self._client: _Client | None = None
        self._health = _Health(timings.backoff_first_s / 4, timings.reconnect_max_s)
        self._ask_again_at_s: dict[int, float] = {}

    def quarantine_s(self, unit: int) -> float:
        """Return how long an answer of this unit may still come late."""
        return max(self._ask_again_at_s.get(unit, 0.0) - self.monotonic(), 0.0)

    async def read(self, unit: int, blocks: Sequence[Block], timeout_s: float) -> list[tuple[int, ...]]:
        """Read all blocks in one turn."""
        async with self._turn:
            if unit not in self.devices:
                raise BusError(f"cannot read unit {unit} on {self.line.name}: it was closed")
            client = await self._connected(timeout_s)
            try:
                return [await self._ask(client, unit, block, timeout_s) for block in blocks]
            except (_NoAnswerError, asyncio.CancelledError):
                self._expect_late_answer(unit, timeout_s)
                raise

    async def release(self, unit: int) -> None:
        """Forget a device; close with the last one."""
        self.devices.pop(unit, None)
        if not self.devices:
            self._on_unused()
            async with self._turn:
                self._disconnect()

    async def _ask(self, client: "_Client", unit: int, block: Block, timeout_s: float) -> tuple[int, ...]:
        what = f"unit {unit} on {self.line.name}"
        ask = client.read_input_registers if block.table is Table.INPUT else client.read_holding_registers
        try:
            answer = await ask(block.address, count=block.count, device_id=unit)  # ends within the client's time-out
        except _library().errors as error:
            if not client.connected:
                self._disconnect()
                raise _NoAnswerError(f"cannot read {what}: the connection was lost") from error
            raise _NoAnswerError(
                f"cannot read {what}: no answer within {timeout_s:g} s; check unit and wiring"
            ) from error
        if answer.isError():
            reason = MODBUS_EXCEPTIONS.get(answer.exception_code, f"exception {answer.exception_code}")
            raise BusError(f"cannot read {what}: refused registers from {block.address:#06x} ({reason})")
        expected_function = 4 if block.table is Table.INPUT else 3
        if answer.function_code != expected_function or len(answer.registers) != block.count:
            # what was asked before, answered late: the one to this request is still to come
            raise _NoAnswerError(f"cannot read {what}: the answer is one to another request")
        return tuple(answer.registers)

    async def _connected(self, timeout_s: float) -> "_Client":
        if self._client is not None and self._client.connected:
            return self._client
        self._disconnect()
        if (wait_s := self._health.wait_s(self.monotonic())) > 0:
            raise BusError(f"{self._health.reason}; next try in {wait_s:.1f} s")
        client = _library().client(self.line, timeout_s)
        try:
            opened = await client.connect()
            await asyncio.sleep(0)  # the serial transport finishes its set-up in the next turns of the loop
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            client.close()
            raise
        except _library().errors:
            opened = False
        if not opened:
            client.close()
            reason = f"cannot open meter bus {self.line.name}: {_diagnosis(self.line)}"
            self._health.failed(reason, self.monotonic())
            raise BusError(reason)
        self._health.answered(self.monotonic())
        self._client = client
        return client

    def _expect_late_answer(self, unit: int, timeout_s: float) -> None:
        if isinstance(self.line, TcpHost):
            self._disconnect()
        else:
            self._ask_again_at_s[unit] = self.monotonic() + timeout_s * self._timings.late_factor

    def _disconnect(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _diagnosis(line: Line) -> str:
    if isinstance(line, TcpHost):
        return "nobody answers there; check address, port and network"
    if not os.path.exists(line.port):
        return "there is no such device; check the cable and `serial`"
    if not os.access(line.port, os.R_OK | os.W_OK):
        return "no permission; the user of stationd must be in the device's group (often dialout)"
    return "it is in use by another program, or is no serial port"


class _Client(Protocol):
    """The part of pymodbus's asynchronous clients that is used."""

    @property
    def connected(self) -> bool: ...
    async def connect(self) -> bool: ...
    def close(self) -> None: ...
    async def read_input_registers(self, address: int, *, count: int, device_id: int) -> Any: ...
    async def read_holding_registers(self, address: int, *, count: int, device_id: int) -> Any: ...


@dataclass(frozen=True, slots=True)
class _Library:
    client: Callable[[Line, float], _Client]
    errors: tuple[type[Exception], ...]


def _library() -> _Library:
    """Import pymodbus for the first Modbus device: a station without one does not pay for it."""
    try:
        from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
        from pymodbus.exceptions import ModbusException
    except ImportError as error:
        raise ConfigurationError(f"cannot use Modbus meters: {error}; install pymodbus and pyserial") from None

    def client(line: Line, timeout_s: float) -> Any:
        # no retries and no reconnection of its own: both are decided here, in one place
        common: dict[str, Any] = {"timeout": timeout_s, "retries": 0, "reconnect_delay": 0}
        if isinstance(line, TcpHost):
            return AsyncModbusTcpClient(line.host, port=line.port, **common)
        return AsyncModbusSerialClient(
            line.port, baudrate=line.baudrate, parity=line.parity, stopbits=line.stopbits, **common
        )

    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it logs an error for each silence; ours are counted
    return _Library(client, (ModbusException, OSError, ValueError))
