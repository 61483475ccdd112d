"""What a CSMS asks besides: ClearCache, DataTransfer, TriggerMessage, and what the station does not know."""

import json

import pytest

from tests.interop.bench import Bench
from tests.interop.peer import PeerError

NEW_CARD = "0499887766AA80"
# What TriggerMessage may ask for, and the message that comes of it.
TRIGGERS = [
    ("1.6", "DiagnosticsStatusNotification", "DiagnosticsStatusNotification"),
    ("1.6", "FirmwareStatusNotification", "FirmwareStatusNotification"),
    ("1.6", "Heartbeat", "Heartbeat"),
    ("1.6", "MeterValues", "MeterValues"),
    ("1.6", "StatusNotification", "StatusNotification"),
    *(
        (version, what, what)
        for version in ("2.0.1", "2.1")
        for what in (
            "FirmwareStatusNotification", "Heartbeat", "LogStatusNotification", "MeterValues", "StatusNotification",
        )
    ),
]  # fmt: skip


def positions(bench: Bench, since: int, action: str) -> tuple[int, int]:
    """Return where the answer to the first CALL of the CSMS and the first CALL of this action are in the log."""
    frames = [(sent, json.loads(text)) for sent, text in bench.peer.frames(since=since)]
    asked = next(frame[1] for sent, frame in frames if sent and frame[0] == 2)
    answer = next(n for n, (sent, frame) in enumerate(frames) if not sent and frame[0] == 3 and frame[1] == asked)
    call = next(n for n, (sent, frame) in enumerate(frames) if not sent and frame[0] == 2 and frame[2] == action)
    return answer, call


@pytest.mark.parametrize(("version", "what", "action"), TRIGGERS)
def test_a_triggered_message_follows_the_answer(bench: Bench, version: str, what: str, action: str) -> None:
    since = bench.peer.mark()
    assert bench.words.trigger(what) == "Accepted"
    params = bench.peer.wait_call(action, since=since)
    answer, call = positions(bench, since, action)
    assert answer < call
    if action == "StatusNotification":
        bench.words.wait_status(1, "Available", since=since)
    if "Status" in action and action != "StatusNotification":
        assert params["status"] == "Idle"
    if action == "MeterValues":
        values = [one for element in params["meterValue"] for one in element["sampledValue"]]
        assert {one["context"] for one in values} == {"Trigger"}
        assert "Energy.Active.Import.Register" in {one["measurand"] for one in values}


def test_one_connector_alone_can_be_asked_for(bench: Bench, version: str) -> None:
    since = bench.peer.mark()
    if version == "1.6":
        assert bench.words.trigger("StatusNotification", 1) == "Accepted"
    else:
        asked = {"requestedMessage": "StatusNotification", "evse": {"id": 1, "connectorId": 1}}
        assert bench.peer.call("TriggerMessage", asked)["status"] == "Accepted"
    bench.words.wait_status(1, "Available", since=since)
    assert bench.words.trigger("MeterValues", 1) == "Accepted"
    bench.peer.wait_call("MeterValues", since=since)
    assert len(bench.peer.calls("StatusNotification", since=since)) == 1
    assert bench.words.trigger("MeterValues", 7) == "Rejected"
    assert bench.words.trigger("StatusNotification", 7) == "Rejected"


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_a_transaction_event_can_be_triggered_while_a_transaction_runs(bench: Bench, version: str) -> None:
    words = bench.words
    assert words.trigger("TransactionEvent") == "Rejected"
    since = bench.peer.mark()
    bench.plug_in()
    bench.present()
    started = words.wait_started(since=since)
    words.wait_charging(since=since)
    for evse_id in (None, 1):
        since = bench.peer.mark()
        assert words.trigger("TransactionEvent", evse_id) == "Accepted"
        event = bench.peer.wait_call("TransactionEvent", since=since, triggerReason="Trigger")
        assert event["transactionInfo"]["transactionId"] == started.transaction_id
        assert event["transactionInfo"]["chargingState"] == "Charging"
        assert event["meterValue"]
    bench.leave()


def test_an_accepted_station_sends_no_boot_notification_on_demand(bench: Bench, version: str) -> None:
    since = bench.peer.mark()
    assert bench.words.trigger("BootNotification") == "Rejected"
    assert bench.words.get("OCPPCommCtrlr.HeartbeatInterval") == "300"
    assert bench.peer.calls("BootNotification", since=since) == []


