"""Vehicles that differ, and brains that lie, as stories of one vehicle each, at the real times of the board.

They run side by side, each at its own EVSE. Each ends as it began: nothing plugged in, nothing broken, no fault.
"""

import time
from itertools import pairwise

from tests.pilot.fault_rows.place import Place
from tests.pilot.fault_rows.rows import LOOKED_MS, Round

BURST, REST_MS = 5, 10_000
"""As the mock board says."""
PAUSE_MS = 6_000
"""A vehicle has so long to stop drawing."""


def now_ms() -> float:
    return time.monotonic() * 1e3


def _sleeps(place: Place) -> None:
    place.come("sleeps", properties={"sleeps_after_s": 5})
    place.see(lambda evse: evse["car"]["asleep"])
    mark, unplugs, from_ms = place.mark(), place.status["unplugs"], now_ms()
    place.offer()
    time.sleep(5)
    assert place.evse()["car"]["asleep"]  # an offer alone does not wake it
    closed = place.until(after=mark, commanded_closed=True, patience_s=45)
    assert place.at_ms(closed) - from_ms < 30_000 + 3_000 + 2_000
    assert not place.evse()["car"]["asleep"]
    assert place.status["unplugs"] == unplugs
    assert not any(status["faults"] for status in place.since(mark))
    place.leave()


def sleeps_until_state_f(place: Place) -> None:
    mark = place.mark()
    _sleeps(place)
    assert any(status["duty"] == 0.0 for status in place.since(mark))


def sleeps_until_parted(place: Place) -> None:
    mark = place.mark()
    _sleeps(place)
    assert not any(status["duty"] == 0.0 for status in place.since(mark))


def toggles(place: Place) -> Round:
    place.come("toggles", properties={"toggle_s": 0.6})
    mark = place.mark()
    place.offer()
    place.wait(lambda s: s["warnings"], after=mark, patience_s=40)
    told = place.since(mark)
    first = next(i for i, status in enumerate(told) if status["warnings"])
    asked = next(i for i in range(first, 0, -1) if told[i]["cp"] == "C" and told[i - 1]["cp"] != "C")
    cycles = told[first]["cycles"]
    place.until(after=mark, cycles=cycles + 2, patience_s=40)  # it rests, and serves again
    told = place.since(mark)
    closings = [place.at_ms(one) for was, one in pairwise(told) if one["cycles"] > was["cycles"]]
    for first_one, at_ms in enumerate(closings):
        for n, later_ms in enumerate(closings[first_one:], start=1):
            assert n <= BURST + (later_ms - at_ms + 50) / REST_MS
    assert {tuple(status["warnings"]) for status in told} == {(), ("contactor_resting",)}
    place.leave()
    place.until(warnings=[])
    named, cause = told[first], told[asked]
    return Round(
        "contactor_resting", "vehicle that asks and stops every 0.6 s", None, None,
        place.at_ms(named) - place.at_ms(cause), place.at_ms(cause), place.at_ms(named),
        recovery="the end of its cause; it closes less often meanwhile",
    )  # fmt: skip


def brain_flaps_phases(place: Place) -> None:
    place.charge()
    looks, begun_ms, phases = len(place.truths), now_ms(), 3
    for lasts_ms, every_s in ((5_000, 0.13), (33_000, 2.3)):  # the first never lets it begin
        while now_ms() - begun_ms < lasts_ms:
            phases = 4 - phases
            place.offer(phases=phases)
            time.sleep(every_s)
    stands = [(truth.at_ms, truth.phases) for truth in place.truths[looks:] if truth.phases]
    moves_ms = [one[0] for was, one in pairwise(stands) if one[1] != was[1]]
    assert moves_ms, "it never moved: nothing was proven"
    assert all(later - earlier >= REST_MS - 150 for earlier, later in pairwise(moves_ms)), moves_ms
    assert place.evse()["car"]["destroyed"] is False
    place.leave()


def changes_phases(place: Place) -> None:
    """From three to one and back: what flows, and how long it takes."""
    place.charge()
    place.see(lambda evse: evse["current_a"][1] > 0)
    for phases in (1, 3):
        mark, begun_ms = place.mark(), now_ms()
        place.offer(phases=phases)
        closed = place.until(after=mark, phases=phases, commanded_closed=True, sensed_closed=True)
        assert place.at_ms(closed) - begun_ms < REST_MS + PAUSE_MS + 4_000
        evse = place.see(lambda evse: evse["current_a"][0] > 5)
        assert (evse["current_a"][1] > 0) == (phases == 3)
        assert not any(status["faults"] for status in place.since(mark))
        assert evse["car"]["destroyed"] is False
    place.leave()


