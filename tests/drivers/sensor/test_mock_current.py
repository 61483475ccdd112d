from pathlib import Path

from drivers.sensor.mock_current import Driver
from tests.pilot.small_plant import SmallPlant


def test_the_currents_follow_the_plant_and_one_missing_is_unreadable(tmp_path: Path) -> None:
    driver = Driver({"socket": "plant-pins.sock"}, str(tmp_path), 1, {})
    assert driver.amps(0) is None
    cases: tuple[tuple[list[float | None] | None, tuple[float, float, float] | None], ...] = (
        ([0.0, 0.0, 0.0], (0.0, 0.0, 0.0)),
        ([16.0, 15.5, 0.25], (16.0, 15.5, 0.25)),
        ([16.0, None, 0.25], None),
        ([32, 0, 0], (32.0, 0.0, 0.0)),
        (None, None),
    )
    with SmallPlant(tmp_path) as plant:
        now_ms = 1_000
        for told, wanted in cases:
            plant.current_a = told
            while driver.amps(now_ms) != wanted:
                now_ms += 1
                assert now_ms < 4_000
                plant.turn()
        driver.close()
