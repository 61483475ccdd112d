"""A vehicle that draws more than it is offered, by a current sensor in the station. Pure.

Soft and slow on purpose: a vehicle may take 5 s to follow the duty, so it is measured by the highest offer of the last
seconds. Short circuits and overloads of the wiring are the circuit breaker's.
"""

from dataclasses import dataclass, replace

from stationd.pilot import leaky
from stationd.pilot.leaky import STOPPED, Leaky

TOLERANCE = 1.1
TOLERANCE_A = 0.5
LAG_MS = 6_000
"""A lower offer counts after this."""
Amps = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class OverCurrent:
    """How long too much flows, and whether that was too long."""

    excess: Leaky = STOPPED
    """A dip does not begin the time anew."""
    found: bool = False
    """Stays until the plug is out."""
    peak_a: float = 0.0
    """The offer that counts."""
    below_since_ms: int | None = None
    """The offer is lower since then."""


NOTHING = OverCurrent()


def readable(amps: Amps | None) -> bool:
    """Tell whether these can be currents; False for NaN and infinity too."""
    return amps is not None and all(-1_000.0 <= one <= 1_000.0 for one in amps)


def follow(
    over: OverCurrent, amps: Amps | None, now_ms: int, *, offered_a: float, closed: bool, gone: bool, patience_ms: int
) -> OverCurrent:
    """Return the state after one more look; the same object if nothing is new. Only a closed contactor is judged."""
    if gone:
        return over if over == NOTHING else NOTHING
    if amps is None or not readable(amps):
        excess = leaky.follow(over.excess, now_ms, runs=False)
        return over if excess is over.excess else replace(over, excess=excess)
    over = _offer(over, offered_a, now_ms)
    too_much = closed and max(amps) > over.peak_a * TOLERANCE + TOLERANCE_A
    excess = leaky.follow(over.excess, now_ms, runs=too_much)
    found = over.found or (too_much and leaky.spent(excess, now_ms) >= patience_ms)
    return over if excess is over.excess and found is over.found else replace(over, excess=excess, found=found)


def _offer(over: OverCurrent, offered_a: float, now_ms: int) -> OverCurrent:
    if offered_a >= over.peak_a:
        if offered_a == over.peak_a and over.below_since_ms is None:
            return over
        return replace(over, peak_a=offered_a, below_since_ms=None)
    if over.below_since_ms is None:
        return replace(over, below_since_ms=now_ms)
    if now_ms - over.below_since_ms >= LAG_MS:
        return replace(over, peak_a=offered_a, below_since_ms=None)
    return over