def changes_phases_of_one_that_does_not_stop(place: Place) -> None:
    place.charge("ignores_pwm_off")
    place.see(lambda evse: evse["current_a"][1] > 0)
    for phases in (1, 3):
        mark = place.mark()
        place.offer(phases=phases)
        off = place.wait(lambda s: s["duty"] == 100.0, after=mark)
        opened = place.wait(lambda s: not s["commanded_closed"], after=mark)
        lasted_ms = place.at_ms(opened) - place.at_ms(off)
        late_ms = place.bench.late_ms(place.at_ms(opened) - 200, place.at_ms(opened) + 20)
        assert PAUSE_MS - LOOKED_MS <= lasted_ms <= PAUSE_MS + 50 + late_ms, (
            lasted_ms
        )  # IEC 61851-1 Table A.6, sequence 10.2
        closed = place.until(after=mark, phases=phases, commanded_closed=True, sensed_closed=True)
        assert not closed["faults"]
        evse = place.see(lambda evse: evse["current_a"][0] > 5)
        assert (evse["current_a"][1] > 0) == (phases == 3)
        assert evse["car"]["destroyed"] is False
    place.leave()


def gives_up_at_state_f(place: Place) -> None:
    place.charge("latches_on_f")
    place.set_fault("tilt")
    place.until(faults=["tilt"])
    place.clear_fault("tilt")
    place.until(faults=[], cp="B", sensed_closed=False)  # it opens S2 1.5 s later
    mark = place.mark()
    place.stays_open(2.5, mark)  # the price of state F: it takes nothing more until it is unplugged
    assert place.evse()["car"]["latched"]
    place.leave()
    place.charge()
    place.leave()


def is_spared_state_f(place: Place) -> None:
    mark = place.mark()
    place.charge("latches_on_f")
    place.set_fault("tilt")
    place.until(faults=["tilt"], commanded_closed=False)
    place.clear_fault("tilt")
    place.charge()
    assert not any(status["duty"] == 0.0 for status in place.since(mark))
    place.leave()


def follows_slowly(place: Place) -> None:
    place.charge("slow")
    place.see(lambda evse: evse["current_a"][0] > 15)
    mark = place.mark()
    place.offer(6)
    place.until(offered_amps=6.0)
    time.sleep(4)
    assert place.evse()["current_a"][0] > 15  # it still draws as before, which is no over-current yet
    place.see(lambda evse: evse["current_a"][0] <= 6)
    off = place.mark()
    place.offer(permit=False)
    opened = place.until(after=off, commanded_closed=False)
    assert place.at_ms(opened) - place.at_ms(place.until(after=off, duty=100.0)) < PAUSE_MS  # it stopped by itself
    assert place.status["cp"] == "B"
    assert not any(status["faults"] for status in place.since(mark))
    place.leave()


def ordinary_ones(place: Place) -> None:
    """Vehicles that differ, but not in what the safety process does with them."""
    place.charge("single_phase")
    place.offer(32)
    evse = place.see(lambda evse: evse["current_a"][0] > 25)
    assert evse["current_a"][1:] == [0, 0]
    place.leave()
    place.charge("five_percent")
    assert place.evse()["car"]["digital"] is False
    place.leave()
    place.charge("tapers", properties={"taper_after_s": 1, "taper_step_s": 0.3})
    place.until(commanded_closed=False, cp="B", faults=[])  # full
    assert place.evse()["reactions"][-1]["cause"] == "ev_stopped"
    place.leave()
    assert place.status["faults"] == []


def pulls_its_plug(place: Place) -> None:
    place.charge("unplugs_under_load", properties={"unplugs_after_s": 1.5})
    place.see(lambda evse: evse["car"]["pulls"])
    mark = place.mark()
    time.sleep(1)
    assert place.evse()["contactor"]["closed"]  # the lock holds it
    assert place.unlock() is not None
    place.offer(permit=False)
    place.until(after=mark, commanded_closed=False, sensed_closed=False)
    assert place.unlock() is None
    place.until(cp="A")
    assert place.evse()["car"] is None
    assert not any(status["faults"] for status in place.since(mark))


def wears(place: Place) -> Round:
    place.charge()
    assert place.status["warnings"] == []
    place.wants(False)
    place.until(commanded_closed=False)
    mark = place.mark()
    place.wants(True)
    closing = place.until(after=mark, cycles=2)
    named = place.until(after=mark, warnings=["contactor_worn"])
    place.until(commanded_closed=True, sensed_closed=True, warnings=["contactor_worn"])
    assert place.reset("contactor_worn") is None
    place.until(warnings=[], cycles=0, commanded_closed=True)
    place.leave()
    at_ms = place.at_ms(closing)
    return Round(
        "contactor_worn", "the last of its rated cycles", None, None, place.at_ms(named) - at_ms, at_ms,
        place.at_ms(named), recovery="a reset; energy flows meanwhile",
    )  # fmt: skip
