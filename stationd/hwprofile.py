"""Read an hw-profile: which drivers, limits and timings one board has. Standard library only; used by both processes.

Every key is read or refused. It opens no device and imports no driver: options of a driver are checked by the driver.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from stationd.profile_table import ProfileError as ProfileError
from stationd.profile_table import Table

if TYPE_CHECKING:  # pathlib costs the safety process urllib and a tenth of a second on a small board
    from pathlib import Path

FAIL_SAFE = ("pulse", "mcu", "release", "simulated")
WAKE_UP = ("none", "state_f", "cp_switch")
STATE_F_MS, STUCK_MS = 300, 100
"""Least times: state F that a vehicle notices (IEC 61851-1), and equal readings that prove anything."""
CONNECTOR_TYPES = {"sType2": "socket", "cType2": "tethered", "cType1": "tethered"}
"""OCPP 2.0.1 ConnectorEnumType, the alternating-current ones this project drives, and the outlet each one is."""
_PACKAGE_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEFAULT_SEARCH: tuple[str, ...] = ("/etc/stationd/hw-profiles", os.path.join(_PACKAGE_ROOT, "hw-profiles"))
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_DRIVER = re.compile(r"([a-z][a-z0-9_]*)/([a-z][a-z0-9_]*)")


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
class Derating:
    """How much current is left at which temperature, in degrees Celsius."""

    derate_from_c: float
    """Up to here the full current."""
    derate_to_c: float
    """From here 6 A; between the two in proportion."""
    stop_c: float
    """From here nothing: the contactor opens."""
    hysteresis_c: float = 5.0
    """It must be cooler by so much before current rises again."""


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
    phase_switch: DriverSpec | None = None
    """One phase or three can be chosen; always with a `cp_switch`."""
    cp_switch: DriverSpec | None = None
    rcd_test: DriverSpec | None = None
    temperature: DriverSpec | None = None
    current: DriverSpec | None = None
    derating: Derating | None = None
    """There if, and only if, there is a temperature."""
    simplified_max_a: float = 10.0
    """The most for a vehicle with a simplified pilot circuit (IEC 61851-1 A.2.3)."""
    single_phase_max_a: float = inf
    """What one phase alone may carry; at most `max_a` once it was read."""
    wake_up: str = "none"
    """How a vehicle that sleeps is woken: `none`, `state_f` or `cp_switch`."""
    fault_state_f_ms: int = 300
    """After a fault under load state F is signalled for so long; 0 = not at all (some old hybrids need that)."""
    rated_cycles: int = 0
    """Closings that the contactor is rated for; 0 = not declared."""
    unlock_on_power_loss: bool = False

    @property
    def fast_drivers(self) -> tuple[DriverSpec, ...]:
        """All that the safety process loads; the meter is the brain's."""
        every = (
            self.pilot, self.proximity, self.contactor, self.lock, self.phase_switch, self.cp_switch, self.rcd_test,
            self.temperature, self.current, *self.faults,
        )  # fmt: skip
        return tuple(spec for spec in every if spec is not None)


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
    over_current_ms: int = 7_000
    """So long above what was offered until it is a fault. A vehicle may take 5 s to follow."""
    rcd_test_ms: int = 1_000
    """The residual current device's trip must be seen within this, and be gone again within this."""
    burst_cycles: int = 5
    """Closings that may follow each other without a rest."""
    rest_ms: int = 10_000
    """Rest before each further one."""
    slow_open_ms: int = 100
    """An opening that takes longer is told; less than `contactor_open_ms`, or it never would be."""
    pilot_stuck_ms: int = 0
    """The pilot's readings may be exactly equal for so long; 0 = this front end has no noise to tell by."""


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
    return _profile(Table(path, "", document), evse_count)


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


