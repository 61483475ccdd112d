"""What each fault does to the physics of one EVSE; test_evse.py has those that any station knows."""

from dataclasses import replace

import pytest

from stationd.sandbox.plant import faults
from stationd.sandbox.plant.evse import Evse, Pins
from stationd.sandbox.plant.lock import SLOW_TRAVEL_NS
from tests.sandbox.plant.evse_bench import CLOSED, MS, OPEN, Bench, a_car, a_model


def test_noise_of_the_converter_is_in_every_packet_and_no_reason_to_send_one() -> None:
    evse = Evse(1, 0)
    evse.plug_in(a_car(), 0)
    before = evse.signature()
    volts = [evse.packet()["cp_high_v"] for _ in range(50)]
    assert len(set(volts)) > 10
    assert all(volt == pytest.approx(evse.pilot_volts[0], abs=0.0201) for volt in volts)
    assert evse.signature() == before


def test_stuck_converter_hides_that_the_car_left_and_the_reaction_is_counted_from_there() -> None:
    bench = Bench()
    evse = bench.charge()
    evse.set_fault(faults.CP_STUCK, evse.now_ns)
    assert evse.reactions.view() == []
    before = evse.packet()
    evse.plug_out(evse.now_ns, force=True)
    after = evse.packet()
    assert (before["cp_high_v"], before["cp_low_v"]) == (after["cp_high_v"], after["cp_low_v"])
    assert evse.pilot_volts == (12, -12)
    assert evse.reactions.view()[-1]["cause"] == "unplugged"


def test_noisy_converter_is_sent_every_4_ms_and_the_car_is_not_disturbed() -> None:
    bench = Bench()
    evse = bench.charge()
    evse.set_fault(faults.CP_NOISY, evse.now_ns)
    signatures = set()
    for _ in range(20):
        bench.run(0.004)
        signatures.add(evse.signature())
    assert len(signatures) == 20
    assert evse.current_a[0] > 15
    evse.clear_fault(faults.CP_NOISY, evse.now_ns)
    assert evse.packet()["cp_high_v"] == pytest.approx(evse.pilot_volts[0], abs=0.0201)


def test_mid_band_reading_leaves_the_truth_alone() -> None:
    evse = Bench().charge()
    evse.set_fault(faults.CP_MID_BAND, evse.now_ns)
    assert evse.packet()["cp_high_v"] == pytest.approx(7.5, abs=0.0201)
    assert evse.pilot_volts[0] == pytest.approx(6, abs=0.1)


@pytest.mark.parametrize(("name", "ohm"), [("pp_out_of_range", 30), ("pp_gap", 1000), ("pp_weaker", 680)])
def test_proximity_changes_in_the_middle_of_a_session(name: str, ohm: float) -> None:
    evse = Bench().charge()
    evse.set_fault(name, evse.now_ns)
    assert evse.packet()["pp_ohm"] == ohm
    evse.clear_fault(name, evse.now_ns)
    assert evse.packet()["pp_ohm"] == 220


def test_contactor_that_closes_late_takes_600_ms() -> None:
    bench = Bench()
    bench.evse.set_fault(faults.CLOSES_LATE, 0)
    bench.pins = CLOSED
    bench.run(0.6)
    assert not bench.evse.contactor.closed
    bench.run(0.004)
    assert bench.evse.contactor.closed


def test_contactor_that_opens_late_takes_200_ms() -> None:
    bench = Bench()
    evse = bench.charge()
    evse.set_fault(faults.OPENS_LATE, evse.now_ns)
    evse.set_fault("tilt", evse.now_ns)
    bench.pins = OPEN
    bench.run(0.3)
    reaction = evse.reactions.view()[-1]
    assert (reaction["commanded_after_ms"], reaction["opened_after_ms"]) == (4, 204)


def test_contactor_that_drops_opens_once_by_itself_and_works_again_after_a_new_command() -> None:
    bench = Bench()
    evse = bench.charge()
    evse.set_fault(faults.DROPS, evse.now_ns)
    assert evse.faults == set()
    bench.run(1)
    assert (evse.contactor.closed, evse.contactor.coil) == (False, True)
    reaction = evse.reactions.view()[-1]
    assert (reaction["cause"], reaction["opened_after_ms"], reaction["commanded_after_ms"]) == (
        "contactor_drops", 20, None,
    )  # fmt: skip
    bench.pins = OPEN
    bench.run(0.1)
    assert evse.reactions.view()[-1]["commanded_after_ms"] == 1004
    bench.pins = CLOSED
    bench.run(1)
    assert evse.contactor.closed


def test_contactor_told_to_drop_while_open_does_so_when_it_closes_or_not_if_mended() -> None:
    bench = Bench()
    evse = bench.evse
    evse.set_fault(faults.DROPS, 0)
    assert evse.faults == {"contactor_drops"}
    evse.clear_fault(faults.DROPS, 0)
    bench.pins = CLOSED
    bench.run(1)
    assert evse.contactor.closed
    bench.pins = OPEN
    bench.run(0.1)
    evse.set_fault(faults.DROPS, evse.now_ns)
    bench.pins = CLOSED
    bench.run(0.1)
    assert (evse.contactor.closed, evse.faults) == (False, set())


