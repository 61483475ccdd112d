from pathlib import Path

from drivers.contactor.mock import Driver as Contactor
from drivers.pilot.mock import Driver as Pilot
from drivers.pilot.mock_cp_switch import Driver
from tests.pilot.small_plant import SmallPlant

OPTIONS = {"socket": "plant-pins.sock"}


def test_a_parted_pilot_shows_no_vehicle_until_it_is_joined_again(tmp_path: Path) -> None:
    shared: dict[str, object] = {}
    driver, contactor = Driver(OPTIONS, str(tmp_path), 1, shared), Contactor(OPTIONS, str(tmp_path), 1, shared)
    pilot = Pilot({**OPTIONS, "stale_ms": 100}, str(tmp_path), 1, shared)
    with SmallPlant(tmp_path) as plant:
        plant.car, plant.noise_v = "B", 0.0
        now_ms = 1_000
        for connected, volts in ((True, 9.0), (False, 12.0), (True, 9.0)):
            driver.write(connected=connected)
            while (reading := pilot.sample(now_ms)) is None or reading.high_v != volts:
                now_ms += 1
                assert now_ms < 4_000
                contactor.write(closed=False, now_ms=now_ms)
                plant.turn()
        driver.write(connected=False)
        driver.close()
        plant.wait(lambda: plant.pins["n"] > 0 and plant.pins["cp"])
