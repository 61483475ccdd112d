"""Connecting: which version, with which password, and what happens when the CSMS goes away."""

import itertools
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.interop.bench import Bench, Setup
from tests.interop.peer import Peer

Fresh = Callable[[Setup], Bench]
ALL = ("2.1", "2.0.1", "1.6")
PASSWORD, OTHER_PASSWORD = "correct-horse-battery", "wrong-horse-battery-1"


def stationctl_status(station: Bench) -> str:
    command = [sys.executable, "-m", "stationd.ctl.main", "--runtime-dir", str(station.sandbox.folders.runtime_dir)]
    return subprocess.run([*command, "status"], capture_output=True, text=True, timeout=30, check=True).stdout


def gaps_ms(peer: Peer, name: str) -> list[float]:
    at = [event["at"] for event in peer.seen(name)]
    return [later - earlier for earlier, later in itertools.pairwise(at)]


def test_the_version_that_the_csms_prefers_is_spoken(fresh: Fresh, version: str) -> None:
    speaks = (version, *(other for other in ALL if other != version))
    station = fresh(Setup(offers=ALL, speaks=speaks))
    peer = station.peer
    assert peer.seen("handshake")[0]["offered"] == ["ocpp2.1", "ocpp2.0.1", "ocpp1.6"]
    (connected,) = peer.seen("connected")
    assert connected["protocol"] == f"ocpp{version}"
    boot = peer.wait_call("BootNotification")
    assert ("chargePointModel" in boot) == (version == "1.6")
    assert station.status()["connection"]["ocpp"] == f"ocpp{version}"


@pytest.mark.parametrize("version", ["2.1"])
def test_without_a_common_version_the_station_says_so_and_tries_again(fresh: Fresh, version: str) -> None:
    station = fresh(Setup(offers=("2.1",), speaks=("1.6",), online=False, timing={"retry_back_off_wait_minimum_s": 1}))
    peer = station.peer
    peer.wait(lambda _: len(peer.seen("handshake")) >= 3)
    first, second, *_ = gaps_ms(peer, "handshake")
    assert first >= 990
    assert second >= 1990  # it waits longer each time
    assert peer.seen("call") == []
    state = station.wait_status(lambda s: s["connection"]["state"] == "waiting")["connection"]
    assert "speaks none of ocpp2.1" in state["error"]
    assert state["next_attempt_s"] is not None
    assert "speaks none of ocpp2.1" in stationctl_status(station)


@pytest.mark.parametrize("version", ["2.1"])
def test_a_wrong_password_is_named_and_tried_again_until_it_is_right(fresh: Fresh, version: str) -> None:
    station = fresh(Setup(password=OTHER_PASSWORD, csms_password=PASSWORD, online=False))
    peer = station.peer
    peer.wait(lambda _: len(peer.seen("refused")) >= 2)
    state = station.wait_status(lambda s: s["connection"]["error"] is not None)["connection"]
    assert "HTTP 401" in state["error"]
    assert "password" in state["error"]
    assert "HTTP 401" in stationctl_status(station)
    with station.sandbox.station() as client:
        client.call("config.set", name="SecurityCtrlr.BasicAuthPassword", value=PASSWORD)
    station.wait_online()
    assert station.status()["connection"]["state"] == "connected"
    assert not any(secret in station.logs() for secret in (PASSWORD, OTHER_PASSWORD))


@pytest.mark.parametrize("version", ["2.1"])
def test_a_csms_that_wants_a_password_refuses_a_station_without(fresh: Fresh, version: str) -> None:
    station = fresh(Setup(csms_password=PASSWORD, online=False))
    station.peer.wait(lambda _: len(station.peer.seen("refused")) >= 2)
    assert station.peer.seen("connected") == []


def test_the_right_password_is_sent_and_so_is_the_next_that_the_csms_sets(fresh: Fresh, version: str) -> None:
    station = fresh(Setup(password=PASSWORD, csms_password=PASSWORD))
    peer = station.peer
    assert peer.seen("refused") == []
    since = peer.mark()
    value = OTHER_PASSWORD[:20]
    assert station.words.put("SecurityCtrlr.BasicAuthPassword", value) == "Accepted"
    peer.policy(password=value)
    peer.wait(lambda e: e["event"] == "connected", since=since)
    station.wait_status(lambda s: s["connection"]["registration"] == "Accepted")
    assert not any(secret in station.logs() for secret in (PASSWORD, value))


def test_a_password_that_the_csms_sets_and_then_refuses_is_rolled_back(fresh: Fresh, version: str) -> None:
    station = fresh(Setup(password=PASSWORD, csms_password=PASSWORD))
    peer = station.peer
    since = peer.mark()
    value = OTHER_PASSWORD[:20]
    assert station.words.put("SecurityCtrlr.BasicAuthPassword", value) == "Accepted"
    peer.wait(lambda e: e["event"] == "refused", since=since)
    peer.wait(lambda e: e["event"] == "connected", since=since)
    station.wait_status(lambda s: s["connection"]["state"] == "connected")
    with station.sandbox.station() as client:
        told = client.call("connection")
    assert "the former one is in use" in told["warnings"][0]
    assert not any(secret in station.logs() + str(told) for secret in (PASSWORD, value))
    peer.policy(password=value)  # it takes the new one up after all
    since = peer.mark()
    peer.close_connection(force=True)
    peer.wait(lambda e: e["event"] == "connected", since=since)
    station.wait_status(lambda s: s["connection"]["state"] == "connected")
    with station.sandbox.station() as client:
        assert client.call("connection")["warnings"] == []


@pytest.mark.parametrize("force", [False, True], ids=["closed", "cut"])
def test_after_a_lost_connection_the_station_is_back_without_a_boot_notification(
    bench: Bench, version: str, force: bool
) -> None:
    peer = bench.peer
    since = peer.mark()
    peer.close_connection(force=force)
    peer.wait(lambda e: e["event"] == "connected", since=since)
    bench.plug_in()
    bench.words.wait_occupied(since=since)
    bench.plug_out()
    bench.words.wait_status(1, "Available", since=since)
    assert peer.calls("BootNotification", since=since) == []
    assert bench.words.get("OCPPCommCtrlr.HeartbeatInterval") == "300"


def test_a_state_that_changed_meanwhile_is_told_after_the_reconnection(bench: Bench, version: str) -> None:
    peer = bench.peer
    with bench.sandbox.station() as client:
        client.call("connection.offline")
        since = peer.mark()
        bench.plug_in()
        assert peer.seen("connected", since=since) == []
        client.call("connection.online")
    bench.words.wait_occupied(since=since)
    assert peer.calls("BootNotification", since=since) == []
    since = peer.mark()
    bench.plug_out()
    bench.words.wait_status(1, "Available", since=since)


@pytest.mark.parametrize("version", ["1.6", "2.1"])
def test_a_csms_that_comes_back_with_another_version_is_introduced_to_anew(fresh: Fresh, version: str) -> None:
    """The CSMS is replaced at its address by one that speaks something else."""
    other = "2.0.1" if version == "1.6" else "1.6"
    station = fresh(Setup(offers=(version, other)))
    with station.replace_csms((other,)) as newcomer:
        newcomer.wait(lambda e: e["event"] == "connected")
        boot = newcomer.wait_call("BootNotification")
        assert ("chargePointModel" in boot) == (other == "1.6")
        newcomer.wait_call("StatusNotification")
        assert newcomer.violations() == []
