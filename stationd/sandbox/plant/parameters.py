"""Checks of the control's parameters: each refusal names the value and what would do. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stationd.sandbox.plant.errors import ArgumentError

REQUIRED = object()


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a method. Bounds are inclusive; for text they bound its length."""

    kind: str
    """`int`, `number`, `number or null`, `bool`, `text`, `object` or `wants` (`now`, `later` or seconds)."""
    default: Any = REQUIRED
    low: float = 0
    high: float = 0
    choices: tuple[Any, ...] = ()

    def check(self, name: str, value: Any) -> Any:
        """Return the value as the method takes it.

        Raises:
            ArgumentError: wrong type or out of bounds.
        """
        if self.choices and (value not in self.choices or isinstance(value, bool)):
            raise ArgumentError(f"cannot set {name} to {_shown(value)}: give one of {_listed(self.choices)}")
        if not self.choices and not self._fits(value):
            raise ArgumentError(f"cannot set {name} to {_shown(value)}: give {self._wanted()}")
        return value

    def _fits(self, value: Any) -> bool:
        if self.kind == "bool":
            return isinstance(value, bool)
        if self.kind == "text":
            return isinstance(value, str) and self.low <= len(value) <= self.high and value.isprintable()
        if self.kind == "object":
            return isinstance(value, dict) and len(value) <= self.high
        if self.kind == "number or null" and value is None:
            return True
        if self.kind == "wants" and value in ("now", "later"):
            return True
        wanted = int if self.kind == "int" else (int, float)
        return isinstance(value, wanted) and not isinstance(value, bool) and self.low <= value <= self.high

    def _wanted(self) -> str:
        bounds = f"{self.low:g} to {self.high:g}"
        return {
            "bool": "true or false",
            "text": f"a text of {bounds} printable characters",
            "int": f"a whole number from {bounds}",
            "number": f"a number from {bounds}",
            "number or null": f"a number from {bounds}, or null",
            "object": f"an object of at most {self.high:g} names and values",
            "wants": f'"now", "later" or seconds from {bounds}',
        }[self.kind]


def check_params(method: str, table: Mapping[str, Param], given: Any) -> dict[str, Any]:
    """Return all parameters of a method, defaults filled in.

    Raises:
        ArgumentError: not an object, an unknown name, a missing one, or a value that does not fit.
    """
    if not isinstance(given, dict):
        raise ArgumentError(f"cannot call {method}: params must be an object of names and values")
    for name in given:
        if name not in table:
            raise ArgumentError(f"cannot call {method}: unknown parameter {_shown(name)}, it takes {_listed(table)}")
    values = {}
    for name, param in table.items():
        if name in given:
            values[name] = param.check(name, given[name])
        elif param.default is REQUIRED:
            raise ArgumentError(f"cannot call {method}: parameter {name} is missing")
        else:
            values[name] = param.default
    return values


def _listed(names: Any) -> str:
    return ", ".join(str(name) for name in names) or "none"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
