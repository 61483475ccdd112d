"""What survives a restart."""

import json
from pathlib import Path

import pytest

from stationd.sandbox.plant.car import NS, Car
from stationd.sandbox.plant.errors import StartError
from stationd.sandbox.plant.evse import Evse, Pins
from stationd.sandbox.plant.lock import TRAVEL_NS
from stationd.sandbox.plant.plant import Plant
from stationd.sandbox.plant.state_file import restore, save, snapshot
from tests.sandbox.plant.evse_bench import a_car, a_model


def test_register_car_and_bolt_come_back(tmp_path: Path) -> None:
    file = tmp_path / "plant.json"
    before = Plant([Evse(1, 0, meter_start_wh=1000.0), Evse(2, 0)])
    one = before.evses[1]
    one.plug_in(Car(10.0, 1, 20.0, wants=True), 0)
    one.drive(Pins(26.7, close=True, lock=True), 0)
    one.advance(TRAVEL_NS)
    one.drive(one.pins, 2 * TRAVEL_NS)
    one.advance(2 * TRAVEL_NS)
    assert one.flowed_wh > 0
    save(file, snapshot(before))
    after = Plant([Evse(1, 0), Evse(2, 0)])
    restore(after, file)
    again = after.evses[1]
    assert again.meter == one.meter
    assert again.car == Car(10.0, 1, 20.0, wants=True)
    assert again.lock_state == "locked"
    assert not again.contactor.closed
    assert after.evses[2].car is None
    again.drive(Pins(), 1)
    again.advance(1 + TRAVEL_NS)
    assert again.lock_state == "unlocked"


def test_model_properties_damage_and_phases_come_back(tmp_path: Path) -> None:
    file = tmp_path / "plant.json"
    before = Plant([Evse(1, 0)])
    one = before.evses[1]
    one.plug_in(a_model("sleeps", sleeps_after_s=3.0), 0)
    one.drive(Pins(phases=1), 0)
    one.advance(NS)
    assert one.car is not None
    assert one.car.destroyed
    save(file, snapshot(before))
    after = Plant([Evse(1, 0)])
    restore(after, file)
    again = after.evses[1]
    assert again.car is not None
    assert again.car.model == one.car.model
    assert again.car.destroyed
    assert again.phase_switch.feedback == 1
    again.drive(Pins(phases=1), 1)
    assert not again.phase_switch.moving


def test_file_of_a_plant_that_knew_no_models_has_an_ordinary_car(tmp_path: Path) -> None:
    file = tmp_path / "plant.json"
    car = {"max_a": 10.0, "phases": 1, "cable_a": 20.0, "wants": True}
    evse = {"energy_wh": 5.0, "phase_wh": [1, 2, 2], "locked": False, "car": car}
    file.write_text(json.dumps({"version": 1, "evses": {"1": evse}}))
    plant = Plant([Evse(1, 0)])
    restore(plant, file)
    assert plant.evses[1].car == Car(10.0, 1, 20.0, wants=True)


def test_car_of_an_unknown_model_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "plant.json"
    before = Plant([Evse(1, 0)])
    before.evses[1].plug_in(a_car(), 0)
    file.write_text(snapshot(before).replace("three_phase", "tank"))
    with pytest.raises(StartError, match="cannot find car model 'tank'"):
        restore(Plant([Evse(1, 0)]), file)


def test_missing_file_is_a_first_start(tmp_path: Path) -> None:
    plant = Plant([Evse(1, 0, meter_start_wh=7.0)])
    restore(plant, tmp_path / "none")
    assert plant.evses[1].meter.energy_wh == 7


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 9}', '{"version": 1, "evses": {"1": {}}}'])
def test_file_that_cannot_be_used_says_what_to_do(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plant.json"
    file.write_text(text)
    with pytest.raises(StartError, match=r"cannot use state file .*; delete it to start afresh"):
        restore(Plant([Evse(1, 0)]), file)


def test_car_with_a_cable_of_its_own_does_not_fit_a_fixed_one(tmp_path: Path) -> None:
    file = tmp_path / "plant.json"
    before = Plant([Evse(1, 0)])
    before.evses[1].plug_in(Car(10.0, 1, 20.0, wants=True), 0)
    save(file, snapshot(before))
    with pytest.raises(StartError, match="a cable of 20 A does not fit EVSE 1"):
        restore(Plant([Evse(1, 0, tethered=True)]), file)


def test_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot read state file"):
        restore(Plant([Evse(1, 0)]), tmp_path)
