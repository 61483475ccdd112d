"""Supervision of a contactor by its feedback: late, never, dropped, welded. Pure."""

from dataclasses import dataclass, replace

TRIES = 3
"""Closings that may fail in a row."""
SLOW_MOST = 3
"""Openings that may take too long before it is taken out of service."""
DROP_MS = 50
"""Feedback may bounce for so long."""
SURE_MS = 60
"""Seen open for so long without a break, it is surely open: flickering feedback proves nothing."""
HEALTHY_MS = 60_000
"""Closed for so long, earlier failures are forgotten."""


@dataclass(frozen=True, slots=True)
class Contactor:
    """One contactor. `commanded` is what the coil was told last."""

    since_ms: int
    """Of the last change of the command."""
    commanded: bool = False
    settled: bool = False
    """The feedback agreed since the last command; of an open contactor: for `SURE_MS` without a break until now."""
    open_since_ms: int | None = None
    """Commanded open and seen open since then, without a break."""
    differs_since_ms: int | None = None
    tries: int = 0
    failed: bool = False
    """The last closing failed, or the contact dropped: it must be opened now."""
    welded: bool = False
    """Seen closed too long after it was told to open. The machine latches it."""
    opening: bool = False
    """Told to open, and not surely open since then, nor unreadable meanwhile."""
    slow: int = 0
    """Openings that took too long, but ended."""


def supervise(
    contactor: Contactor, sensed: bool | None, now_ms: int, *, close_ms: int, open_ms: int, slow_ms: int
) -> Contactor:
    """Return the contactor after one more look at its feedback; the same object if nothing is new.

    It must be seen closed within `close_ms`, open within `open_ms`; an opening longer than `slow_ms` is counted.
    """
    if not contactor.commanded:
        return _supervise_open(contactor, sensed, now_ms, open_ms, slow_ms)
    if sensed is None:
        return contactor
    if sensed:
        tries = contactor.tries
        if tries and now_ms - contactor.since_ms >= HEALTHY_MS:
            tries = 0
        if contactor.settled and contactor.differs_since_ms is None and tries == contactor.tries:
            return contactor
        return replace(contactor, settled=True, differs_since_ms=None, tries=tries)
    since = contactor.differs_since_ms
    if since is None:
        since = now_ms
        contactor = replace(contactor, differs_since_ms=since)
    late = now_ms - since >= (DROP_MS if contactor.settled else close_ms)
    if late and not contactor.failed:
        return replace(contactor, failed=True, tries=min(contactor.tries + 1, TRIES))
    return contactor


def _supervise_open(contactor: Contactor, sensed: bool | None, now_ms: int, open_ms: int, slow_ms: int) -> Contactor:
    """Return a contactor that is commanded open after one more look. Only a sure opening ends the time of a weld."""
    if sensed is False:
        since = now_ms if contactor.open_since_ms is None else contactor.open_since_ms
        if now_ms - since >= SURE_MS:
            if contactor.settled and contactor.differs_since_ms is None and not contactor.welded:
                return contactor
            slow = contactor.slow + (contactor.opening and since - contactor.since_ms > slow_ms)
            return replace(
                contactor,
                settled=True, open_since_ms=since, differs_since_ms=None, welded=False, opening=False, slow=slow,
            )  # fmt: skip
        return contactor if since == contactor.open_since_ms else replace(contactor, open_since_ms=since)
    differs = contactor.differs_since_ms
    if sensed and differs is None:
        differs = now_ms
    welded = contactor.welded or (sensed is True and differs is not None and now_ms - differs >= open_ms)
    opening = contactor.opening and sensed is True  # how long it takes cannot be told without looking
    now = (False, None, differs, welded, opening)
    if now == (
        contactor.settled,
        contactor.open_since_ms,
        contactor.differs_since_ms,
        contactor.welded,
        contactor.opening,
    ):
        return contactor
    return replace(
        contactor, settled=False, open_since_ms=None, differs_since_ms=differs, welded=welded, opening=opening
    )


def surely_open(contactor: Contactor) -> bool:
    """Tell whether it is open by command, and by feedback for so long that a flicker is ruled out."""
    return not contactor.commanded and contactor.settled and not contactor.welded


def command(contactor: Contactor, *, closed: bool, now_ms: int) -> Contactor:
    """Return the contactor after a command; the same object if it is the old one."""
    if closed == contactor.commanded:
        return contactor
    return Contactor(
        since_ms=now_ms,
        commanded=closed,
        tries=contactor.tries,
        welded=contactor.welded,
        opening=not closed,
        slow=contactor.slow,
    )


def may_close(contactor: Contactor, sensed: bool | None) -> bool:
    """Tell whether the contactor itself is fit for a closing now."""
    return surely_open(contactor) and sensed is False and not worn_out(contactor)


def worn_out(contactor: Contactor) -> bool:
    """Tell whether it failed to close, or opened late, too often to be used on."""
    return contactor.tries >= TRIES or contactor.slow >= SLOW_MOST
