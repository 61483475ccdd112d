"""Waking a vehicle that sleeps although a current is offered, a few times a plug-in. Pure.

Many vehicles fall asleep in a long pause and do not see the PWM come back. What they see is an unplugging: the pilot
parted by a relay (`cp_switch`), or, where the board has none, a while in state F (`state_f`).
"""

from dataclasses import dataclass, replace
from enum import IntEnum

from stationd.pilot.cp import CpState

SLEEP_MS = 30_000
"""In B with PWM for so long, it is taken as asleep."""
WAKE_MS = 3_000
JOIN_MS = 100
"""The pilot joined again settles for so long."""
MOST = 2
"""Wakings of one plug-in: a vehicle that is full answers, and sleeps again."""
MODES = ("none", "state_f", "cp_switch")


class Stage(IntEnum):
    """Where the waking is."""

    WATCHING = 0
    WAKING = 1
    JOINING = 2
    DONE = 3
    """Not again before the vehicle asked, left, or the offer ended."""


@dataclass(frozen=True, slots=True)
class WakeUp:
    """The waking of one vehicle under one offer."""

    stage: Stage = Stage.WATCHING
    since_ms: int | None = None
    """Of the stage; of WATCHING: since B and PWM came together."""
    count: int = 0
    """Wakings in this plug-in."""


def follow(
    wake: WakeUp, cp: CpState | None, now_ms: int, *, wanted: bool, offering: bool, gone: bool = False
) -> WakeUp:
    """Return the waking after one more look; the same object if nothing is new.

    `wanted`: a current may be offered, and nothing speaks against it. `offering`: PWM offers it.
    """
    if gone and wake.count:
        wake = replace(wake, count=0)
    idle = WakeUp(count=wake.count)
    if not wanted:
        if wake.stage is Stage.WAKING:
            return WakeUp(Stage.JOINING, now_ms, wake.count)
        if wake.stage is not Stage.JOINING:
            return wake if wake == idle else idle
    since_ms = now_ms if wake.since_ms is None else wake.since_ms
    if wake.stage is Stage.WATCHING:
        if cp is not CpState.B or not offering or wake.count >= MOST:
            return wake if wake.since_ms is None else idle
        if now_ms - since_ms >= SLEEP_MS:
            return WakeUp(Stage.WAKING, now_ms, wake.count + 1)
        return wake if wake.since_ms is not None else WakeUp(Stage.WATCHING, now_ms, wake.count)
    if wake.stage is Stage.WAKING:
        return WakeUp(Stage.JOINING, now_ms, wake.count) if now_ms - since_ms >= WAKE_MS else wake
    if wake.stage is Stage.JOINING:
        return WakeUp(Stage.DONE, now_ms, wake.count) if now_ms - since_ms >= JOIN_MS else wake
    return idle if cp in (CpState.A, CpState.C, CpState.D) else wake
