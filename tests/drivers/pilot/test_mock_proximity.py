from math import inf
from pathlib import Path

from drivers.pilot.mock_proximity import Driver
from tests.pilot.small_plant import SmallPlant


def test_an_open_contact_is_infinite_and_a_silent_plant_unreadable(tmp_path: Path) -> None:
    driver = Driver({"socket": "plant-pins.sock"}, str(tmp_path), 1, {})
    assert driver.ohms(0) is None
    assert driver.takes_cp_turn is False
    with SmallPlant(tmp_path) as plant:
        plant.pp_ohm = None
        now_ms = 1_000
        while (ohms := driver.ohms(now_ms)) is None:
            now_ms += 1
            plant.turn()
        assert ohms == inf
        driver.close()
