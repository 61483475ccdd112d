"""The physics of one EVSE, with a given time."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stationd.sandbox.plant import cars, faults
from stationd.sandbox.plant.car import NS
from stationd.sandbox.plant.contactor import OPENING_NS
from stationd.sandbox.plant.errors import ArgumentError, RefusedError
from stationd.sandbox.plant.evse import GRID_OHM, GRID_V, OUTPUT_LEASE_NS, Evse, Pins
from stationd.sandbox.plant.lock import TRAVEL_NS
from tests.sandbox.plant.evse_bench import CLOSED, MS, OPEN, Bench, a_car, a_model


def test_car_plugged_in_makes_b_and_an_offer_makes_c() -> None:
    bench = Bench()
    evse = bench.evse
    assert evse.pilot_volts == (12, 12)
    evse.plug_in(a_car(), 0)
    assert evse.pilot_volts[0] == pytest.approx(9, abs=0.1)
    assert evse.packet()["pp_ohm"] == 220
    bench.pins = OPEN
    bench.run(0.3)
    assert evse.pilot_volts == (pytest.approx(6, abs=0.1), -12)


@pytest.mark.parametrize(
    ("car", "duty", "amps"),
    [({"max_a": 32.0}, 53.4, 32.0), ({"max_a": 10.0}, 26.7, 10.0), ({"max_a": 32.0, "cable_a": 13.0}, 53.4, 13.0),
     ({"max_a": 32.0}, 10.0, 6.0)],
)  # fmt: skip
def test_current_is_the_least_of_car_duty_and_cable(car: dict[str, float], duty: float, amps: float) -> None:
    bench = Bench()
    evse = bench.charge(**car)
    bench.pins = Pins(duty, close=True, lock=True)
    bench.run(4)
    assert evse.current_a == (pytest.approx(amps, abs=0.05),) * 3
    assert evse.voltage_v[0] == pytest.approx(GRID_V - GRID_OHM * amps, abs=0.01)


@pytest.mark.parametrize("phases", [1, 2, 3])
def test_only_the_cars_phases_carry_current(phases: int) -> None:
    evse = Bench().charge(phases=phases)
    assert [amps > 0 for amps in evse.current_a] == [phase < phases for phase in range(3)]


def test_current_rises_visibly_not_at_once() -> None:
    bench = Bench()
    bench.evse.plug_in(a_car(), 0)
    bench.pins = OPEN
    bench.run(0.3)
    bench.pins = CLOSED
    bench.run(0.5)
    assert 1 < bench.evse.current_a[0] < 15


def test_car_stops_within_3_s_when_pwm_ends_and_opens_s2() -> None:
    bench = Bench()
    evse = bench.charge()
    bench.pins = Pins(100.0, close=True, lock=True)
    bench.run(0.6)
    assert evse.current_a[0] == 0
    assert evse.pilot_volts[0] == pytest.approx(6, abs=0.1)
    bench.run(2.4)
    assert evse.pilot_volts[0] == pytest.approx(9, abs=0.1)


def test_energy_is_the_integral_of_the_power_that_is_reported() -> None:
    bench = Bench()
    bench.evse.plug_in(a_car(phases=2), 0)
    bench.pins = OPEN
    bench.run(0.3)
    bench.pins = CLOSED
    watt_seconds, last_w = 0.0, 0.0
    for _ in range(750):
        bench.run(0.004)
        power_w = bench.evse.power_w
        watt_seconds += (last_w + power_w) / 2 * 0.004
        last_w = power_w
    assert bench.evse.flowed_wh > 1
    assert bench.evse.flowed_wh == pytest.approx(watt_seconds / 3600, rel=1e-4)


def test_speed_multiplies_energy_and_not_power_or_time() -> None:
    bench = Bench()
    evse = bench.charge()
    before_wh, power_w = evse.flowed_wh, evse.power_w
    evse.set_speed(60.0, evse.now_ns)
    bench.run(1)
    assert evse.flowed_wh - before_wh == pytest.approx(power_w * 60 / 3600, rel=1e-6)
    assert evse.power_w == power_w


def test_meter_counts_what_flowed_on_top_of_its_start() -> None:
    bench = Bench(meter_start_wh=5000.0)
    evse = bench.charge()
    assert evse.meter.energy_wh == pytest.approx(5000 + evse.flowed_wh)
    assert evse.meter.register_wh == pytest.approx(5000 + evse.flowed_wh, abs=0.001 * 1000 / 2)


def test_silent_driver_loses_the_coil_after_the_output_lease() -> None:
    bench = Bench()
    evse = bench.charge()
    last_ns = evse.now_ns
    evse.advance(last_ns + OUTPUT_LEASE_NS - 1)
    assert evse.contactor.coil
    evse.advance(last_ns + OUTPUT_LEASE_NS + OPENING_NS)
    assert not evse.contactor.closed
    assert evse.pins.duty == CLOSED.duty
    assert evse.pilot_volts[1] == -12
    reaction = evse.reactions.view()[-1]
    assert (reaction["cause"], reaction["t_ns"]) == ("driver_silent", last_ns)
    assert reaction["opened_after_ms"] == 320
    assert reaction["commanded_after_ms"] is None


def test_pins_that_waited_in_the_socket_count_before_silence_is_judged() -> None:
    evse = Bench().charge()
    late_ns = evse.now_ns + 2 * OUTPUT_LEASE_NS
    evse.drive(CLOSED, late_ns)
    evse.advance(late_ns)
    assert evse.contactor.closed
    assert evse.reactions.view() == []


def test_driver_that_comes_back_gets_its_coil_back() -> None:
    bench = Bench()
    evse = bench.charge()
    evse.advance(evse.now_ns + NS)
    assert evse.contactor.parted
    bench.run(0.1)
    assert evse.contactor.closed


def test_rcd_trip_drops_the_coil_without_the_driver() -> None:
    bench = Bench()
    evse = bench.charge()
    tripped_ns = evse.now_ns
    evse.set_fault(faults.RCD_TRIP, tripped_ns)
    assert evse.packet()["inputs"]["rcd_trip"] is True
    bench.run(0.1)
    assert evse.contactor.parted
    assert evse.reactions.view()[-1]["opened_after_ms"] == 20


def test_test_of_the_residual_current_device_trips_its_input_for_as_long_as_it_lasts() -> None:
    bench = Bench()
    bench.pins = Pins(rcd_test=True)
    bench.run(0.02)
    assert bench.evse.packet()["inputs"]["rcd_trip"] is False
    bench.run(0.004)
    assert bench.evse.packet()["inputs"]["rcd_trip"] is True
    bench.pins = Pins()
    bench.run(0.024)
    assert bench.evse.inputs == ()


def test_test_of_the_residual_current_device_under_load_drops_the_coil() -> None:
    bench = Bench()
    evse = bench.charge()
    bench.pins = replace(CLOSED, rcd_test=True)
    bench.run(0.048)
    assert evse.contactor.parted
    assert evse.reactions.view()[-1]["cause"] == "rcd_trip"


def test_open_pilot_switch_looks_unplugged_from_both_sides() -> None:
    bench = Bench()
    evse = bench.charge()
    bench.pins = replace(OPEN, cp=False)
    bench.run(0.004)
    assert evse.pilot_volts == (12, -12)
    assert evse.car is not None
    assert evse.car.offered_a == 0
    assert evse.packet()["pp_ohm"] == 220
    bench.pins = OPEN
    bench.run(2)
    assert evse.car.offered_a == pytest.approx(16, abs=0.1)
    assert evse.pilot_volts[0] == pytest.approx(6, abs=0.1)


def change_phases(bench: Bench, phases: int) -> None:
    """Change them without harm: open, pilot apart, switch, pilot back, close."""
    before = replace(OPEN, phases=4 - phases)
    after = replace(OPEN, phases=phases)
    for pins in (before, replace(before, cp=False), replace(after, cp=False), after, replace(CLOSED, phases=phases)):
        bench.pins = pins
        bench.run(0.1)


def test_phases_changed_in_the_right_order_leave_one_phase_and_the_car_alive() -> None:
    bench = Bench()
    evse = bench.charge()
    change_phases(bench, 1)
    bench.run(3)
    assert evse.packet()["phases"] == 1
    assert evse.current_a[0] > 10
    assert evse.current_a[1:] == (0, 0)
    change_phases(bench, 3)
    bench.run(3)
    assert min(evse.current_a) > 10
    assert evse.car is not None
    assert evse.car.destroyed is False
    assert (evse.phase_switch.moved_under_load, evse.phase_switch.moved_with_pilot) == (0, 0)


def test_phases_changed_under_closed_contacts_destroy_the_car() -> None:
    bench = Bench()
    evse = bench.charge()
    bench.pins = replace(CLOSED, cp=False)
    bench.run(0.1)
    bench.pins = replace(CLOSED, cp=False, phases=1)
    bench.run(0.1)
    assert evse.car is not None
    assert evse.car.destroyed is True
    assert (evse.phase_switch.moved_under_load, evse.phase_switch.moved_with_pilot) == (1, 0)
    bench.pins = replace(CLOSED, phases=1)
    bench.run(3)
    assert evse.current_a == (0, 0, 0)
    assert evse.pilot_volts[0] == pytest.approx(9, abs=0.1)


def test_contacts_that_close_while_the_switch_moves_destroy_the_car() -> None:
    bench = Bench()
    evse = bench.evse
    evse.plug_in(a_car(), 0)
    bench.pins = Pins(100.0, cp=False)
    bench.run(0.1)
    bench.pins = Pins(100.0, cp=False, phases=1, close=True)
    bench.run(0.1)
    assert evse.phase_switch.moved_under_load == 1


@pytest.mark.parametrize("cp", [True, False])
def test_phases_changed_without_the_pilot_apart_before_destroy_the_car(cp: bool) -> None:
    bench = Bench()
    evse = bench.evse
    evse.plug_in(a_car(), 0)
    bench.pins = Pins(100.0, cp=cp, phases=1)
    bench.run(0.1)
    assert evse.car is not None
    assert evse.car.destroyed is True
    assert (evse.phase_switch.moved_under_load, evse.phase_switch.moved_with_pilot) == (0, 1)


def test_unplugging_under_load_is_timed_until_the_contacts_part() -> None:
    bench = Bench()
    evse = bench.charge()
    evse.plug_out(evse.now_ns, force=True)
    assert evse.current_a == (0, 0, 0)
    bench.run(0.012)
    bench.pins = OPEN
    bench.run(0.1)
    reaction = evse.reactions.view()[-1]
    assert reaction["cause"] == "unplugged"
    assert reaction["commanded_after_ms"] == 16
    assert reaction["opened_after_ms"] == 36


def test_car_that_opens_s2_under_load_stops_the_current_and_is_timed() -> None:
    bench = Bench()
    evse = bench.charge()
    evse.set_wants(evse.now_ns, wants=False)
    assert evse.current_a == (0, 0, 0)
    assert evse.pilot_volts[0] == pytest.approx(9, abs=0.1)
    bench.pins = OPEN
    bench.run(0.1)
    reaction = evse.reactions.view()[-1]
    assert (reaction["cause"], reaction["commanded_after_ms"], reaction["opened_after_ms"]) == ("ev_stopped", 4, 24)


@pytest.mark.parametrize("name", sorted(faults.OPENING - faults.HARDWARE_OPENS))
def test_fault_that_must_open_is_pending_until_the_driver_opens(name: str) -> None:
    bench = Bench()
    evse = bench.charge()
    evse.set_fault(name, evse.now_ns)
    bench.run(0.02)
    reaction = evse.reactions.view()[-1]
    assert (reaction["cause"], reaction["opened_after_ms"]) == (name, None)
    bench.pins = OPEN
    bench.run(0.1)
    assert evse.reactions.view()[-1]["opened_after_ms"] == 44


def test_fault_cleared_before_the_opening_is_withdrawn() -> None:
    evse = Bench().charge()
    evse.set_fault("tilt", evse.now_ns)
    evse.clear_fault("tilt", evse.now_ns + MS)
    assert evse.reactions.view()[-1]["withdrawn"] is True


def test_cause_with_the_coil_off_expects_nothing() -> None:
    evse = Evse(1, 0)
    evse.plug_in(a_car(), 0)
    evse.set_fault("tilt", 1)
    evse.plug_out(2)
    assert evse.reactions.view() == []


def test_welded_contactor_stays_closed_and_its_reaction_stays_open() -> None:
    bench = Bench()
    evse = bench.charge()
    evse.set_fault(faults.WELDED, evse.now_ns)
    evse.set_wants(evse.now_ns, wants=False)
    bench.pins = OPEN
    bench.run(1)
    assert evse.contactor.closed
    assert evse.packet()["contactor_closed"] is True
    reaction = evse.reactions.view()[-1]
    assert (reaction["commanded_after_ms"], reaction["opened_after_ms"]) == (4, None)


def test_stuck_contactor_never_closes() -> None:
    bench = Bench()
    bench.evse.set_fault(faults.STUCK_OPEN, 0)
    bench.evse.plug_in(a_car(), 0)
    bench.pins = CLOSED
    bench.run(1)
    assert not bench.evse.contactor.closed
    assert bench.evse.flowed_wh == 0


@pytest.mark.parametrize(("name", "volts"), [("cp_shorted", (0, 0)), ("cp_open", (12, -12))])
def test_broken_pilot_wire_shows_and_the_car_stops_by_itself(name: str, volts: tuple[float, float]) -> None:
    bench = Bench()
    evse = bench.charge()
    evse.set_fault(name, evse.now_ns)
    assert evse.pilot_volts == volts
    bench.run(3)
    assert evse.current_a == (0, 0, 0)


def test_shorted_diode_shows_at_the_low_half_only_with_pwm() -> None:
    evse = Bench().charge()
    evse.set_fault(faults.DIODE_SHORTED, evse.now_ns)
    high, low = evse.pilot_volts
    assert low == -high


def test_open_proximity_reads_as_no_cable() -> None:
    evse = Evse(1, 0)
    evse.plug_in(a_car(cable_a=20.0), 0)
    assert evse.packet()["pp_ohm"] == 680
    evse.set_fault(faults.PP_OPEN, 1)
    assert evse.packet()["pp_ohm"] is None


def test_over_temperature_is_hot_at_once() -> None:
    evse = Evse(1, 0)
    assert evse.packet()["temperature_c"] == 25
    evse.set_fault(faults.OVER_TEMPERATURE, 0)
    assert evse.packet()["temperature_c"] == 95


def test_cable_cannot_be_pulled_while_the_bolt_holds_it() -> None:
    bench = Bench()
    evse = bench.charge()
    with pytest.raises(RefusedError, match="the lock is locked"):
        evse.plug_out(evse.now_ns)
    bench.pins = OPEN
    bench.run(0.008)
    with pytest.raises(RefusedError, match="the lock is moving"):
        evse.plug_out(evse.now_ns)
    bench.run(TRAVEL_NS / NS)
    evse.plug_out(evse.now_ns)
    assert evse.car is None


def test_plug_does_not_go_into_a_locked_socket_nor_beside_another() -> None:
    bench = Bench()
    bench.pins = Pins(100.0, close=False, lock=True)
    bench.run(0.3)
    with pytest.raises(RefusedError, match="the empty socket's lock is locked"):
        bench.evse.plug_in(a_car(), bench.evse.now_ns)
    other = Evse(2, 0)
    other.plug_in(a_car(), 0)
    with pytest.raises(RefusedError, match="plugged in already"):
        other.plug_in(a_car(), 1)


def test_nothing_can_be_pulled_or_asked_of_an_empty_socket() -> None:
    evse = Evse(3, 0)
    with pytest.raises(RefusedError, match="EVSE 3: no car"):
        evse.plug_out(0)
    with pytest.raises(RefusedError, match="EVSE 3: no car"):
        evse.set_wants(0, wants=True)


def test_fixed_cable_has_no_lock_and_no_proximity() -> None:
    bench = Bench(tethered=True)
    evse = bench.charge()
    assert (evse.lock_state, evse.packet()["pp_ohm"]) == ("none", None)
    evse.plug_out(evse.now_ns)


def test_unknown_fault_is_refused_with_the_list() -> None:
    with pytest.raises(ArgumentError, match=r"'rcd': known are rcd_trip, pe_loss"):
        Evse(1, 0).set_fault("rcd", 0)


# --- properties: any story ---

STEPS = st.one_of(
    st.tuples(
        st.just("drive"),
        st.builds(
            Pins,
            st.sampled_from([0.0, 5.0, 10.0, 26.7, 53.3, 100.0]),
            st.booleans(),
            st.booleans(),
            st.sampled_from([3, 3, 1]),
            st.sampled_from([True, True, False]),
            st.sampled_from([False, False, True]),
        ),
    ),
    st.tuples(st.just("plug_in"), st.sampled_from([0, 1, 2, 3])),
    st.tuples(st.just("model"), st.sampled_from(tuple(cars.models()))),
    st.tuples(st.just("plug_out"), st.booleans()),
    st.tuples(st.just("wants"), st.booleans()),
    st.tuples(st.just("fault"), st.sampled_from([name for name in faults.KNOWN if name != faults.METER_RESET])),
    st.tuples(st.just("mend"), st.sampled_from(faults.KNOWN)),
    st.tuples(st.just("speed"), st.sampled_from([1.0, 60.0])),
    st.tuples(st.just("beat"), st.just(0)),
)
CHARGING = [(0, ("plug_in", 3)), (0, ("drive", CLOSED)), (220, ("beat", 0)), (220, ("beat", 0))]


def stories(longest_wait_ms: int) -> st.SearchStrategy[list[tuple[int, Any]]]:
    steps = st.lists(st.tuples(st.integers(0, longest_wait_ms), STEPS), max_size=40)
    return st.tuples(st.sampled_from([[], CHARGING]), steps).map(lambda parts: [*parts[0], *parts[1]])


def act(evse: Evse, step: tuple[str, Any], now_ns: int) -> None:
    name, value = step
    try:
        match name:
            case "drive":
                evse.drive(value, now_ns)
            case "beat":
                evse.drive(evse.pins, now_ns)
            case "plug_in":
                evse.plug_in(a_car(phases=value or 1, wants_at_ns=None if value else now_ns + NS), now_ns)
            case "model":
                quick = {"sleeps_after_s": 0.3, "taper_after_s": 0.3, "unplugs_after_s": 0.4}
                model = cars.model(value)
                given = {name: each for name, each in quick.items() if getattr(model, name)}
                evse.plug_in(a_model(value, **given), now_ns)
            case "plug_out":
                evse.plug_out(now_ns, force=value)
            case "wants":
                evse.set_wants(now_ns, wants=value)
            case "fault":
                evse.set_fault(value, now_ns)
            case "mend":
                evse.clear_fault(value, now_ns)
            case _:
                evse.set_speed(value, now_ns)
    except RefusedError:
        pass


@settings(max_examples=150, deadline=None)
@given(stories(2000))
def test_energy_never_decreases_and_flows_only_through_closed_contacts(story: list[tuple[int, Any]]) -> None:
    evse = Evse(1, 0, meter_start_wh=1000.0)
    now_ns = 0
    for wait_ms, step in story:
        before = (evse.flowed_wh, evse.meter.energy_wh)
        could_flow = evse.flowing or evse.next_event_ns() is not None
        now_ns += wait_ms * MS
        evse.advance(now_ns)
        act(evse, step, now_ns)
        evse.advance(now_ns)
        assert evse.flowed_wh >= before[0]
        assert evse.meter.energy_wh >= before[1]
        assert could_flow or evse.flowed_wh == before[0]
        if not evse.contactor.closed or evse.car is None:
            assert evse.current_a == (0, 0, 0)
            assert evse.power_w == 0
        lease_over = evse.pins_at_ns is None or now_ns - evse.pins_at_ns > OUTPUT_LEASE_NS + OPENING_NS
        if (lease_over or faults.HARDWARE_OPENS.intersection(evse.inputs)) and evse.contactor.coil:
            raise AssertionError("the coil is on without a lease, through an RCD trip or without mains")
        assert evse.meter.energy_wh == pytest.approx(1000 + evse.flowed_wh)


@settings(max_examples=100, deadline=None)
@given(stories(140), st.integers(1, 97))
def test_it_does_not_matter_how_often_the_physics_is_looked_at(story: list[tuple[int, Any]], look_ms: int) -> None:
    rarely, often = Evse(1, 0), Evse(1, 0)
    now_ns = 0
    for wait_ms, step in story:
        until_ns = now_ns + wait_ms * MS
        while now_ns < until_ns:
            now_ns = min(now_ns + look_ms * MS, until_ns)
            often.advance(now_ns)
        act(rarely, step, now_ns)
        act(often, step, now_ns)
    rarely.advance(now_ns)
    often.advance(now_ns)
    # heartbeats are the one thing that is judged when it is looked at: a look after the lease ran out drops the coil
    if not any(entry["cause"] == "driver_silent" for entry in often.reactions.view()):
        assert rarely.signature() == often.signature()
        assert rarely.flowed_wh == pytest.approx(often.flowed_wh, rel=1e-9, abs=1e-9)
        assert rarely.reactions.view() == often.reactions.view()
