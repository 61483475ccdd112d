"""The checks behind every test of this folder find what they look for."""

import json
from typing import Any

from tests.interop.rules import broken_rules


def _log(*frames: tuple[str, list[Any]], step_ms: float = 10.0) -> list[dict[str, Any]]:
    """Return a log of one connection; "s" = from the station, "c" = from the CSMS."""
    connected = {"event": "connected", "at": 0.0}
    return [connected] + [
        {"event": "frame", "outbound": who == "c", "at": number * step_ms, "text": json.dumps(frame)}
        for number, (who, frame) in enumerate(frames)
    ]


def test_an_ordinary_exchange_breaks_no_rule() -> None:
    log = _log(
        ("s", [2, "a", "Heartbeat", {}]), ("c", [3, "a", {}]),
        ("c", [2, "x", "Reset", {}]), ("s", [3, "x", {}]), ("s", [2, "b", "Heartbeat", {}]), ("c", [3, "b", {}]),
    )  # fmt: skip
    assert broken_rules(log) == []


def test_a_second_call_while_one_is_open_is_found() -> None:
    log = _log(("s", [2, "a", "Heartbeat", {}]), ("s", [2, "b", "MeterValues", {}]))
    assert broken_rules(log) == ["sent MeterValues while Heartbeat was open"]


def test_a_call_after_the_time_out_of_the_one_before_breaks_no_rule() -> None:
    log = _log(("s", [2, "a", "Heartbeat", {}]), ("s", [2, "b", "Heartbeat", {}]), step_ms=1000)
    assert broken_rules(log, message_timeout_s=1) == []
    assert broken_rules(log, message_timeout_s=2) == ["sent Heartbeat while Heartbeat was open"]


def test_a_call_that_crossed_a_request_on_the_wire_breaks_no_rule() -> None:
    log = _log(("c", [2, "x", "Reset", {}]), ("s", [2, "a", "Heartbeat", {}]), ("s", [3, "x", {}]))
    assert broken_rules(log) == []


def test_a_call_before_the_answer_to_a_known_request_is_found() -> None:
    log = _log(
        ("s", [2, "a", "Heartbeat", {}]), ("c", [2, "x", "Reset", {}]), ("c", [3, "a", {}]),
        ("s", [2, "b", "MeterValues", {}]), ("s", [3, "x", {}]),
    )  # fmt: skip
    assert broken_rules(log) == ["sent MeterValues before it answered x"]


def test_a_request_that_takes_the_station_long_holds_its_calls_back_for_two_seconds_only() -> None:
    frames = (
        ("s", [2, "a", "Heartbeat", {}]), ("c", [2, "x", "UnlockConnector", {}]), ("c", [3, "a", {}]),
        ("s", [2, "b", "StopTransaction", {}]), ("c", [3, "b", {}]), ("s", [3, "x", {}]),
    )  # fmt: skip
    assert broken_rules(_log(*frames, step_ms=1000)) == []
    assert broken_rules(_log(*frames, step_ms=900)) == ["sent StopTransaction before it answered x"]


def test_a_message_id_that_was_used_on_an_earlier_connection_is_found() -> None:
    log = _log(("s", [2, "a", "Heartbeat", {}]), ("c", [3, "a", {}])) + _log(("s", [2, "a", "Heartbeat", {}]))
    assert broken_rules(log) == ["used the message id a twice"]


def test_a_request_without_an_answer_is_found() -> None:
    assert broken_rules(_log(("c", [2, "x", "Reset", {}]))) == ["did not answer the CALL x"]


def test_silence_while_rejected_breaks_no_rule() -> None:
    log = _log(
        ("s", [2, "a", "BootNotification", {}]), ("c", [3, "a", {"status": "Rejected"}]),
        ("c", [2, "x", "Reset", {}]), ("s", [2, "b", "BootNotification", {}]),
    )  # fmt: skip
    assert broken_rules(log) == []


def test_a_frame_that_is_no_json_is_found() -> None:
    log = [{"event": "frame", "outbound": False, "at": 0.0, "text": '{"transactionId":,}'}]
    assert broken_rules(log) == ['sent something that is not JSON: {"transactionId":,}']


def test_only_what_happened_since_the_mark_is_told() -> None:
    log = _log(("s", [2, "a", "Heartbeat", {}]), ("s", [2, "b", "Heartbeat", {}]))
    assert broken_rules(log, since=len(log)) == []
