"""Malformed frames: whatever the CSMS sends, the station answers by the rules and goes on on the same connection."""

import json
from typing import Any

import pytest

from tests.interop.bench import Bench

SECOND = "OCPPCommCtrlr.HeartbeatInterval"
REFUSALS_16 = {
    "NotImplemented", "NotSupported", "InternalError", "ProtocolError", "SecurityError", "FormationViolation",
    "PropertyConstraintViolation", "OccurenceConstraintViolation", "TypeConstraintViolation", "GenericError",
}  # fmt: skip
"""Of OCPP-J 1.6 section 4.2.3, with its two misspellings."""
REFUSALS_2 = REFUSALS_16 - {"FormationViolation", "OccurenceConstraintViolation"} | {
    "FormatViolation", "OccurrenceConstraintViolation", "MessageTypeNotSupported", "RpcFrameworkError",
}  # fmt: skip
"""Of OCPP-J 2.0.1 section 4.3."""


def goes_on(bench: Bench, since: int) -> None:
    """The next request is answered, on the same connection."""
    assert bench.words.get(SECOND) == "300"
    assert bench.peer.seen("closed", since=since) == []


def refusals(bench: Bench) -> set[str]:
    return REFUSALS_16 if bench.version == "1.6" else REFUSALS_2


def errors(bench: Bench, since: int) -> list[list[Any]]:
    """Return the CALLERRORs that the station sent."""
    frames = [json.loads(text) for sent, text in bench.peer.frames(since=since) if not sent]
    return [frame for frame in frames if frame[0] == 4]


