from dataclasses import fields, replace

import pytest

from stationd.pilot.machine import Rules, Seen
from stationd.pilot.protocol import GetStats, Hello, Reply
from tests.pilot.bench import SOCKET, TETHERED, VOLTS, Bench, charging


def test_unlock_is_refused_while_the_contactor_is_closed() -> None:
    assert charging().unlock() == "cannot unlock: the contactor is closed; withdraw the permit first"


def test_unlock_is_refused_while_nobody_knows_whether_the_contactor_is_open() -> None:
    bench = Bench(coil="unreadable")
    bench.run(100)
    assert bench.unlock() is not None


class Flicker(Bench):
    """A bench whose contact stays closed, with feedback that drops out for one tick in 60."""

    def look(self) -> Seen:
        return replace(super().look(), contactor=self.pins.closed or self.now_ms % 240 != 0)


def flickering(rules: Rules = SOCKET) -> Bench:
    bench = charging(rules)
    broken = Flicker(**{field.name: getattr(bench, field.name) for field in fields(bench)})
    broken.state, broken.volts = bench.state, VOLTS["B"]
    return broken


def test_flickering_feedback_of_a_weld_unlocks_nothing() -> None:
    bench = flickering()
    for _ in range(1_500):
        bench.tick()
        bench.unlock()
        assert bench.pins.locked is True
    assert bench.faults == ("contactor_welded",)
    assert "still seen closed" in str(bench.reset("contactor_welded"))


def test_flickering_feedback_of_a_weld_keeps_the_lock_when_the_brain_stays_away() -> None:
    bench = flickering(replace(SOCKET, hold_ms=1_000))
    bench.run(15_000)
    assert bench.pins.locked is True
    assert bench.faults == ("contactor_welded",)


def test_unlock_right_after_opening_moves_the_lock_once_the_contactor_is_surely_open() -> None:
    bench = charging()
    bench.volts = VOLTS["B"]
    bench.run(16)
    assert bench.unlock() is None
    bench.run(40)
    assert bench.pins.locked is True
    bench.run(40)
    assert bench.pins.locked is False


def test_unlock_is_refused_long_after_an_opening_that_nobody_is_sure_of() -> None:
    bench = Bench(coil="welded")
    bench.run(400)
    bench.coil = "obeys"
    bench.run(400, every_ms=400)
    assert "not surely open" in str(bench.unlock())


def test_unlock_of_a_fixed_cable_is_refused() -> None:
    bench = Bench(rules=TETHERED)
    bench.run(100)
    assert bench.unlock() == "cannot unlock: the cable is fixed"


def test_unlock_tries_a_failed_lock_again() -> None:
    bench = charging()
    bench.volts = VOLTS["B"]
    bench.run(100)
    bench.lock = "jammed"
    assert bench.unlock() is None
    bench.run(11_000)
    assert bench.faults == ("lock_failed",)
    bench.lock = "obeys"
    assert bench.unlock() is None
    bench.run(1_000)
    assert bench.pins.locked is False
    assert bench.faults == ()


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("rcd_trip", "cannot reset 'rcd_trip': it is not in force"),
        ("nonsense", "cannot reset 'nonsense': it is not in force"),
        ("door_open", "cannot reset door_open: its input is still faulty; remove the cause first"),
    ],
)
def test_a_reset_needs_a_fault_whose_cause_is_gone(code: str, sentence: str) -> None:
    bench = Bench(faulty=frozenset({"door_open"}))
    bench.run(100)
    assert bench.reset(code) == sentence


def test_a_trip_is_not_reset_while_its_input_is_on() -> None:
    bench = Bench(faulty=frozenset({"rcd_trip"}))
    bench.run(100)
    assert "still faulty" in str(bench.reset("rcd_trip"))
    bench.run(100)
    assert bench.faults == ("rcd_trip",)


def test_a_weld_is_not_reset_while_the_contact_is_closed() -> None:
    bench = Bench(coil="welded")
    bench.run(1_000)
    assert bench.faults == ("contactor_welded",)
    assert "still seen closed" in str(bench.reset("contactor_welded"))


def test_a_fault_that_ends_by_itself_is_not_reset() -> None:
    bench = Bench(volts=VOLTS["E"])
    bench.run(500)
    assert bench.reset("pilot_error") == "cannot reset pilot_error: it ends by itself with its cause"


def test_an_unreadable_file_of_latches_can_be_reset() -> None:
    bench = Bench(latched=frozenset({"hardware"}))
    bench.run(100)
    assert bench.faults == ("hardware",)
    assert bench.reset("hardware") is None
    bench.run(8)
    assert bench.faults == ()


def test_a_failed_contactor_can_be_tried_again_after_a_reset() -> None:
    bench = charging()
    bench.coil = "stuck_open"
    for _ in range(9):
        bench.offer(16)
        bench.run(1_000)
    assert bench.faults == ("contactor_failed",)
    bench.coil = "obeys"
    bench.offer(16)
    assert bench.reset("contactor_failed") is None
    bench.until(closed=True, within_ms=3_000)


def test_a_failed_lock_can_be_tried_again_after_a_reset() -> None:
    bench = Bench(lock="jammed")
    bench.run(1_200)
    bench.volts = VOLTS["B"]
    bench.run(200)
    for _ in range(11):
        bench.offer(16)
        bench.run(1_000)
    assert bench.faults == ("lock_failed",)
    bench.lock = "obeys"
    assert bench.reset("lock_failed") is None
    bench.run(100)
    assert bench.faults == ()


@pytest.mark.parametrize("message", [Hello(1, "brain"), Reply(1), GetStats(1)])
def test_other_messages_change_nothing(message: Hello | Reply | GetStats) -> None:
    bench = Bench()
    state = bench.state
    assert "cannot do anything" in str(bench.say(message))
    assert bench.state is state
