"""How often a contactor may close in a row, and how often it did in its life. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counters:
    """What wears a contactor, and the last self-test of the residual current device. Outlives restarts."""

    cycles: int = 0
    """Closings."""
    hot_openings: int = 0
    """Openings while the vehicle still asked for power."""
    slow_openings: int = 0
    failed_closings: int = 0
    rcd_test: str = "none"
    """none, passed, failed."""


def ready(paid_ms: int, now_ms: int, *, burst: int, rest_ms: int) -> bool:
    """Tell whether one more closing is within `burst` closings in a row and one more for each `rest_ms`.

    `paid_ms` is when all closings until now are rested for.
    """
    return now_ms >= paid_ms - (burst - 1) * rest_ms


def closed(paid_ms: int, now_ms: int, *, rest_ms: int) -> int:
    """Return `paid_ms` after one more closing."""
    return max(paid_ms, now_ms) + rest_ms