UNREADABLE = {
    "no-json": "this is no JSON",
    "cut-off": '[2,"cut-off","GetConfig',
    "an-object": '{"messageTypeId":2}',
    "a-number": "42",
    "a-text": '"hello"',
    "null": "null",
    "nothing-in-it": "[]",
    "type-only": "[2]",
    "id-is-a-number": '[2,4711,"DataTransfer",{"vendorId":"x"}]',
    "id-is-null": '[2,null,"DataTransfer",{"vendorId":"x"}]',
    "id-is-missing": '[2,"DataTransfer",{"vendorId":"x"}]',
    "id-too-long": f'[2,"{"x" * 37}","DataTransfer",{{"vendorId":"x"}}]',
    "type-is-a-text": '["2","text-type","DataTransfer",{"vendorId":"x"}]',
    "nested-for-ever": "[" * 100_000,
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_frame_that_cannot_be_read_is_refused_or_ignored(bench: Bench, version: str, text: str) -> None:
    """2.x answers it with the id "-1" where it was a request; 1.6 has no word for it."""
    since = bench.peer.mark()
    bench.peer.raw(text)
    goes_on(bench, since)
    sent = errors(bench, since)
    if version == "1.6":
        assert [frame for frame in sent if frame[1] == "-1"] == []
    assert all(frame[2] in refusals(bench) for frame in sent)
    assert len(sent) <= 1


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
@pytest.mark.parametrize("name", ["no-json", "an-object", "id-is-a-number"])
def test_a_request_without_a_readable_id_is_refused_as_minus_one(bench: Bench, version: str, name: str) -> None:
    since = bench.peer.mark()
    bench.peer.raw(UNREADABLE[name])
    goes_on(bench, since)
    (sent,) = errors(bench, since)
    assert sent[:3] == [4, "-1", "RpcFrameworkError"]


WRONG_SHAPES = {
    "no-payload": [2, "ID", "DataTransfer"],
    "too-long": [2, "ID", "DataTransfer", {"vendorId": "x"}, {}],
    "action-is-a-number": [2, "ID", 5, {}],
    "payload-is-null": [2, "ID", "DataTransfer", None],
    "payload-is-a-list": [2, "ID", "DataTransfer", []],
    "payload-is-a-text": [2, "ID", "DataTransfer", "vendorId"],
}


@pytest.mark.parametrize("frame", WRONG_SHAPES.values(), ids=WRONG_SHAPES.keys())
def test_a_request_of_the_wrong_shape_is_refused_by_its_id(bench: Bench, version: str, frame: list[Any]) -> None:
    since = bench.peer.mark()
    message_id = f"shape-{since}"
    bench.peer.raw(json.dumps([frame[0], message_id, *frame[2:]]))
    answer = bench.peer.wait_answer(message_id, since=since)
    assert answer[0] == 4
    assert answer[2] in refusals(bench)
    goes_on(bench, since)


VALUES = {
    "not-a-number": "NaN",
    "infinite": "-Infinity",
    "too-large": "1e999",
    "more-than-64-bits": "123456789012345678901234567890",
    "thousands-of-digits": "9" * 5000,
    "half-a-pair": '"\\ud83d"',
    "nul": '"a\\u0000b"',
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_a_value_that_json_or_the_station_cannot_hold_is_refused(bench: Bench, version: str, value: str) -> None:
    since = bench.peer.mark()
    message_id = f"value-{since}"
    bench.peer.raw(f'[2,"{message_id}","DataTransfer",{{"vendorId":"x","data":{value}}}]')
    answer = bench.peer.wait_answer(message_id, since=since)
    assert answer[0] == 4
    assert answer[2] in ("FormationViolation", "FormatViolation")
    goes_on(bench, since)


def schema_breaks(version: str) -> dict[str, tuple[str, Any, set[str]]]:
    """Return action, payload and the words for it, by kind of fault."""
    start = "RemoteStartTransaction" if version == "1.6" else "RequestStartTransaction"
    good = {"idTag": "A"} if version == "1.6" else {"idToken": {"idToken": "A", "type": "Central"}, "remoteStartId": 1}
    where = "connectorId" if version == "1.6" else "evseId"
    occurs = {"OccurenceConstraintViolation"} if version == "1.6" else {"OccurrenceConstraintViolation"}
    formats = {"FormationViolation", "FormatViolation", "PropertyConstraintViolation"}
    return {
        "missing": (start, {}, occurs),
        "wrong-type": (start, {**good, where: "one"}, {"TypeConstraintViolation"}),
        "fraction": (start, {**good, where: 1.5}, {"TypeConstraintViolation"}),
        "boolean-for-number": (start, {**good, where: True}, {"TypeConstraintViolation"}),
        "null": (start, {**good, where: None}, {"TypeConstraintViolation"}),
        "unknown-word": ("Reset", {"type": "Sideways"}, formats),
        "unknown-field": ("Reset", {"type": "Sideways", "why": "because"}, formats | occurs),
        "too-long": ("DataTransfer", {"vendorId": "x" * 256}, formats),
    }


@pytest.mark.parametrize("fault", list(schema_breaks("1.6")))
def test_a_payload_that_breaks_its_schema_is_refused_with_the_right_word(
    bench: Bench, version: str, fault: str
) -> None:
    action, payload, words = schema_breaks(version)[fault]
    since = bench.peer.mark()
    message_id = f"schema-{since}"
    bench.peer.raw(json.dumps([2, message_id, action, payload]))
    answer = bench.peer.wait_answer(message_id, since=since)
    assert answer[0] == 4
    assert answer[2] in words & refusals(bench), answer
    assert len(answer[3]) <= 255
    goes_on(bench, since)
    assert bench.words.started(since=since) == 0


STRAYS = {
    "result-to-nothing": [3, "never-asked", {"status": "Accepted"}],
    "error-to-nothing": [4, "never-asked", "InternalError", "", {}],
    "short-result": [3, "never-asked"],
    "short-error": [4],
    "type-0": [0, "stray", {}],
    "type-7": [7, "stray", "DataTransfer", {"vendorId": "x"}],
    "type-negative": [-2, "stray", "DataTransfer", {"vendorId": "x"}],
    "type-huge": [10**30, "stray", "DataTransfer", {"vendorId": "x"}],
    "type-null": [None, "stray", "DataTransfer", {"vendorId": "x"}],
}


@pytest.mark.parametrize("frame", STRAYS.values(), ids=STRAYS.keys())
def test_a_frame_that_is_no_request_is_not_answered(bench: Bench, version: str, frame: list[Any]) -> None:
    since = bench.peer.mark()
    bench.peer.raw(json.dumps(frame))
    goes_on(bench, since)
    assert [error for error in errors(bench, since) if error[1] != "-1"] == []


def test_a_binary_frame_is_not_answered(bench: Bench, version: str) -> None:
    since = bench.peer.mark()
    bench.peer.raw_binary(b'[2,"binary","DataTransfer",{"vendorId":"x"}]')
    bench.peer.raw_binary(b"\xff\xfe\x00")
    goes_on(bench, since)
    assert errors(bench, since) == []


def test_a_long_frame_is_refused_politely(bench: Bench, version: str) -> None:
    since = bench.peer.mark()
    message_id = f"long-{since}"
    bench.peer.raw(json.dumps([2, message_id, "DataTransfer", {"vendorId": "x", "data": "y" * 400_000}]))
    answer = bench.peer.wait_answer(message_id, since=since)
    assert answer[2] in ("FormationViolation", "FormatViolation")
    goes_on(bench, since)


def test_a_huge_frame_closes_the_connection_and_the_station_comes_back(bench: Bench, version: str) -> None:
    since = bench.peer.mark()
    bench.peer.raw("[" + "9," * 2_000_000 + "9]")
    closed = bench.peer.wait(lambda e: e["event"] == "closed", since=since)
    assert closed["code"] == 1009  # message too big (RFC 6455 section 7.4.1)
    bench.peer.wait(lambda e: e["event"] == "connected", since=since)
    assert bench.words.get(SECOND) == "300"
    assert bench.peer.calls("BootNotification", since=since) == []


def test_a_repeated_request_is_answered_again_but_not_done_again(bench: Bench, version: str) -> None:
    bench.plug_in()
    action = "RemoteStartTransaction" if version == "1.6" else "RequestStartTransaction"
    start = {"idToken": {"idToken": "TWICE", "type": "ISO14443"}, "remoteStartId": 5, "evseId": 1}
    payload = {"idTag": "TWICE", "connectorId": 1} if version == "1.6" else start
    since = bench.peer.mark()
    message_id = f"twice-{since}"
    text = json.dumps([2, message_id, action, payload])
    bench.peer.raw(text)
    first = bench.peer.wait_answer(message_id, since=since)
    assert first[2]["status"] == "Accepted"
    bench.words.wait_started(since=since)
    again = bench.peer.mark()
    bench.peer.raw(text)
    assert bench.peer.wait_answer(message_id, since=again) == first
    assert bench.words.started(since=since) == 1
    bench.leave("TWICE")


def test_many_requests_at_once_are_all_answered(bench: Bench, version: str) -> None:
    """A CSMS must wait for each answer; one that does not is served all the same."""
    since = bench.peer.mark()
    ids = [f"burst-{since}-{number}" for number in range(12)]
    for message_id in ids:
        bench.peer.raw(json.dumps([2, message_id, "DataTransfer", {"vendorId": "x"}]))
    for message_id in ids:
        assert bench.peer.wait_answer(message_id, since=since)[2] == {"status": "UnknownVendorId"}
    goes_on(bench, since)


@pytest.mark.parametrize("version", ["2.1"])
def test_message_types_5_and_6_are_taken_and_never_answered(bench: Bench, version: str) -> None:
    since = bench.peer.mark()
    bench.peer.raw(json.dumps([6, "send-1", "NotifyPeriodicEventStream", {"id": 1, "pending": 0}]))
    bench.peer.raw(json.dumps([6, "send-2", "NoSuchAction", None]))
    bench.peer.raw(json.dumps([6, "send-3"]))
    bench.peer.raw(json.dumps([5, "disputed-1", "FormatViolation", "no", {}]))
    bench.peer.raw(json.dumps([5]))
    goes_on(bench, since)
    assert [error for error in errors(bench, since) if error[1] != "-1"] == []


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_message_types_5_and_6_are_ignored_before_2_1(bench: Bench, version: str) -> None:
    since = bench.peer.mark()
    bench.peer.raw(json.dumps([6, "send-1", "Reset", {"type": "Immediate"}]))
    bench.peer.raw(json.dumps([5, "disputed-1", "FormatViolation", "no", {}]))
    goes_on(bench, since)
    assert errors(bench, since) == []


def test_an_answer_that_breaks_its_schema_is_not_used(bench: Bench, version: str) -> None:
    since = bench.peer.mark()
    bench.peer.policy(broken={"Heartbeat": {"currentTime": 5}})
    assert bench.words.trigger("Heartbeat") == "Accepted"
    bench.peer.wait_call("Heartbeat", since=since)
    bench.peer.policy(broken={})
    goes_on(bench, since)
    disputes = [json.loads(e["frame"]) for e in bench.peer.seen("bad", since=since)]
    if version == "2.1":  # it says so: CALLRESULTERROR
        assert [frame[0] for frame in disputes] == [5]
        assert disputes[0][2] == "TypeConstraintViolation"
        bench.peer.forgive("Unrecognised message type")
    else:
        assert disputes == []
    since = bench.peer.mark()
    assert bench.words.trigger("Heartbeat") == "Accepted"
    bench.peer.wait_call("Heartbeat", since=since)
