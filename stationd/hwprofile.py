"""Read an hw-profile: which drivers, limits and timings one board has. Standard library only; used by both processes.

Every key is read or refused. It opens no device and imports no driver: options of a driver are checked by the driver.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # pathlib costs the safety process urllib and a tenth of a second on a small board
    from pathlib import Path

FAIL_SAFE = ("pulse", "mcu", "release", "simulated")
CONNECTOR_TYPES = {"sType2": "socket", "cType2": "tethered", "cType1": "tethered"}
"""OCPP 2.0.1 ConnectorEnumType, the alternating-current ones this project drives, and the outlet each one is."""
_PACKAGE_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEFAULT_SEARCH: tuple[str, ...] = ("/etc/stationd/hw-profiles", os.path.join(_PACKAGE_ROOT, "hw-profiles"))
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_DRIVER = re.compile(r"([a-z][a-z0-9_]*)/([a-z][a-z0-9_]*)")
_MISSING = object()


class ProfileError(Exception):
    """The profile is wrong or missing; the text names file, key, value and fix."""


@dataclass(frozen=True, slots=True)
class DriverSpec:
    """One driver, as `kind/name`, and its options as written (placeholders filled in)."""

    driver: str
    options: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Folder under `drivers/`."""
        return self.driver.partition("/")[0]

    @property
    def name(self) -> str:
        """File in that folder."""
        return self.driver.partition("/")[2]


@dataclass(frozen=True, slots=True)
class EvseProfile:
    """The hardware of one EVSE with its one connector."""

    evse_id: int
    connector_type: str
    outlet: str
    """`socket` (the driver brings the cable: proximity and lock needed) or `tethered`."""
    phases: int
    max_a: float
    ventilated: bool
    """True if state D (charging needs ventilation) may be served here."""
    pilot: DriverSpec
    proximity: DriverSpec | None
    contactor: DriverSpec
    lock: DriverSpec | None
    faults: tuple[DriverSpec, ...]
    meter: DriverSpec | None


@dataclass(frozen=True, slots=True)
class Timings:
    """Times of the board's parts, in milliseconds."""

    contactor_close_ms: int = 1_000
    """Feedback must show closed within this."""
    contactor_open_ms: int = 500
    """Feedback must show open within this, or the contactor counts as welded."""
    min_off_ms: int = 2_000
    """From one opening to the next closing. Under 3 s, or B to C takes longer than IEC 61851-1 allows."""
    lock_ms: int = 3_000
    """Feedback of one movement of the lock."""


@dataclass(frozen=True, slots=True)
class HwProfile:
    """One board."""

    name: str
    description: str
    period_ms: int
    fail_safe: str
    """How the contactor opens without software: `pulse`, `mcu`, `release`, or `simulated` (mock drivers)."""
    hold_a: float
    hold_s: float
    """Brain lost while charging: keep at most `hold_a` for `hold_s`. 0 s where the fuse relies on the brain."""
    evses: tuple[EvseProfile, ...]
    reader: DriverSpec | None
    timings: Timings = Timings()


