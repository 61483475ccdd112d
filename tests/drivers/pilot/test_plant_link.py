import math
from pathlib import Path

import pytest

from drivers.pilot.plant_link import RETRY_MS, PlantLink, link_of
from stationd.pilot.interfaces import DriverError, LockFeedback
from tests.pilot.small_plant import SmallPlant


def look_until_fresh(link: PlantLink, plant: SmallPlant, now_ms: int = 0) -> int:
    for _ in range(2_000):
        now_ms += 1
        if link.look(now_ms):
            return now_ms
        plant.turn()
    raise AssertionError("never fresh")


def test_the_link_attaches_and_takes_the_newest_state(tmp_path: Path) -> None:
    with SmallPlant(tmp_path) as plant:
        plant.car, plant.noise_v = "B", 0.0
        link = PlantLink(str(plant.path), 3)
        look_until_fresh(link, plant)
        plant.wait(lambda: plant.attached == [3])
        assert (link.high_v, link.low_v, link.pp_ohm) == (9.0, 9.0, 220.0)
        assert link.lock_feedback is LockFeedback.UNLOCKED
        link.close()


def test_a_beat_carries_all_pins_and_is_counted(tmp_path: Path) -> None:
    with SmallPlant(tmp_path) as plant:
        link = PlantLink(str(plant.path), 1)
        look_until_fresh(link, plant)
        link.duty, link.close_coil, link.lock = 16 / 0.6, True, True
        link.beat()
        link.beat()
        plant.wait(lambda: plant.pins_seen == 2)
        usual = {"phases": 3, "cp": True, "rcd_test": False}
        assert plant.pins == {"duty": 16 / 0.6, "close": True, "lock": True, **usual, "n": 2}
        link.close_coil, link.phases, link.cp_connected, link.rcd_test = False, 1, False, True
        link.beat()
        plant.wait(lambda: plant.pins_seen == 3)
        other = {"phases": 1, "cp": False, "rcd_test": True}
        assert plant.pins == {"duty": 16 / 0.6, "close": False, "lock": True, **other, "n": 3}
        link.close()


def test_parting_opens_the_coil_and_sends_what_was_written_last(tmp_path: Path) -> None:
    with SmallPlant(tmp_path) as plant:
        link = PlantLink(str(plant.path), 1)
        look_until_fresh(link, plant)
        link.close_coil, link.duty, link.cp_connected, link.rcd_test = True, 10.0, False, True
        link.beat()
        link.duty = 100.0
        link.close()
        plant.wait(lambda: plant.pins_seen == 2)
        assert (plant.pins["close"], plant.pins["duty"]) == (False, 100.0)
        assert (plant.pins["cp"], plant.pins["rcd_test"]) == (True, False)


@pytest.mark.parametrize("rest", [1, 3])
def test_a_phase_switch_without_command_is_left_where_it_is(tmp_path: Path, rest: int) -> None:
    with SmallPlant(tmp_path) as plant:
        plant.phases = rest
        link = PlantLink(str(plant.path), 1)
        now_ms = look_until_fresh(link, plant)
        link.beat()
        plant.wait(lambda: plant.pins_seen == 1)
        assert plant.pins["phases"] == rest
        plant.phases = 0  # in between: go on to where it was
        while link.sensed_phases != 0:
            now_ms += 1
            plant.turn()
            link.look(now_ms)
        link.beat()
        plant.wait(lambda: plant.pins_seen == 2)
        assert plant.pins["phases"] == rest
        link.close()


def test_sensors_are_read_and_null_is_unreadable(tmp_path: Path) -> None:
    with SmallPlant(tmp_path) as plant:
        plant.temperature_c, plant.current_a, plant.phases = 36.5, [16.0, 15.9, 0.0], 1
        link = PlantLink(str(plant.path), 1)
        now_ms = look_until_fresh(link, plant)
        assert (link.temperature_c, link.current_a, link.sensed_phases) == (36.5, (16.0, 15.9, 0.0), 1)
        plant.temperature_c = plant.phases = None
        plant.current_a = [16.0, None, 0.0]
        while link.temperature_c is not None:
            now_ms += 1
            assert now_ms < 4_000
            plant.turn()
            link.look(now_ms)
        assert (link.current_a, link.sensed_phases) == (None, None)
        link.close()


def test_contacts_that_cannot_be_read_are_none_and_the_lock_stays_as_it_was(tmp_path: Path) -> None:
    with SmallPlant(tmp_path) as plant:
        plant.lock = "locked"
        link = PlantLink(str(plant.path), 1)
        now_ms = look_until_fresh(link, plant)
        plant.garbage = OLD.replace(b"true", b"null").replace(b'"locked"', b"null") + b"}"
        while link.contactor_closed is not None or link.lock_feedback is not None:
            now_ms += 1
            assert now_ms < 4_000
            plant.turn()
            assert link.look(now_ms)
        link.beat()
        plant.wait(lambda: plant.pins_seen == 1)
        assert plant.pins["lock"] is True
        link.close()


