from pathlib import Path

from drivers.contactor.mock import Driver as Contactor
from drivers.contactor.mock_phase_switch import Driver
from tests.pilot.small_plant import SmallPlant

OPTIONS = {"socket": "plant-pins.sock"}


def test_the_switch_follows_and_an_unreadable_one_is_none(tmp_path: Path) -> None:
    shared: dict[str, object] = {}
    driver, contactor = Driver(OPTIONS, str(tmp_path), 1, shared), Contactor(OPTIONS, str(tmp_path), 1, shared)
    assert driver.sensed_phases(0) is None
    with SmallPlant(tmp_path) as plant:
        now_ms = 1_000
        for wanted in (1, 3):
            driver.write(phases=wanted, now_ms=now_ms)
            while driver.sensed_phases(now_ms) != wanted or plant.pins.get("phases") != wanted:
                now_ms += 1
                assert now_ms < 4_000
                contactor.write(closed=False, now_ms=now_ms)
                plant.turn()
        plant.phases = 0
        while driver.sensed_phases(now_ms) != 0:
            now_ms += 1
            assert now_ms < 4_000
            plant.turn()
        plant.phases = None
        while driver.sensed_phases(now_ms) is not None:
            now_ms += 1
            assert now_ms < 4_000
            plant.turn()
        driver.close()
