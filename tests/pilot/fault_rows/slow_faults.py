"""Faults that take their time, as stories of one vehicle each, at the real times of the board.

They run side by side, each at its own EVSE. Each ends as it began: nothing plugged in, nothing broken, no fault.
"""

import time
from itertools import pairwise

from tests.pilot.fault_rows.place import Place
from tests.pilot.fault_rows.rows import LOOKED_MS, Round, reaction_of

LATE_MS = 500.0
"""Whoever waits for seconds by an absolute clock is disturbed by no stall but one at the end."""


def now_ms() -> float:
    return time.monotonic() * 1e3


def draws_too_much(place: Place) -> Round:
    place.charge()
    place.see(lambda evse: evse["current_a"][0] > 15.9)
    mark = place.mark()
    place.set_fault("over_current")
    return _over_current(place, mark, "draws half as much again as offered", cleared="over_current")


def over_draws(place: Place) -> Round:
    place.come("over_draws")
    mark = place.mark()
    place.offer(16)
    return _over_current(place, mark, "vehicle that draws a fifth more than offered", cleared="")


def _over_current(place: Place, mark: int, words: str, *, cleared: str) -> Round:
    """Measure from the first moment at which too much flowed, which the plant does not note as a cause."""
    cause_ms = place.cause(lambda evse: evse["current_a"][0] > 16 * 1.1 + 0.5)
    named = place.until(after=mark, faults=["over_current"], commanded_closed=False)
    assert named["duty"] == 0.0  # state F
    place.see(lambda evse: not evse["contactor"]["closed"])
    parted_ms = now_ms()
    place.stays_open(2.0, mark)
    if cleared:
        place.clear_fault(cleared)
        time.sleep(0.5)
        assert place.status["faults"] == ["over_current"]
        place.leave()
    else:
        assert place.reset("over_current") is None
    place.until(faults=[])
    place.charge()
    place.leave()
    order_ms = place.at_ms(named) - cause_ms
    assert order_ms >= 7_000 - LOOKED_MS  # a vehicle may take 5 s to follow
    return Round(
        "over_current", words, order_ms, parted_ms - cause_ms, order_ms, parted_ms - LATE_MS, parted_ms,
        recovery="unplugging, not by the end of its cause" if cleared else "a reset",
    )  # fmt: skip


def jams_while_locking(place: Place) -> Round:
    place.set_fault("lock_jammed")
    place.come()
    mark, looks, from_ms = place.mark(), len(place.truths), now_ms()
    place.offer()
    named = place.until(after=mark, faults=["lock_failed"])
    until_ms = now_ms()
    pins = [truth.lock_pin for truth in place.truths[looks:]]
    assert sum(one and not was for was, one in pairwise(pins)) + pins[0] == 3  # tries
    place.stays_open(1.0, mark)
    assert not any(status["commanded_closed"] for status in place.since(mark))
    place.leave()
    place.until(faults=[])
    place.clear_fault("lock_jammed")
    place.charge()
    place.leave()
    return Round(
        "lock_failed", "jams when it locks; three tries", None, None, place.at_ms(named) - from_ms,
        until_ms - LATE_MS, until_ms, recovery="unplugging",
    )  # fmt: skip


def jams_while_unlocking(place: Place) -> Round:
    place.charge()
    place.set_fault("lock_jammed")
    place.wants(False)
    place.offer(permit=False)
    place.until(commanded_closed=False, sensed_closed=False)
    mark, from_ms = place.mark(), now_ms()
    assert place.unlock() is None
    named = place.until(after=mark, faults=["lock_failed"])
    until_ms = now_ms()
    place.stays_open(1.0, mark)
    place.clear_fault("lock_jammed")
    place.until(faults=[], lock="unlocked")
    place.plug_out(force=False)
    place.until(cp="A")
    return Round(
        "lock_failed", "jams when it unlocks; three tries", None, None, place.at_ms(named) - from_ms,
        until_ms - LATE_MS, until_ms, recovery="reaching its position",
    )  # fmt: skip


