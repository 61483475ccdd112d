"""OCPP 1.6 configuration keys as a view of the table of settings: names, access and spelling of values (chapter 9)."""

import re
from collections.abc import Sequence

from stationd.domain.measurands import Measurand
from stationd.domain.password import password_text
from stationd.domain.variable_table import (
    BASIC_AUTH_PASSWORD,
    CONNECTOR_PHASE_ROTATION,
    NUMBER_OF_CONNECTORS,
    STATION_SUPPLY_PHASES,
)
from stationd.domain.variable_values import members_of
from stationd.domain.variables import DataType, Mutability, VariableSpec
from stationd.ocpp.version import Json
from stationd.station.ports import SettingsPort

LONGEST_VALUE = 500  # CiString500Type
_PASSWORD_BYTES = range(16, 21)  # security whitepaper A01
_PASSWORD_TEXT = re.compile(r"[ -~]{16,40}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){16,}")
_ROTATION = re.compile(r"(\d{1,3})\.(NotApplicable|Unknown|RST|RTS|SRT|STR|TRS|TSR)")
_PHASE_SUFFIX = re.compile(r"(.+)\.L([123])(?:-N)?")
_MEASURED_BY_PHASE = frozenset({Measurand.CURRENT_IMPORT, Measurand.VOLTAGE})


def all_keys(settings: SettingsPort) -> list[VariableSpec]:
    """Return the rows that have a 1.6 key."""
    return [spec for spec in settings.specs() if spec.key16]


def sort_out(settings: SettingsPort, keys: Sequence[str]) -> tuple[list[VariableSpec], list[str]]:
    """Return the rows of the known keys, each once, and the unknown keys as they were written."""
    found = {key: settings.find_key16(key) for key in keys}
    known = {spec.key16: spec for spec in found.values() if spec is not None}
    return list(known.values()), [key for key, spec in found.items() if spec is None]


def read_only(spec: VariableSpec) -> bool:
    """Tell whether a 1.6 CSMS may not change the row."""
    return (spec.mutability16 or spec.mutability) is Mutability.READ_ONLY


def key_value(settings: SettingsPort, spec: VariableSpec) -> Json:
    """Return a KeyValue; a secret has no value (security whitepaper A01)."""
    entry: Json = {"key": spec.key16, "readonly": read_only(spec)}
    if not spec.secret and spec.mutability16 is not Mutability.WRITE_ONLY:
        entry["value"] = _spelled(spec, settings.text(spec), to_wire=True)[:LONGEST_VALUE]
    return entry


def value_from_wire(settings: SettingsPort, spec: VariableSpec, value: str) -> str | None:
    """Return what is to be stored for a value that a 1.6 CSMS gave; None if the whole value is refused."""
    if spec.key16 == BASIC_AUTH_PASSWORD.key16:
        return _password(value)
    if (longest := settings.find_key16(f"{spec.key16}MaxLength")) is not None and (
        len(members_of(value)) > settings.integer(longest)
    ):
        return None
    if spec.key16 == CONNECTOR_PHASE_ROTATION.key16:
        return _phase_rotation(settings, value)
    if spec.data_type is DataType.MEMBER_LIST:
        value = _without_phases(value, settings.integer(STATION_SUPPLY_PHASES))
    elif spec.data_type is not DataType.STRING:
        value = value.strip()
    value = _spelled(spec, value, to_wire=False)
    return None if settings.check(spec, value) else value


def _spelled(spec: VariableSpec, value: str, *, to_wire: bool) -> str:
    if not spec.values16:
        return value
    spelling = {ours: theirs for theirs, ours in spec.values16} if to_wire else dict(spec.values16)
    return ",".join(spelling.get(member, member) for member in members_of(value))


def _password(value: str) -> str | None:
    """Read AuthorizationKey: hex of 16 to 20 bytes (OCPP-J 1.6 section 6.2), or the plain text that some CSMS send."""
    if _HEX.fullmatch(value):
        raw = bytes.fromhex(value)
        return password_text(raw) if len(raw) in _PASSWORD_BYTES else None
    return password_text(value.encode("ascii")) if _PASSWORD_TEXT.fullmatch(value) else None


def _phase_rotation(settings: SettingsPort, value: str) -> str | None:
    """Read ConnectorPhaseRotation: `0.RST,1.RTS` for connectors that exist, each once."""
    items = [_ROTATION.fullmatch(member) for member in members_of(value)]
    numbers = [int(item[1]) for item in items if item is not None]
    exist = all(number <= settings.integer(NUMBER_OF_CONNECTORS) for number in numbers)
    if not numbers or len(set(numbers)) != len(items) or not exist:
        return None
    return ",".join(item[0] for item in items if item is not None)


def _without_phases(value: str, supply_phases: int) -> str:
    """Return the list with `Voltage.L1` as `Voltage`: a measurand is always sent for all its phases.

    Only phases that the station has; any other entry stays as it is, and the table refuses it.
    """
    entries: list[str] = []
    for member in members_of(value):
        suffixed = _PHASE_SUFFIX.fullmatch(member)
        if suffixed and suffixed[1] in _MEASURED_BY_PHASE and int(suffixed[2]) <= supply_phases:
            if suffixed[1] not in entries:
                entries.append(suffixed[1])
        else:
            entries.append(member)
    return ",".join(entries)
