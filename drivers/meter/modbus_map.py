"""Any Modbus meter that a register map (`drivers/meter/*.toml`) describes completely: it is only read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stationd.hal.bus import BusError, BusPool, Line, SerialLine, TcpHost
from stationd.hal.interfaces import MeterReading
from stationd.hal.register_map import RegisterMap, parse_register_map

BAUDRATES = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Options: `transport` is `tcp` (with `host`, `port`) or `rtu` (with `device` and how the line is set)."""

    transport: str
    unit: int = 1
    timeout_s: float = 0.5
    """For one answer; meters take up to 0.2 s, gateways behind a mobile network more."""
    host: str | None = None
    port: int | None = None
    device: str | None = None
    """The serial port, best by its lasting name /dev/serial/by-id/…"""
    baudrate: int | None = None
    parity: str | None = None
    stopbits: int | None = None

    def __post_init__(self) -> None:
        if self.transport not in ("tcp", "rtu"):
            raise ValueError(f"transport must be tcp or rtu, not {self.transport!r}")
        needed = "host" if self.transport == "tcp" else "device"
        if not getattr(self, needed):
            raise ValueError(f"option {needed} is missing; transport {self.transport} needs it")
        foreign = ("device", "baudrate", "parity", "stopbits") if self.transport == "tcp" else ("host", "port")
        for name in foreign:
            if getattr(self, name) is not None:
                raise ValueError(f"option {name} makes no sense with transport {self.transport}; remove it")
        if not 1 <= self.unit <= 247:
            raise ValueError(f"unit must be 1 to 247, not {self.unit}")
        if not 0.05 <= self.timeout_s <= 2:
            raise ValueError(f"timeout_s must be 0.05 to 2, not {self.timeout_s:g}")
        if self.port is not None and not 1 <= self.port <= 65535:
            raise ValueError(f"port must be 1 to 65535, not {self.port}")
        for name, allowed in (("baudrate", BAUDRATES), ("parity", ("N", "E", "O")), ("stopbits", (1, 2))):
            if getattr(self, name) not in (None, *allowed):
                words = ", ".join(str(value) for value in allowed)
                raise ValueError(f"{name} must be one of {words}, not {getattr(self, name)!r}")

    @property
    def line(self) -> Line:
        """Return the line that these options describe."""
        if self.host is not None:
            return TcpHost(self.host, self.port or 502)
        return SerialLine(self.device or "", self.baudrate or 9600, self.parity or "N", self.stopbits or 1)


def load_description(document: Mapping[str, Any], source: str) -> RegisterMap:
    """Return the register map of a TOML document."""
    return parse_register_map(document, source)


class Driver:
    """Reads all blocks of a register map at once. Implements `hal.interfaces.Meter`."""

    def __init__(self, config: Config, *, evse_id: int, buses: BusPool, description: RegisterMap) -> None:
        self._map = description
        self._monotonic = buses.monotonic
        self._device = buses.device(
            config.line, unit=config.unit, timeout_s=config.timeout_s, user=f"the meter of EVSE {evse_id}"
        )

    async def read(self) -> MeterReading:
        """Read the meter; a failure is a reading with an error."""
        try:
            answers = await self._device.read(self._map.blocks)
        except BusError as error:
            return MeterReading(taken_at_s=self._monotonic(), error=str(error))
        return self._map.decode(answers, self._monotonic())

    async def close(self) -> None:
        """Give the bus back."""
        await self._device.close()
