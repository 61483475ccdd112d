"""The real process on a board that has everything: each part of the profile does its work."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stationd.pilot.protocol import Offer
from tests.pilot.small_plant import SmallPlant
from tests.pilot.station import Station, Watcher, running


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[SmallPlant]:
    with SmallPlant(tmp_path) as plant:
        yield plant


@pytest.fixture
def station(plant: SmallPlant, tmp_path: Path) -> Iterator[Station]:
    with running(tmp_path) as station:
        yield station


def is_closed(message: dict[str, Any]) -> bool:
    return bool(message["type"] == "status" and message["sensed_closed"])


def has_fault(message: dict[str, Any]) -> bool:
    return bool(message["type"] == "status" and message["faults"])


def charge(station: Station, plant: SmallPlant) -> Watcher:
    """Return the brain under which a vehicle charges."""
    brain = station.client("brain")
    brain.status(cp="A")
    plant.car = "B"
    brain.status(cp="B", pp_amps=32.0)
    brain.offer()
    time.sleep(0.2)  # a vehicle closes S2 once it has seen PWM
    plant.car = "C"
    brain.wait(is_closed, repeat=brain.offer)
    return brain


def test_the_self_test_was_passed_before_anything_closed(station: Station, plant: SmallPlant) -> None:
    brain = charge(station, plant)
    status = brain.seen[-1]
    assert (status["rcd_test"], status["phases"], status["temperature_c"]) == ("passed", 3, 20.0)
    assert status["faults"] == []


def test_a_pilot_that_repeats_itself_exactly_opens(station: Station, plant: SmallPlant) -> None:
    brain = charge(station, plant)
    plant.noise_v = 0.0
    brain.status(faults=["pilot_error"])
    plant.wait(lambda: not plant.closed)


def test_warmth_takes_current_away_and_heat_opens(station: Station, plant: SmallPlant) -> None:
    brain = charge(station, plant)
    plant.temperature_c = 75.0
    warm = brain.wait(lambda m: m["type"] == "status" and m["offered_amps"] < 16.0, repeat=brain.offer)
    assert warm["warnings"] == ["derated"]
    assert 6.0 <= warm["offered_amps"] <= 8.5  # of 16 A, three quarters of the way from 60 to 80 degrees
    plant.temperature_c = 95.0
    assert brain.wait(has_fault, repeat=brain.offer)["faults"] == ["over_temperature"]
    plant.wait(lambda: not plant.closed)


def test_a_temperature_that_cannot_be_read_opens(station: Station, plant: SmallPlant) -> None:
    brain = charge(station, plant)
    plant.temperature_c = None
    assert brain.wait(has_fault, repeat=brain.offer)["faults"] == ["hardware"]
    plant.wait(lambda: not plant.closed)


def test_a_phase_switch_that_cannot_be_read_opens(station: Station, plant: SmallPlant) -> None:
    brain = charge(station, plant)
    plant.phases = None
    assert brain.wait(has_fault, repeat=brain.offer)["faults"] == ["hardware"]
    plant.wait(lambda: not plant.closed)


def test_a_failed_mains_opens_and_unlocks(station: Station, plant: SmallPlant) -> None:
    brain = charge(station, plant)
    plant.inputs["power_loss"] = True
    assert brain.wait(has_fault, repeat=brain.offer)["faults"] == ["power_loss"]
    brain.status(lock="unlocked", sensed_closed=False)
    plant.wait(lambda: plant.lock == "unlocked")


def test_more_current_than_offered_opens_after_its_time(station: Station, plant: SmallPlant) -> None:
    brain = charge(station, plant)
    plant.current_a = [20.0, 20.0, 20.0]  # of 16 A
    began = brain.seen[-1]["uptime_ms"]
    status = brain.wait(has_fault, repeat=brain.offer)
    assert status["faults"] == ["over_current"]
    assert status["uptime_ms"] - began >= 6_900
    plant.wait(lambda: not plant.closed)


def test_an_offer_of_one_phase_moves_the_switch_with_contactor_open_and_pilot_parted(
    station: Station, plant: SmallPlant
) -> None:
    brain = charge(station, plant)

    def offer_one_phase() -> None:
        brain.send(Offer(1, 16.0, 1, True, 10_000, 2))

    offer_one_phase()
    plant.wait(lambda: plant.pins["duty"] == 100.0)
    plant.car = "B"  # the vehicle stops drawing
    plant.wait(lambda: plant.pins["phases"] == 1)
    assert (plant.pins["close"], plant.pins["cp"], plant.pins["duty"]) == (False, False, 100.0)
    plant.wait(lambda: plant.pins["cp"])
    plant.car = "C"
    status = brain.wait(lambda m: is_closed(m) and m["phases"] == 1, repeat=offer_one_phase)
    assert status["faults"] == []
    assert (plant.phases, plant.closed) == (1, True)
