"""The connector lock of a socket: when it moves, how often it is tried, when it has failed. Pure."""

from dataclasses import dataclass, replace

from stationd.pilot.interfaces import LockFeedback

TRIES = 3
RETRY_PAUSE_MS = 300
"""Between two tries the lock is driven the other way: that frees a plug that sits askew."""
LOST_MS = 100
"""Feedback may waver for so long while the contactor is closed."""


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock. `wanted` None: nothing is commanded until its position is known once."""

    since_ms: int
    """Start of the present try."""
    wanted: bool | None = None
    tries: int = 0
    failed: bool = False
    pausing: bool = False
    released: bool = False
    """Unlock on demand: not locked again before a new permit or a new plug-in."""
    missed: bool = False
    """It could not lock the plug that is in: told until that is out, though the lock may be wanted open meanwhile."""
    off_since_ms: int | None = None
    """Wanted locked, seen otherwise since then."""


def aim(lock: Lock, *, wanted: bool, now_ms: int) -> Lock:
    """Return the lock after a decision where it should be; the same object if it is the old one."""
    if wanted is lock.wanted:
        return lock
    return Lock(since_ms=now_ms, wanted=wanted, released=lock.released, missed=lock.missed)


def afresh(lock: Lock, now_ms: int) -> Lock:
    """Return the lock with all its tries again."""
    pausing = lock.pausing and lock.wanted is False
    return replace(lock, since_ms=now_ms, tries=0, failed=False, missed=False, pausing=pausing)


def supervise(lock: Lock, feedback: LockFeedback | None, now_ms: int, *, try_ms: int, may_move: bool) -> Lock:
    """Return the lock after one more look at its feedback. `may_move` False: the contactor is not surely open."""
    if lock.wanted is None:
        known = feedback in (LockFeedback.LOCKED, LockFeedback.UNLOCKED)
        return aim(lock, wanted=feedback is LockFeedback.LOCKED, now_ms=now_ms) if known else lock
    goal = LockFeedback.LOCKED if lock.wanted else LockFeedback.UNLOCKED
    if feedback is goal and not lock.pausing:
        missed = lock.missed and not lock.wanted
        there = (lock.tries, lock.failed, lock.missed, lock.off_since_ms) == (0, False, missed, None)
        return lock if there else replace(lock, tries=0, failed=False, missed=missed, off_since_ms=None)
    if lock.off_since_ms is None:
        # A try begins with the command, or with the loss of a position that was reached.
        begun = lock.since_ms if now_ms - lock.since_ms < try_ms else now_ms
        lock = replace(lock, off_since_ms=now_ms, since_ms=begun)
    if not may_move:
        # Away from the pause is towards locked, or not at all: never towards unlocked.
        return replace(lock, pausing=False) if lock.pausing and lock.wanted else lock
    if lock.failed:
        return replace(lock, pausing=False) if lock.pausing else lock
    elapsed_ms = now_ms - lock.since_ms
    if lock.pausing:
        return replace(lock, pausing=False, since_ms=now_ms) if elapsed_ms >= RETRY_PAUSE_MS else lock
    if elapsed_ms < try_ms:
        return lock
    if lock.tries + 1 >= TRIES:
        return replace(lock, tries=TRIES, failed=True)
    return replace(lock, tries=lock.tries + 1, pausing=True, since_ms=now_ms)


def pin(lock: Lock) -> bool | None:
    """Return what the lock is commanded; None: leave it."""
    if lock.wanted is None:
        return None
    return lock.wanted is not lock.pausing


def lost(lock: Lock, now_ms: int) -> bool:
    """Tell whether the lock left its position long enough to open the contactor."""
    return lock.off_since_ms is not None and now_ms - lock.off_since_ms >= LOST_MS
