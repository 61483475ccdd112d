from pathlib import Path

from drivers.sensor.mock_temperature import Driver
from tests.pilot.small_plant import SmallPlant


def test_the_temperature_follows_the_plant_and_silence_is_unreadable(tmp_path: Path) -> None:
    driver = Driver({"socket": "plant-pins.sock"}, str(tmp_path), 1, {})
    assert driver.celsius(0) is None
    with SmallPlant(tmp_path) as plant:
        now_ms = 1_000
        for wanted in (20.0, 95.0, None, 31.5):
            plant.temperature_c = wanted
            while driver.celsius(now_ms) != wanted:
                now_ms += 1
                assert now_ms < 4_000
                plant.turn()
        plant.silent = True
        plant.turn()
        driver.celsius(now_ms + 1)  # takes in what still waited
        assert driver.celsius(now_ms + 50) == 31.5
        assert driver.celsius(now_ms + 200) is None
        driver.close()
