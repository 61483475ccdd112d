"""Faults and warnings before anything flows, and those that only offer less."""

import time

import pytest

from tests.pilot.fault_rows.place import Place
from tests.pilot.fault_rows.rows import Recorder, Round

HOLD_S = 0.6


def now_ms() -> float:
    return time.monotonic() * 1e3


@pytest.mark.parametrize(
    ("fault", "companions", "words"),
    [
        ("rcd_test_dead", [], "the device does not answer its test"),
        ("rcd_test_stuck", ["rcd_trip"], "the device stays tripped after its test"),
    ],
)
def test_a_device_that_fails_its_test_lets_nothing_close(
    place: Place, recorder: Recorder, fault: str, companions: list[str], words: str
) -> None:
    recorder.in_time(place.bench, lambda: _fails_its_test(place, fault, companions, words))


def _fails_its_test(place: Place, fault: str, companions: list[str], words: str) -> Round:
    place.empty()
    place.set_fault(fault)
    place.come()
    mark, from_ms = place.mark(), now_ms()
    place.offer()
    begun = place.until(after=mark, rcd_test="running")
    named = place.wait(lambda s: "rcd_self_test" in s["faults"], after=mark)
    until_ms = now_ms()
    place.stays_open(HOLD_S, mark)
    assert not any(status["commanded_closed"] for status in place.since(mark))
    assert place.status["faults"] == ["rcd_self_test", *companions]
    assert place.status["rcd_test"] == "failed"
    place.clear_fault(fault)
    time.sleep(HOLD_S)
    assert "rcd_self_test" in place.status["faults"]
    place.leave()
    place.until(faults=companions)
    if companions:
        time.sleep(1.1)  # an input counts as quiet after a second
        place.reset("rcd_trip")
    place.charge()
    assert place.status["rcd_test"] == "passed"
    return Round(
        "rcd_self_test", words, None, None, place.at_ms(named) - place.at_ms(begun), from_ms, until_ms,
        recovery="unplugging, not by the end of its cause",
    )  # fmt: skip


def test_a_vehicle_that_needs_ventilation_is_not_served(place: Place, recorder: Recorder) -> None:
    recorder.in_time(place.bench, lambda: _needs_ventilation(place))


def _needs_ventilation(place: Place) -> Round:
    place.empty()
    place.come("needs_ventilation")
    mark, from_ms = place.mark(), now_ms()
    place.offer()
    asked_ms = place.cause(lambda evse: evse["car"]["s2_closed"])
    named = place.until(after=mark, faults=["ventilation"], cp="D")
    until_ms = now_ms()
    place.stays_open(HOLD_S, mark)
    place.until(cp="B", faults=[])  # it sees no offer any more, and opens S2
    place.until(cp="D", faults=["ventilation"])
    assert not any(status["commanded_closed"] for status in place.since(mark))
    place.wants(False)
    place.until(faults=[])
    place.leave()
    place.charge()
    return Round(
        "ventilation", "vehicle asks with state D", None, None, place.at_ms(named) - asked_ms, from_ms, until_ms,
        recovery="the end of its cause",
    )  # fmt: skip


def test_a_vehicle_without_its_diode_is_not_served(place: Place, recorder: Recorder) -> None:
    recorder.in_time(place.bench, lambda: _has_no_diode(place))


def _has_no_diode(place: Place) -> Round:
    place.empty()
    place.come("broken_diode")
    mark, from_ms = place.mark(), now_ms()
    place.offer()
    begun = place.wait(lambda s: 0 < s["duty"] < 100, after=mark)
    named = place.until(after=mark, faults=["diode"])
    until_ms = now_ms()
    place.stays_open(HOLD_S, mark)
    assert not any(status["commanded_closed"] for status in place.since(mark))
    assert place.reset("diode") is not None
    place.leave()
    place.until(faults=[])
    place.charge()
    return Round(
        "diode", "vehicle without diode, from the start of PWM", None, None, place.at_ms(named) - place.at_ms(begun),
        from_ms, until_ms, recovery="unplugging",
    )  # fmt: skip


