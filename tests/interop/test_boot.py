"""Boot: the station introduces itself, waits for its acceptance, and only then says anything else."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.interop.bench import CARD, Bench, Setup
from tests.interop.peer import Peer, PeerError

Fresh = Callable[[Setup], Bench]


def methods(peer: Peer, *, since: int = 0) -> list[str]:
    return [event["method"] for event in peer.seen("call", since=since)]


def boots(peer: Peer) -> list[dict[str, Any]]:
    return [event for event in peer.seen("call") if event["method"] == "BootNotification"]


def identity(version: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return what a BootNotification says, in 2.x words."""
    if version != "1.6":
        return {"reason": params["reason"], **params["chargingStation"]}
    return {
        "vendorName": params["chargePointVendor"],
        "model": params["chargePointModel"],
        "serialNumber": params["chargePointSerialNumber"],
        "firmwareVersion": params["firmwareVersion"],
    }


def test_the_station_introduces_itself_tells_every_connector_and_keeps_its_heartbeat(
    fresh: Fresh, version: str
) -> None:
    station = fresh(Setup(evses=2, policy={"interval": 1}))
    first, *rest = (event for event in station.peer.seen("call") if event["method"] != "Heartbeat")
    assert first["method"] == "BootNotification"
    told = identity(version, first["params"])
    assert told.pop("firmwareVersion")
    reason = {} if version == "1.6" else {"reason": "PowerUp"}
    assert told == {"vendorName": "stationd", "model": "Simulated", "serialNumber": "SIM-001", **reason}
    if version == "1.6":
        statuses = [(e["params"]["connectorId"], e["params"]["status"], e["params"]["errorCode"]) for e in rest]
        assert statuses == [(number, "Available", "NoError") for number in (0, 1, 2)]
    else:
        statuses = [(e["params"]["evseId"], e["params"]["connectorId"], e["params"]["connectorStatus"]) for e in rest]
        assert statuses == [(1, 1, "Available"), (2, 1, "Available")]
    assert {e["method"] for e in rest} == {"StatusNotification"}
    check_heartbeats(station)


def check_heartbeats(station: Bench) -> None:
    """They come at the interval that the CSMS named, and the setting tells it."""
    peer = station.peer
    peer.wait(lambda _: len(peer.calls("Heartbeat")) >= 2)
    beats = [event["at"] for event in peer.seen("call") if event["method"] == "Heartbeat"]
    assert all(later - earlier >= 900 for earlier, later in itertools.pairwise(beats)), beats
    assert station.words.get("OCPPCommCtrlr.HeartbeatInterval") == "1"


def test_while_pending_the_station_keeps_quiet_and_only_answers(fresh: Fresh, version: str) -> None:
    station = fresh(Setup(policy={"registration": "Pending", "interval": 1}, online=False))
    peer, words = station.peer, station.words
    peer.wait_call("BootNotification")
    station.plug_in()
    station.present()
    peer.wait(lambda _: len(boots(peer)) >= 3)
    assert set(methods(peer)) == {"BootNotification"}
    at = [event["at"] for event in boots(peer)]
    assert all(later - earlier >= 990 for earlier, later in itertools.pairwise(at)), at
    assert words.get("OCPPCommCtrlr.HeartbeatInterval") == "300"
    assert words.put("OCPPCommCtrlr.HeartbeatInterval", "120") == "Accepted"
    assert words.start(CARD) == "Rejected"
    assert not station.world()["contactor"]["closed"]
    peer.policy(interval=60)
    peer.wait(lambda e: e["event"] == "call" and e["result"].get("interval") == 60)
    since = peer.mark()
    assert words.trigger("StatusNotification", 1) == "Accepted"
    words.wait_status(1, "Unavailable", since=since)  # what is not accepted serves nobody
    peer.policy(registration="Accepted", interval=300)
    since = peer.mark()
    assert words.trigger("BootNotification") == "Accepted"
    boot = peer.wait_call("BootNotification", since=since)
    assert version == "1.6" or boot["reason"] == "Triggered"
    words.wait_occupied(since=since)
    assert methods(peer, since=since)[0] == "BootNotification"


def test_while_rejected_nothing_is_said_or_answered_until_the_interval_is_over(fresh: Fresh, version: str) -> None:
    station = fresh(Setup(policy={"registration": "Rejected", "interval": 1}, online=False))
    peer = station.peer
    peer.wait_call("BootNotification")
    peer.wait_call("BootNotification", since=peer.mark())
    since = peer.mark()
    if version == "1.6":  # OCPP 1.6 section 4.2: no answer at all
        peer.raw('[2,"while-rejected","GetConfiguration",{}]')
    else:
        with pytest.raises(PeerError, match="SecurityError"):
            station.words.get("OCPPCommCtrlr.HeartbeatInterval")
    peer.wait_call("BootNotification", since=since)
    assert set(methods(peer)) == {"BootNotification"}
    at = [event["at"] for event in boots(peer)]
    assert all(later - earlier >= 990 for earlier, later in itertools.pairwise(at)), at
    if version == "1.6":
        assert not any("while-rejected" in text for sent, text in peer.frames() if not sent)
    peer.policy(registration="Accepted", interval=300)
    station.wait_online(since=peer.mark())


@pytest.mark.parametrize("version", ["2.1"])
def test_an_unanswered_boot_notification_is_repeated(fresh: Fresh, version: str) -> None:
    station = fresh(Setup(policy={"mute": ["BootNotification"]}, timing={"message_timeout_s": 1}, online=False))
    peer = station.peer
    peer.wait(lambda _: len(boots(peer)) >= 2)
    assert set(methods(peer)) == {"BootNotification"}
    since = peer.mark()
    peer.policy(mute=[])
    station.wait_online(since=since)
