"""The control's methods on a real plant: when they are answered, and what they do."""

from typing import Any

import pytest

from stationd.sandbox.plant import cars, faults
from stationd.sandbox.plant.errors import PlantError
from tests.sandbox.plant.bench import Bench, charging, obey, running, short_folder


def test_plug_in_is_answered_after_the_driver_was_sent_the_new_voltage(bench: Bench) -> None:
    with bench.driver() as driver:
        driver.wait(lambda state: state["cp_high_v"] > 11)
        assert bench.client.plug_in(cable_a=20) == {"driver_told": True}
        driver.wait(lambda state: 8 < state["cp_high_v"] < 10 and state["pp_ohm"] == 680)


def test_calls_work_without_a_driver_and_say_so(bench: Bench) -> None:
    assert bench.client.plug_in() == {"driver_told": False}
    assert bench.client.plug_out() == {"driver_told": False}


def test_plug_out_of_a_locked_socket_needs_force(bench: Bench) -> None:
    with bench.driver(1, obey) as driver:
        bench.client.plug_in()
        driver.wait(lambda state: state["lock"] == "locked")
        with pytest.raises(PlantError, match="cannot plug out at EVSE 1: the lock is locked; unlock first") as refused:
            bench.client.plug_out()
        assert refused.value.code == -32000
        driver.wait(charging)
        bench.client.plug_out(force=True)
        driver.wait(lambda state: state["cp_high_v"] > 11 and not state["contactor_closed"])
    reaction = bench.client.evse()["reactions"][-1]
    assert reaction["cause"] == "unplugged"
    assert 0 <= reaction["commanded_after_ms"] < reaction["opened_after_ms"]


def test_car_that_wants_power_later_waits_for_the_word(bench: Bench) -> None:
    with bench.driver(1, obey) as driver:
        bench.client.plug_in(wants_power="later")
        driver.wait(lambda state: state["cp_low_v"] < -11)  # PWM
        assert bench.client.evse()["car"]["s2_closed"] is False
        bench.client.wait_until(lambda evse: evse["car"]["offered_a"] > 15)
        assert bench.client.wants_power(True)["s2_closed"] is True
        driver.wait(charging)
        bench.client.wants_power(False)
        driver.wait(lambda state: not state["contactor_closed"])
    assert bench.client.evse()["reactions"][-1]["cause"] == "ev_stopped"


def test_car_that_wants_power_in_half_a_second_begins_by_itself(bench: Bench) -> None:
    with bench.driver(1, obey) as driver:
        bench.client.plug_in(wants_power=0.5)
        car = bench.client.evse()["car"]
        assert car["wants_power"] is False
        assert 0 < car["wants_power_in_s"] <= 0.5
        driver.wait(charging)


def test_input_faults_reach_the_driver_and_open_and_go_again(bench: Bench) -> None:
    with bench.driver(1, obey) as driver:
        bench.client.plug_in()
        for name in faults.INPUTS:
            driver.wait(charging)
            assert bench.client.set_fault(name) == {"driver_told": True}
            driver.wait(lambda state, name=name: state["inputs"][name] and not state["contactor_closed"])
            evse = bench.client.evse()
            assert evse["faults"] == [name]
            assert evse["reactions"][-1]["cause"] == name
            bench.client.clear_fault(name)
        driver.wait(lambda state: not any(state["inputs"].values()))


def test_car_of_a_model_with_other_values_is_plugged_in(bench: Bench) -> None:
    bench.client.plug_in(model="single_phase", current_a=20, properties={"close_s": 0})
    car = bench.client.evse()["car"]
    assert (car["model"], car["current_a"], car["phases"], car["cable_a"]) == ("single_phase", 20, 1, 32)
    bench.client.plug_in(2, model="latches_on_f")
    assert bench.client.evse(2)["car"]["current_a"] == 16


@pytest.mark.parametrize(
    ("given", "sentence"),
    [({"model": "tank"}, "cannot find car model 'tank': known are three_phase"),
     ({"properties": {"wheels": 3}}, "cannot set property 'wheels' of a car")],
)  # fmt: skip
def test_car_that_there_is_not_is_refused(shared_bench: Bench, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PlantError, match=sentence) as refused:
        shared_bench.client.plug_in(**given)
    assert refused.value.code == -32602
    assert shared_bench.client.evse()["car"] is None


def test_models_are_listed_with_a_sentence_each(shared_bench: Bench) -> None:
    listed = shared_bench.client.models()
    assert [each["name"] for each in listed] == list(cars.models())
    assert all(each["about"] for each in listed)


def test_temperature_can_be_set_and_given_back(bench: Bench) -> None:
    with bench.driver() as driver:
        driver.wait(lambda state: state["temperature_c"] == 25)
        assert bench.client.set_temperature(66.5) == {"driver_told": True}
        driver.wait(lambda state: state["temperature_c"] == 66.5)
        bench.client.set_fault("temperature_lost")
        driver.wait(lambda state: state["temperature_c"] is None)
        bench.client.clear_fault("temperature_lost")
        bench.client.set_temperature(None)
        driver.wait(lambda state: state["temperature_c"] == 25)


def test_meter_can_be_written(bench: Bench) -> None:
    assert bench.client.set_meter(2, energy_wh=5000) == {"meter_wh": 5000.0}
    assert bench.client.evse(2)["meter"]["meter_wh"] == 5000
    assert bench.client.evse(1)["meter"]["meter_wh"] != 5000


def test_state_gives_as_many_reactions_as_asked_for(bench: Bench) -> None:
    with bench.driver(1, obey) as driver:
        bench.client.plug_in()
        for _ in range(2):
            driver.wait(charging)
            bench.client.set_fault("tilt")
            driver.wait(lambda state: not state["contactor_closed"])
            bench.client.clear_fault("tilt")
    assert len(bench.client.state()["evses"][0]["reactions"]) == 2
    assert len(bench.client.state(last_reactions=1)["evses"][0]["reactions"]) == 1


def test_fixed_cable_has_neither_lock_nor_proximity() -> None:
    with short_folder() as folder, running(folder, "--outlet", "tethered") as bench, bench.driver(1, obey) as driver:
        bench.client.plug_in(cable_a=13, current_a=32)
        driver.wait(lambda state: state["lock"] == "none" and state["pp_ohm"] is None and state["current_a"][0] > 13.5)
        bench.client.plug_out()