def does_not_follow(place: Place) -> Round:
    place.charge()
    place.set_fault("phase_switch_stuck")
    mark = place.mark()
    place.offer(phases=1)
    ordered_ms = place.cause(lambda evse: evse["pins"]["phases"] == 1)
    named = place.until(after=mark, faults=["phase_switch"])
    until_ms = now_ms()
    place.stays_open(1.0, mark)
    place.leave()
    place.clear_fault("phase_switch_stuck")
    place.see(lambda evse: evse["phase_switch"]["phases"] == 1)
    time.sleep(0.5)
    assert place.status["faults"] == ["phase_switch"]
    place.come()
    place.stays_open(0.5, mark)
    assert place.reset("phase_switch") is None
    place.offer()
    place.charge()
    place.until(phases=3, commanded_closed=True, sensed_closed=True)
    place.leave()
    return Round(
        "phase_switch", "stays where it stood", None, None, place.at_ms(named) - ordered_ms, ordered_ms, until_ms,
        recovery="a reset, not by unplugging, nor by the end of its cause",
    )  # fmt: skip


def is_simplified(place: Place) -> Round:
    place.empty()
    place.come("simplified")
    mark, from_ms = place.mark(), now_ms()
    place.offer(32)
    begun = place.wait(lambda s: 0 < s["duty"] < 100, after=mark)
    named = place.until(after=mark, warnings=["simplified_vehicle"])
    until_ms = now_ms()
    place.until(commanded_closed=True, sensed_closed=True, offered_amps=10.0)
    place.see(lambda evse: evse["current_a"][0] > 9)
    assert max(status["offered_amps"] for status in place.since(mark)) == 10.0
    place.offer(permit=False)  # it cannot stop by itself: opened after 6 s at the latest
    withdrawn_ms = now_ms()
    opened = place.until(commanded_closed=False)
    assert place.at_ms(opened) - withdrawn_ms <= 6_100
    place.leave()
    place.until(warnings=[])
    return Round(
        "simplified_vehicle", "C from the plug-in on", None, None, place.at_ms(named) - place.at_ms(begun), from_ms,
        until_ms, recovery="unplugging; energy flows meanwhile",
    )  # fmt: skip


def never_closes(place: Place) -> Round:
    place.empty()
    place.set_fault("contactor_stuck_open")
    place.come()
    place.offer()
    mark, took_ms = place.mark(), []
    failed = place.status["failed_closings"]
    for count in (1, 2, 3):
        ordered = place.until(commanded_closed=True, failed_closings=failed + count - 1)
        ended = place.until(commanded_closed=False, failed_closings=failed + count)
        took_ms.append(place.at_ms(ended) - place.at_ms(ordered))
    named = place.until(faults=["contactor_failed"])
    named_ms, until_ms = place.at_ms(named) - place.at_ms(ordered), now_ms()
    place.stays_open(1.0, mark)
    assert not any(status["sensed_closed"] for status in place.since(mark))
    place.clear_fault("contactor_stuck_open")
    time.sleep(0.5)
    assert place.status["faults"] == ["contactor_failed"]
    assert place.reset("contactor_failed") is None
    place.charge()
    place.leave()
    return Round(
        "contactor_failed", "never closes, third try", max(took_ms), None, named_ms, until_ms - LATE_MS, until_ms,
        recovery="a reset, not by the end of its cause",
    )  # fmt: skip


def _lost(place: Place, fault: str, words: str) -> Round:
    place.charge()
    before, mark, from_ms = len(place.reactions()), place.mark(), now_ms()
    place.set_fault(fault)
    ordered = place.until(after=mark, commanded_closed=False)
    place.see(lambda evse: not evse["contactor"]["closed"])
    until_ms = now_ms()
    named = place.until(faults=["contactor_failed"])
    tries = [one for was, one in pairwise(place.since(mark)) if one["commanded_closed"] > was["commanded_closed"]]
    assert len(tries) == 2
    named_ms = place.at_ms(named) - place.at_ms(tries[-1])
    place.see(lambda evse: not evse["contactor"]["closed"])
    place.stays_open(1.0, mark)
    reaction = reaction_of(fault, place.reactions(), before) or {}
    place.clear_fault(fault)
    time.sleep(0.5)
    assert place.status["faults"] == ["contactor_failed"]
    place.leave()
    place.until(faults=[])
    place.charge()
    place.leave()
    return Round(
        "contactor_failed", words, reaction.get("commanded_after_ms", place.at_ms(ordered) - from_ms),
        reaction.get("opened_after_ms"), named_ms, from_ms, until_ms, stalled=reaction.get("stalled", False),
        recovery="unplugging, not by the end of its cause",
    )  # fmt: skip


def loses_its_contact(place: Place) -> Round:
    return _lost(place, "contactor_stuck_open", "opens while charging")


def loses_its_feedback(place: Place) -> Round:
    return _lost(place, "feedback_stuck_open", "feedback says open while charging")