OLD = b'{"cp_high_v":9,"cp_low_v":9,"pp_ohm":null,"contactor_closed":true,"lock":"locked","inputs":{}'


def test_a_plant_without_switch_and_sensors_has_three_phases_and_no_values(tmp_path: Path) -> None:
    with SmallPlant(tmp_path) as plant:
        plant.garbage = OLD + b"}"
        link = PlantLink(str(plant.path), 1)
        look_until_fresh(link, plant)
        assert (link.sensed_phases, link.temperature_c, link.current_a) == (3, None, None)
        link.close()


def test_a_value_that_is_no_number_is_unreadable(tmp_path: Path) -> None:
    with SmallPlant(tmp_path) as plant:
        plant.garbage = OLD + b',"temperature_c":NaN,"current_a":[1,Infinity,2]}'
        link = PlantLink(str(plant.path), 1)
        look_until_fresh(link, plant)
        assert (link.temperature_c, link.current_a) == (None, None)
        link.close()


def test_a_lock_without_command_is_left_where_it_is(tmp_path: Path) -> None:
    with SmallPlant(tmp_path) as plant:
        plant.lock = "locked"
        link = PlantLink(str(plant.path), 1)
        look_until_fresh(link, plant)
        link.beat()
        plant.wait(lambda: plant.pins_seen == 1)
        assert plant.pins["lock"] is True
        link.close()


def test_no_pins_are_sent_while_they_could_move_a_lock_or_switch_of_unknown_position(tmp_path: Path) -> None:
    with SmallPlant(tmp_path) as plant:
        plant.silent = True
        plant.lock, plant.phases = "locked", 1
        link = PlantLink(str(plant.path), 1)
        for now_ms in range(6):
            link.lock = None if now_ms < 3 else False
            link.look(now_ms)
            link.beat()
            plant.turn()
        assert plant.pins_seen == 0
        assert (plant.lock, plant.phases) == ("locked", 1)
        plant.silent = False
        look_until_fresh(link, plant, 6)
        link.beat()
        plant.wait(lambda: plant.pins_seen == 1)
        assert (plant.lock, plant.phases) == ("unlocked", 1)
        link.close()


def test_silence_makes_the_state_stale(tmp_path: Path) -> None:
    with SmallPlant(tmp_path) as plant:
        link = PlantLink(str(plant.path), 1)
        now_ms = look_until_fresh(link, plant)
        plant.silent = True
        plant.turn()
        for _ in range(50):  # drain what was still on its way
            now_ms += 1
            link.look(now_ms)
        assert link.look(now_ms + 1)
        assert not link.look(now_ms + 102)
        link.close()


def test_garbage_is_as_good_as_silence(tmp_path: Path) -> None:
    packets = (
        b"{", b"[]", b"null", b'{"cp_high_v":"x"}', b"\xff\xfe", b'{"error":"no such EVSE"}',
        b'{"cp_high_v":9,"cp_low_v":9,"pp_ohm":null,"contactor_closed":1,"lock":"locked","inputs":{}}',
        b'{"cp_high_v":9,"cp_low_v":9,"pp_ohm":null,"contactor_closed":true,"lock":"ajar","inputs":{}}',
        b'{"cp_high_v":9,"cp_low_v":9,"pp_ohm":null,"contactor_closed":true,"lock":"locked","inputs":[]}',
        *(OLD + more for more in (
            b',"phases":2}', b',"phases":true}', b',"phases":"3"}', b',"temperature_c":"warm"}',
            b',"temperature_c":[]}', b',"current_a":5}', b',"current_a":[1,2]}', b',"current_a":[1,2,"x"]}',
        )),
    )  # fmt: skip
    for packet in packets:
        with SmallPlant(tmp_path) as plant:
            plant.garbage = packet
            link = PlantLink(str(plant.path), 1)
            for now_ms in range(1, 6):
                assert not link.look(now_ms), packet
                plant.turn()
            assert math.isnan(link.high_v)
            link.close()


def test_a_plant_that_is_away_is_tried_again_after_a_pause(tmp_path: Path) -> None:
    link = PlantLink(str(tmp_path / "plant-pins.sock"), 1)
    assert not link.look(1)
    link.beat()  # nobody there: nothing happens
    with SmallPlant(tmp_path) as plant:
        assert not link.look(2)
        assert plant.attached == []
        look_until_fresh(link, plant, 1 + RETRY_MS)
    assert not link.look(10_000)
    with SmallPlant(tmp_path) as plant:
        look_until_fresh(link, plant, 20_000)
        plant.wait(lambda: plant.attached == [1])
        link.close()


def test_drivers_of_one_evse_share_a_connection(tmp_path: Path) -> None:
    shared: dict[str, object] = {}
    first = link_of("p.sock", str(tmp_path), 1, shared)
    assert link_of("p.sock", str(tmp_path), 1, shared) is first
    assert link_of("p.sock", str(tmp_path), 2, shared) is not first
    assert link_of(str(tmp_path / "p.sock"), "/elsewhere", 1, shared) is first


def test_a_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="longer than 107 bytes"):
        PlantLink("/" + "x" * 107, 1)
