"""How long an opening took: from the last look at which nothing spoke against power to the end of the write. Pure.

The cause came after that look, so this is never less than the time from the cause to the order, as far as software can
see: what a sensor needs to show its cause, and a relay to obey, comes on top.
"""

from stationd.pilot.stats import Histogram


class Reaction:
    """Follows one EVSE. Openings that nothing pressed for (a pause that ended, a stop) are not counted."""

    __slots__ = ("_calm_ns", "_histogram")

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._calm_ns = 0
        """Beginning of the last tick in which nothing spoke against power."""

    def follow(self, *, opened: bool, pressed: bool, began_ns: int, ended_ns: int) -> None:
        """Take in one tick: whether it opened the contactor, and whether its inputs wanted that."""
        if not pressed:
            self._calm_ns = began_ns
        elif opened:
            self._histogram.add((ended_ns - self._calm_ns) // 1_000)
