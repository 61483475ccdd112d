from pathlib import Path

from drivers.contactor.mock import Driver as Contactor
from drivers.fault.mock import Driver as Fault
from drivers.fault.mock_rcd_test import Driver
from tests.pilot.small_plant import SmallPlant

OPTIONS = {"socket": "plant-pins.sock"}


def test_the_test_shows_at_the_fault_input_and_ends(tmp_path: Path) -> None:
    shared: dict[str, object] = {}
    driver, contactor = Driver(OPTIONS, str(tmp_path), 1, shared), Contactor(OPTIONS, str(tmp_path), 1, shared)
    trip = Fault({**OPTIONS, "input": "rcd_trip"}, str(tmp_path), 1, shared)
    with SmallPlant(tmp_path) as plant:
        now_ms = 1_000
        for active in (False, True, False):
            driver.write(active=active)
            while trip.faulty(now_ms) is not active:
                now_ms += 1
                assert now_ms < 4_000
                contactor.write(closed=False, now_ms=now_ms)
                plant.turn()
        driver.write(active=True)
        contactor.write(closed=False, now_ms=now_ms)
        plant.wait(lambda: plant.pins["rcd_test"])
        driver.close()
        plant.wait(lambda: not plant.pins["rcd_test"])