def _profile(top: Table, evse_count: int | None) -> HwProfile:
    timings = top.table("timings")
    profile = HwProfile(
        name=top.text("name"),
        description=top.text("description", ""),
        # Opening takes two samples of the pilot; sensor and software have 50 ms of the 100 ms together.
        period_ms=top.integer("period_ms", 1, 16, 4),
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


def _timings(table: Table) -> Timings:
    usual = Timings()
    open_ms = table.integer("contactor_open_ms", 20, 2_000, usual.contactor_open_ms)
    timings = Timings(
        contactor_close_ms=table.integer("contactor_close_ms", 20, 5_000, usual.contactor_close_ms),
        contactor_open_ms=open_ms,
        min_off_ms=table.integer("min_off_ms", 100, 2_900, usual.min_off_ms),
        lock_ms=table.integer("lock_ms", 100, 10_000, usual.lock_ms),
        over_current_ms=table.integer("over_current_ms", 6_000, 30_000, usual.over_current_ms),
        rcd_test_ms=table.integer("rcd_test_ms", 50, 5_000, usual.rcd_test_ms),
        burst_cycles=table.integer("burst_cycles", 1, 100, usual.burst_cycles),
        rest_ms=table.integer("rest_ms", 0, 600_000, usual.rest_ms),
        slow_open_ms=table.integer("slow_open_ms", 10, 1_000, min(usual.slow_open_ms, open_ms // 2)),
        pilot_stuck_ms=table.integer("pilot_stuck_ms", 0, 60_000, usual.pilot_stuck_ms),
    )
    if not timings.slow_open_ms < timings.contactor_open_ms:
        raise table.error(
            "slow_open_ms",
            f"= {timings.slow_open_ms} must be less than contactor_open_ms = {timings.contactor_open_ms}: change one",
        )
    if 0 < timings.pilot_stuck_ms < STUCK_MS:
        raise table.error(
            "pilot_stuck_ms",
            f"cannot be {timings.pilot_stuck_ms}: give 0 (not watched) or {STUCK_MS} to 60000, since even a noisy "
            "reading repeats itself now and then",
        )
    table.finish()
    return timings


def _evses(top: Table, evse_count: int | None) -> tuple[EvseProfile, ...]:
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


def _evse(table: Table, evse_id: int) -> EvseProfile:
    connector_type = table.text("connector_type", choices=tuple(CONNECTOR_TYPES))
    outlet = table.text("outlet", choices=("socket", "tethered"))
    if CONNECTOR_TYPES[connector_type] != outlet:
        raise table.error(
            "outlet", f"cannot be {outlet!r} with connector_type = {connector_type!r}: change one of them"
        )
    max_a = table.number("max_a", 6, 80)
    evse = EvseProfile(
        evse_id=evse_id,
        connector_type=connector_type,
        outlet=outlet,
        phases=table.integer("phases", 1, 3),
        max_a=max_a,
        ventilated=table.boolean("ventilated", False),
        pilot=_needed(table, "pilot", "pilot", evse_id),
        proximity=_driver(table, "proximity", "pilot", evse_id),
        contactor=_needed(table, "contactor", "contactor", evse_id),
        lock=_driver(table, "lock", "lock", evse_id),
        faults=tuple(_spec(fault, "fault", evse_id) for fault in table.tables("fault")),
        meter=_driver(table, "meter", "meter", evse_id),
        phase_switch=_driver(table, "phase_switch", "contactor", evse_id),
        cp_switch=_driver(table, "cp_switch", "pilot", evse_id),
        rcd_test=_driver(table, "rcd_test", "fault", evse_id),
        temperature=_driver(table, "temperature", "sensor", evse_id),
        current=_driver(table, "current", "sensor", evse_id),
        derating=_derating(table.table("derating")),
        simplified_max_a=table.number("simplified_max_a", 6, 80, 10),
        single_phase_max_a=table.number("single_phase_max_a", 6, max_a, max_a),
        wake_up=table.text("wake_up", "none", choices=WAKE_UP),
        fault_state_f_ms=table.integer("fault_state_f_ms", 0, 5_000, STATE_F_MS),
        rated_cycles=table.integer("rated_cycles", 0, 100_000_000, 0),
        unlock_on_power_loss=table.boolean("unlock_on_power_loss", False),
    )
    _check_evse(table, evse)
    table.finish()
    return evse


def _derating(table: Table | None) -> Derating | None:
    if table is None:
        return None
    curve = Derating(
        derate_from_c=table.number("derate_from_c", 0, 150),
        derate_to_c=table.number("derate_to_c", 0, 150),
        stop_c=table.number("stop_c", 0, 150),
        hysteresis_c=table.number("hysteresis_c", 1, 30, 5),
    )
    if not curve.derate_from_c < curve.derate_to_c:
        raise table.error(
            "derate_to_c", f"= {curve.derate_to_c:g} must be above derate_from_c = {curve.derate_from_c:g}: change one"
        )
    if not curve.derate_to_c <= curve.stop_c:
        raise table.error(
            "stop_c", f"= {curve.stop_c:g} cannot be below derate_to_c = {curve.derate_to_c:g}: change one"
        )
    table.finish()
    return curve


def _check_evse(table: Table, evse: EvseProfile) -> None:
    """Refuse what is fine by itself but not together."""
    if evse.phases == 2:
        raise table.error("phases", "cannot be 2: use 1 or 3")
    for key, spec in (("proximity", evse.proximity), ("lock", evse.lock)):
        if evse.outlet == "socket" and spec is None:
            raise table.error(key, "is missing: a socket needs it, since the driver brings the cable")
        if evse.outlet == "tethered" and spec is not None:
            raise table.error(key, "makes no sense on a tethered cable: remove it")
    if evse.unlock_on_power_loss and evse.lock is None:
        raise table.error("unlock_on_power_loss", "makes no sense on a tethered cable: remove it")
    if evse.phase_switch is not None and evse.phases != 3:
        raise table.error("phase_switch", f"makes no sense with phases = {evse.phases}: remove it, or use phases = 3")
    if evse.phase_switch is not None and evse.cp_switch is None:
        raise table.error(
            "cp_switch",
            "is missing: a phase_switch needs it, since some vehicles are destroyed by a change of phases "
            "without a real disconnect",
        )
    if evse.wake_up == "cp_switch" and evse.cp_switch is None:
        raise table.error("cp_switch", 'is missing: wake_up = "cp_switch" needs it; add it, or use another wake_up')
    if evse.derating is None and evse.temperature is not None:
        raise table.error("derating", "is missing: a temperature needs it; add derate_from_c, derate_to_c and stop_c")
    if evse.derating is not None and evse.temperature is None:
        raise table.error("temperature", "is missing: derating needs it; add it, or remove derating")
    if 0 < evse.fault_state_f_ms < STATE_F_MS:
        raise table.error(
            "fault_state_f_ms", f"cannot be {evse.fault_state_f_ms}: give 0 (no state F) or {STATE_F_MS} to 5000"
        )


def _needed(table: Table, key: str, kind: str, evse_id: int) -> DriverSpec:
    spec = _driver(table, key, kind, evse_id)
    if spec is None:
        raise table.error(key, f'is missing: add a table with driver = "{kind}/…"')
    return spec


def _driver(table: Table, key: str, kind: str, evse_id: int) -> DriverSpec | None:
    found = table.table(key)
    return None if found is None else _spec(found, kind, evse_id)


def _spec(table: Table, kind: str, evse_id: int) -> DriverSpec:
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


def _check_simulation(top: Table, profile: HwProfile) -> None:
    """Keep simulated and real outputs apart: a mock contactor never opens a real circuit."""
    simulated = profile.fail_safe == "simulated"
    for evse in profile.evses:
        for spec in evse.fast_drivers:
            if spec.name.startswith("mock") != simulated:
                fix = "use its mock driver" if simulated else 'name the real driver, or use fail_safe = "simulated"'
                raise top.error("fail_safe", f"= {profile.fail_safe!r} cannot go with driver {spec.driver!r}: {fix}")