def load(
    path_or_name: str | os.PathLike[str],
    *,
    evse_count: int | None = None,
    search: Sequence[str | Path] = DEFAULT_SEARCH,
) -> HwProfile:
    """Return the profile of a path, or of a name such as `mock` looked up in `search`.

    Raises:
        ProfileError: not found, not TOML, a key unknown, missing or out of bounds, or another number of EVSEs.
    """
    path = _find(os.fspath(path_or_name), search)
    try:
        with open(path, "rb") as file:
            document = tomllib.load(file)
    except OSError as error:
        raise ProfileError(f"cannot read hw-profile {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"cannot read hw-profile {path}: not TOML: {error}") from None
    return _profile(_Table(path, "", document), evse_count)


def _find(wanted: str, search: Sequence[str | Path]) -> str:
    if not _NAME.fullmatch(wanted):
        return wanted
    for folder in search:
        path = os.path.join(folder, f"{wanted}.toml")
        if os.path.exists(path):
            return path
    raise ProfileError(
        f"cannot find hw-profile {wanted!r} in {', '.join(os.fspath(f) for f in search)}: name one of the files there, "
        f"or give a path such as ./{wanted}.toml"
    )


class _Table:
    """A TOML table whose keys are taken one by one; what is left over is an error."""

    def __init__(self, path: str, where: str, values: dict[str, Any]) -> None:
        self._path = path
        self._where = where
        self._left = dict(values)

    def error(self, key: str, problem: str) -> ProfileError:
        name = f"{self._where}.{key}" if self._where and key else self._where or key
        return ProfileError(f"cannot use hw-profile {self._path}: {name} {problem}")

    def take(self, key: str, default: Any = _MISSING, *, needed: str = "is missing: add it") -> Any:
        value = self._left.pop(key, default)
        if value is _MISSING:
            raise self.error(key, needed)
        return value

    def text(self, key: str, default: Any = _MISSING, *, choices: Sequence[str] = ()) -> str:
        allowed = f"use one of {', '.join(choices)}" if choices else "use a text"
        value = self.take(key, default, needed=f"is missing: {allowed}")
        if not isinstance(value, str) or (choices and value not in choices):
            raise self.error(key, f"cannot be {value!r}: {allowed}")
        return value

    def number(self, key: str, low: float, high: float, default: Any = _MISSING) -> float:
        value = self.take(key, default, needed=f"is missing: give a number from {low:g} to {high:g}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.error(key, f"cannot be {value!r}: give a number from {low:g} to {high:g}")
        return float(value)

    def integer(self, key: str, low: int, high: int, default: Any = _MISSING) -> int:
        value = self.take(key, default, needed=f"is missing: give a whole number from {low} to {high}")
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(key, f"cannot be {value!r}: give a whole number from {low} to {high}")
        return value

    def boolean(self, key: str, default: Any = _MISSING) -> bool:
        value = self.take(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"cannot be {value!r}: use true or false")
        return value

    def table(self, key: str) -> _Table | None:
        value = self._left.pop(key, None)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.error(key, f"cannot be {value!r}: make it a table [{self._name(key)}]")
        return _Table(self._path, self._name(key), value)

    def tables(self, key: str) -> list[_Table]:
        value = self._left.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.error(key, f"cannot be {value!r}: make each one a table [[{self._name(key)}]]")
        return [_Table(self._path, f"{self._name(key)}[{n}]", entry) for n, entry in enumerate(value, start=1)]

    def again(self, where: str) -> _Table:
        """Return a copy of what is left, under another name."""
        return _Table(self._path, where, self._left)

    def rest(self) -> dict[str, Any]:
        left, self._left = self._left, {}
        return left

    def finish(self) -> None:
        for key, value in self._left.items():
            raise self.error(key, f"= {value!r} is an unknown key: remove it or mend its spelling")

    def _name(self, key: str) -> str:
        return f"{self._where}.{key}" if self._where else key


def _profile(top: _Table, evse_count: int | None) -> HwProfile:
    timings = top.table("timings")
    profile = HwProfile(
        name=top.text("name"),
        description=top.text("description", ""),
        # Opening takes two samples of the pilot; sensor and software have 50 ms of the 100 ms together.
        period_ms=top.integer("period_ms", 1, 20, 4),
        fail_safe=top.text("fail_safe", choices=FAIL_SAFE),
        hold_a=top.number("hold_a", 6, 80, 6),
        hold_s=top.number("hold_s", 0, 600, 60),
        evses=_evses(top, evse_count),
        reader=_driver(top, "reader", "rfid", 0),
        timings=Timings() if timings is None else _timings(timings),
    )
    top.finish()
    _check_simulation(top, profile)
    return profile


def _timings(table: _Table) -> Timings:
    usual = Timings()
    timings = Timings(
        contactor_close_ms=table.integer("contactor_close_ms", 20, 5_000, usual.contactor_close_ms),
        contactor_open_ms=table.integer("contactor_open_ms", 20, 2_000, usual.contactor_open_ms),
        min_off_ms=table.integer("min_off_ms", 100, 2_900, usual.min_off_ms),
        lock_ms=table.integer("lock_ms", 100, 10_000, usual.lock_ms),
    )
    table.finish()
    return timings


def _evses(top: _Table, evse_count: int | None) -> tuple[EvseProfile, ...]:
    repeat = top.text("evses", "as listed", choices=("any", "as listed")) == "any"
    tables = top.tables("evse")
    if not tables:
        raise top.error("evse", "is missing: add a table [[evse]] for each EVSE")
    if not repeat:
        if evse_count is not None and evse_count != len(tables):
            raise top.error(
                "evse", f"is there {len(tables)} times, but {evse_count} EVSEs are configured: make the two agree"
            )
        return tuple(_evse(table, evse_id) for evse_id, table in enumerate(tables, start=1))
    if len(tables) != 1:
        raise top.error("evse", f'is there {len(tables)} times: with evses = "any" give it once')
    count = 1 if evse_count is None else evse_count
    if not 1 <= count <= 99:
        raise top.error("evses", f"cannot be repeated {count} times: configure 1 to 99 EVSEs")
    return tuple(_evse(tables[0].again(f"evse[{n}]"), n) for n in range(1, count + 1))


def _evse(table: _Table, evse_id: int) -> EvseProfile:
    connector_type = table.text("connector_type", choices=tuple(CONNECTOR_TYPES))
    outlet = table.text("outlet", choices=("socket", "tethered"))
    if CONNECTOR_TYPES[connector_type] != outlet:
        raise table.error(
            "outlet", f"cannot be {outlet!r} with connector_type = {connector_type!r}: change one of them"
        )
    phases = table.integer("phases", 1, 3)
    if phases == 2:
        raise table.error("phases", "cannot be 2: use 1 or 3")
    evse = EvseProfile(
        evse_id=evse_id,
        connector_type=connector_type,
        outlet=outlet,
        phases=phases,
        max_a=table.number("max_a", 6, 80),
        ventilated=table.boolean("ventilated", False),
        pilot=_needed(table, "pilot", "pilot", evse_id),
        proximity=_driver(table, "proximity", "pilot", evse_id),
        contactor=_needed(table, "contactor", "contactor", evse_id),
        lock=_driver(table, "lock", "lock", evse_id),
        faults=tuple(_spec(fault, "fault", evse_id) for fault in table.tables("fault")),
        meter=_driver(table, "meter", "meter", evse_id),
    )
    for key, spec in (("proximity", evse.proximity), ("lock", evse.lock)):
        if outlet == "socket" and spec is None:
            raise table.error(key, "is missing: a socket needs it, since the driver brings the cable")
        if outlet == "tethered" and spec is not None:
            raise table.error(key, "makes no sense on a tethered cable: remove it")
    table.finish()
    return evse


def _needed(table: _Table, key: str, kind: str, evse_id: int) -> DriverSpec:
    spec = _driver(table, key, kind, evse_id)
    if spec is None:
        raise table.error(key, f'is missing: add a table with driver = "{kind}/…"')
    return spec


def _driver(table: _Table, key: str, kind: str, evse_id: int) -> DriverSpec | None:
    found = table.table(key)
    return None if found is None else _spec(found, kind, evse_id)


def _spec(table: _Table, kind: str, evse_id: int) -> DriverSpec:
    driver = table.text("driver")
    match = _DRIVER.fullmatch(driver)
    if match is None or match[1] != kind:
        raise table.error("driver", f'cannot be {driver!r}: use "{kind}/" and the name of a file in drivers/{kind}')
    return DriverSpec(driver, MappingProxyType(_filled(table.rest(), evse_id)))


def _filled(value: Any, evse_id: int) -> Any:
    """Put the EVSE's number where `{evse}` is; a text that is nothing else becomes the number itself."""
    if isinstance(value, str) and evse_id:
        return evse_id if value == "{evse}" else value.replace("{evse}", str(evse_id))
    if isinstance(value, list):
        return [_filled(entry, evse_id) for entry in value]
    if isinstance(value, dict):
        return {key: _filled(entry, evse_id) for key, entry in value.items()}
    return value


def _check_simulation(top: _Table, profile: HwProfile) -> None:
    """Keep simulated and real outputs apart: a mock contactor never opens a real circuit."""
    simulated = profile.fail_safe == "simulated"
    for evse in profile.evses:
        for spec in (evse.pilot, evse.proximity, evse.contactor, evse.lock, *evse.faults):
            if spec is not None and spec.name.startswith("mock") != simulated:
                fix = "use its mock driver" if simulated else 'name the real driver, or use fail_safe = "simulated"'
                raise top.error("fail_safe", f"= {profile.fail_safe!r} cannot go with driver {spec.driver!r}: {fix}")
