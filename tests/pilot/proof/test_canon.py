"""The canonical form forgets nothing that matters: made canonical in every step, a machine does what it did without."""

import random
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from stationd.pilot import machine
from stationd.pilot.state import State
from tests.pilot.proof.canon import AT_MOST, CAPS, FORGOTTEN, NOW_MS, Canon, part
from tests.pilot.proof.explorer import Slice
from tests.pilot.proof.looks import Looks, order
from tests.pilot.proof.slices import LONG
from tests.pilot.proof.times import Q_MS, constants, patched, quantised, rules

RUNS, STEPS = 3, 250


@pytest.mark.parametrize("one", LONG, ids=lambda one: one.name)
def test_a_canonical_machine_does_what_the_real_one_does(one: Slice) -> None:
    times = quantised(one.quanta)
    with patched(times):
        _compare(one, times, one.rules(), Q_MS, calm=0.6)


@pytest.mark.parametrize("one", LONG, ids=lambda one: one.name)
def test_it_does_so_with_the_real_times_too(one: Slice) -> None:
    real = machine.Rules(**one.board)  # type: ignore[arg-type]
    _compare(one, constants(), real, 20, calm=0.97)


def _compare(one: Slice, times: dict[str, int], board: machine.Rules, step_ms: int, *, calm: float) -> None:
    """Walk at random, mostly repeating the last look, so that times run out."""
    looks, orders = Looks(one.axes), [order(words) for words in one.orders]
    chance = random.Random(one.name)
    for _ in range(RUNS):
        canon = Canon(board, times, step_ms=step_ms)
        now_ms = 5_000_000
        real, canonical = machine.start(board, now_ms), machine.start(board, NOW_MS)
        pins, look, said = machine.Pins(), None, None
        for _ in range(STEPS):
            now_ms += step_ms
            choices = looks.after(pins)
            if look is None or chance.random() > calm:
                look, said = chance.choice(choices).words, chance.choice(orders)
            seen = next((choice.seen for choice in choices if choice.words == look), choices[0].seen)
            real, pins = machine.step(real, seen, now_ms)
            canonical, same_pins = machine.step(canonical, seen, canon.next_ms)
            assert (same_pins, canonical.faults) == (pins, real.faults)
            real, accepted = said.apply(real, seen, now_ms)
            canonical, same = said.apply(canonical, seen, canon.next_ms)
            assert same == accepted
            canonical = canon.state(canon.key(canonical))


def test_every_time_stamp_of_the_state_has_its_bound_and_every_bound_its_stamp() -> None:
    board = rules({}, max_a=32.0, has_socket=True)
    stamps = set(_stamps(machine.start(board, 0)))
    assert stamps == set(CAPS), "say in canon.CAPS when a new stamp stops to matter"
    canon = Canon(board, quantised({}))
    assert all(canon.cap_ms(name) >= 0 for name in CAPS)
    assert all(reason for _, reason in (*CAPS.values(), *FORGOTTEN.values(), *AT_MOST.values()))


def _stamps(value: Any, name: str = "State") -> list[str]:
    found = []
    for field in fields(value):
        one, whole = getattr(value, field.name), f"{name}.{field.name}"
        if field.name.endswith("_ms"):
            found.append(whole)
        elif is_dataclass(one) and field.name != "rules":
            found += _stamps(one, part(whole, one))
    return found


def test_all_that_is_forgotten_exists() -> None:
    state = machine.start(rules({}, max_a=32.0, has_socket=True), 0)
    parts = {"State": state} | {type(getattr(state, f.name)).__name__: getattr(state, f.name) for f in fields(State)}
    for whole in (*FORGOTTEN, *AT_MOST):
        owner, _, name = whole.partition(".")
        assert hasattr(parts[owner], name)