@pytest.mark.parametrize(
    ("name", "told"), [("feedback_stuck_open", False), ("feedback_stuck_closed", True), ("feedback_lost", None)]
)
def test_wrong_feedback_leaves_the_contacts_alone(name: str, told: bool | None) -> None:
    bench = Bench()
    evse = bench.charge()
    evse.set_fault(name, evse.now_ns)
    assert evse.packet()["contactor_closed"] is told
    assert evse.flowing
    bench.pins = OPEN
    bench.run(0.1)
    assert not evse.contactor.closed


def test_slow_lock_takes_2_s() -> None:
    bench = Bench()
    bench.evse.set_fault(faults.LOCK_SLOW, 0)
    bench.pins = Pins(lock=True)
    bench.run(SLOW_TRAVEL_NS / 1e9)
    assert bench.evse.lock_state == "moving"
    bench.run(0.004)
    assert bench.evse.lock_state == "locked"


def test_lost_feedback_is_null_in_the_packet() -> None:
    evse = Evse(1, 0)
    for name in ("lock_feedback_lost", "phase_feedback_lost", "temperature_lost", "current_lost"):
        evse.set_fault(name, 0)
    packet = evse.packet()
    keys = ("lock", "phases", "temperature_c", "current_a")
    assert [packet[key] for key in keys] == [None] * 4


def test_stuck_phase_switch_stays_and_harms_nobody() -> None:
    bench = Bench()
    evse = bench.charge()
    evse.set_fault(faults.PHASE_SWITCH_STUCK, evse.now_ns)
    bench.pins = replace(CLOSED, phases=1)
    bench.run(1)
    assert evse.packet()["phases"] == 3
    assert evse.car is not None
    assert not evse.car.destroyed


def test_dead_residual_current_device_does_not_answer_its_test() -> None:
    bench = Bench()
    bench.evse.set_fault(faults.RCD_TEST_DEAD, 0)
    bench.pins = Pins(rcd_test=True)
    bench.run(1)
    assert bench.evse.inputs == ()


def test_stuck_residual_current_device_stays_tripped_after_its_test_until_mended() -> None:
    bench = Bench()
    bench.evse.set_fault(faults.RCD_TEST_STUCK, 0)
    bench.pins = Pins(rcd_test=True)
    bench.run(0.1)
    bench.pins = Pins()
    bench.run(1)
    assert bench.evse.inputs == ("rcd_trip",)
    bench.evse.clear_fault(faults.RCD_TEST_STUCK, bench.evse.now_ns)
    bench.run(0.1)
    assert bench.evse.inputs == ()


def test_lost_mains_drop_the_coil_and_leave_no_volts() -> None:
    bench = Bench()
    evse = bench.charge()
    evse.set_fault(faults.POWER_LOSS, evse.now_ns)
    assert evse.current_a == (0, 0, 0)
    assert evse.voltage_v == (0, 0, 0)
    assert evse.packet()["inputs"]["power_loss"] is True
    bench.run(0.1)
    reaction = evse.reactions.view()[-1]
    assert (reaction["cause"], reaction["opened_after_ms"]) == ("power_loss", 20)
    evse.clear_fault(faults.POWER_LOSS, evse.now_ns)
    bench.run(3)
    assert evse.flowing


def test_set_temperature_shows_at_once_until_it_is_given_back_to_physics() -> None:
    evse = Evse(1, 0)
    before = evse.signature()
    evse.set_temperature(71.5, MS)
    assert evse.signature() != before
    assert evse.packet()["temperature_c"] == 71.5
    evse.set_temperature(None, 2 * MS)
    assert evse.packet()["temperature_c"] == 25


def test_car_with_a_broken_charger_takes_half_as_much_again_from_one_moment_on() -> None:
    bench = Bench()
    evse = bench.charge(max_a=10.0)
    assert evse.current_a[0] == 10
    evse.set_fault(faults.OVER_CURRENT, evse.now_ns)
    bench.run(2)
    assert evse.current_a[0] == pytest.approx(24, abs=0.1)
    assert evse.reactions.view()[-1]["cause"] == "over_current"
    bench.pins = OPEN
    bench.run(0.3)
    evse.plug_out(evse.now_ns)
    evse.plug_in(a_model("three_phase"), evse.now_ns)
    assert evse.car is not None
    assert evse.car.excess == 1.5


def test_reset_meter_begins_at_zero_and_goes_on() -> None:
    bench = Bench(meter_start_wh=5000.0)
    evse = bench.charge()
    evse.set_fault(faults.METER_RESET, evse.now_ns)
    assert (evse.meter.energy_wh, evse.faults) == (0, set())
    bench.run(1)
    assert 0 < evse.meter.energy_wh < 10
