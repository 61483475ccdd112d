"""Breadth-first search through everything that the machine can do, until nothing new is found.

A node is what the machine and its observer remember after a look and the orders that followed it. Every node is tried
with every look and every order of its slice. Breadth first, so the first broken invariant has the shortest story.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from time import process_time

from stationd.pilot import machine
from stationd.pilot.machine import Rules
from tests.pilot.proof import observer
from tests.pilot.proof.canon import NOW_MS, Canon
from tests.pilot.proof.invariants import Transition, broken
from tests.pilot.proof.looks import Looks, order
from tests.pilot.proof.observer import Bounds, Observer
from tests.pilot.proof.times import patched, quantised, rules


@dataclass(frozen=True, slots=True)
class Slice:
    """One part of the graph: which inputs and orders are free, and which board it is."""

    name: str
    says: str
    axes: dict[str, Sequence[str]]
    orders: Sequence[str]
    board: dict[str, object]
    """Fields of `Rules` that are no times."""
    quanta: dict[str, int]
    """Times that differ from the base."""
    count_fails: bool = False
    resets: int = 0
    """How many may follow each other, if not as many as in reality."""

    def rules(self) -> Rules:
        return rules(self.quanta, **self.board)


@dataclass(frozen=True, slots=True)
class Result:
    """What an exploration found."""

    name: str
    states: int
    transitions: int
    closings: int
    seconds: float
    invariant: str = ""
    """The one that was broken; empty: none, and every reachable state was tried with every input."""
    story: tuple[str, ...] = ()
    """The shortest list of inputs that leads there."""


def explore(one: Slice, *, at_most: int = 0) -> Result:
    """Explore a slice to its end, or to the first broken invariant. `at_most` states: for broken rules only."""
    times = quantised(one.quanta)
    with patched(times | ({"commands.RESETS": one.resets} if one.resets else {})):
        return _Search(one, times).run(at_most)


class _Search:
    def __init__(self, one: Slice, times: dict[str, int]) -> None:
        self.slice = one
        self.rules = one.rules()
        self.canon = Canon(self.rules, times)
        self.bounds = Bounds(self.rules, times, count_fails=one.count_fails)
        self.looks = Looks(one.axes)
        self.orders = [order(words) for words in one.orders]
        self.nodes: list[tuple[tuple[int, ...], Observer]] = []
        self.index: dict[tuple[tuple[int, ...], Observer], int] = {}
        self.parents = array("l")
        self.causes = array("l")
        self.transitions = self.closings = 0

    def run(self, at_most: int) -> Result:
        began = process_time()
        now_ms = self.canon.next_ms
        self._add(self.canon.key(machine.start(self.rules, now_ms)), observer.start(), -1, -1)
        at, failure = 0, None
        while at < len(self.nodes) and failure is None and not (at_most and len(self.nodes) > at_most):
            failure = self._expand(at)
            at += 1
        seconds = process_time() - began
        found = Result(self.slice.name, len(self.nodes), self.transitions, self.closings, seconds)
        if failure is None:
            return found
        name, cause = failure
        story = self._story(at - 1, cause)
        return Result(found.name, found.states, found.transitions, found.closings, seconds, name, story)

    def _expand(self, at: int) -> tuple[str, int] | None:
        """Try every input on one node; return the broken invariant and the input, if there is one."""
        key, before = self.nodes[at]
        state = self.canon.state(key)
        now_ms, step, observe, bounds = self.canon.next_ms, machine.step, observer.look, self.bounds
        t = Transition(bounds)
        t.old, t.before, t.was = state, before, before.was
        canon_key = self.canon.key
        for number, seen in enumerate(self.looks.after(before.was)):
            inputs = seen.seen
            try:
                new, pins = step(state, inputs, now_ms)
            except Exception as error:  # a total function raises nothing: whatever it is, it is the finding
                return f"step_is_total ({type(error).__name__}: {error})", number * len(self.orders)
            after = observe(before, seen, pins, bounds)
            t.new, t.look, t.after, t.pins = new, seen, after, pins
            rule = broken(t)
            if rule is not None:
                over = t.reasons_over() if pins.closed else []
                return " ".join([rule.__name__, *over]), number * len(self.orders)
            self.closings += pins.closed and not before.was.closed
            plain = canon_key(new)
            cause = number * len(self.orders)
            for which, one in enumerate(self.orders):
                if one.words == "-":
                    self._add(plain, after, at, cause + which)
                    continue
                told, accepted = one.apply(new, inputs, now_ms)
                heard = observer.told(after, one, bounds, accepted=accepted)
                self._add(self.canon.key_after(told, new, plain), heard, at, cause + which)
        return None

    def _add(self, key: tuple[int, ...], seen: Observer, parent: int, cause: int) -> None:
        self.transitions += 1
        node = (key, seen)
        if node in self.index:
            return
        self.index[node] = len(self.nodes)
        self.nodes.append(node)
        self.parents.append(parent)
        self.causes.append(cause)

    def _story(self, at: int, cause: int) -> tuple[str, ...]:
        words = [self._words(at, cause)]
        while self.parents[at] >= 0:
            at, cause = self.parents[at], self.causes[at]
            words.append(self._words(at, cause))
        return tuple(reversed(words))

    def _words(self, at: int, cause: int) -> str:
        look_number, which = divmod(cause, len(self.orders))
        seen = self.looks.after(self.nodes[at][1].was)[look_number]
        said = self.orders[which].words
        return f"{seen.words}{'' if said == '-' else f'; then: {said}'}"


__all__ = ["NOW_MS", "Result", "Slice", "explore"]
