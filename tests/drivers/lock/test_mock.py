from pathlib import Path

from drivers.contactor.mock import Driver as Contactor
from drivers.lock.mock import Driver
from stationd.pilot.interfaces import LockFeedback
from tests.pilot.small_plant import SmallPlant


def test_a_write_leaves_with_the_next_beat(tmp_path: Path) -> None:
    shared: dict[str, object] = {}
    options = {"socket": "plant-pins.sock"}
    driver, contactor = Driver(options, str(tmp_path), 1, shared), Contactor(options, str(tmp_path), 1, shared)
    assert driver.feedback(0) is None
    with SmallPlant(tmp_path) as plant:
        now_ms = 1_000
        driver.write(locked=True)
        while driver.feedback(now_ms) is not LockFeedback.LOCKED:
            now_ms += 1
            assert now_ms < 4_000
            contactor.write(closed=False, now_ms=now_ms)
            plant.turn()
        driver.close()
