"""Debounce of inputs that say that something is wrong: quick to act, slow to forgive. Pure."""

from dataclasses import dataclass, replace

CLEAR_MS = 1_000
"""An input must be quiet for so long before its fault ends."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Which inputs are taken as faulty."""

    active: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()
    """Faulty in the tick before: one more makes it count."""
    last_ms: tuple[tuple[str, int], ...] = ()
    """When each active one was last seen faulty."""


def follow(inputs: Inputs, faulty: frozenset[str], now_ms: int) -> Inputs:
    """Return the inputs after one more look; the same object if nothing is new."""
    if not faulty and not inputs.active:
        return inputs if not inputs.seen else replace(inputs, seen=faulty)
    last_ms = dict(inputs.last_ms)
    for name in faulty & (inputs.seen | inputs.active):
        last_ms[name] = now_ms
    kept = tuple(sorted((name, at) for name, at in last_ms.items() if now_ms - at < CLEAR_MS))
    return Inputs(frozenset(name for name, _ in kept), faulty, kept)
