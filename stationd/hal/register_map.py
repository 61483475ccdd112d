"""Modbus register maps: what a meter's TOML file says -> block reads, and their answers -> MeterReading. Pure.

A register names its table and address, its type and the unit of one count; a factor is never bare:

    max_read = 60                     # registers per request that the meter accepts (default 125)
    max_gap = 8                       # registers between two wanted ones that may be read along (default 0)
    not_available = ["all_ones"]      # raw patterns that mean "no value", for every register
    [registers]
    energy_import = { input = 0x0048, type = "f32", unit = "kWh" }
    voltage_l1    = { holding = 10, type = "u16", unit = "0.1 V" }
    current_l1    = { holding = 12, type = "i16", unit = "A", scale_factor = "current" }
    [scale_factors]                   # registers that hold the power of ten of others
    current       = { holding = 20, type = "i16" }
"""

import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from stationd.domain.errors import ConfigurationError
from stationd.hal.interfaces import MeterReading

MAX_READ = 125  # registers in one answer, by the Modbus specification


class RegisterMapError(ConfigurationError):
    """A register map is wrong; the text names file, register and key."""


class Table(StrEnum):
    """The two kinds of registers; the value is the key in the file."""

    INPUT = "input"
    HOLDING = "holding"


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """Neighbouring registers read with one request."""

    table: Table
    address: int
    count: int

    def covers(self, other: "Block") -> bool:
        """Tell whether `other` lies within."""
        return (
            self.table is other.table
            and self.address <= other.address
            and other.address + other.count <= self.address + self.count
        )


@dataclass(frozen=True, slots=True)
class Register:
    """One number of the meter."""

    name: str
    span: Block
    type: str
    factor: Decimal
    """SI units per count."""
    low_word_first: bool
    not_available: tuple[str, ...]
    scale_factor: str | None


@dataclass(frozen=True, slots=True)
class Product:
    """A meter that the map is for."""

    vendor: str
    model: str


@dataclass(frozen=True, slots=True)
class RegisterMap:
    """A checked register map."""

    source: str
    products: tuple[Product, ...]
    registers: tuple[Register, ...]
    scale_factors: Mapping[str, Register]
    blocks: tuple[Block, ...]
    """What to read, in this order; `decode` takes the answers in the same order."""

    def decode(self, answers: Sequence[Sequence[int]], taken_at_s: float) -> MeterReading:
        """Return the reading that the answers to `blocks` give; one value that cannot be spoils the whole reading."""
        try:
            powers = {name: self._number(register, answers) for name, register in self.scale_factors.items()}
            values = {register.name: self._value(register, answers, powers) for register in self.registers}
        except _ImplausibleError as error:
            return MeterReading(taken_at_s=taken_at_s, error=f"cannot trust meter: {error}")
        if all(value is None for value in values.values()):
            return MeterReading(taken_at_s=taken_at_s, error="cannot read meter: every register says 'not available'")
        return MeterReading(
            taken_at_s=taken_at_s,
            energy_import_wh=values.get("energy_import"),
            energy_export_wh=values.get("energy_export"),
            power_w=values.get("power"),
            current_a=(values.get("current_l1"), values.get("current_l2"), values.get("current_l3")),
            voltage_v=(values.get("voltage_l1"), values.get("voltage_l2"), values.get("voltage_l3")),
            frequency_hz=values.get("frequency"),
            power_factor=values.get("power_factor"),
        )

    def _number(self, register: Register, answers: Sequence[Sequence[int]]) -> Decimal | None:
        """Return the raw number of a register; None if the meter says that it has none."""
        for block, words in zip(self.blocks, answers, strict=True):
            if len(words) != block.count:
                raise _ImplausibleError(f"{len(words)} registers came for {block.count} from {block.address:#06x}")
            if block.covers(register.span):
                start = register.span.address - block.address
                return _raw_number(register, words[start : start + register.span.count])
        raise AssertionError(register.name)  # plan_blocks covers every register

    def _value(
        self, register: Register, answers: Sequence[Sequence[int]], powers: Mapping[str, Decimal | None]
    ) -> float | None:
        number = self._number(register, answers)
        if number is None:
            return None
        if register.scale_factor is not None:
            power = powers[register.scale_factor]
            if power is None:
                return None
            if abs(power) > MAX_POWER_OF_TEN or power != int(power):
                raise _ImplausibleError(f"scale factor {register.scale_factor} is {power}")
            number = number.scaleb(int(power))
        value = float(number * register.factor)
        low, high = QUANTITIES[register.name.partition("_l")[0]].bounds
        if not low <= value <= high:
            raise _ImplausibleError(f"{register.name} is {value:g}, outside {low:g} to {high:g}")
        return value


