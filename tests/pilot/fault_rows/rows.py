"""What one provoked fault showed, and how often it must be provoked again because the machine stood still."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import pytest

from stationd.fault_table import FAULTS, WARNINGS, FaultRow
from tests.pilot.fault_rows.bench import Bench

ROWS: dict[str, FaultRow] = FAULTS | WARNINGS
ROUNDS = 6
PARTS_MS = 50.0
"""From the order to parted contacts: the relay's share of the budget of 100 ms."""
LOOKED_MS = 2.0
"""A status says, in whole milliseconds, when its tick began; what was decided in it was decided a little later."""


@dataclass(frozen=True, slots=True)
class Round:
    """One provocation. Times in ms since the cause; None: there was nothing to open, or no order."""

    code: str
    """Empty: an opening without a fault."""
    cause: str
    order_ms: float | None
    parted_ms: float | None
    named_ms: float | None
    """None, for a fault: its name comes and goes."""
    from_ms: float
    until_ms: float
    stalled: bool = False
    """By the plant's own word."""
    bound_ms: float | None = None
    """Where the cause has a documented bound of its own; else that of the fault's row."""
    parts_ms: float | None = None
    """Bound of the parting; None: `PARTS_MS` after the bound of the order."""
    recovery: str = ""

    @property
    def limit_ms(self) -> float:
        return float(ROWS[self.code].within_ms) if self.bound_ms is None else self.bound_ms

    def judge(self) -> None:
        """Assert that all came in time."""
        if self.order_ms is not None:
            assert self.order_ms <= self.limit_ms, self
        if self.parted_ms is not None:
            assert self.parted_ms <= (self.limit_ms + PARTS_MS if self.parts_ms is None else self.parts_ms), self
        if self.named_ms is not None:
            assert self.named_ms <= self.limit_ms + LOOKED_MS, self
        assert self.order_ms is not None or self.parted_ms is not None or self.named_ms is not None


class Recorder:
    """Hands the rounds that count to the report, and the others to the summary."""

    def __init__(self, tell: Callable[[str, object], None]) -> None:
        self._tell = tell

    def in_time(self, bench: Bench, once: Callable[[], Round]) -> Round:
        """Provoke until neither plant nor machine stood still meanwhile; judge that round and record it."""
        for _ in range(ROUNDS):
            seen = once()
            late_ms = bench.late_ms(seen.from_ms - 20, seen.until_ms + 20)
            if not seen.stalled and not late_ms:
                seen.judge()
                self._tell("fault_row", {**asdict(seen), "mode": bench.mode})
                return seen
            self.again(f"{seen.code or 'no fault'}, {seen.cause}: {_why(seen, late_ms)}")
        return pytest.fail(f"the machine stood still in every round: {seen}")

    def again(self, why: str) -> None:
        """Note a round that counts for nothing."""
        self._tell("fault_row_again", why)


def _why(seen: Round, late_ms: float) -> str:
    words = ["the plant was late"] if seen.stalled else []
    return " and ".join([*words, f"something came {late_ms:.0f} ms late"] if late_ms else words)


def reaction_of(cause: str, reactions: list[dict[str, Any]], before: int) -> dict[str, Any] | None:
    """Return the one reaction to this cause; None if the plant measures none."""
    own = [one for one in reactions[before:] if one["cause"] == cause]
    assert len(own) <= 1, own
    return own[0] if own else None
