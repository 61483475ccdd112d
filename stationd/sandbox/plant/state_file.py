"""What survives a restart of the plant: the meter's register, the plugged car and the bolt of the lock."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from stationd.sandbox.plant import cars
from stationd.sandbox.plant.car import CABLE_OHM, FIXED_CABLE_A, Car
from stationd.sandbox.plant.errors import ArgumentError, StartError
from stationd.sandbox.plant.evse import Evse, Pins
from stationd.sandbox.plant.plant import Plant

VERSION = 1


def snapshot(plant: Plant) -> str:
    """Return the state as text."""
    evses = {str(evse.evse_id): _evse_snapshot(evse) for evse in plant.evses.values()}
    return json.dumps({"version": VERSION, "evses": evses}, indent=1)


def _evse_snapshot(evse: Evse) -> dict[str, Any]:
    return {
        "energy_wh": evse.meter.energy_wh,
        "phase_wh": evse.meter.phase_wh,
        "locked": evse.lock is not None and evse.lock.locked,
        "phases": evse.phase_switch.position,
        "car": None if evse.car is None else _car_snapshot(evse.car),
    }


def _car_snapshot(car: Car) -> dict[str, Any]:
    return {
        "max_a": car.max_a,
        "phases": car.phases,
        "cable_a": car.cable_a,
        "wants": car.wants,
        "model": car.model.name,
        "properties": cars.differences(car.model),
        "destroyed": car.destroyed,
    }


def save(path: Path, text: str) -> None:
    """Replace the file in one step. May block on the disk: not for the event loop's thread."""
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    os.replace(new, path)


def restore(plant: Plant, path: Path) -> None:
    """Put the plant into the state in the file, if there is one.

    Raises:
        StartError: it cannot be read, or does not fit this plant.
    """
    try:
        saved = json.loads(path.read_text())
        if saved["version"] != VERSION:
            raise ValueError(f"version {saved['version']}, not {VERSION}")  # noqa: TRY301
        for evse in plant.evses.values():
            if (part := saved["evses"].get(str(evse.evse_id))) is not None:
                _restore_evse(evse, part)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StartError(f"cannot read state file {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, ArgumentError) as error:
        raise StartError(f"cannot use state file {path}: {error}; delete it to start afresh") from None


def _restore_evse(evse: Evse, part: dict[str, Any]) -> None:
    evse.meter.write(float(part["energy_wh"]))
    evse.meter.phase_wh = [float(energy_wh) for energy_wh in part["phase_wh"]]
    if evse.lock is not None:
        evse.lock.locked = evse.lock.target = bool(part["locked"])
        evse.pins = Pins(lock=evse.lock.locked)  # so that a first order to unlock is a change
    phases = part.get("phases", 3)
    evse.phase_switch.position = evse.phase_switch.target = 1 if phases == 1 else 3
    evse.pins = replace(evse.pins, phases=evse.phase_switch.position)
    if (car := part["car"]) is None:
        return
    cable_a = float(car["cable_a"])
    if (cable_a == FIXED_CABLE_A) != (evse.lock is None) or (evse.lock is not None and cable_a not in CABLE_OHM):
        raise ValueError(f"a cable of {cable_a:g} A does not fit EVSE {evse.evse_id}")
    model = cars.with_properties(cars.model(car.get("model", cars.DEFAULT)), car.get("properties", {}))
    evse.car = Car(float(car["max_a"]), int(car["phases"]), cable_a, bool(car["wants"]), model=model)
    evse.car.destroyed = bool(car.get("destroyed", False))