def parse_register_map(document: Mapping[str, Any], source: str) -> RegisterMap:
    """Return the map that a TOML document holds. `source` names the file in errors.

    Raises:
        RegisterMapError: a key is unknown, missing or of a wrong value.
    """
    file = _Reader(document, source, "")
    file.take("driver", str, "")
    products = tuple(
        Product(entry.take("vendor", str), entry.take("model", str)) for entry in file.tables("products", "product")
    )
    low_first = file.choice("word_order", ("big", "little"), "big") == "little"
    max_read = file.whole("max_read", 1, MAX_READ, MAX_READ)
    max_gap = file.whole("max_gap", 0, MAX_READ, 0)
    not_available = file.patterns(())
    scale_factors = {
        name: _register(entry, name, low_first, not_available, {}, scale=True)
        for name, entry in file.named("scale_factors").items()
    }
    registers = tuple(
        _register(entry, name, low_first, not_available, scale_factors)
        for name, entry in file.named("registers").items()
    )
    file.done()
    if all(register.name != "energy_import" for register in registers):
        raise RegisterMapError(f"cannot use {source}: registers.energy_import is missing; charging is billed by it")
    spans = [register.span for register in (*registers, *scale_factors.values())]
    if too_long := [span for span in spans if span.count > max_read]:
        raise RegisterMapError(f"cannot use {source}: max_read is {max_read}, a register needs {too_long[0].count}")
    return RegisterMap(source, products, registers, scale_factors, plan_blocks(spans, max_read, max_gap))


def plan_blocks(spans: Iterable[Block], max_read: int, max_gap: int) -> tuple[Block, ...]:
    """Return the fewest reads that cover all spans, none longer than `max_read`, with gaps of at most `max_gap`."""
    blocks: list[Block] = []
    for span in sorted(set(spans)):
        last = blocks[-1] if blocks else None
        if last is not None and last.table is span.table and span.address <= last.address + last.count + max_gap:
            count = max(last.count, span.address + span.count - last.address)
            if count <= max_read:
                blocks[-1] = Block(last.table, last.address, count)
                continue
        blocks.append(span)
    return tuple(blocks)


# --- words of the file ------------------------------------------------------------------------------------------------

_TYPES = {"u16": "H", "i16": "h", "u32": "I", "i32": "i", "u64": "Q", "i64": "q", "f32": "f", "f64": "d"}
_PATTERNS: Mapping[str, Callable[[bytes], bool]] = {
    "all_ones": lambda raw: raw == b"\xff" * len(raw),
    "max_positive": lambda raw: raw == b"\x7f" + b"\xff" * (len(raw) - 1),
    "min_negative": lambda raw: raw == b"\x80" + b"\x00" * (len(raw) - 1),
    "nan": lambda raw: len(raw) > 2 and math.isnan(struct.unpack(">f" if len(raw) == 4 else ">d", raw)[0]),
}
MAX_POWER_OF_TEN = 10


@dataclass(frozen=True, slots=True)
class Quantity:
    """Units that a quantity may be declared in, and what no charging station ever measures."""

    units: Mapping[str, Decimal]
    bounds: tuple[float, float]


_ENERGY = Quantity({"Wh": Decimal(1), "kWh": Decimal(1000), "MWh": Decimal(10**6)}, (0.0, 1e12))
QUANTITIES: Mapping[str, Quantity] = {
    "energy_import": _ENERGY,
    "energy_export": _ENERGY,
    "power": Quantity({"W": Decimal(1), "kW": Decimal(1000), "mW": Decimal("0.001")}, (-1e7, 1e7)),
    "current": Quantity({"A": Decimal(1), "mA": Decimal("0.001")}, (-1e4, 1e4)),
    "voltage": Quantity({"V": Decimal(1), "mV": Decimal("0.001"), "kV": Decimal(1000)}, (0.0, 1000.0)),
    "frequency": Quantity({"Hz": Decimal(1), "mHz": Decimal("0.001")}, (0.0, 100.0)),
    "power_factor": Quantity({"": Decimal(1), "%": Decimal("0.01")}, (-1.01, 1.01)),
}
_PER_PHASE = ("current", "voltage")
REGISTER_NAMES = (
    *(name for name in QUANTITIES if name not in _PER_PHASE),
    *(f"{name}_l{phase}" for name in _PER_PHASE for phase in (1, 2, 3)),
)


class _ImplausibleError(Exception):
    """A register holds what cannot be."""


def _raw_number(register: Register, words: Sequence[int]) -> Decimal | None:
    ordered = reversed(words) if register.low_word_first else words
    raw = b"".join(word.to_bytes(2, "big") for word in ordered)
    if any(_PATTERNS[name](raw) for name in register.not_available):
        return None
    number = struct.unpack(f">{_TYPES[register.type]}", raw)[0]
    if isinstance(number, int):
        return Decimal(number)
    if not math.isfinite(number):
        raise _ImplausibleError(f"{register.name} is {number}")
    return Decimal(repr(_shortest(number, raw) if register.type == "f32" else number))


