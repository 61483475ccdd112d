"""Each fault that may meet a charging vehicle: named, in time, safe, and how it ends."""

import json
import time
from pathlib import Path

import pytest

from tests.pilot.fault_rows.cases import CASES, Case, Recovery
from tests.pilot.fault_rows.place import Place
from tests.pilot.fault_rows.rows import LOOKED_MS, Recorder, Round, reaction_of

STATE_F_MS = 300
HOLD_S = 0.4


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.fault}")
def test_a_fault_while_charging_is_named_and_opens_in_time(place: Place, recorder: Recorder, case: Case) -> None:
    recorder.in_time(place.bench, lambda: _provoked(place, case))


def _provoked(place: Place, case: Case) -> Round:
    """Break it while it charges, look for a while, mend it in the way that it takes, and charge again."""
    place.charge(settled=True)
    before, mark = len(place.reactions()), place.mark()
    from_ms = time.monotonic() * 1e3
    place.set_fault(case.fault)
    named = place.wait(lambda s: case.code in s["faults"] and not s["commanded_closed"], after=mark)
    order = place.until(after=mark, commanded_closed=False)
    place.see(lambda evse: not evse["contactor"]["closed"])
    until_ms = time.monotonic() * 1e3
    place.stays_open(HOLD_S, mark)
    assert case.code in place.status["faults"]
    assert {code for status in place.since(mark) for code in status["faults"]} <= {case.code} | case.companions
    assert tuple(place.status["warnings"]) == case.warnings
    _state_f(place, case, mark)
    reaction = reaction_of(case.fault, place.reactions(), before)
    _ended(place, case)
    if reaction is None:  # the plant sees nothing in it that must open: by the statuses, and the looks at the contacts
        cause_ms = from_ms
        order_ms, parted_ms = place.at_ms(order) - from_ms, _parted(place, from_ms) - from_ms
    else:
        assert not reaction.get("withdrawn")
        cause_ms = reaction["t_ns"] / 1e6
        order_ms, parted_ms = reaction["commanded_after_ms"], reaction["opened_after_ms"]
    return Round(
        case.code, case.words, order_ms, parted_ms, place.at_ms(named) - cause_ms, from_ms, until_ms,
        stalled=bool(reaction and reaction.get("stalled")), bound_ms=case.bound_ms, parts_ms=case.parts_ms,
        recovery=case.recovery,
    )  # fmt: skip


def _parted(place: Place, from_ms: float) -> float:
    """Return when open contacts were seen first after this."""
    return next(truth.at_ms for truth in place.truths if truth.at_ms > from_ms and not truth.closed)


def _state_f(place: Place, case: Case, mark: int) -> None:
    """Assert state F for its time, and then a steady +12 V; or +12 V at once."""
    statuses = place.since(mark)
    opened = next(i for i, status in enumerate(statuses) if status["faults"])  # PWM goes on until it is named
    duties = [status["duty"] for status in statuses[opened:]]
    assert set(duties) <= {0.0, 100.0}, duties
    if case.state_f is not None:
        assert (duties[0] == 0.0) == case.state_f
        assert case.state_f or 0.0 not in duties
    if duties[0] == 0.0:
        high = duties.index(100.0)
        assert 0.0 not in duties[high:]
        lasted_ms = statuses[opened + high]["uptime_ms"] - statuses[opened]["uptime_ms"]
        assert STATE_F_MS - LOOKED_MS <= lasted_ms <= STATE_F_MS + 50
    assert place.status["duty"] == 100.0


