from pathlib import Path

from drivers.contactor.mock import Driver
from tests.pilot.small_plant import SmallPlant


def test_a_write_reaches_the_coil_and_its_feedback_comes_back(tmp_path: Path) -> None:
    driver = Driver({"socket": "plant-pins.sock"}, str(tmp_path), 1, {})
    assert driver.sensed_closed(0) is None
    with SmallPlant(tmp_path) as plant:
        now_ms = 1_000
        while driver.sensed_closed(now_ms) is None:
            now_ms += 1
            plant.turn()
        for closed in (True, False):
            for _ in range(2_000):
                now_ms += 1
                driver.write(closed=closed, now_ms=now_ms)
                if driver.sensed_closed(now_ms) is closed:
                    break
                plant.turn()
            assert driver.sensed_closed(now_ms) is closed
        driver.close()


def test_the_coil_drops_when_the_beats_stop(tmp_path: Path) -> None:
    driver = Driver({"socket": "plant-pins.sock"}, str(tmp_path), 1, {})
    with SmallPlant(tmp_path) as plant:
        now_ms = 0
        while driver.sensed_closed(now_ms) is None:
            now_ms += 1
            plant.turn()
        driver.write(closed=True, now_ms=now_ms)
        plant.wait(lambda: plant.closed)
        plant.wait(lambda: not plant.closed)
        driver.close()
