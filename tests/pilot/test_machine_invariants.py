"""No sequence of inputs and messages breaks an invariant; `bench.check` runs after every step."""

from collections.abc import Callable
from dataclasses import replace
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stationd.pilot.interfaces import LockFeedback
from stationd.pilot.machine import FAULT_INPUTS
from tests.pilot.bench import SOCKET, TETHERED, VOLTS, Bench, charging

Act = Callable[[Bench], object]


def wire(name: str) -> Act:
    def act(bench: Bench) -> None:
        bench.volts = VOLTS[name]
        bench.run(12)

    return act


def wait(ms: int, every_ms: int) -> Act:
    return lambda bench: bench.run(ms, every_ms=every_ms)


def put(**values: object) -> Act:
    def act(bench: Bench) -> None:
        for name, value in values.items():
            setattr(bench, name, value)
        bench.run(12)
        bench.stalled = False

    return act


SHORT: dict[str, Act] = {
    "A": wire("A"),
    "B": wire("B"),
    "C": wire("C"),
    "E": wire("E"),
    "permit": lambda bench: bench.offer(16, lease_ms=2_000),
    "no permit": lambda bench: bench.offer(16, permit=False),
    "unlock": lambda bench: (bench.unlock(), bench.run(8)),
    "rcd": put(faulty=frozenset({"rcd_trip"})),
    "0.1 s": wait(120, 40),
    "1.2 s": wait(1_200, 240),
    "6 s": wait(6_100, 1_220),
    "65 s": wait(65_000, 13_000),
}


def prepared(name: str) -> Bench:
    bench = charging()
    if name == "idle":
        bench = Bench()
        bench.run(1_200)
    elif name == "hold":
        bench.run(10_500, every_ms=500)
        assert bench.state.permit.lost
        assert bench.pins.closed
    elif name == "paused":
        bench.offer(0)
        bench.run(500)
        assert bench.pins.closed
    return bench


@pytest.mark.parametrize("name", ["idle", "charging", "hold", "paused"])
def test_no_short_sequence_of_events_breaks_an_invariant(name: str) -> None:
    closings = 0

    def explore(bench: Bench, depth: int) -> None:
        nonlocal closings
        for act in SHORT.values():
            branch = bench.clone()
            act(branch)
            closings += branch.pins.closed and not bench.pins.closed
            if depth > 1:
                explore(branch, depth - 1)

    explore(prepared(name), 4 if name == "charging" else 3)
    if name == "charging":
        assert closings > 0  # the search reaches the dangerous step at all


LONG: dict[str, Act] = SHORT | {
    "D": wire("D"),
    "mid": wire("mid"),
    "unreadable": put(volts=None),
    "NaN": put(volts=nan),
    "diode shorted": put(diode=False),
    "diode healthy": put(diode=True),
    "PP open": put(pp_ohm=inf),
    "PP unreadable": put(pp_ohm=None),
    "PP 13 A": put(pp_ohm=1500.0),
    "PP 63 A": put(pp_ohm=100.0),
    "welded": put(coil="welded"),
    "stuck open": put(coil="stuck_open"),
    "coil unreadable": put(coil="unreadable"),
    "coil obeys": put(coil="obeys"),
    "lock jammed": put(lock="jammed"),
    "lock unreadable": put(lock="unreadable"),
    "lock obeys": put(lock="obeys"),
    "lock slips": put(lock="jammed", feedback=LockFeedback.UNLOCKED),
    "quiet": put(faulty=frozenset()),
    "door": put(faulty=frozenset({"door_open"})),
    "stall": put(stalled=True),
    "70 A": lambda bench: bench.offer(70),
    "5 A": lambda bench: bench.offer(5),
    "no lease": lambda bench: bench.offer(16, lease_ms=0),
    "not available": lambda bench: (bench.available(False), bench.run(8)),
    "available": lambda bench: (bench.available(True), bench.run(8)),
    "reset weld": lambda bench: bench.reset("contactor_welded"),
    "reset rcd": lambda bench: bench.reset("rcd_trip"),
    "reset contactor": lambda bench: bench.reset("contactor_failed"),
    "reset lock": lambda bench: bench.reset("lock_failed"),
    "stop": lambda bench: bench.stop(),
}


INSTEAD: dict[str, dict[str, object]] = {
    **{f"{name} V": {"volts": volts} for name, volts in VOLTS.items() if name != "C"},
    "pilot unreadable": {"volts": None},
    "pilot NaN": {"volts": nan},
    "diode shorted": {"diode": False},
    "cable gone": {"pp_ohm": inf},
    "cable unreadable": {"pp_ohm": None},
    "cable NaN": {"pp_ohm": nan},
    "contactor closed": {"coil": "welded"},
    "contactor unreadable": {"coil": "unreadable"},
    "lock unreadable": {"lock": "unreadable"},
    "lock slips": {"feedback": LockFeedback.UNLOCKED},
    "lock moves": {"feedback": LockFeedback.MOVING},
    "stall": {"stalled": True},
    **{name: {"faulty": frozenset({name})} for name in (*FAULT_INPUTS, "hardware")},
}
"""What one look at the inputs may show instead of what closing needs."""


@pytest.mark.parametrize("name", INSTEAD)
def test_an_input_that_changes_in_the_very_tick_of_closing_keeps_it_open(name: str) -> None:
    bench = about_to_close()
    for field, value in INSTEAD[name].items():
        setattr(bench, field, value)
    assert not bench.tick().closed


def test_without_such_a_change_that_tick_closes() -> None:
    assert about_to_close().tick().closed


def about_to_close() -> Bench:
    """Return a bench whose next tick closes."""
    bench = charging()
    bench.volts = VOLTS["B"]
    bench.run(1_200)
    bench.volts = VOLTS["C"]
    return bench.until_about_to_close()


@pytest.mark.parametrize("min_off_ms", [100, 500, 2_000])
def test_a_fault_input_that_was_never_readable_keeps_it_open(min_off_ms: int) -> None:
    bench = Bench(rules=replace(SOCKET, min_off_ms=min_off_ms), volts=VOLTS["B"], faulty=frozenset({"hardware"}))
    bench.run(40)
    bench.offer(16)
    bench.volts = VOLTS["C"]
    for _ in range(1_000):
        assert not bench.tick().closed


@settings(max_examples=150, deadline=None)
@given(names=st.lists(st.sampled_from(sorted(LONG)), max_size=30), socket=st.booleans(), busy=st.booleans())
def test_no_long_sequence_breaks_an_invariant(names: list[str], socket: bool, busy: bool) -> None:
    rules = SOCKET if socket else TETHERED
    bench = charging(rules) if busy else Bench(rules=rules)
    for name in names:
        LONG[name](bench)


@pytest.mark.parametrize(
    "reason",
    ["A", "B", "E", "D", "mid", "unreadable", "NaN", "diode shorted", "PP open", "PP unreadable", "stuck open",
     "coil unreadable", "lock unreadable", "lock slips", "rcd", "door", "stall", "stop"],
)  # fmt: skip
def test_each_single_reason_opens(reason: str) -> None:
    bench = charging()
    LONG[reason](bench)
    opened_after_ms = 12 if not bench.pins.closed else bench.until(closed=False, within_ms=300)
    assert opened_after_ms <= 200
    bench.run(500)
    assert not bench.pins.closed
