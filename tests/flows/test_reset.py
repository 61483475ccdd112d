"""Commands of the CSMS that outlive the process: resets and availability; and the lock."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.support import VERSIONS, Flow, wait_for

Make = Callable[..., Flow]


def frame_position(flow: Flow, wanted: Callable[[list[object]], bool]) -> int:
    frames = [note["frame"] for note in flow.frames() if isinstance(note["frame"], list)]
    return next(index for index, frame in enumerate(frames) if wanted(frame))


def until_restarted(flow: Flow, boots: int) -> None:
    wait_for(lambda: flow.told_actions().count("BootNotification") == boots, "the station boots again")
    flow.ready()


@pytest.mark.parametrize(
    ("version", "kind", "reason"),
    [
        ("1.6", "Soft", "SoftReset"),
        ("1.6", "Hard", "HardReset"),
        ("2.0.1", "Immediate", "ImmediateReset"),
        ("2.1", "Immediate", "ImmediateReset"),
    ],
)
def test_a_reset_is_answered_then_ends_the_transaction_then_restarts(
    make: Make, version: str, kind: str, reason: str
) -> None:
    flow = make(version=version)
    before = flow.charge()
    pid, started = flow.pid(), started_at(flow.pid())
    assert flow.call("Reset", {"type": kind}) == {"status": "Accepted"}
    until_restarted(flow, 2)
    flow.until_ended()
    session = flow.the_session(reason=reason, before_wh=before)
    ids = {f["frame"][1] for f in flow.frames("out") if f["frame"][0] == 2 and f["frame"][2] == "Reset"}
    answered = frame_position(flow, lambda f: f[0] == 3 and f[1] in ids)
    ended = frame_position(flow, lambda f: f[0] == 2 and is_end(f))
    assert answered < ended
    assert (flow.pid(), flow.sandbox.processes["stationd"].status) == (pid, None)  # the same process, started anew
    assert started_at(pid) == started
    assert flow.status()["station"]["uptime_s"] < 30
    if version != "1.6":
        assert flow.told("BootNotification")[-1]["reason"] == "RemoteReset"
        assert flow.events(session["transaction_id"])[-1]["triggerReason"] == "ResetCommand"
    flow.plug_out()
    flow.until_free()


def is_end(frame: list[object]) -> bool:
    payload = frame[3]
    assert isinstance(payload, dict)
    return frame[2] == "StopTransaction" or payload.get("eventType") == "Ended"


def started_at(pid: int) -> str:
    """Return the kernel's start time of a process: an `exec` leaves it, a new process has another."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]


def test_a_reset_on_idle_waits_for_the_end_of_the_transaction(make: Make) -> None:
    flow = make(version="2.0.1")
    before = flow.charge()
    assert flow.call("Reset", {"type": "OnIdle"}) == {"status": "Scheduled"}
    flow.until_flowed(50)
    flow.stop_by_card()
    until_restarted(flow, 2)
    assert flow.told("BootNotification")[-1]["reason"] == "ScheduledReset"
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=before)


@pytest.mark.parametrize("version", VERSIONS)
def test_unlocking(make: Make, version: str) -> None:
    flow = make(version=version)
    unlock = {"connectorId": 1} if version == "1.6" else {"evseId": 1, "connectorId": 1}
    before = flow.charge()
    if version == "1.6":  # ends the transaction first
        assert flow.call("UnlockConnector", unlock) == {"status": "Unlocked"}
        flow.until_ended()
        flow.the_session(reason="UnlockCommand", before_wh=before)
    else:
        assert flow.call("UnlockConnector", unlock)["status"] == "OngoingAuthorizedTransaction"
        assert flow.plant.evse()["lock"] != "unlocked"
        flow.until_flowed(30)
        flow.stop_by_card()
        flow.the_session(reason="Local", before_wh=before)
        assert flow.call("UnlockConnector", unlock)["status"] == "Unlocked"
    flow.until_plant(lambda e: e["lock"] == "unlocked")
    flow.plug_out()
    flow.until_free()


def test_a_lock_that_does_not_move_is_told(make: Make) -> None:
    flow = make(version="2.0.1")
    flow.csms("set_token", token="BLOCKED", status="Blocked")
    flow.plant.plug_in()
    flow.until_evse(lambda e: e["cable_connected"], "the cable is seen")
    assert flow.csms("remote_start", token="BLOCKED", evse_id=1)["status"] == "Accepted"
    wait_for(lambda: flow.sessions() and flow.sessions()[0]["ended_at"], "the CSMS took it back")
    flow.until_plant(lambda e: e["lock"] == "locked")
    flow.plant.set_fault("lock_jammed")
    assert flow.call("UnlockConnector", {"evseId": 1, "connectorId": 1})["status"] == "UnlockFailed"
    flow.plant.clear_fault("lock_jammed")
    wait_for(
        lambda: flow.call("UnlockConnector", {"evseId": 1, "connectorId": 1})["status"] == "Unlocked", "it unlocks"
    )
    flow.plug_out()
    flow.until_free()


@pytest.mark.parametrize("version", ["1.6", "2.1"])
def test_an_inoperative_station_stays_so_over_a_restart(make: Make, version: str) -> None:
    flow = make(version=version)

    def change(word: str) -> None:
        payload = (
            {"connectorId": 1, "type": word} if version == "1.6" else {"evse": {"id": 1}, "operationalStatus": word}
        )
        assert flow.call("ChangeAvailability", payload) == {"status": "Accepted"}

    change("Inoperative")
    flow.until_evse(lambda e: e["status"] == "Unavailable", "it is unavailable")
    wait_for(lambda: flow.connector_statuses()[-1] == "Unavailable", "the CSMS knows")
    flow.restart_brain()
    flow.until(lambda s: s["connection"]["registration"] == "Accepted", "it is registered again")
    assert flow.evse()["status"] == "Unavailable"
    flow.plant.plug_in()
    flow.swipe()
    wait_for(lambda: any("token presented accepted=False" in line for line in flow.log_lines()), "it is refused")
    assert flow.evse()["transaction"] is None
    flow.plug_out()
    began = time.monotonic()
    change("Operative")
    flow.until_evse(lambda e: e["status"] == "Available", "it is available")
    assert time.monotonic() - began < 10
    before = flow.charge()
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=before)
