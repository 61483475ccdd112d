"""Everything that the machine can do within the short slices was tried, and no invariant broke."""

from itertools import pairwise

import pytest

from stationd.pilot.machine import Rules
from tests.pilot.proof.explorer import Slice, explore
from tests.pilot.proof.looks import FOLLOWS
from tests.pilot.proof.slices import LESS, LONG, SHORT
from tests.pilot.proof.times import BASE, RULE_TIMES, constants, in_quanta


@pytest.mark.parametrize("one", SHORT, ids=lambda one: one.name)
def test_no_reachable_step_breaks_an_invariant(one: Slice) -> None:
    found = explore(one)
    assert found.invariant == "", "\n".join((found.invariant, *found.story))
    assert found.closings > 0, "the slice never reaches the dangerous step"


def test_every_short_slice_is_a_part_of_its_long_one() -> None:
    assert len(SHORT) == len(LESS)
    for short in SHORT:
        long = next(one for one in LONG if one.name == short.name)
        assert set(short.orders) <= set(long.orders), short.name
        for axis, words in short.axes.items():
            assert set(words) - {FOLLOWS} <= set(long.axes[axis]), (short.name, axis)


@pytest.mark.parametrize("one", LONG, ids=lambda one: one.name)
def test_quantised_times_keep_the_order_of_the_real_ones(one: Slice) -> None:
    real = Rules(max_a=32.0, has_socket=True)
    times = [(ms, in_quanta(name, one.quanta), name) for name, ms in constants().items()]
    times = [row for row in times if row[1]]  # 0: switched off
    quantised = one.rules()
    for name in RULE_TIMES:
        quanta = getattr(quantised, name) // 100
        if quanta:  # 0: switched off
            times.append((getattr(real, name), quanta, name))
    times.sort()
    for shorter, longer in pairwise(times):
        if shorter[0] < longer[0]:
            assert max(q for ms, q, _ in times if ms == shorter[0]) <= min(
                q for ms, q, _ in times if ms == longer[0]
            ), (shorter, longer)


def test_every_duration_of_the_rules_is_quantised() -> None:
    assert len(constants()) >= 20
    for name in constants():
        assert in_quanta(name, {}) > 0 or name == "commands.RESET_REST_MS"
    known = {name.rpartition(".")[2] for name in constants()}
    assert {name.rpartition(".")[2] for name in BASE} <= known, "BASE names a duration that is gone"
    assert {name for name in Rules.__dataclass_fields__ if name.endswith("_ms")} == set(RULE_TIMES)
