"""Debounce of inputs that say that something is wrong: quick to act, slow to forgive. Pure."""

from dataclasses import dataclass

BAD, ENOUGH = 3, 4
"""A faulty look weighs so much, a good one takes 1 away: two in a row count, and so does every second."""
CLEAR_MS = 1_000
"""An input must be quiet for so long before its fault ends."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Which inputs are taken as faulty."""

    active: frozenset[str] = frozenset()
    weights: tuple[tuple[str, int], ...] = ()
    """Of those seen faulty lately."""
    last_ms: tuple[tuple[str, int], ...] = ()
    """When each active one was last seen faulty."""


def follow(inputs: Inputs, faulty: frozenset[str], now_ms: int) -> Inputs:
    """Return the inputs after one more look; the same object if nothing is new."""
    if not faulty and not inputs.active and not inputs.weights:
        return inputs
    weights = {name: weight - 1 for name, weight in inputs.weights if weight > 1 or name in faulty}
    last_ms = dict(inputs.last_ms)
    for name in faulty:
        weights[name] = min(weights.get(name, -1) + 1 + BAD, ENOUGH)
        if weights[name] >= ENOUGH or name in inputs.active:
            last_ms[name] = now_ms
    kept = tuple(sorted((name, at) for name, at in last_ms.items() if now_ms - at < CLEAR_MS))
    return Inputs(frozenset(name for name, _ in kept), tuple(sorted(weights.items())), kept)
