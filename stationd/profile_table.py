"""Take keys out of a TOML table one by one, each checked, so that none is overlooked. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_MISSING = object()


class ProfileError(Exception):
    """The profile is wrong or missing; the text names file, key, value and fix."""


class Table:
    """A TOML table whose keys are taken one by one; what is left over is an error."""

    def __init__(self, path: str, where: str, values: dict[str, Any]) -> None:
        self._path = path
        self._where = where
        self._left = dict(values)

    def error(self, key: str, problem: str) -> ProfileError:
        """Return the error of a key: `problem` says what is wrong and how to mend it."""
        name = f"{self._where}.{key}" if self._where and key else self._where or key
        return ProfileError(f"cannot use hw-profile {self._path}: {name} {problem}")

    def take(self, key: str, default: Any = _MISSING, *, needed: str = "is missing: add it") -> Any:
        """Take a value of any type."""
        value = self._left.pop(key, default)
        if value is _MISSING:
            raise self.error(key, needed)
        return value

    def text(self, key: str, default: Any = _MISSING, *, choices: Sequence[str] = ()) -> str:
        """Take a text, one of `choices` if there are any."""
        allowed = f"use one of {', '.join(choices)}" if choices else "use a text"
        value = self.take(key, default, needed=f"is missing: {allowed}")
        if not isinstance(value, str) or (choices and value not in choices):
            raise self.error(key, f"cannot be {value!r}: {allowed}")
        return value

    def number(self, key: str, low: float, high: float, default: Any = _MISSING) -> float:
        """Take a number within its bounds, both included; not a number is out of bounds."""
        value = self.take(key, default, needed=f"is missing: give a number from {low:g} to {high:g}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.error(key, f"cannot be {value!r}: give a number from {low:g} to {high:g}")
        return float(value)

    def integer(self, key: str, low: int, high: int, default: Any = _MISSING) -> int:
        """Take a whole number within its bounds, both included."""
        value = self.take(key, default, needed=f"is missing: give a whole number from {low} to {high}")
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(key, f"cannot be {value!r}: give a whole number from {low} to {high}")
        return value

    def boolean(self, key: str, default: Any = _MISSING) -> bool:
        """Take true or false."""
        value = self.take(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"cannot be {value!r}: use true or false")
        return value

    def table(self, key: str) -> Table | None:
        """Take a table; None if it is not there."""
        value = self._left.pop(key, None)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.error(key, f"cannot be {value!r}: make it a table [{self._name(key)}]")
        return Table(self._path, self._name(key), value)

    def tables(self, key: str) -> list[Table]:
        """Take an array of tables, empty if it is not there; they are counted from 1 in errors."""
        value = self._left.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.error(key, f"cannot be {value!r}: make each one a table [[{self._name(key)}]]")
        return [Table(self._path, f"{self._name(key)}[{n}]", entry) for n, entry in enumerate(value, start=1)]

    def again(self, where: str) -> Table:
        """Return a copy of what is left, under another name."""
        return Table(self._path, where, self._left)

    def rest(self) -> dict[str, Any]:
        """Take all that is left."""
        left, self._left = self._left, {}
        return left

    def finish(self) -> None:
        """Refuse the first key that nobody took.

        Raises:
            ProfileError: it is unknown here.
        """
        for key, value in self._left.items():
            raise self.error(key, f"= {value!r} is an unknown key: remove it or mend its spelling")

    def _name(self, key: str) -> str:
        return f"{self._where}.{key}" if self._where else key