def _ended(place: Place, case: Case) -> None:
    """End it in the way that the table of faults says, and in no easier one; then charge again."""
    if case.recovery is Recovery.DURABLE:
        assert "is still faulty" in str(place.reset(case.code))
    place.clear_fault(case.fault)
    if case.recovery is not Recovery.CAUSE:
        time.sleep(1.3)
        assert case.code in place.status["faults"]
        if case.recovery in (Recovery.UNPLUG, Recovery.DURABLE):
            place.leave()
    if case.recovery is Recovery.DURABLE:
        assert place.status["faults"] == [case.code]
        latches = json.loads((Path(place.bench.folder) / "latches.json").read_text())
        assert latches["latched"] == {"1": [case.code]}
        place.bench.kill()
        place.bench.start()
        assert place.status["faults"] == [case.code]
        place.come()
        place.offer()
        mark = place.mark()
        place.stays_open(HOLD_S, mark)
        assert "unplug it first" in str(place.reset(case.code))
        assert place.status["faults"] == [case.code]
        place.leave()
        assert place.reset(case.code) is None
    place.wait(lambda s: not s["faults"])
    place.charge()


def test_mains_that_fail_let_the_driver_go_once_the_contactor_is_open(place: Place) -> None:
    place.charge()
    mark = place.mark()
    place.set_fault("power_loss")
    place.until(faults=["power_loss"], lock="unlocked")
    told = place.since(mark)
    opened = next(i for i, status in enumerate(told) if not status["sensed_closed"])
    assert all(status["lock"] == "locked" for status in told[: opened + 1])
    place.clear_fault("power_loss")
    place.charge()


def test_noise_on_the_pilot_opens_and_does_not_close(place: Place, recorder: Recorder) -> None:
    recorder.in_time(place.bench, lambda: _noise(place))


def _noise(place: Place) -> Round:
    """Faults come and go with what the noise happens to look like; the contactor does not."""
    place.charge(settled=True)
    before, mark, from_ms = len(place.reactions()), place.mark(), time.monotonic() * 1e3
    place.set_fault("cp_noisy")
    place.see(lambda evse: not evse["contactor"]["closed"])
    until_ms = time.monotonic() * 1e3
    place.stays_open(2.0, mark)
    seen = {code for status in place.since(mark) for code in status["faults"]}
    assert "pilot_error" in seen
    assert seen <= {"pilot_error", "diode", "ventilation", "proximity"}
    reaction = reaction_of("cp_noisy", place.reactions(), before)
    assert reaction is not None
    place.clear_fault("cp_noisy")
    place.leave()
    place.until(faults=[])
    place.charge()
    return Round(
        "pilot_error", "pilot at random volts, with other faults", reaction["commanded_after_ms"],
        reaction["opened_after_ms"], None, from_ms, until_ms, stalled=reaction.get("stalled", False), parts_ms=100,
        recovery="unplugging",
    )  # fmt: skip


def test_a_vehicle_that_stops_or_leaves_is_parted_within_100_ms(place: Place, recorder: Recorder) -> None:
    recorder.in_time(place.bench, lambda: _left(place, "ev_stopped", "the vehicle stops (C to B)"))
    recorder.in_time(place.bench, lambda: _left(place, "unplugged", "the plug is pulled (C to A)"))
    recorder.in_time(place.bench, lambda: _left(place, "cp_open", "the pilot is interrupted (12 V)"))


def _left(place: Place, cause: str, words: str) -> Round:
    place.charge()
    before, mark, from_ms = len(place.reactions()), place.mark(), time.monotonic() * 1e3
    if cause == "ev_stopped":
        place.wants(False)
    elif cause == "unplugged":
        place.plug_out()
    else:
        place.set_fault(cause)
    place.until(after=mark, commanded_closed=False, sensed_closed=False)
    until_ms = time.monotonic() * 1e3
    place.stays_open(HOLD_S, mark)
    assert not any(status["faults"] for status in place.since(mark))
    reaction = reaction_of(cause, place.reactions(), before)
    assert reaction is not None
    place.charge()
    return Round(
        "", words, reaction["commanded_after_ms"], reaction["opened_after_ms"], None, from_ms, until_ms,
        stalled=bool(reaction.get("stalled")), bound_ms=50, parts_ms=100, recovery="the vehicle's asking again",
    )  # fmt: skip
