"""Vehicles as data: the models of `cars.toml`, and what a model may say. Only reads that one file."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from stationd.sandbox.plant.errors import ArgumentError

FILE = Path(__file__).with_name("cars.toml")
DEFAULT = "three_phase"


@dataclass(frozen=True, slots=True, kw_only=True)
class CarModel:
    """How a kind of vehicle behaves. A time of 0 means: never, or at once where that is said."""

    name: str = DEFAULT
    about: str = "an ordinary vehicle with a three-phase charger of 16 A"
    current_a: float = 16.0
    """What it takes at most."""
    phases: int = 3
    simplified: bool = False
    """No S2: always C, and it draws `current_a` whatever the duty is (IEC 61851-1 A.2.3)."""
    ventilation: bool = False
    """Asks with state D."""
    diode_shorted: bool = False
    close_s: float = 0.2
    """From an offer to a closed S2."""
    open_s: float = 1.5
    """From the end of the offer to an open S2; IEC 61851-1 Table A.6 leaves it 3 s."""
    follow_s: float = 0.0
    """From a new duty to a new current while it charges; 0 = at once. The standard leaves it 5 s."""
    ignores_pwm_off: bool = False
    """Neither opens S2 nor draws less when the offer ends."""
    taper_after_s: float = 0.0
    """From the first current to the first step down."""
    taper_step_s: float = 2.0
    """From one step of a quarter to the next; after the last one it opens S2 and wants no more."""
    sleeps_after_s: float = 0.0
    """Time in B without an offer after which an offer alone does not make it close S2."""
    wakes_by_f_s: float = 1.0
    """State F that wakes it."""
    wakes_by_gap_s: float = 0.5
    """Time without pilot that wakes it."""
    unplugs_after_s: float = 0.0
    """From the first current until it pulls its plug, with the lock in the way as long as that holds."""
    digital: bool = False
    """Takes 3 to 7 % for the wish to talk; `state` shows that it waits."""
    toggle_s: float = 0.0
    """Opens and closes S2 at this interval while it is offered a current."""
    draw_factor: float = 1.0
    """What it takes of what it should take."""
    latches_on_f: bool = False
    """Closes S2 no more after state F, until it is plugged in again."""


_BOUNDS: dict[str, tuple[float, float]] = {
    "current_a": (0.5, 80), "phases": (1, 3), "close_s": (0, 600), "open_s": (0, 600), "follow_s": (0, 600),
    "taper_after_s": (0, 86_400), "taper_step_s": (0.1, 600), "sleeps_after_s": (0, 86_400), "wakes_by_f_s": (0.01, 60),
    "wakes_by_gap_s": (0.01, 60), "unplugs_after_s": (0, 86_400), "toggle_s": (0, 600), "draw_factor": (0.1, 5),
}  # fmt: skip
_WHOLE = ("phases",)
_FLAGS = ("simplified", "ventilation", "diode_shorted", "ignores_pwm_off", "digital", "latches_on_f")


@cache
def models() -> Mapping[str, CarModel]:
    """Return the models by name.

    Raises:
        ArgumentError: `cars.toml` says what no model can be.
    """
    tables: dict[str, dict[str, Any]] = tomllib.loads(FILE.read_text())
    return MappingProxyType({name: _from_table(name, table) for name, table in tables.items()})


def model(name: str) -> CarModel:
    """Return one model.

    Raises:
        ArgumentError: there is none of this name.
    """
    if name not in models():
        raise ArgumentError(f"cannot find car model {name!r}: known are {', '.join(models())}")
    return models()[name]


def with_properties(base: CarModel, properties: Mapping[str, Any]) -> CarModel:
    """Return the model with other values.

    Raises:
        ArgumentError: a property is unknown, or its value does not fit.
    """
    return replace(base, **{name: _checked(name, value) for name, value in properties.items()})


def differences(changed: CarModel) -> dict[str, Any]:
    """Return the properties in which it differs from the model of its name."""
    base = asdict(model(changed.name))
    return {name: value for name, value in asdict(changed).items() if value != base[name]}


def _from_table(name: str, table: dict[str, Any]) -> CarModel:
    properties = dict(table)
    about = properties.pop("about", None)
    if not isinstance(about, str) or not about:
        raise ArgumentError(f"cannot use car model {name!r}: it needs a sentence `about` it")
    return with_properties(CarModel(name=name, about=about), properties)


def _checked(name: str, value: Any) -> Any:
    if name in _FLAGS:
        if isinstance(value, bool):
            return value
        raise ArgumentError(f"cannot set property {name} to {value!r}: give true or false")
    if name not in _BOUNDS:
        known = ", ".join((*_BOUNDS, *_FLAGS))
        raise ArgumentError(f"cannot set property {name!r} of a car: it has {known}")
    low, high = _BOUNDS[name]
    kinds = int if name in _WHOLE else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        raise ArgumentError(f"cannot set property {name} to {value!r}: give a number from {low:g} to {high:g}")
    return value if name in _WHOLE else float(value)
