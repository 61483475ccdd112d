"""Faults as an independent CSMS hears of them: in StatusNotification; in 2.x begin and end in NotifyEvent too."""

from typing import Any

import pytest

from tests.interop.bench import Bench, Setup

SETUP = Setup()


def told(bench: Bench, since: int) -> list[dict[str, Any]]:
    """Return the event data of every NotifyEvent."""
    return [data for event in bench.peer.calls("NotifyEvent", since=since) for data in event["eventData"]]


def story(bench: Bench, since: int) -> list[tuple[str, str, bool]]:
    return [(data["component"]["name"], data["actualValue"], data["cleared"]) for data in told(bench, since)]


def break_and_repair(bench: Bench, name: str) -> None:
    bench.plant.call("set_fault", evse_id=1, name=name)
    bench.wait_status(lambda s: name in [fault["code"] for fault in s["faults"]])
    bench.plant.call("clear_fault", evse_id=1, name=name)
    bench.wait_status(lambda s: s["faults"] == [])


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_begin_and_end_of_a_fault_are_told_n07_fr_02(bench: Bench, version: str) -> None:
    since = bench.peer.mark()
    break_and_repair(bench, "door_open")
    bench.wait(lambda: len(told(bench, since)) == 2)
    assert story(bench, since) == [("CaseAccessSensor", "true", False), ("CaseAccessSensor", "false", True)]
    first, second = told(bench, since)
    assert second["eventId"] > first["eventId"]
    assert {first["trigger"], second["trigger"]} == {"Alerting"}
    assert {data["eventNotificationType"] for data in (first, second)} == {"HardWiredNotification"}
    assert ("severity" in first) == (version == "2.1")
    bench.words.wait_status(1, "Available", since=since)


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_a_fault_that_came_and_went_offline_is_told_as_both_when_online_n07_fr_04(bench: Bench, version: str) -> None:
    since = bench.peer.mark()
    with bench.sandbox.station() as client:
        client.call("connection.offline")
        break_and_repair(bench, "power_loss")
        client.call("connection.online")
    bench.wait(lambda: len(told(bench, since)) == 2)
    assert story(bench, since) == [("ElectricalFeed", "true", False), ("ElectricalFeed", "false", True)]


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_a_fault_that_ends_a_transaction_names_it(bench: Bench, version: str) -> None:
    since = bench.peer.mark()
    bench.plug_in()
    bench.present()
    started = bench.words.wait_started(since=since)
    bench.words.wait_charging(since=since)
    bench.plant.call("set_fault", evse_id=1, name="emergency_stop")
    ended = bench.words.wait_ended(since=since)
    assert ended.transaction_id == started.transaction_id
    bench.plant.call("clear_fault", evse_id=1, name="emergency_stop")
    bench.wait(lambda: len(told(bench, since)) == 2)
    assert told(bench, since)[0]["transactionId"] == started.transaction_id
    bench.settle()
    bench.plug_out()


def test_a_fault_makes_the_connector_faulted_and_its_end_available_again(bench: Bench, version: str) -> None:
    since = bench.peer.mark()
    break_and_repair(bench, "pe_loss")
    bench.words.wait_status(1, "Available", since=since)
    assert "Faulted" in bench.words.statuses(1, since=since)
    if version == "1.6":
        (faulted,) = [
            event for event in bench.peer.calls("StatusNotification", since=since) if event["status"] == "Faulted"
        ]
        assert (faulted["errorCode"], faulted["vendorErrorCode"]) == ("GroundFailure", "pe_loss")
        assert faulted["info"] == "MREC2GroundFailure"
        assert told(bench, since) == []
