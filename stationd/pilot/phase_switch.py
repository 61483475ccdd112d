"""From three phases to one and back, in the one order that harms no vehicle. Pure.

PWM off; the contactor open, and 100 ms more; the pilot parted, and 100 ms more; the switch moved, and 2 s; the pilot
joined, and 100 ms; PWM on. A change of phases under a vehicle that still thinks it is plugged can destroy its charger.
"""

from dataclasses import dataclass, replace
from enum import IntEnum

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
    failed: bool = False


def wanted(offer_phases: int) -> int:
    """Return the position that serves an offer for so many phases: no more of them than allowed."""
    return 3 if offer_phases >= 3 else 1


def follow(
    phases: Phases, sensed: int | None, now_ms: int, *, target: int | None, is_open: bool, rest_ms: int
) -> Phases:
    """Return the switch after one more look; the same object if nothing is new.

    `target` None: stay. `is_open`: the contactor is surely open, and seen open now. `sensed` None: cannot be read.
    """
    elapsed_ms = now_ms - phases.since_ms
    match phases.stage:
        case Stage.REST:
            return _rest(phases, sensed, now_ms, target)
        case Stage.STOPPING:
            if phases.position and target is not None and target != phases.target:
                return replace(phases, stage=Stage.REST, since_ms=now_ms)
            return replace(phases, stage=Stage.OPENED, since_ms=now_ms) if is_open else phases
        case Stage.OPENED:
            if not is_open:
                return replace(phases, stage=Stage.STOPPING, since_ms=now_ms)
            return replace(phases, stage=Stage.PARTED, since_ms=now_ms) if elapsed_ms >= PART_MS else phases
        case Stage.PARTED:
            if not is_open:
                return replace(phases, stage=Stage.JOINING, since_ms=now_ms)
            if elapsed_ms < PART_MS:
                return phases
            moved = replace(phases, stage=Stage.MOVING, since_ms=now_ms, position=phases.target)
            return replace(moved, rested_ms=now_ms + rest_ms)
        case Stage.MOVING:
            if sensed is not None and sensed != phases.position and elapsed_ms >= FOLLOW_MS:
                return replace(phases, stage=Stage.JOINING, since_ms=now_ms, failed=True)
            return replace(phases, stage=Stage.JOINING, since_ms=now_ms) if elapsed_ms >= MOVE_MS else phases
        case Stage.JOINING:
            return replace(phases, stage=Stage.REST, since_ms=now_ms) if elapsed_ms >= JOIN_MS else phases


def _rest(phases: Phases, sensed: int | None, now_ms: int, target: int | None) -> Phases:
    if phases.position == 0:
        if sensed in (1, 3):
            return replace(phases, position=sensed)
        if sensed is None or phases.failed or now_ms - phases.since_ms < FOLLOW_MS:
            return phases  # one that cannot be read is not moved, or it would fail
        return replace(phases, stage=Stage.STOPPING, since_ms=now_ms, target=3)  # it stands between two positions
    if sensed == phases.position or sensed is None:  # one that cannot be read is a fault of the board
        if phases.lost_since_ms is not None:
            phases = replace(phases, lost_since_ms=None)
    elif phases.lost_since_ms is None:
        return replace(phases, lost_since_ms=now_ms)
    elif now_ms - phases.lost_since_ms >= LOST_MS:
        return phases if phases.failed else replace(phases, failed=True)
    starts = target is not None and target != phases.position and not phases.failed and phases.lost_since_ms is None
    if starts and now_ms >= phases.rested_ms:
        return replace(phases, stage=Stage.STOPPING, since_ms=now_ms, target=target or 0)
    return phases


def reset(phases: Phases, now_ms: int) -> Phases:
    """Return the switch after a technician's reset. What it was told stays: it must be repaired so that it obeys."""
    return Phases(since_ms=now_ms, position=phases.position, rested_ms=phases.rested_ms)


def connects(phases: Phases) -> int:
    """Return how many phases a closed contactor would connect; 0 while that is not certain."""
    certain = phases.stage in (Stage.REST, Stage.STOPPING) and phases.lost_since_ms is None and not phases.failed
    return phases.position if certain else 0
