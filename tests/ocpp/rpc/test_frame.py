"""Frames: whatever a CSMS sends becomes a frame or a defined refusal."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stationd.ocpp.rpc import frame as frames
from stationd.ocpp.rpc.frame import BrokenFrame, CallFrame, ErrorFrame, ResultFrame, SendFrame, parse
from stationd.ocpp.version import RpcError

BIG = "9" * 5000


def test_the_five_shapes_are_read() -> None:
    assert parse('[2,"a","Reset",{"type":"Hard"}]', extended=False) == CallFrame("a", "Reset", {"type": "Hard"})
    assert parse('[3,"a",{}]', extended=False) == ResultFrame("a", {})
    assert parse('[4,"a","GenericError","no",{}]', extended=False) == ErrorFrame("a", "GenericError", "no")
    assert parse('[5,"a","GenericError","no",{}]', extended=True) == ErrorFrame("a", "GenericError", "no", True)
    assert parse('[6,"a","NotifyPeriodicEventStream",{}]', extended=True) == SendFrame(
        "a", "NotifyPeriodicEventStream", {}
    )


@pytest.mark.parametrize("kind", [5, 6])
def test_types_5_and_6_exist_only_where_the_version_has_them(kind: int) -> None:
    broken = parse(f'[{kind},"a","X",{{}}]', extended=False)
    assert isinstance(broken, BrokenFrame)
    assert broken.code is RpcError.MESSAGE_TYPE_NOT_SUPPORTED


FORMAT, FRAMEWORK, TYPE = RpcError.FORMAT_VIOLATION, RpcError.RPC_FRAMEWORK_ERROR, RpcError.MESSAGE_TYPE_NOT_SUPPORTED
HOSTILE = [
    ("", None, FRAMEWORK),
    ("hello", None, FRAMEWORK),
    ("null", None, FRAMEWORK),
    ("{}", None, FRAMEWORK),
    ("[]", None, FRAMEWORK),
    ("[2]", None, FRAMEWORK),
    ('[2,{},"Heartbeat",{}]', None, FRAMEWORK),
    ('[2,7,"Heartbeat",{}]', None, FRAMEWORK),
    (f'[2,"{"a" * 37}","Heartbeat",{{}}]', None, FRAMEWORK),
    ('[true,"a","Heartbeat",{}]', None, TYPE),
    ('[7,"a","Heartbeat",{}]', None, TYPE),
    ('["2","a","Heartbeat",{}]', None, TYPE),
    ('[1,"a","Heartbeat",{}]', None, TYPE),
    ('[2,"a"]', "a", FORMAT),
    ('[2,"a","Heartbeat"]', "a", FORMAT),
    ('[2,"a","Heartbeat",{},1]', "a", FORMAT),
    ('[2,"a",[],{}]', "a", FORMAT),
    ('[3,"a"]', "a", FORMAT),
    ('[3,"a",{},{}]', "a", FORMAT),
    ('[2,"a","Heartbeat",{"x":NaN}]', "a", FORMAT),
    ('[2,"a","Heartbeat",{"x":-Infinity}]', "a", FORMAT),
    ('[2,"a","Heartbeat",{"x":1e400}]', "a", FORMAT),
    ('[2,"a","Heartbeat",{"x":9223372036854775808}]', "a", FORMAT),
    (f'[2,"a","Heartbeat",{{"x":{BIG}}}]', "a", FORMAT),
    (f'[2,"a","Heartbeat",{{"x":{BIG}.5}}]', "a", FORMAT),
    ('[2,"a","Heartbeat",{"x":1,"x":2}]', "a", FORMAT),
    ('[2,"a","Heartbeat",{"x":"\\ud800"}]', "a", FORMAT),
    ('[2,"a","Heartbeat",{"x":"\\uDfff z"}]', "a", FORMAT),
    ('[2,"a","Heartbeat",{"\\u0000":1}]', "a", FORMAT),
    ('[2,"a","\\ud800",{}]', "a", FORMAT),
    ('[2,"a","Heartbeat",{"x":' + "[" * 100_000 + "]" * 100_000 + "}]", "a", FORMAT),
    ('[2,"a","Heartbeat",{"x":"' + "y" * frames.MAX_TEXT + '"}]', "a", FORMAT),
    ('[2,"a","Heartbeat",{', "a", FORMAT),
    ("[2, 'a', 'Heartbeat', {}]", None, FRAMEWORK),
    ('[2,"\\ud800","Heartbeat",{}]', None, FRAMEWORK),
]


@pytest.mark.parametrize(("text", "message_id", "code"), HOSTILE, ids=lambda value: str(value)[:40])
def test_hostile_text_has_a_defined_outcome(text: str, message_id: str | None, code: RpcError) -> None:
    broken = parse(text, extended=True)
    assert isinstance(broken, BrokenFrame)
    assert (broken.message_id, broken.code) == (message_id, code)
    assert len(broken.description) <= frames.MAX_DESCRIPTION


def test_a_refusal_never_holds_what_was_received() -> None:
    broken = parse('[2,"a","Authorize",{"idTag":"s3cret",}]', extended=False)
    assert isinstance(broken, BrokenFrame)
    assert "s3cret" not in broken.description


def test_a_legal_surrogate_pair_and_an_escaped_backslash_pass() -> None:
    assert parse('[3,"a",{"x":"\\ud83d\\ude00 \\\\u0000"}]', extended=False) == ResultFrame("a", {"x": "😀 \\u0000"})


def test_a_whole_number_with_a_fraction_is_an_integer_for_whoever_expects_one() -> None:
    answer = parse('[3,"a",{"x":1.0,"y":1e2,"z":16.1}]', extended=False)
    assert answer == ResultFrame("a", {"x": 1, "y": 100, "z": 16.1})
    assert isinstance(answer, ResultFrame)
    assert type(answer.payload["x"]) is int


def test_the_largest_integers_pass() -> None:
    assert parse(f'[3,"a",{{"x":{2**63 - 1},"y":{-(2**63)}}}]', extended=False) == ResultFrame(
        "a", {"x": 2**63 - 1, "y": -(2**63)}
    )


@pytest.mark.parametrize("text", ['[4,"a"]', '[4,"a",7]', '[4,"a","",null]', '[4,"a","X","y",{},"more"]'])
def test_a_refusal_is_read_as_generously_as_possible(text: str) -> None:
    assert isinstance(parse(text, extended=False), ErrorFrame)


def test_what_is_written_is_compact_and_can_be_read_again() -> None:
    text = frames.call_text("a", "DataTransfer", frames.payload_text({"data": "ä\ud800\u2028"}))
    assert text.isascii()
    assert json.loads(text) == [2, "a", "DataTransfer", {"data": "ä\ud800\u2028"}]
    assert json.loads(frames.result_text("a", {})) == [3, "a", {}]
    assert json.loads(frames.error_text("a", "GenericError", "x" * 300)) == [4, "a", "GenericError", "x" * 255, {}]
    assert json.loads(frames.error_text("a", "GenericError", "", of_result=True)) == [5, "a", "GenericError", "", {}]
    assert json.loads(frames.send_text("a", "X", {})) == [6, "a", "X", {}]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"bytes", {1, 2}])
def test_a_payload_json_has_no_word_for_is_an_error_of_ours(value: object) -> None:
    with pytest.raises(frames.EncodingError):
        frames.payload_text({"x": value})


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None, database=None)
@given(st.one_of(st.text(), _json.map(json.dumps), st.lists(_json, max_size=5).map(json.dumps)), st.booleans())
def test_no_text_raises(text: str, extended: bool) -> None:
    parse(text, extended=extended)


@settings(max_examples=300, deadline=None, database=None)
@given(
    st.sampled_from(
        ['[2,"a","Heartbeat",{"x":[1,"y",{"z":1.5}]}]', '[3,"a",{"status":"Accepted"}]', '[4,"a","b","c",{}]']
    ),
    st.integers(0, 60),
    st.sampled_from(["", "[", "]", "{", "}", '"', "\\", "\\ud800", "\\u0000", "NaN", "1e999", ",", "\x00", "😀", BIG]),
    st.integers(0, 3),
)
def test_no_mutated_frame_raises(text: str, place: int, insert: str, cut: int) -> None:
    parse(text[:place] + insert + text[place + cut :], extended=True)


@settings(max_examples=100, deadline=None, database=None)
@given(st.dictionaries(st.text(), _json, max_size=4))
def test_what_can_be_written_can_be_read_or_is_refused_in_words(payload: dict[str, Any]) -> None:
    try:
        text = frames.result_text("a", payload)
    except frames.EncodingError:
        return
    assert isinstance(parse(text, extended=False), ResultFrame | BrokenFrame)
