"""Self-test of the residual current device before each session, with the contactor open. Pure.

The test output makes the device trip; its input must say so, and be quiet again afterwards. Meanwhile that input counts
for nothing else. A trip that stays is a real one: it counts as soon as the test is over.
"""

from dataclasses import dataclass
from enum import IntEnum

CONFIRM = 2
"""Equal looks in a row that count."""


class Stage(IntEnum):
    """Where the test is."""

    DUE = 0
    TRIPPING = 1
    RELEASING = 2
    PASSED = 3
    FAILED = 4


UNDER_WAY = (Stage.TRIPPING, Stage.RELEASING)


@dataclass(frozen=True, slots=True)
class RcdTest:
    """The test of one session."""

    stage: Stage = Stage.DUE
    since_ms: int = 0
    count: int = 0
    """Looks in a row that showed what the stage waits for."""
    asked: bool = False
    """A technician wants it now, whether a session begins or not."""


def answering(test: RcdTest, now_ms: int, *, limit_ms: int) -> bool:
    """Tell whether a trip may be the answer to a test: one under way, or one that was cut short a moment ago.

    An input that could not be read cuts it short, or the death of the process before: each start waits as if it had.
    Nothing closes before the device is quiet and passed a whole test.
    """
    cut_short = test.stage is Stage.DUE and test.asked and now_ms - test.since_ms < limit_ms
    return test.stage in UNDER_WAY or cut_short


def follow(test: RcdTest, now_ms: int, *, tripped: bool, begin: bool, is_open: bool, limit_ms: int) -> RcdTest:
    """Return the test after one more look; the same object if nothing is new.

    `begin`: a session is about to start. `is_open`: the contactor is surely open; if it no longer is, the test ends.
    """
    if test.stage not in UNDER_WAY:
        due = (test.stage is Stage.DUE and begin) or test.asked
        return RcdTest(Stage.TRIPPING, now_ms) if due and is_open and not tripped else test
    if not is_open:
        return RcdTest(Stage.FAILED, now_ms)
    if tripped is (test.stage is Stage.TRIPPING):
        if test.count + 1 < CONFIRM:
            return RcdTest(test.stage, test.since_ms, test.count + 1)
        return RcdTest(Stage.RELEASING if test.stage is Stage.TRIPPING else Stage.PASSED, now_ms)
    if now_ms - test.since_ms >= limit_ms:
        return RcdTest(Stage.FAILED, now_ms)
    return test if test.count == 0 else RcdTest(test.stage, test.since_ms)
