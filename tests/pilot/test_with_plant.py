"""The real process against the sandbox's plant: the only car with a behaviour of its own."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stationd.pilot.protocol import ResetFault, Unlock
from tests.pilot.station import ROOT, Station, Watcher, running

LATEST_MS = {
    "unplugged": (100, 150),
    "ev_stopped": (100, 150),
    "cp_shorted": (100, 150),
    "rcd_trip": (100, 150),
    "diode_shorted": (200, 250),  # the diode is watched for 100 ms
    "pp_open": (280, 330),  # the contact is read every 64 ms and must stand still for 100 ms
}
"""From a cause to the command, and to contacts that parted."""
ROUNDS = 6
"""A round in which the plant itself was late is done again."""


class Plant:
    """The sandbox's plant as a process, steered by its control socket."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "stationd.sandbox.plant", "--runtime-dir", str(folder)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert json.loads(self.process.stdout.readline())["ready"] is True
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(15)
        self.sock.connect(str(folder / "plant.sock"))
        self.lines = self.sock.makefile("rb")

    def call(self, method: str, **params: Any) -> Any:
        self.sock.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
        answer = json.loads(self.lines.readline())
        assert "result" in answer, answer
        return answer["result"]

    def evse(self) -> dict[str, Any]:
        evse: dict[str, Any] = self.call("state")["evses"][0]
        return evse

    def close(self) -> None:
        self.lines.close()
        self.sock.close()
        self.process.terminate()
        self.process.wait(15)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    plant = Plant(tmp_path)
    yield plant
    plant.close()


@pytest.fixture
def station(plant: Plant, tmp_path: Path) -> Iterator[Station]:
    with running(tmp_path) as station:
        yield station


def charging(brain: Watcher) -> None:
    brain.wait(lambda m: m["type"] == "status" and m["sensed_closed"], repeat=brain.offer)


def in_time(plant: Plant, before: list[Any], cause: str) -> bool:
    """Assert that the one reaction to this cause came in time; False if the plant was late, so nothing can be said."""
    end = time.monotonic() + 10
    while True:
        own = [reaction for reaction in plant.evse()["reactions"][len(before) :] if reaction["cause"] == cause]
        assert len(own) == 1
        after_ms = (own[0]["commanded_after_ms"], own[0]["opened_after_ms"])
        if None not in after_ms:
            break
        assert time.monotonic() < end, own
        time.sleep(0.01)
    if own[0].get("stalled"):
        return False
    assert after_ms[0] <= LATEST_MS[cause][0], own
    assert after_ms[1] <= LATEST_MS[cause][1], own
    return True


def test_a_session_from_plug_to_unplug(station: Station, plant: Plant) -> None:
    brain = station.client("brain")
    brain.status(cp="A")
    plant.call("plug_in", cable_a=20)
    status = brain.status(cp="B", pp_amps=20.0)
    assert status["max_amps"] == 16.0
    charging(brain)
    assert plant.evse()["car"]["offered_a"] == pytest.approx(16)
    plant.call("wants_power", wants=False)
    brain.status(cp="B", sensed_closed=False)
    plant.call("wants_power", wants=True)
    charging(brain)
    brain.offer(10.0)
    brain.status(offered_amps=10.0)
    brain.offer(permit=False)  # the car sees the PWM end and opens its switch
    brain.status(cp="B", commanded_closed=False, sensed_closed=False, duty=100.0)
    brain.send(Unlock(1, 2))
    brain.status(lock="unlocked")
    plant.call("plug_out")
    assert brain.status(cp="A")["faults"] == []
    assert [reaction["cause"] for reaction in plant.evse()["reactions"]] == ["ev_stopped", "ev_stopped"]


@pytest.mark.parametrize("cause", ["unplugged", "ev_stopped"])
def test_a_vehicle_that_leaves_or_stops_is_without_power_in_time(station: Station, plant: Plant, cause: str) -> None:
    brain = station.client("brain")
    brain.status(cp="A")
    for _ in range(ROUNDS):
        plant.call("plug_in")
        charging(brain)
        before = plant.evse()["reactions"]
        if cause == "unplugged":
            plant.call("plug_out", force=True)
        else:
            plant.call("wants_power", wants=False)
        brain.status(commanded_closed=False, sensed_closed=False)
        if in_time(plant, before, cause):
            return
        plant.call("plug_out", force=True)
        brain.status(cp="A")
    pytest.fail("the plant was late in every round")


@pytest.mark.parametrize(
    ("fault", "code"),
    [("cp_shorted", "pilot_error"), ("pp_open", "proximity"), ("rcd_trip", "rcd_trip"), ("diode_shorted", "diode")],
)
def test_a_fault_while_charging_opens_in_time_and_is_named(
    station: Station, plant: Plant, fault: str, code: str
) -> None:
    brain = station.client("brain")
    brain.status(cp="A")
    for _ in range(ROUNDS):
        plant.call("plug_in")
        charging(brain)
        since_ms = brain.seen[-1]["uptime_ms"]  # a diode is judged once PWM had its time
        brain.wait(lambda m, at=since_ms + 600: m["type"] == "status" and m["uptime_ms"] >= at, repeat=brain.offer)
        before = plant.evse()["reactions"]
        plant.call("set_fault", name=fault)
        status = brain.wait(
            lambda m: m["type"] == "status" and not m["sensed_closed"] and code in m["faults"], repeat=brain.offer
        )
        assert status["commanded_closed"] is False
        judged = in_time(plant, before, fault)
        plant.call("clear_fault", name=fault)
        plant.call("plug_out", force=True)
        if code == "rcd_trip":
            brain.wait(
                lambda m: m["type"] == "reply" and m["seq"] == 9 and m["error"] is None,
                repeat=lambda: brain.send(ResetFault(1, 9, "rcd_trip")),
            )
        assert brain.status(cp="A", faults=[])["commanded_closed"] is False
        if judged:
            return
    pytest.fail("the plant was late in every round")


def test_a_welded_contactor_keeps_the_plug_locked(station: Station, plant: Plant) -> None:
    brain = station.client("brain")
    brain.status(cp="A")
    plant.call("plug_in")
    charging(brain)
    plant.call("set_fault", name="contactor_welded")
    plant.call("wants_power", wants=False)
    status = brain.status(faults=["contactor_welded"])
    assert (status["commanded_closed"], status["sensed_closed"], status["lock"]) == (False, True, "locked")


def test_a_jammed_lock_keeps_the_contactor_open(station: Station, plant: Plant) -> None:
    brain = station.client("brain")
    brain.status(cp="A")
    plant.call("set_fault", name="lock_jammed")
    plant.call("plug_in")
    status = brain.wait(lambda m: m["type"] == "status" and "lock_failed" in m["faults"], repeat=brain.offer)
    assert status["commanded_closed"] is False
    assert not any(m["type"] == "status" and m["commanded_closed"] for m in brain.seen)
    plant.call("clear_fault", name="lock_jammed")
    brain.send(ResetFault(1, 9, "lock_failed"))
    charging(brain)