@pytest.mark.parametrize(
    ("version", "what"),
    [
        ("2.0.1", "SignChargingStationCertificate"),
        ("2.0.1", "PublishFirmwareStatusNotification"),
        ("2.1", "SignV2G20Certificate"),
        ("2.1", "CustomTrigger"),
    ],
)
def test_a_message_that_the_station_never_sends_cannot_be_triggered(bench: Bench, version: str, what: str) -> None:
    assert bench.words.trigger(what) == "NotImplemented"


def test_a_cleared_cache_asks_the_csms_again(bench: Bench, version: str) -> None:
    words, since = bench.words, bench.peer.mark()
    assert words.put("AuthCtrlr.LocalPreAuthorize", "true") == "Accepted"

    bench.present_twice(NEW_CARD)
    assert words.authorized(since=since) == [NEW_CARD]
    bench.present_twice(NEW_CARD)
    assert words.authorized(since=since) == [NEW_CARD]  # known by now
    assert bench.peer.call("ClearCache", {}) == {"status": "Accepted"}
    bench.present_twice(NEW_CARD)
    assert words.authorized(since=since) == [NEW_CARD, NEW_CARD]
    assert words.started(since=since) == 0
    assert words.put("AuthCtrlr.LocalPreAuthorize", "false") == "Accepted"


def test_data_of_an_unknown_vendor_is_refused(bench: Bench, version: str) -> None:
    answer = bench.peer.call("DataTransfer", {"vendorId": "org.example", "messageId": "hello", "data": "42"})
    assert answer == {"status": "UnknownVendorId"}


@pytest.mark.parametrize(
    ("version", "action", "payload"),
    [
        ("1.6", "CancelReservation", {"reservationId": 1}),
        ("1.6", "GetDiagnostics", {"location": "ftp://example.org/"}),
        ("1.6", "ClearChargingProfile", {}),
        ("2.0.1", "CancelReservation", {"reservationId": 1}),
        ("2.0.1", "GetDisplayMessages", {"requestId": 1}),
        ("2.1", "CancelReservation", {"reservationId": 1}),
        ("2.1", "GetPeriodicEventStream", {}),
    ],
)
def test_a_known_action_that_is_not_served_is_not_supported(
    bench: Bench, version: str, action: str, payload: dict[str, int]
) -> None:
    with pytest.raises(PeerError) as refused:
        bench.peer.call(action, payload)
    assert refused.value.code == "NotSupported"


@pytest.mark.parametrize("action", ["MakeCoffee", "bootnotification", "", "Heartbeat/../Reset", "resét" * 50])
def test_an_unknown_action_is_not_implemented(bench: Bench, version: str, action: str) -> None:
    since = bench.peer.mark()
    message_id = f"unknown-{since}"
    bench.peer.raw(json.dumps([2, message_id, action, {}]))
    answer = bench.peer.wait_answer(message_id, since=since)
    assert answer[:3] == [4, message_id, "NotImplemented"]
    assert len(answer) == 5
    assert isinstance(answer[3], str)
    assert answer[4] == {}
    assert bench.words.get("OCPPCommCtrlr.HeartbeatInterval") == "300"
    assert bench.peer.seen("closed", since=since) == []


@pytest.mark.parametrize(
    ("version", "action"), [("1.6", "GetVariables"), ("2.0.1", "RemoteStartTransaction"), ("2.0.1", "SetDERControl")]
)
def test_an_action_of_another_version_is_not_implemented(bench: Bench, version: str, action: str) -> None:
    since = bench.peer.mark()
    bench.peer.raw(json.dumps([2, f"other-{action}", action, {}]))
    answer = bench.peer.wait_answer(f"other-{action}", since=since)
    assert answer[2] == "NotImplemented"


def test_an_action_that_only_stations_send_is_refused(bench: Bench, version: str) -> None:
    since = bench.peer.mark()
    bench.peer.raw(json.dumps([2, f"reversed-{since}", "Heartbeat", {}]))
    answer = bench.peer.wait_answer(f"reversed-{since}", since=since)
    assert answer[2] in ("NotSupported", "NotImplemented")
