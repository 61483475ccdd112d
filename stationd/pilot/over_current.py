"""A vehicle that draws more than it is offered, by a current sensor in the station. Pure.

Soft and slow on purpose: a vehicle may take 5 s to follow the duty. Short circuits and overloads of the wiring are the
circuit breaker's.
"""

from dataclasses import dataclass

TOLERANCE = 1.1
TOLERANCE_A = 0.5
Amps = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class OverCurrent:
    """Since when too much flows, and whether that was too long."""

    since_ms: int | None = None
    found: bool = False
    """Stays until the plug is out."""


def readable(amps: Amps | None) -> bool:
    """Tell whether these can be currents; False for NaN and infinity too."""
    return amps is not None and all(-1_000.0 <= one <= 1_000.0 for one in amps)


def follow(
    over: OverCurrent,
    amps: Amps | None,
    now_ms: int,
    *,
    offered_a: float,
    closed: bool,
    plugged: bool,
    patience_ms: int,
) -> OverCurrent:
    """Return the state after one more look; the same object if nothing is new.

    Only with a closed contactor and a current on offer: a pause has its own time after which it opens.
    """
    if not plugged:
        return OverCurrent() if over.found or over.since_ms is not None else over
    if amps is None or not readable(amps):
        return over
    if not closed or offered_a <= 0 or max(amps) <= offered_a * TOLERANCE + TOLERANCE_A:
        return over if over.since_ms is None else OverCurrent(None, over.found)
    if over.since_ms is None:
        return OverCurrent(now_ms, over.found)
    if not over.found and now_ms - over.since_ms >= patience_ms:
        return OverCurrent(over.since_ms, found=True)
    return over
