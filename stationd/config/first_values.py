"""First values of settings: from names of 2.x variables, 1.6 keys and named times to rows of the table."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from stationd.config.document import Document, dotted, near
from stationd.config.schema import TIMING
from stationd.domain.variable_values import members_of, normalised
from stationd.domain.variables import VariableSpec

KeyPath = tuple[str, ...]


class FirstValues:
    """Collects values for rows and finds rows that are given two."""

    def __init__(self, document: Document, rows: tuple[VariableSpec, ...]) -> None:
        """Take the document, which is told of errors, and the rows that this station has."""
        self._document = document
        self._by_name = {row.name.casefold(): row for row in rows}
        self._by_key16 = {row.key16.casefold(): row for row in rows if row.key16}
        self._given: dict[str, tuple[str, KeyPath]] = {}

    @property
    def values(self) -> dict[str, str]:
        """Values by the name of their row."""
        return {name: value for name, (value, _) in self._given.items()}

    def put(self, row: VariableSpec, value: Any, path: KeyPath) -> None:
        """Take one value from the place `path`; its error, or a contradiction, is noted in the document."""
        text = as_text(value)
        if text is None:
            self._document.error(path, "is no value: give a text, a number, true, false or a list of these")
            return
        try:
            text = normalised(row, text)
        except ValueError as error:
            shown = "" if row.secret else f" = {value!r}"
            self._document.error(path, f"{shown.strip()} {error}".strip())
            return
        before = self._given.setdefault(row.name, (text, path))
        if before[0] != text:
            self._document.error(path, f"contradicts {dotted(before[1])}: both are {row.name}; remove one of them")

    def take_timing(self) -> None:
        """Take section `[timing]`."""
        for name, value in self._document.table("timing").items():
            if name in TIMING:
                self.put(TIMING[name], value, ("timing", name))
            else:
                self._document.error(("timing", name), f"is unknown{near(name, list(TIMING))}")

    def take_variables(self) -> None:
        """Take section `[variables]`; a name without quotes has become tables within tables."""
        for path, value in _leaves(self._document.table("variables"), ("variables",)):
            name = ".".join(path[1:])
            row = self._by_name.get(name.casefold())
            if row is not None:
                self.put(row, value, path)
                continue
            names = [row.name for row in self._by_name.values()]
            key = self._by_key16.get(name.casefold())
            hint = f": the OCPP 1.6 key of that name is {key.name}" if key else near(name, names)
            self._document.error(path, f"is no variable of this station{hint}")

    def take_keys(self) -> None:
        """Take section `[keys]`, in 1.6's spelling of names and values."""
        for name, value in self._document.table("keys").items():
            path = ("keys", name)
            row = self._by_key16.get(name.casefold())
            if row is not None and row.secret:
                # 1.6 writes it as hexadecimal digits or as text; which of them is meant cannot be told.
                self._document.error(path, "is a password: give it as [csms] password")
                continue
            if row is not None:
                self.put(row, _from_16(row, value), path)
                continue
            variable = self._by_name.get(name.casefold())
            hint = ": it is a variable; write it in [variables]" if variable else ""
            names = [row.key16 for row in self._by_key16.values() if row.key16]
            self._document.error(path, f"is no OCPP 1.6 key of this station{hint or near(name, names)}")


def as_text(value: Any) -> str | None:
    """Return a TOML value as settings write it; None for a table or a list of lists."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")  # 1e-05 is no decimal of OCPP's
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, list):
        parts = [as_text(part) for part in value if not isinstance(part, list)]
        texts = [part for part in parts if part is not None and "," not in part]
        return ",".join(texts) if len(texts) == len(value) else None
    return None


def _from_16(row: VariableSpec, value: Any) -> Any:
    """Replace 1.6's words where they differ from ours."""
    text = as_text(value)
    if text is None or not row.values16:
        return value
    ours = {word16.casefold(): word for word16, word in row.values16}
    return ",".join(ours.get(member.casefold(), member) for member in members_of(text))


def _leaves(values: Mapping[str, Any], path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value
