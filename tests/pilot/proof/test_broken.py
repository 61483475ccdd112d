"""The proof finds rules that were broken on purpose, each by the invariant that is about it."""

import pytest

from tests.pilot.proof.broken import BROKEN, Broken
from tests.pilot.proof.explorer import explore
from tests.pilot.proof.invariants import ALWAYS, CLOSED, CLOSING
from tests.pilot.proof.slices import LONG, SHORT
from tests.pilot.proof.times import patched

SLICES = {one.name: one for one in (*LONG, *SHORT)} | {f"all of {one.name}": one for one in LONG}
NAMES = {rule.__name__ for rule in (*CLOSING, *CLOSED, *ALWAYS)} | {"step_is_total"}


@pytest.mark.parametrize("one", BROKEN, ids=lambda one: one.says)
def test_a_broken_rule_is_found(one: Broken) -> None:
    with patched(one.edited()):
        found = explore(SLICES[one.slice], at_most=30_000)
    print(f"{one.says}: {found.invariant or 'NOT FOUND'} after {found.states} states")
    assert found.invariant.startswith(one.invariant), (found.invariant, found.story)
    assert found.story


def test_at_least_25_rules_are_broken_and_each_expects_a_named_invariant() -> None:
    assert len(BROKEN) >= 25
    assert len({one.says for one in BROKEN}) == len(BROKEN)
    for one in BROKEN:
        assert one.invariant.split()[0] in NAMES, one.says
