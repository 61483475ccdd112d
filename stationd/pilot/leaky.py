"""Time that something goes on for, which a short interruption does not set back to zero. Pure.

It runs while the thing lasts and leaks as fast while it does not: who is in a bad state most of the time gets there.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Leaky:
    """A stop-watch that runs back while it is stopped."""

    since_ms: int | None = None
    """Running: when it would have begun without an interruption."""
    empty_ms: int = 0
    """Stopped: when it is back at 0."""


STOPPED = Leaky()


def follow(leaky: Leaky, now_ms: int, *, runs: bool) -> Leaky:
    """Return the watch after one more look; the same object if it goes on as before."""
    if runs:
        return leaky if leaky.since_ms is not None else Leaky(since_ms=now_ms - spent(leaky, now_ms))
    if leaky.since_ms is not None:
        return Leaky(empty_ms=now_ms + spent(leaky, now_ms))
    return STOPPED if leaky.empty_ms and now_ms >= leaky.empty_ms else leaky


def spent(leaky: Leaky, now_ms: int) -> int:
    """Return what it shows, in milliseconds."""
    return now_ms - leaky.since_ms if leaky.since_ms is not None else max(0, leaky.empty_ms - now_ms)