def test_a_cable_that_cannot_be_read_is_not_served(place: Place, recorder: Recorder) -> None:
    recorder.in_time(place.bench, lambda: _cannot_be_read(place))


def _cannot_be_read(place: Place) -> Round:
    place.empty()
    place.set_fault("pp_open")
    place.offer(permit=False)
    place.see(lambda evse: evse["lock"] == "unlocked")
    mark, from_ms = place.mark(), now_ms()
    place.plug_in()
    place.offer()
    named = place.until(after=mark, faults=["proximity"])
    until_ms = now_ms()
    place.stays_open(HOLD_S, mark)
    assert place.status["duty"] == 100.0
    place.clear_fault("pp_open")
    place.until(faults=[])
    place.charge()
    return Round(
        "proximity", "no cable can be read at plug-in", None, None, place.at_ms(named) - from_ms, from_ms, until_ms,
        recovery="the end of its cause",
    )  # fmt: skip


@pytest.mark.parametrize(("fault", "amps"), [("pp_gap", 13.0), ("pp_weaker", 20.0)])
def test_a_cable_that_looks_weaker_lowers_the_offer_until_it_is_unplugged(
    place: Place, fault: str, amps: float
) -> None:
    place.empty()
    place.charge("three_phase", current_a=32)
    place.offer(32)
    place.until(offered_amps=32.0)
    mark = place.mark()
    place.set_fault(fault)
    place.until(pp_amps=amps, offered_amps=pytest.approx(amps, abs=0.1))
    place.clear_fault(fault)
    time.sleep(HOLD_S)
    assert place.status["pp_amps"] == amps
    assert all(status["commanded_closed"] and not status["faults"] for status in place.since(mark))
    place.leave()
    place.charge()
    place.until(pp_amps=32.0)


def test_a_warm_station_offers_less(place: Place, recorder: Recorder) -> None:
    recorder.in_time(place.bench, lambda: _is_warm(place))


def _is_warm(place: Place) -> Round:
    place.charge()
    place.offer(32)
    mark, from_ms = place.mark(), now_ms()
    place.plant.set_temperature(70.0, place.evse_id)
    named = place.until(after=mark, warnings=["derated"], offered_amps=pytest.approx(19.0, abs=0.1))
    until_ms = now_ms()
    place.plant.set_temperature(90.0, place.evse_id)
    place.until(faults=["over_temperature"], commanded_closed=False)
    place.plant.set_temperature(82.0, place.evse_id)
    time.sleep(HOLD_S)
    assert place.status["faults"] == ["over_temperature"]  # 5 degrees of hysteresis
    place.plant.set_temperature(79.0, place.evse_id)
    place.until(faults=[], warnings=["derated"])
    place.until(commanded_closed=True, offered_amps=pytest.approx(6.0, abs=0.1))
    place.plant.set_temperature(25.0, place.evse_id)
    place.until(warnings=[], offered_amps=32.0, commanded_closed=True)
    return Round(
        "derated", "70 C while charging", None, None, place.at_ms(named) - from_ms, from_ms, until_ms,
        recovery="the end of its cause",
    )  # fmt: skip


def test_a_process_that_dies_again_and_again_closes_nothing(place: Place, recorder: Recorder) -> None:
    recorder.in_time(place.bench, lambda: _dies_again(place))


def _dies_again(place: Place) -> Round:
    place.empty()
    place.bench.kill()
    (place.bench.folder / "restarts.json").unlink()  # as a boot of the board does
    place.bench.start()
    place.come()
    for _ in range(5):
        assert place.status["faults"] == []
        place.bench.kill()
        from_ms = now_ms()
        place.bench.start()
    first = next(told.status for told in place.told if told.status["boot_id"] == place.status["boot_id"])
    assert first["faults"] == ["restart_loop"]
    place.offer()
    place.stays_open(HOLD_S, place.mark())
    assert place.status["waits_for"] in ("", "fault")
    assert place.reset("restart_loop") is None
    place.charge()
    return Round(
        "restart_loop", "killed five times; in the first status", None, None, 0.0, from_ms, now_ms(),
        recovery="a reset",
    )  # fmt: skip
