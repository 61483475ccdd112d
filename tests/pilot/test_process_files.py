"""What the real process keeps in two folders, and finds again after a sudden end."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from stationd.pilot.protocol import ResetFault
from tests.pilot.small_plant import SmallPlant
from tests.pilot.station import Station


class Apart(Station):
    """A station whose state is in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.state = folder / "state"
        self.copies = folder / "latches-copy.json"

    def command(self, *more: str) -> list[str]:
        command = super().command(*more)
        command[command.index("--state-dir") + 1] = str(self.state)
        return command


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[SmallPlant]:
    with SmallPlant(tmp_path) as plant:
        yield plant


@pytest.fixture
def station(plant: SmallPlant, tmp_path: Path) -> Iterator[Apart]:
    station = Apart(tmp_path)
    try:
        yield station
    finally:
        station.close()


def test_a_latch_that_no_disk_has_yet_outlives_a_kill_and_is_gone_after_its_reset(
    station: Apart, plant: SmallPlant
) -> None:
    station.start()  # without a state folder nothing gets to the disk
    station.client().status(cp="A", rcd_test="passed")
    plant.inputs["rcd_trip"] = True
    station.client().status(faults=["rcd_trip"])
    plant.inputs["rcd_trip"] = False
    plant.wait(station.copies.exists)
    station.signal(signal.SIGKILL)
    station.state.mkdir()
    station.start()
    brain = station.client("brain")
    brain.status(cp="A", faults=["rcd_trip"])
    plant.wait((station.state / "latches.json").exists)
    assert json.loads((station.state / "latches.json").read_text()) == {"latched": {"1": ["rcd_trip"]}}
    brain.send(ResetFault(1, 4, "rcd_trip"))
    brain.status(faults=[])
    assert station.signal(signal.SIGTERM) == 0
    for path in (station.copies, station.state / "latches.json"):
        assert json.loads(path.read_text()) == {"latched": {}}
    station.start()
    assert station.client().status(cp="A")["faults"] == []


def test_both_folders_are_believed(station: Apart, plant: SmallPlant) -> None:
    station.state.mkdir()
    (station.state / "latches.json").write_text('{"latched": {"1": ["rcd_trip"]}}')
    station.copies.write_text('{"latched": {"1": ["contactor_welded"]}}')
    station.start()
    station.client().status(faults=["contactor_welded", "rcd_trip"])


def test_a_copy_that_cannot_be_understood_keeps_everything_open(station: Apart, plant: SmallPlant) -> None:
    station.state.mkdir()
    station.copies.write_text("half a fi")
    station.start()
    station.client().status(faults=["hardware"])
    assert f"cannot read {station.copies}: it is not a file of latches; every EVSE stays faulted" in station.stderr()
