import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.figures import Goal, Of, Row, Verdict, growth_percent, middle, quantile

RATIO = Goal(0.9, Of.RATIO)


def row(ours: float | None, baseline: float | None = None, *goals: Goal) -> Row:
    return Row(name="something", unit="ms", ours=ours, baseline=baseline, goals=goals)


def test_median_of_nothing_is_no_figure() -> None:
    assert middle([]) is None
    assert middle([3.0, 1.0, 2.0]) == 2.0
    assert middle([4.0, 1.0, 2.0, 3.0]) == 2.5


@pytest.mark.parametrize(("part", "expected"), [(0.5, 50), (0.99, 99), (0.999, 100), (1.0, 100), (0.0, 1)])
def test_quantile_of_a_hundred_samples_is_the_sample_of_that_rank(part: float, expected: int) -> None:
    assert quantile([float(number) for number in range(100, 0, -1)], part) == expected


def test_quantile_of_few_samples_is_the_largest_and_never_invented() -> None:
    assert quantile([5.0, 7.0, 6.0], 0.99) == 7.0
    assert quantile([], 0.99) is None


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_no_more_samples_than_promised_exceed_a_quantile(samples: list[float], part: float) -> None:
    seen = quantile(samples, part)
    assert seen in samples
    assert sum(sample <= seen for sample in samples) >= part * len(samples) - 1e-6


def test_growth_is_in_percent_of_what_was_there_before() -> None:
    assert growth_percent(50.0, 51.0) == pytest.approx(2.0)
    assert growth_percent(50.0, 49.0) == pytest.approx(-2.0)


def test_ratio_needs_both_sides() -> None:
    assert row(1.0, 4.0).ratio == 0.25
    assert row(1.0).ratio is None
    assert row(None, 4.0).ratio is None
    assert row(1.0, 0.0).ratio is None


@pytest.mark.parametrize(("ours", "verdict"), [(0.89, Verdict.MET), (0.9, Verdict.MET), (0.91, Verdict.MISSED)])
def test_a_ratio_is_judged_by_its_limit(ours: float, verdict: Verdict) -> None:
    assert row(ours, 1.0, RATIO).verdict is verdict


def test_a_value_is_judged_whatever_the_baseline_is() -> None:
    assert row(30.0, 1.0, Goal(30)).verdict is Verdict.MET
    assert row(30.1, None, Goal(30)).verdict is Verdict.MISSED
    assert row(0.0, None, Goal(0)).verdict is Verdict.MET


def test_all_goals_of_a_row_must_hold() -> None:
    both = (Goal(2, Of.RATIO), Goal(2))
    assert row(1.9, 1.0, *both).verdict is Verdict.MET
    assert row(1.9, 0.5, *both).verdict is Verdict.MISSED
    assert row(2.1, 2.0, *both).verdict is Verdict.MISSED


def test_nothing_passes_unmeasured() -> None:
    assert row(None, 1.0, RATIO).verdict is Verdict.NOT_MEASURED
    assert row(1.0, None, RATIO).verdict is Verdict.NOT_MEASURED
    assert row(None).verdict is Verdict.NOT_MEASURED
    assert row(1.0).verdict is Verdict.NONE