def _shortest(number: float, raw: bytes) -> float:
    """Return the shortest decimal with the same 32 bits: 230.2, not 230.1999969482422."""
    for digits in (6, 7, 8):
        short = float(f"{number:.{digits}g}")
        if struct.pack(">f", short) == raw:
            return short
    return number


def _register(
    entry: "_Reader",
    name: str,
    low_first: bool,
    not_available: tuple[str, ...],
    scale_factors: Mapping[str, Register],
    *,
    scale: bool = False,
) -> Register:
    type_ = entry.choice("type", tuple(_TYPES))
    factor = Decimal(1)
    if not scale:
        if name not in REGISTER_NAMES:
            raise entry.error(None, f"no such quantity; {_nearest(name, REGISTER_NAMES)}")
        factor = entry.unit(QUANTITIES[name.partition("_l")[0]].units)
    register = Register(
        name=name,
        span=entry.span(struct.calcsize(f">{_TYPES[type_]}") // 2),
        type=type_,
        factor=factor,
        low_word_first=entry.choice("word_order", ("big", "little"), "little" if low_first else "big") == "little",
        not_available=entry.patterns(not_available),
        scale_factor=None if scale else entry.take("scale_factor", str, "") or None,
    )
    if register.scale_factor is not None and register.scale_factor not in scale_factors:
        raise entry.error("scale_factor", f"{register.scale_factor!r} is not in [scale_factors]")
    entry.done()
    return register


def _nearest(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), 3, 0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"use {', '.join(known)}"


class _Reader:
    """Takes keys out of one TOML table; what is left at the end is an error."""

    def __init__(self, table: Mapping[str, Any], source: str, where: str) -> None:
        self._left = dict(table)
        self._known: list[str] = []
        self._source = source
        self._where = where

    def error(self, key: str | None, text: str) -> RegisterMapError:
        place = ".".join(part for part in (self._where, key) if part)
        return RegisterMapError(f"cannot use {self._source}: {place}: {text}")

    def take(self, key: str, type_: type, default: Any = None) -> Any:
        self._known.append(key)
        value = self._left.pop(key, default)
        if value is None:
            raise self.error(key, "is missing")
        if not isinstance(value, type_) or isinstance(value, bool):
            raise self.error(key, f"must be {_TYPE_WORDS[type_]}, not {value!r}")
        return value

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        value: int = self.take(key, int, default)
        if not low <= value <= high:
            raise self.error(key, f"must be {low} to {high}, not {value}")
        return value

    def choice(self, key: str, words: Sequence[str], default: str | None = None) -> str:
        value: str = self.take(key, str, default)
        if value not in words:
            raise self.error(key, f"must be one of {', '.join(words)}, not {value!r}")
        return value

    def patterns(self, default: tuple[str, ...]) -> tuple[str, ...]:
        names = self.take("not_available", list, list(default))
        if unknown := [name for name in names if name not in _PATTERNS]:
            raise self.error("not_available", f"must be of {', '.join(_PATTERNS)}, not {unknown[0]!r}")
        return tuple(names)

    def unit(self, units: Mapping[str, Decimal]) -> Decimal:
        """Read a unit with an optional count before it: `kWh`, `0.01 kWh`; a number alone where none has a name."""
        text: str = self.take("unit", str, "" if "" in units else None)
        parts = text.split()
        count, name = ("1", text) if text in units else (parts[0], "") if len(parts) == 1 else ("", "")
        if len(parts) == 2:
            count, name = parts
        try:
            factor = Decimal(count) * units[name]
        except (KeyError, InvalidOperation):
            factor = Decimal(0)
        if not factor.is_finite() or factor <= 0:
            known = ", ".join(unit for unit in units if unit) or "none"
            raise self.error("unit", f"must be {known} (with a count before it if need be: '0.1 V'), not {text!r}")
        return factor

    def span(self, count: int) -> Block:
        tables = [table for table in Table if table in self._left]
        if len(tables) != 1:
            raise self.error(None, "needs one address: input = … or holding = …")
        return Block(tables[0], self.whole(tables[0], 0, 65536 - count), count)

    def named(self, key: str) -> dict[str, "_Reader"]:
        found = self.take(key, dict, {})
        return {name: self._child(entry, f"{key}.{name}") for name, entry in found.items()}

    def tables(self, key: str, where: str) -> list["_Reader"]:
        return [self._child(entry, f"{where} {number}") for number, entry in enumerate(self.take(key, list, []), 1)]

    def _child(self, entry: object, where: str) -> "_Reader":
        if not isinstance(entry, dict):
            raise RegisterMapError(f"cannot use {self._source}: {where}: must be a table, not {entry!r}")
        return _Reader(entry, self._source, where)

    def done(self) -> None:
        for key in self._left:
            raise self.error(key, f"unknown key; {_nearest(key, (*self._known, *Table))}")


_TYPE_WORDS: Mapping[type, str] = {str: "a text", int: "a whole number", list: "a list", dict: "a table"}
