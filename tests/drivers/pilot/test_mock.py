from pathlib import Path

import pytest

from drivers.pilot.mock import Driver
from stationd.pilot.interfaces import CpReading, DriverError
from tests.pilot.small_plant import SmallPlant

OPTIONS = {"socket": "plant-pins.sock", "stale_ms": 100}


def test_the_pilot_reads_the_plant_and_sets_its_duty(tmp_path: Path) -> None:
    shared: dict[str, object] = {}
    with SmallPlant(tmp_path) as plant:
        plant.car, plant.noise_v = "C", 0.0
        driver = Driver(OPTIONS, str(tmp_path), 1, shared)
        now_ms = 0
        while (reading := driver.sample(now_ms)) is None:
            now_ms += 1
            plant.turn()
        assert reading == CpReading(6.0, 6.0)
        assert driver.set_duty(10.0) == 10.0
        driver.close()
        assert driver.sample(now_ms + 1) is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"socket": "p.sock"}, "stale_ms .int. is missing"),
        ({"socket": "p.sock", "stale_ms": 5}, "must be 10 to 300"),
        ({"socket": "p.sock", "stale_ms": "100"}, "must be int"),
        ({"socket": "p.sock", "stale_ms": True}, "must be int"),
        ({"socket": "p.sock", "stale_ms": 100, "pin": 4}, "pin = 4 is unknown"),
    ],
)
def test_options_are_read_or_refused(tmp_path: Path, options: dict[str, object], sentence: str) -> None:
    with pytest.raises(DriverError, match=sentence):
        Driver(options, str(tmp_path), 1, {})
