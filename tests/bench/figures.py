"""Numbers of a benchmark and what they are judged by. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median


class Verdict(StrEnum):
    """What a row says about its goal."""

    MET = "met"
    MISSED = "MISSED"
    NONE = "-"
    """There is no goal for it."""
    NOT_MEASURED = "not measured"


class Of(StrEnum):
    """What a goal bounds."""

    RATIO = "ratio"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Goal:
    """At most `limit`: of the ratio to the baseline, or of stationd's own figure."""

    limit: float
    of: Of = Of.VALUE

    def text(self, unit: str) -> str:
        """Return it as people read it."""
        return f"≤ {self.limit:g} x" if self.of is Of.RATIO else f"≤ {self.limit:g} {unit}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement: medians, side by side. `ours` None: it could not be measured, and a note says why."""

    name: str
    unit: str
    ours: float | None
    baseline: float | None = None
    goals: tuple[Goal, ...] = ()
    """All must hold."""
    notes: tuple[str, ...] = ()
    """What a reader must know of it; printed below the table, each text once."""

    @property
    def ratio(self) -> float | None:
        """Ours by the baseline's; None where there is nothing to compare with."""
        if self.ours is None or not self.baseline:
            return None
        return self.ours / self.baseline

    @property
    def verdict(self) -> Verdict:
        """Judge the figure by its goals. A goal without a figure to judge is not met, but not measured."""
        if self.ours is None:
            return Verdict.NOT_MEASURED
        if not self.goals:
            return Verdict.NONE
        judged = [self.ratio if goal.of is Of.RATIO else self.ours for goal in self.goals]
        if any(figure is None for figure in judged):
            return Verdict.NOT_MEASURED
        within = all(
            figure <= goal.limit for figure, goal in zip(judged, self.goals, strict=True) if figure is not None
        )
        return Verdict.MET if within else Verdict.MISSED


def middle(samples: Sequence[float]) -> float | None:
    """Return the median; None of nothing."""
    return median(samples) if samples else None


def quantile(samples: Sequence[float], part: float) -> float | None:
    """Return the smallest sample that at least `part` of all do not exceed (nearest rank); None of nothing.

    Never interpolates: every figure it returns was seen. With fewer than 1 / (1 - part) samples it is the largest.
    """
    if not samples:
        return None
    ordered = sorted(samples)
    # the rounding keeps 0.99 x 100 at rank 99, where floats would make it 99.00000000000001 and so 100
    return ordered[max(0, math.ceil(round(part * len(ordered), 9)) - 1)]


def growth_percent(before: float, after: float) -> float:
    """Return by how many percent `after` is more than `before`."""
    return (after / before - 1) * 100
