"""The plant's command line."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from stationd.sandbox.plant.errors import StartError
from stationd.sandbox.plant.methods import MAX_METER_WH, MAX_SPEED, MIN_SPEED

MAX_EVSES = 32
DEFAULT_METER_START_WH = 1_234_567.0  # not zero: a station that takes the register for the session's energy must show


@dataclass(frozen=True, slots=True)
class Options:
    """What to simulate, and where."""

    runtime_dir: Path
    evses: int = 1
    modbus_port: int = 0
    speed: float = 1.0
    tethered: bool = False
    meter_start_wh: float = DEFAULT_METER_START_WH
    modbus_rtu: bool = False
    state_file: Path | None = None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise StartError(f"cannot start: {message}")


def parse(arguments: list[str]) -> Options:
    """Return the options of a command line.

    Raises:
        StartError: one is unknown, missing or out of bounds.
    """
    parser = _Parser(prog="python -m stationd.sandbox.plant", description="A simulated car and charging board.")
    parser.add_argument("--runtime-dir", type=Path, required=True, metavar="DIR", help="folder of the sockets")
    parser.add_argument("--evses", type=int, default=1, metavar="N", help=f"1 to {MAX_EVSES}, default 1")
    parser.add_argument("--modbus-port", type=int, default=0, metavar="P", help="default 0: the kernel chooses")
    parser.add_argument("--speed", type=float, default=1.0, metavar="F", help="factor on energy, 1 to 3600")
    parser.add_argument("--outlet", choices=("socket", "tethered"), default="socket", help="default socket")
    parser.add_argument("--meter-start-wh", type=float, default=DEFAULT_METER_START_WH, metavar="W")
    parser.add_argument("--modbus-rtu", action="store_true", help="also serve the meter as RTU on DIR/meter.tty")
    parser.add_argument("--state-file", type=Path, metavar="FILE", help="keep meter and car over a restart in FILE")
    given = parser.parse_args(arguments)
    _check("--evses", given.evses, 1, MAX_EVSES)
    _check("--modbus-port", given.modbus_port, 0, 65535)
    _check("--speed", given.speed, MIN_SPEED, MAX_SPEED)
    _check("--meter-start-wh", given.meter_start_wh, 0, MAX_METER_WH)
    return Options(
        runtime_dir=given.runtime_dir,
        evses=given.evses,
        modbus_port=given.modbus_port,
        speed=given.speed,
        tethered=given.outlet == "tethered",
        meter_start_wh=given.meter_start_wh,
        modbus_rtu=given.modbus_rtu,
        state_file=given.state_file,
    )


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise StartError(f"cannot start: {name} must be {low:.10g} to {high:.10g}, not {value:.10g}")
