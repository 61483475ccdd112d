"""Supervision of a contactor by its feedback: late, never, dropped, welded. Pure."""

from dataclasses import dataclass, replace

TRIES = 3
"""Closings that may fail in a row."""
DROP_MS = 50
"""Feedback may bounce for so long."""
HEALTHY_MS = 60_000
"""Closed for so long, earlier failures are forgotten."""


@dataclass(frozen=True, slots=True)
class Contactor:
    """One contactor. `commanded` is what the coil was told last."""

    since_ms: int
    """Of the last change of the command."""
    commanded: bool = False
    settled: bool = False
    """The feedback agreed since the last command."""
    differs_since_ms: int | None = None
    tries: int = 0
    failed: bool = False
    """The last closing failed, or the contact dropped: it must be opened now."""
    welded: bool = False
    """Seen closed too long after it was told to open. The machine latches it."""


def supervise(contactor: Contactor, sensed: bool | None, now_ms: int, *, close_ms: int, open_ms: int) -> Contactor:
    """Return the contactor after one more look at its feedback; the same object if nothing is new."""
    if sensed is None:
        return contactor
    if sensed == contactor.commanded:
        welded = contactor.welded and sensed
        tries = contactor.tries
        if sensed and tries and now_ms - contactor.since_ms >= HEALTHY_MS:
            tries = 0
        if contactor.settled and contactor.differs_since_ms is None and tries == contactor.tries:
            return contactor if welded == contactor.welded else replace(contactor, welded=welded)
        return replace(contactor, settled=True, differs_since_ms=None, tries=tries, welded=welded)
    since = contactor.differs_since_ms
    if since is None:
        since = now_ms
        contactor = replace(contactor, differs_since_ms=since)
    if not contactor.commanded:
        welded = now_ms - since >= open_ms
        return contactor if welded == contactor.welded else replace(contactor, welded=welded)
    late = now_ms - since >= (DROP_MS if contactor.settled else close_ms)
    if late and not contactor.failed:
        return replace(contactor, failed=True, tries=min(contactor.tries + 1, TRIES))
    return contactor


def command(contactor: Contactor, *, closed: bool, now_ms: int) -> Contactor:
    """Return the contactor after a command; the same object if it is the old one."""
    if closed == contactor.commanded:
        return contactor
    return Contactor(since_ms=now_ms, commanded=closed, tries=contactor.tries, welded=contactor.welded)


def may_close(contactor: Contactor, sensed: bool | None, now_ms: int, *, min_off_ms: int) -> bool:
    """Tell whether the contactor itself is fit for a closing now."""
    return (
        not contactor.commanded
        and sensed is False
        and not contactor.welded
        and contactor.tries < TRIES
        and now_ms - contactor.since_ms >= min_off_ms
    )
