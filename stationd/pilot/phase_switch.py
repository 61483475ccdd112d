"""From three phases to one and back, in the one order that harms no vehicle. Pure.

PWM off; the contactor open, and 100 ms more; the pilot parted, and 100 ms more; the switch moved, and 2 s; the pilot
joined, and 100 ms; PWM on. A change of phases under a vehicle that still thinks it is plugged can destroy its charger.
"""

from dataclasses import dataclass, replace
from enum import IntEnum

from stationd.pilot.cp import PLUGGED, CpState

PART_MS = 100
MOVE_MS = 2_000
FOLLOW_MS = 1_000
"""The feedback must agree within this."""
JOIN_MS = 100
LOST_MS = 100
"""At rest the feedback may waver for so long."""


class Stage(IntEnum):
    """Where the change is."""

    REST = 0
    STOPPING = 1
    """PWM is off; the contactor opens when the vehicle stopped, or after its time."""
    OPENED = 2
    PARTED = 3
    MOVING = 4
    JOINING = 5


BLIND = (Stage.PARTED, Stage.MOVING, Stage.JOINING)
"""The pilot is parted, or not settled yet: what it shows is not the vehicle."""
APART = (Stage.PARTED, Stage.MOVING)


@dataclass(frozen=True, slots=True)
class Phases:
    """The switch. `position` is what it was told last; 0: not known yet."""

    since_ms: int
    """Of the stage."""
    position: int = 0
    target: int = 0
    stage: Stage = Stage.REST
    rested_ms: int = 0
    """The next change begins no earlier."""
    lost_since_ms: int | None = None
    """Since when the feedback differs; while the position is not known: since when it shows `found`."""
    found: int = 0
    failed: bool = False
    unparted: bool = True
    """The vehicle found at the start was not parted since: the process before may have died in mid-change."""


def wanted(offer_phases: int) -> int:
    """Return the position that serves an offer for so many phases: no more of them than allowed."""
    return 3 if offer_phases >= 3 else 1


def follow(
    phases: Phases,
    sensed: int | None,
    now_ms: int,
    *,
    target: int | None,
    is_open: bool,
    rest_ms: int,
    cp: CpState | None = None,
) -> Phases:
    """Return the switch after one more look; the same object if nothing is new.

    `target` None: stay. `is_open`: the contactor is surely open, and seen open now. `sensed` None: cannot be read.
    """
    elapsed_ms = now_ms - phases.since_ms
    match phases.stage:
        case Stage.REST:
            return _rest(phases, sensed, now_ms, target, cp)
        case Stage.STOPPING:
            return _stopping(phases, sensed, now_ms, target, is_open=is_open)
        case Stage.OPENED:
            if not is_open:
                return replace(phases, stage=Stage.STOPPING, since_ms=now_ms)
            return replace(phases, stage=Stage.PARTED, since_ms=now_ms) if elapsed_ms >= PART_MS else phases
        case Stage.PARTED:
            if not is_open:
                return replace(phases, stage=Stage.JOINING, since_ms=now_ms)
            if elapsed_ms < PART_MS:
                return phases
            rested_ms = phases.rested_ms if phases.target == phases.position else now_ms + rest_ms
            return replace(phases, stage=Stage.MOVING, since_ms=now_ms, position=phases.target, rested_ms=rested_ms)
        case Stage.MOVING:
            if sensed is not None and sensed != phases.position and elapsed_ms >= FOLLOW_MS:
                return replace(phases, stage=Stage.JOINING, since_ms=now_ms, failed=True)
            if elapsed_ms < MOVE_MS:
                return phases
            return replace(phases, stage=Stage.JOINING, since_ms=now_ms, unparted=False)
        case Stage.JOINING:
            return replace(phases, stage=Stage.REST, since_ms=now_ms) if elapsed_ms >= JOIN_MS else phases


def finish(phases: Phases, sensed: int | None, now_ms: int) -> Phases:
    """Return the switch of a process that stops: nothing begins; what moves comes to rest before the pilot joins."""
    if phases.stage in (Stage.REST, Stage.STOPPING, Stage.OPENED):
        return phases if phases.stage is Stage.REST else replace(phases, stage=Stage.REST, since_ms=now_ms)
    return follow(phases, sensed, now_ms, target=None, is_open=phases.stage is not Stage.PARTED, rest_ms=0)


def _stopping(phases: Phases, sensed: int | None, now_ms: int, target: int | None, *, is_open: bool) -> Phases:
    watched = _watched(phases, sensed, now_ms)
    if watched is not phases:
        return replace(watched, stage=Stage.REST, since_ms=now_ms) if watched.failed else watched
    changed = target is not None and target != phases.target
    if changed and phases.position and phases.target != phases.position:
        return replace(phases, stage=Stage.REST, since_ms=now_ms)
    return replace(phases, stage=Stage.OPENED, since_ms=now_ms) if is_open else phases


def _rest(phases: Phases, sensed: int | None, now_ms: int, target: int | None, cp: CpState | None) -> Phases:
    if phases.position == 0:
        return _find(phases, sensed, now_ms)
    phases = _watched(phases, sensed, now_ms)
    if phases.failed or phases.lost_since_ms is not None:
        return phases
    if phases.unparted:
        if cp is CpState.A:
            return replace(phases, unparted=False)
        if cp in PLUGGED:
            return replace(phases, stage=Stage.STOPPING, since_ms=now_ms, target=phases.position)
    if target is not None and target != phases.position and now_ms >= phases.rested_ms:
        return replace(phases, stage=Stage.STOPPING, since_ms=now_ms, target=target)
    return phases


def _watched(phases: Phases, sensed: int | None, now_ms: int) -> Phases:
    """Return the switch after a look whether it still stands where it was told to."""
    if phases.position == 0:
        return phases
    if sensed == phases.position or sensed is None:  # one that cannot be read is a fault of the board
        return phases if phases.lost_since_ms is None else replace(phases, lost_since_ms=None)
    if phases.lost_since_ms is None:
        return replace(phases, lost_since_ms=now_ms)
    late = now_ms - phases.lost_since_ms >= LOST_MS
    return replace(phases, failed=True) if late and not phases.failed else phases


def _find(phases: Phases, sensed: int | None, now_ms: int) -> Phases:
    """Return the switch after a look for its position, which must stand for `LOST_MS` to be believed."""
    if sensed in (1, 3):
        if phases.found != sensed or phases.lost_since_ms is None:
            return replace(phases, found=sensed, lost_since_ms=now_ms)
        if now_ms - phases.lost_since_ms < LOST_MS:
            return phases
        return replace(phases, position=sensed, found=0, lost_since_ms=None)
    if phases.lost_since_ms is not None:
        phases = replace(phases, found=0, lost_since_ms=None)
    if sensed is None or phases.failed or now_ms - phases.since_ms < FOLLOW_MS:
        return phases  # one that cannot be read is not moved, or it would fail
    return replace(phases, stage=Stage.STOPPING, since_ms=now_ms, target=3)  # it stands between two positions


def reset(phases: Phases) -> Phases:
    """Return the switch after a technician's reset. What it was told stays: it must be repaired so that it obeys."""
    return replace(phases, failed=False, lost_since_ms=None)


def connects(phases: Phases) -> int:
    """Return how many phases a closed contactor would connect; 0 while that is not certain."""
    certain = phases.stage in (Stage.REST, Stage.STOPPING) and phases.lost_since_ms is None and not phases.failed
    return phases.position if certain else 0
