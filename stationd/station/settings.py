"""The table of settings at run time: reading from memory, writing through the store.

Precedence of a row that anybody may write: default < configuration file < the last write of the CSMS or the local API.
A row that nobody may write follows the configuration file at each start.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from stationd.domain.errors import ConfigurationError
from stationd.domain.variable_table import REBOOT_NEEDED, TX_START_POINT, TX_STOP_POINT
from stationd.domain.variable_values import members_of, normalised
from stationd.domain.variables import Mutability, Origin, SetOutcome, VariableSpec
from stationd.station.ports import SettingsStore

log = logging.getLogger(__name__)

_Place = tuple[int | None, int | None]
_Key = tuple[str, str, str | None, int | None, int | None]

# Stop points of which one must be set so that a transaction with this start point surely ends (E06 only warns of it).
# EVConnectionTimeOut ends one that was authorised and never plugged in, whatever the stop points are (E03.FR.05).
_ENDED_BY = {
    "EVConnected": {"EVConnected", "PowerPathClosed"},
    "Authorized": {"EVConnected", "Authorized", "PowerPathClosed"},
    "PowerPathClosed": {"EVConnected", "Authorized", "PowerPathClosed"},
    "EnergyTransfer": {"EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer"},
}

_POINTS = (TX_START_POINT, TX_STOP_POINT)


def _objection_to_points(starts: Collection[str], stops: Collection[str]) -> str | None:
    """Return why no transaction could start, or none could ever end; None if the two go together."""
    if not starts:
        return f"{TX_START_POINT.name} must name a start point"
    if not stops:
        return f"{TX_STOP_POINT.name} must name a stop point"
    if set(stops) == {"EnergyTransfer"} != set(starts):
        return (
            f"{TX_STOP_POINT.name} must name EVConnected, PowerPathClosed or Authorized,"
            f" unless both it and {TX_START_POINT.name} are EnergyTransfer alone"
        )
    return None


def _key(spec: VariableSpec) -> _Key:
    return _name_key(spec.component, spec.variable, spec.instance, spec.evse_id, spec.connector_id)


def _name_key(
    component: str, variable: str, instance: str | None, evse_id: int | None, connector_id: int | None
) -> _Key:
    return component.casefold(), variable.casefold(), (instance or "").casefold() or None, evse_id, connector_id


def _writable(spec: VariableSpec) -> bool:
    """Tell whether a CSMS of any version, or a person at the station, may write the row."""
    return spec.mutability is not Mutability.READ_ONLY or spec.mutability16 not in (None, Mutability.READ_ONLY)


@dataclass(slots=True)
class _Row:
    spec: VariableSpec
    value: str = field(repr=False)  # it may be a secret
    origin: Origin = Origin.DEFAULT
    stored: tuple[str, Origin] | None = field(default=None, repr=False)
    """What the store holds; differs from `value` while a restart is needed."""
    source: Callable[[], str] | None = None
    listeners: list[Callable[[str], None]] = field(default_factory=list)


class Settings:
    """Implements `station.ports.SettingsPort`. One task at a time writes; reading never waits."""

    def __init__(
        self,
        specs: Iterable[VariableSpec],
        *,
        store: SettingsStore | None = None,
        seeds: Mapping[VariableSpec, str] | None = None,
    ) -> None:
        """Take the rows, where to keep what is written (None: nowhere) and the values of the configuration file.

        Raises:
            ConfigurationError: a seed is of no row, its row cannot hold it, or transactions would never end.
        """
        self._rows = {_key(spec): _Row(spec, spec.default) for spec in specs}
        self._by_key16 = {row.spec.key16.casefold(): row.spec for row in self._rows.values() if row.spec.key16}
        self._components: set[tuple[str, _Place]] = {
            (row.spec.component.casefold(), (row.spec.evse_id, row.spec.connector_id)) for row in self._rows.values()
        }
        self._store = store
        self._writing = asyncio.Lock()
        for spec, text in (seeds or {}).items():
            self._seed(spec, text)
        if (objection := self._points_objection()) is not None:
            raise ConfigurationError(f"cannot use the configured start and stop points: {objection}")
        if (row := self._rows.get(_key(REBOOT_NEEDED))) is not None:
            row.source = lambda: str(self.reboot_needed).lower()

    def _seed(self, spec: VariableSpec, text: str) -> None:
        row = self._rows.get(_key(spec))
        if row is None:
            raise ConfigurationError(f"cannot set {spec.name}: this station has no such setting")
        try:
            row.value = normalised(row.spec, text)
        except ValueError as error:
            raise ConfigurationError(f"cannot set {spec.name}: its value {error}") from None
        row.origin = Origin.CONFIG

    async def load(self) -> None:
        """Read what was written in earlier runs; call it once, before anything reads a setting.

        Raises:
            StorageError: the store cannot be read.
        """
        if self._store is None:
            return
        points = [row for spec in _POINTS if (row := self._rows.get(_key(spec))) is not None]
        configured = [(row.value, row.origin) for row in points]
        by_name = {row.spec.name.casefold(): row for row in self._rows.values()}
        for name, text, origin in await self._store.load():
            row = by_name.get(name.casefold())
            if row is None or not _writable(row.spec):
                log.info(
                    "stored setting ignored name=%s reason=%s", name, "no such row" if row is None else "read-only"
                )
                continue
            self._take_stored(row, text, origin)
        if (objection := self._points_objection()) is not None:  # an older release took it, or the file changed
            log.warning("stored start and stop points ignored reason=%s", objection)
            for row, (value, source) in zip(points, configured, strict=True):
                row.value, row.origin, row.stored = value, source, None
        self._warn_of_open_ends()

    def _take_stored(self, row: _Row, text: str, origin: Origin) -> None:
        name = row.spec.name
        try:
            value = normalised(row.spec, text)
        except ValueError as error:  # bounds may have changed with an upgrade
            log.warning("stored setting ignored name=%s origin=%s reason=%s", name, origin, error)
            return
        if row.origin is Origin.CONFIG and row.value != value:
            log.warning("configured setting overruled name=%s by=%s", name, origin)
        row.value, row.origin, row.stored = value, origin, (value, origin)

    @property
    def reboot_needed(self) -> bool:
        """True while a stored setting waits for a restart."""
        return any(
            row.spec.reboot_required and row.stored is not None and row.stored[0] != row.value
            for row in self._rows.values()
        )

    def text(self, spec: VariableSpec) -> str:
        """Return the value as text; of a row that needs a restart the one in force.

        Raises:
            KeyError: this station has no such row.
        """
        row = self._row(spec)
        return row.value if row.source is None else row.source()

    def integer(self, spec: VariableSpec) -> int:
        """Return the value of an integer row."""
        return int(self.text(spec))

    def number(self, spec: VariableSpec) -> float:
        """Return the value of a decimal or integer row."""
        return float(self.text(spec))

    def boolean(self, spec: VariableSpec) -> bool:
        """Return the value of a boolean row."""
        return self.text(spec) == "true"

    def members(self, spec: VariableSpec) -> tuple[str, ...]:
        """Return a list value split at its commas, without blanks; empty for ''."""
        return members_of(self.text(spec))

    def specs(self) -> tuple[VariableSpec, ...]:
        """Return every row of this station."""
        return tuple(row.spec for row in self._rows.values())

    def find(
        self,
        component: str,
        variable: str,
        *,
        instance: str | None = None,
        evse_id: int | None = None,
        connector_id: int | None = None,
    ) -> VariableSpec | None:
        """Find a row; names are compared case-insensitively."""
        row = self._rows.get(_name_key(component, variable, instance, evse_id, connector_id))
        return None if row is None else row.spec

    def knows_component(self, component: str, *, evse_id: int | None = None, connector_id: int | None = None) -> bool:
        """Tell UnknownComponent from UnknownVariable."""
        return (component.casefold(), (evse_id, connector_id)) in self._components

    def find_key16(self, key: str) -> VariableSpec | None:
        """Find the row of a 1.6 configuration key, case-insensitively."""
        return self._by_key16.get(key.casefold())

    def origin(self, spec: VariableSpec) -> Origin:
        """Tell where the present value comes from."""
        row = self._row(spec)
        return row.origin if row.source is None else Origin.STATE

    def check(self, spec: VariableSpec, value: str) -> str | None:
        """Return why `value` cannot be stored, as one sentence without the value; None if it can."""
        row = self._row(spec)
        if row.source is not None:
            return f"{row.spec.name} is computed by the station"
        try:
            text = normalised(row.spec, value)
        except ValueError as error:
            return f"the value of {row.spec.name} {error}"
        return self._points_objection(row.spec, text)

    def _points_objection(self, changed: VariableSpec | None = None, text: str = "") -> str | None:
        """Return why the start and stop points, one of them perhaps changed, cannot be; None if they can."""
        keys = [_key(spec) for spec in _POINTS]
        if any(key not in self._rows for key in keys) or (changed is not None and _key(changed) not in keys):
            return None
        values = [text if changed is not None and _key(changed) == key else self._rows[key].value for key in keys]
        return _objection_to_points(*(members_of(value) for value in values))

    async def write(self, spec: VariableSpec, value: str, origin: Origin) -> SetOutcome:
        """Check, store durably, tell the listeners. REJECTED if `check` objects; mutability is the caller's rule.

        A row that nobody may write changes for this run only.

        Raises:
            StorageError: nothing was stored or changed.
        """
        row = self._row(spec)
        if (objection := self.check(spec, value)) is not None:
            log.warning("setting refused name=%s origin=%s reason=%s", row.spec.name, origin, objection)
            return SetOutcome.REJECTED
        text = normalised(row.spec, value)
        async with self._writing:
            if _writable(row.spec) and row.stored != (text, origin):
                if self._store is not None:
                    await self._store.put(row.spec.name, text, origin)
                row.stored = (text, origin)
            return self._apply(row, text, origin)

    def _apply(self, row: _Row, text: str, origin: Origin) -> SetOutcome:
        shown = "***" if row.spec.secret else text
        if row.spec.reboot_required and text != row.value:
            log.info("setting stored name=%s value=%s origin=%s effective=after_restart", row.spec.name, shown, origin)
            return SetOutcome.REBOOT_REQUIRED
        changed, row.value, row.origin = text != row.value, text, origin
        if changed:
            log.info("setting changed name=%s value=%s origin=%s", row.spec.name, shown, origin)
            self._warn_of_open_ends(row.spec)
            for listener in tuple(row.listeners):
                listener(text)
        return SetOutcome.ACCEPTED

    def compute(self, spec: VariableSpec, source: Callable[[], str]) -> None:
        """Let a row's value be computed at each reading."""
        self._row(spec).source = source

    def on_change(self, spec: VariableSpec, listener: Callable[[str], None]) -> None:
        """Call `listener(new value)` in the writer's task after each change of this row, which is durable by then."""
        self._row(spec).listeners.append(listener)

    def _row(self, spec: VariableSpec) -> _Row:
        try:
            return self._rows[_key(spec)]
        except KeyError:
            raise KeyError(f"{spec.name} is no row of this station") from None

    def _warn_of_open_ends(self, changed: VariableSpec | None = None) -> None:
        points = [_key(spec) for spec in _POINTS]
        if any(key not in self._rows for key in points) or (changed is not None and _key(changed) not in points):
            return
        starts, stops = self.members(TX_START_POINT), self.members(TX_STOP_POINT)
        for start in starts:
            if not _ENDED_BY.get(start, set(stops)).intersection(stops):
                log.warning("transactions may stay open for ever start_point=%s stop_points=%s", start, ",".join(stops))
