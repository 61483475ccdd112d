"""A vehicle that draws more than it is offered, seen by the energy meter where the board measures no current. Pure.

Soft and slow on purpose: a vehicle may take 5 s to follow the duty. Short circuits and overloads of the wiring are the
circuit breaker's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

TOLERANCE = 1.1
TOLERANCE_A = 0.5
PATIENCE_S = 7.0
"""Too much for so long is a fault."""
FOLLOW_S = 6.0
"""After the offer fell, what flows says nothing yet about the vehicle for so long."""
FRESH_S = 3.5
"""Two readings further apart say nothing about the time between them; the meter is read each second."""


@dataclass(frozen=True, slots=True)
class OverCurrent:
    """Since when too much flows, and whether that was too long. Times are monotonic seconds."""

    offered_a: float = 0.0
    lowered_at_s: float = float("-inf")
    since_s: float | None = None
    seen_s: float = 0.0
    """Of the newest reading that showed too much."""
    found: bool = False
    """Stays until the cable is out: what drew too much once is not offered anything again."""


def offered(over: OverCurrent, offered_a: float, now_s: float) -> OverCurrent:
    """Return the state after stationd-pilot told what the duty says; no PWM and a lost link are 0 A."""
    if offered_a == over.offered_a:
        return over
    lowered_at_s = now_s if offered_a < over.offered_a else over.lowered_at_s
    return replace(over, offered_a=offered_a, lowered_at_s=lowered_at_s)


def measured(over: OverCurrent, current_a: Sequence[float | None], taken_at_s: float) -> OverCurrent:
    """Return the state after one good reading of the phases' currents; None where the meter does not say.

    Without an offer nothing is judged: a pause has its own time after which the contactor opens.
    """
    highest = max((one for one in current_a if one is not None), default=0.0)
    if over.offered_a <= 0 or highest <= over.offered_a * TOLERANCE + TOLERANCE_A:
        return over if over.since_s is None else replace(over, since_s=None)
    if over.since_s is None or not 0 <= taken_at_s - over.seen_s <= FRESH_S:
        return replace(over, since_s=taken_at_s, seen_s=taken_at_s)
    lasts = taken_at_s - over.since_s >= PATIENCE_S and taken_at_s - over.lowered_at_s >= FOLLOW_S
    return replace(over, seen_s=taken_at_s, found=over.found or lasts)


def unplugged(over: OverCurrent) -> OverCurrent:
    """Return the state after the cable went: the next vehicle is innocent."""
    return OverCurrent(offered_a=over.offered_a, lowered_at_s=over.lowered_at_s)
