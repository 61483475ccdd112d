"""Resistance of the plug's proximity contact to the cable's ampacity (IEC 61851-1 Table B.2), with debounce. Pure."""

from dataclasses import dataclass, replace
from math import inf

LOWEST_OHM = 60.0
HIGHEST_OHM = 4_500.0
_ROW_ENDS = ((140.0, 63.0), (308.0, 32.0), (936.0, 20.0), (HIGHEST_OHM, 13.0))
"""(upper end of a row, amperes). Rows are 80-140, 164-308, 400-936 and 1100-2460 ohm; whatever lies between two rows
counts as the weaker cable."""
RECOVER_MS = 300
"""After an odd reading a value must stand still for so long until it is trusted like before."""
SETTLE_MS = 100
"""A new value counts once it stood for so long: contacts bounce while a plug goes in."""


def cable_amps(ohms: float | None) -> float | None:
    """Return the ampacity; None without a cable or with a value that no cable has."""
    if ohms is None or not LOWEST_OHM <= ohms <= HIGHEST_OHM:  # also for NaN
        return None
    for end, amps in _ROW_ENDS:
        if ohms <= end:
            return amps
    return None


@dataclass(frozen=True, slots=True)
class Cable:
    """The cable in the socket, as far as it can be trusted."""

    amps: float | None = None
    worst: float = inf
    """The weakest rating seen while the vehicle is plugged: it may fall but not rise."""
    candidate: float | None = None
    since_ms: int = 0
    steady: float | None = None
    """The last reading that settled."""
    odd_since_ms: int | None = None
    """Another one was seen since then."""


def follow(cable: Cable, amps: float | None, now_ms: int, *, plugged: bool) -> Cable:
    """Return the cable after one more reading."""
    if not plugged and cable.worst != inf:
        cable = replace(cable, worst=inf)
    if amps != cable.candidate:
        cable = replace(cable, candidate=amps, since_ms=now_ms)
    if now_ms - cable.since_ms < SETTLE_MS:
        return cable if amps == cable.steady else _odd(cable, now_ms)
    settled = amps if amps is None else min(amps, cable.worst)
    worst = settled if plugged and settled is not None else cable.worst
    odd_ms = cable.odd_since_ms
    if amps != cable.steady or (odd_ms is not None and now_ms - cable.since_ms >= RECOVER_MS):
        odd_ms = None
    if (settled, worst, amps, odd_ms) == (cable.amps, cable.worst, cable.steady, cable.odd_since_ms):
        return cable
    return replace(cable, amps=settled, worst=worst, steady=amps, odd_since_ms=odd_ms)


def _odd(cable: Cable, now_ms: int) -> Cable:
    """Return the cable after a reading that is not the settled one: no cable if it comes back again and again."""
    if cable.odd_since_ms is None:
        return replace(cable, odd_since_ms=now_ms)
    if now_ms - cable.odd_since_ms < SETTLE_MS or cable.amps is None:
        return cable
    return replace(cable, amps=None)
