"""Contactors that fail, weld, drop or open late, converters that hang, and a process that does."""

import json
import signal
import time
from pathlib import Path

import pytest

from tests.pilot.fault_rows.place import Place
from tests.pilot.fault_rows.rows import Recorder, Round, reaction_of

HOLD_S = 0.5
LEASE_MS = 300.0
"""Of the coil: so long after the last beat it drops by itself."""


def now_ms() -> float:
    return time.monotonic() * 1e3


def test_a_contactor_that_drops_is_opened_and_closed_again(place: Place, recorder: Recorder) -> None:
    recorder.in_time(place.bench, lambda: _drops(place))


def _drops(place: Place) -> Round:
    place.charge()
    before, mark, from_ms = len(place.reactions()), place.mark(), now_ms()
    place.set_fault("contactor_drops")
    place.until(after=mark, commanded_closed=False)
    until_ms = now_ms()
    place.charge()
    assert not any(status["faults"] for status in place.since(mark))
    reaction = reaction_of("contactor_drops", place.reactions(), before)
    assert reaction is not None
    return Round(
        "", "the contactor opens by itself", reaction["commanded_after_ms"], reaction["opened_after_ms"], None, from_ms,
        until_ms, stalled=reaction.get("stalled", False), bound_ms=100, recovery="the next closing",
    )  # fmt: skip


def test_a_welded_contactor_keeps_the_plug_and_is_not_forgotten(place: Place, recorder: Recorder) -> None:
    recorder.in_time(place.bench, lambda: _welds(place))


def _welds(place: Place) -> Round:
    place.charge()
    place.set_fault("contactor_welded")
    mark, from_ms = place.mark(), now_ms()
    place.wants(False)
    ordered = place.until(after=mark, commanded_closed=False)
    named = place.until(after=mark, faults=["contactor_welded"])
    until_ms = now_ms()
    assert (named["sensed_closed"], named["lock"]) == (True, "locked")
    place.wants(True)
    assert "is welded" in str(place.unlock())
    place.offer(permit=False)
    time.sleep(HOLD_S)
    assert "is still seen closed" in str(place.reset("contactor_welded"))
    place.set_fault("power_loss")  # which unlocks, but not this
    place.until(faults=["contactor_welded", "power_loss"])
    time.sleep(HOLD_S)
    assert (place.evse()["lock"], place.evse()["pins"]["lock"]) == ("locked", True)
    place.clear_fault("power_loss")
    _survives(place, "contactor_welded")
    assert (place.status["sensed_closed"], place.status["lock"]) == (True, "locked")
    assert "is still seen closed" in str(place.reset("contactor_welded"))
    place.clear_fault("contactor_welded")
    place.until(sensed_closed=False)
    place.offer()
    place.stays_open(HOLD_S, place.mark())
    assert place.status["faults"] == ["contactor_welded"]
    assert place.reset("contactor_welded") is None
    place.until(faults=[])
    place.charge()
    return Round(
        "contactor_welded", "stays closed after the order to open", None, None,
        place.at_ms(named) - place.at_ms(ordered), from_ms, until_ms,
        recovery="a reset once seen open, not by unplugging, nor by a restart of the process",
    )  # fmt: skip


def _survives(place: Place, code: str) -> None:
    latches = json.loads((Path(place.bench.folder) / "latches.json").read_text())
    assert latches["latched"] == {"1": [code]}
    place.bench.kill()
    place.bench.start()
    assert place.status["faults"] == [code]


def test_a_contact_seen_closed_without_an_order_is_welded(place: Place, recorder: Recorder) -> None:
    recorder.in_time(place.bench, lambda: _seen_closed(place))


def _seen_closed(place: Place) -> Round:
    place.empty()
    place.come()
    mark, from_ms = place.mark(), now_ms()
    place.set_fault("feedback_stuck_closed")
    named = place.until(after=mark, faults=["contactor_welded"])
    until_ms = now_ms()
    place.offer()
    assert "still seen closed" in str(place.reset("contactor_welded"))
    place.stays_open(HOLD_S, mark)
    place.clear_fault("feedback_stuck_closed")
    place.until(sensed_closed=False)
    place.stays_open(HOLD_S, mark)
    assert place.reset("contactor_welded") is None
    place.charge()
    return Round(
        "contactor_welded", "feedback says closed without an order", None, None, place.at_ms(named) - from_ms, from_ms,
        until_ms, recovery="a reset once seen open",
    )  # fmt: skip


def test_a_contactor_that_opens_late_is_told_and_may_go_on(place: Place, recorder: Recorder) -> None:
    recorder.in_time(place.bench, lambda: _late(place))


