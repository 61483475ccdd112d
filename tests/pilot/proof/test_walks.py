"""Long random walks over the real times, a tick of 4 ms each: the same invariants as in the proof.

The quantised graph keeps the order of the durations, but not their ratio; these walks do.
"""

import random

import pytest

from stationd.pilot import machine
from tests.pilot.proof import observer
from tests.pilot.proof.explorer import Slice
from tests.pilot.proof.invariants import Transition, broken
from tests.pilot.proof.looks import Looks, order
from tests.pilot.proof.observer import Bounds
from tests.pilot.proof.slices import LONG
from tests.pilot.proof.times import constants

TICK_MS = 4
TICKS = 5_000
STAY = (1, 2, 3, 15, 30, 140, 300, 800, 1_800)
"""A look lasts so many ticks: about as long as the rules ask for, and much shorter."""


@pytest.mark.parametrize("one", LONG, ids=lambda one: one.name)
def test_a_long_walk_over_real_times_breaks_no_invariant(one: Slice) -> None:
    board = machine.Rules(**one.board)  # type: ignore[arg-type]
    bounds = Bounds(board, constants(), step_ms=TICK_MS)
    looks, orders = Looks(one.axes), [order(words, lease_ms=2_000) for words in one.orders]
    chance = random.Random(f"walk {one.name}")
    t = Transition(bounds)
    now_ms, seen_as = 9_000_000, observer.start()
    state = machine.start(board, now_ms)
    words, left, closings, last = "", 0, 0, []
    for _ in range(TICKS):
        now_ms += TICK_MS
        choices = looks.after(seen_as.was)
        if left == 0:
            words, left = chance.choice(choices).words, chance.choice(STAY)
            last = [*last[-12:], (left, words)]
        left -= 1
        look = next((choice for choice in choices if choice.words == words), choices[0])
        new, pins = machine.step(state, look.seen, now_ms)
        after = observer.look(seen_as, look, pins, bounds)
        t.old, t.new, t.look, t.before, t.after, t.was, t.pins = state, new, look, seen_as, after, seen_as.was, pins
        rule = broken(t)
        assert rule is None, (rule.__name__, t.reasons_over(), last)
        closings += pins.closed and not seen_as.was.closed
        state, seen_as = new, after
        if chance.random() < 0.01:
            said = chance.choice(orders)
            if not said.stop:
                state, accepted = said.apply(state, look.seen, now_ms)
                seen_as = observer.told(seen_as, said, bounds, accepted=accepted)
