from pathlib import Path

from drivers.fault.mock import Driver
from tests.pilot.small_plant import SmallPlant


def test_an_input_is_read_by_its_name_and_an_unknown_one_is_unreadable(tmp_path: Path) -> None:
    shared: dict[str, object] = {}
    tilt = Driver({"socket": "plant-pins.sock", "input": "tilt"}, str(tmp_path), 1, shared)
    unknown = Driver({"socket": "plant-pins.sock", "input": "flood"}, str(tmp_path), 1, shared)
    assert tilt.name == "tilt"
    assert tilt.faulty(0) is None
    with SmallPlant(tmp_path) as plant:
        now_ms = 1_000
        for wanted in (False, True):
            plant.inputs["tilt"] = wanted
            while tilt.faulty(now_ms) is not wanted:
                now_ms += 1
                assert now_ms < 4_000
                plant.turn()
        assert unknown.faulty(now_ms) is None
        tilt.close()