def _late(place: Place) -> Round:
    place.charge()
    slow = place.status["slow_openings"]
    place.set_fault("contactor_opens_late")
    mark, from_ms = place.mark(), now_ms()
    place.wants(False)
    ordered = place.until(after=mark, commanded_closed=False)
    named = place.until(after=mark, warnings=["contactor_slow"], slow_openings=slow + 1)
    until_ms = now_ms()
    place.charge()  # mends it
    assert place.status["warnings"] == ["contactor_slow"]
    assert place.reset("contactor_slow") is None
    place.until(warnings=[], commanded_closed=True)
    return Round(
        "contactor_slow", "opens 200 ms after its order", None, None, place.at_ms(named) - place.at_ms(ordered),
        from_ms, until_ms, recovery="a reset; energy flows meanwhile",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cause", "codes", "words"),
    [
        ("ev_stopped", ["pilot_error"], "the converter hangs, and the vehicle stops"),
        ("unplugged", ["proximity", "pilot_error"], "the converter hangs, and the plug is pulled"),
    ],
)
def test_a_converter_that_hangs_while_the_vehicle_ends_it_is_noticed(
    place: Place, recorder: Recorder, cause: str, codes: list[str], words: str
) -> None:
    recorder.in_time(place.bench, lambda: _hangs(place, cause, codes, words))


def _hangs(place: Place, cause: str, codes: list[str], words: str) -> Round:
    place.charge()
    before, mark, from_ms = len(place.reactions()), place.mark(), now_ms()
    place.set_fault("cp_stuck")
    if cause == "unplugged":
        place.plug_out()
    else:
        place.wants(False)
    first = place.wait(lambda s: s["faults"], after=mark)
    assert first["faults"] == codes[:1]
    named = place.wait(lambda s: "pilot_error" in s["faults"], after=mark)
    place.see(lambda evse: not evse["contactor"]["closed"])
    until_ms = now_ms()
    place.stays_open(HOLD_S, mark)
    assert place.status["faults"] == sorted(codes)
    reaction = reaction_of(cause, place.reactions(), before)
    assert reaction is not None
    place.offer(permit=False)
    place.clear_fault("cp_stuck")
    place.until(faults=[])
    place.charge()
    named_ms = place.at_ms(first if cause == "unplugged" else named) - reaction["t_ns"] / 1e6
    return Round(
        codes[0], words, reaction["commanded_after_ms"], reaction["opened_after_ms"], named_ms, from_ms, until_ms,
        stalled=reaction.get("stalled", False), bound_ms=600 if cause == "ev_stopped" else None,
        recovery="the end of its cause",
    )  # fmt: skip


def test_a_pilot_that_is_disturbed_three_times_ends_the_session(place: Place, recorder: Recorder) -> None:
    recorder.in_time(place.bench, lambda: _disturbed(place))


def _disturbed(place: Place) -> Round:
    place.charge()
    before, from_ms, stalled = len(place.reactions()), now_ms(), False
    for _ in range(3):
        place.until(commanded_closed=True, sensed_closed=True)
        mark = place.mark()
        place.set_fault("cp_mid_band")
        opened = place.until(after=mark, commanded_closed=False)
        place.until(after=mark, sensed_closed=False)
        place.clear_fault("cp_mid_band")
    named = place.until(after=mark, faults=["pilot_error"])
    until_ms = now_ms()
    place.stays_open(1.0, mark)
    assert place.status["faults"] == ["pilot_error"]
    own = [one for one in place.reactions()[before:] if one["cause"] == "cp_mid_band"]
    assert len(own) == 3
    place.leave()
    place.until(faults=[])
    place.charge()
    stalled = any(one.get("stalled") for one in own)
    return Round(
        "pilot_error", "pilot between B and C, three times in 10 s", max(one["commanded_after_ms"] for one in own),
        max(one["opened_after_ms"] for one in own), place.at_ms(named) - place.at_ms(opened), from_ms, until_ms,
        stalled=stalled, parts_ms=100, recovery="unplugging, not by the end of its cause",
    )  # fmt: skip


def test_a_process_that_hangs_loses_the_coil(place: Place, recorder: Recorder) -> None:
    recorder.in_time(place.bench, lambda: _silent(place, signal.SIGSTOP))


def test_a_process_that_dies_loses_the_coil(place: Place, recorder: Recorder) -> None:
    recorder.in_time(place.bench, lambda: _silent(place, signal.SIGKILL))


def _silent(place: Place, number: signal.Signals) -> Round:
    place.charge()
    before, from_ms = len(place.reactions()), now_ms()
    process = place.bench.station.process
    assert process is not None
    process.send_signal(number)
    place.see(lambda evse: not evse["contactor"]["closed"])
    time.sleep(0.1)
    evse = place.evse()
    until_ms = now_ms()
    assert not evse["contactor"]["coil"]
    reaction = reaction_of("driver_silent", evse["reactions"], before)
    assert reaction is not None
    assert reaction["commanded_after_ms"] is None
    if number is signal.SIGSTOP:
        mark = place.mark()
        process.send_signal(signal.SIGCONT)
        place.until(after=mark, commanded_closed=False)  # it knows that it stood still, and begins again from open
    else:
        place.bench.kill()
        place.bench.start()
        assert not place.status["commanded_closed"]
    place.charge()
    words = "the safety process hangs" if number is signal.SIGSTOP else "the safety process is killed"
    return Round(
        "", words, None, reaction["opened_after_ms"], None, from_ms, until_ms, stalled=reaction.get("stalled", False),
        bound_ms=LEASE_MS, recovery="the return of the process",
    )  # fmt: skip
