"""Reset: answered first, transactions ended and told, then a new process that says why it started."""

from typing import Any

import pytest

from tests.interop.bench import Bench


def reset(bench: Bench, kind: str, **more: Any) -> str:
    return str(bench.peer.call("Reset", {"type": kind, **more})["status"])


def order(bench: Bench, since: int) -> list[str]:
    """Return what happened, in order: answers to Reset, calls, connections."""
    told: list[str] = []
    for event in bench.peer.events[since:]:
        if event["event"] in ("connected", "closed"):
            told.append(event["event"])
        elif event["event"] == "call":
            told.append(event["method"])
        elif event["event"] == "frame" and not event["outbound"] and event["text"].startswith("[3"):
            told.append("answer")
    return told


@pytest.mark.parametrize(
    ("version", "kind"),
    [("1.6", "Soft"), ("1.6", "Hard"), ("2.0.1", "Immediate"), ("2.0.1", "OnIdle"), ("2.1", "Immediate")],
)
def test_a_reset_is_answered_before_the_restart(bench: Bench, version: str, kind: str) -> None:
    since = bench.peer.mark()
    assert reset(bench, kind) == "Accepted"
    bench.peer.wait(lambda e: e["event"] == "connected", since=since)
    bench.peer.wait_call("BootNotification", since=since)
    bench.words.wait_status(1, "Available", since=since)
    told = [what for what in order(bench, since) if what != "StatusNotification"]
    assert told == ["answer", "closed", "connected", "BootNotification"]
    (boot,) = bench.peer.calls("BootNotification", since=since)
    assert version == "1.6" or boot["reason"] == "RemoteReset"
    assert bench.status()["station"]["boot_reason"] == "RemoteReset"


@pytest.mark.parametrize(
    ("version", "kind", "reason"),
    [
        ("1.6", "Soft", "SoftReset"),
        ("1.6", "Hard", "HardReset"),
        ("2.0.1", "Immediate", "ImmediateReset"),
        ("2.1", "Immediate", "ImmediateReset"),
    ],
)
def test_a_reset_ends_the_transaction_and_tells_it_before_the_restart(
    bench: Bench, version: str, kind: str, reason: str
) -> None:
    words, since = bench.words, bench.peer.mark()
    bench.plug_in()
    bench.present()
    started = words.wait_started(since=since)
    words.wait_charging(since=since)
    bench.wait_energy()
    since = bench.peer.mark()
    assert reset(bench, kind) == "Accepted"
    ended = words.wait_ended(since=since)
    assert (ended.transaction_id, ended.reason, ended.token) == (started.transaction_id, reason, None)
    assert not bench.world()["contactor"]["closed"]
    bench.peer.wait_call("BootNotification", since=since)
    told = order(bench, since)
    assert told.index("answer") < told.index(words.STOP) < told.index("closed") < told.index("BootNotification")
    words.wait_occupied(since=since)
    bench.settle()
    assert ended.meter_wh == (round(bench.meter_wh()) if version == "1.6" else round(bench.meter_wh(), 3))
    assert words.ended(since=since) == 1
    bench.plug_out()
    words.wait_status(1, "Available", since=since)


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_a_reset_on_idle_waits_for_the_driver(bench: Bench, version: str) -> None:
    words, since = bench.words, bench.peer.mark()
    bench.plug_in()
    bench.present()
    words.wait_started(since=since)
    words.wait_charging(since=since)
    assert reset(bench, "OnIdle") == "Scheduled"
    bench.wait_energy()
    assert bench.world()["contactor"]["closed"]
    assert bench.peer.seen("closed", since=since) == []
    bench.present()
    ended = words.wait_ended(since=since)
    assert ended.reason == "Local"
    boot = bench.peer.wait_call("BootNotification", since=since)
    assert boot["reason"] == "ScheduledReset"
    words.wait_occupied(since=since)
    since = bench.peer.mark()
    bench.plug_out()
    words.wait_status(1, "Available", since=since)


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_a_single_evse_is_not_reset(bench: Bench, version: str) -> None:
    since = bench.peer.mark()
    assert reset(bench, "Immediate", evseId=1) == "Rejected"
    assert reset(bench, "OnIdle", evseId=9) == "Rejected"
    if version == "2.1":
        assert reset(bench, "ImmediateAndResume") == "Rejected"
    assert bench.words.get("OCPPCommCtrlr.HeartbeatInterval") == "300"
    assert bench.peer.seen("closed", since=since) == []


def test_a_station_that_died_says_so(bench: Bench, version: str) -> None:
    since = bench.peer.mark()
    bench.sandbox.kill("stationd")
    bench.sandbox.start_station()
    boot = bench.peer.wait_call("BootNotification", since=since)
    assert version == "1.6" or boot["reason"] == "ApplicationReset"
    bench.words.wait_status(1, "Available", since=since)
