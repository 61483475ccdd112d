"""Quantised time: every duration of the rules becomes a few quanta, so that the graph of states is finite and small.

Why a proof about small times says something about the real ones: the rules never compute with a time, they only ask
whether so much of it has passed. What counts is the order in which the durations end, and `quanta` of a slice keep it:
a shorter real duration is never longer in quanta (a test looks). The ratio of two durations is not kept; the random
walks over the real times are there for that.
"""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any

from stationd.pilot.machine import Rules

Q_MS = 100
"""One quantum: the time between two looks at the inputs."""
ROOTS = ("stationd.pilot.machine", "stationd.pilot.commands")
NOT_RULES = ("stationd.pilot.protocol", "stationd.pilot.interfaces")
"""Imported by the rules, but no part of them. The lease's upper limit stays real: leases here are shorter."""
A_TIME = re.compile(r"^[A-Z][A-Z0-9_]*_MS$")
BASE: dict[str, int] = {
    # by name, which may stand in several modules; in quanta
    "DROP_MS": 1, "SURE_MS": 1, "PILOT_ERROR_MS": 1,
    "connector_lock.LOST_MS": 1, "phase_switch.LOST_MS": 1, "DIODE_BAD_MS": 1, "ORDERLY_MS": 1, "PART_MS": 1,
    "JOIN_MS": 1, "proximity.SETTLE_MS": 1, "SEEN_B_MS": 1,
    "CLOSE_AFTER_MS": 2, "GONE_MS": 2, "RETRY_PAUSE_MS": 2, "RECOVER_MS": 2, "PROXIMITY_MS": 2, "DIODE_START_MS": 2,
    "RISE_MS": 2,
    "STATE_F_MS": 2, "watch.SETTLE_MS": 2, "CLEAR_MS": 2, "FOLLOW_MS": 2, "FORGET_MS": 2, "MOVE_MS": 2, "WAKE_MS": 2,
    "POWER_LOST_MS": 2, "LEAVE_C_MS": 2, "FALL_MS": 2, "S2_GRACE_MS": 2, "LAG_MS": 2, "TEST_AGAIN_MS": 2, "NOISY_MS": 2,
    "SLEEP_MS": 2, "TEST_REST_MS": 2, "HEALTHY_MS": 2, "FIRST_OFFER_MS": 2, "RESET_REST_MS": 0,
}  # fmt: skip
"""The shortest that keeps their order; a slice lengthens those that matter to it. 0: switched off. Resets without a
rest between them do all that rarer ones do; a slice of its own is about their limit."""
RULE_TIMES: dict[str, int] = {
    "slow_open_ms": 1, "fault_f_ms": 2, "open_ms": 2, "close_ms": 2, "rcd_test_ms": 2, "min_off_ms": 2,
    "lock_ms": 2, "over_current_ms": 2, "rest_ms": 2, "hold_ms": 2, "stuck_ms": 0,
}  # fmt: skip
"""The same for the fields of `Rules`."""


@cache
def modules() -> tuple[ModuleType, ...]:
    """Return every module of the rules: the machine, the commands, and what they import from the safety process."""
    found: dict[str, ModuleType] = {}
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        if name in found or name in NOT_RULES:
            continue
        found[name] = importlib.import_module(name)
        waiting += {origin for origin, _, _ in _imports(name)} - set(found)
    return tuple(found[name] for name in sorted(found))


@cache
def _imports(name: str) -> tuple[tuple[str, str, str], ...]:
    """Return (origin, name there, name here) of everything that a module imports from the safety process."""
    found = []
    for node in ast.walk(ast.parse(inspect.getsource(importlib.import_module(name)))):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("stationd.pilot"):
            continue
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            try:
                importlib.import_module(whole)
                found.append((whole, "", alias.asname or alias.name))
            except ImportError:
                found.append((str(node.module), alias.name, alias.asname or alias.name))
    return tuple(found)


def constants() -> dict[str, int]:
    """Return every duration of the rules as `module.NAME` with its real value."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": value
        for module in modules()
        for name, value in vars(module).items()
        if A_TIME.match(name) and not any(here == name for _, _, here in _imports(module.__name__))
    }


def in_quanta(name: str, quanta: Mapping[str, int]) -> int:
    """Return the quanta of a constant `module.NAME`: by its whole name or by the last part; those of a slice first."""
    short = name.rpartition(".")[2]
    for table in (quanta, BASE):
        for key in (name, short):
            if key in table:
                return table[key]
    raise KeyError(f"{name} is a new duration: say in times.BASE how many quanta it has")


@contextmanager
def patched(values: Mapping[str, Any]) -> Iterator[None]:
    """Replace `module.NAME` by another value wherever the rules know it, for as long as this lasts."""
    undo: list[tuple[ModuleType, str, Any]] = []
    try:
        for whole, value in values.items():
            origin, _, name = whole.rpartition(".")
            origin = f"stationd.pilot.{origin}"
            places = [(importlib.import_module(origin), name)]
            for module in modules():
                places += [(module, here) for source, there, here in _imports(module.__name__)
                           if (source, there) == (origin, name)]  # fmt: skip
            for module, here in places:
                undo.append((module, here, getattr(module, here)))
                setattr(module, here, value)
        yield
    finally:
        for module, here, old in reversed(undo):
            setattr(module, here, old)


def quantised(quanta: Mapping[str, int]) -> dict[str, int]:
    """Return every constant in ms of quantised time, for `patched`."""
    return {name: in_quanta(name, quanta) * Q_MS for name in constants()}


def rules(quanta: Mapping[str, int], **fields: Any) -> Rules:
    """Return rules whose times are quantised."""
    known = Rules.__dataclass_fields__
    times = {name: (quanta | {})[name] if name in quanta else count for name, count in RULE_TIMES.items()}
    return Rules(**{name: count * Q_MS for name, count in times.items() if name in known} | fields)
