"""The conversation, without a network: ids, order, one CALL at a time, time-outs, repetitions."""

import json
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stationd.ocpp.rpc.frame import EncodingError
from stationd.ocpp.rpc.session import (
    FAIR_TURN,
    AnswerDisputed,
    CallAnswered,
    CallReceived,
    CallRefused,
    CallTimedOut,
    OutgoingCall,
    SendReceived,
    Session,
)
from stationd.ocpp.version import RpcError


def make(**options: Any) -> Session:
    numbers = count(1)
    return Session(new_id=lambda: f"s{next(numbers)}", **options)


def written(session: Session, now: float = 0.0) -> list[Any]:
    return [json.loads(text) for text in session.text_to_send(now)]


def ours(action: str = "Heartbeat", priority: int = 0, **payload: Any) -> OutgoingCall:
    return OutgoingCall(action, payload, timeout_s=30.0, priority=priority)


def test_a_call_and_its_answer() -> None:
    session, call = make(), ours(a=1)
    session.submit(call)
    assert written(session) == [[2, "s1", "Heartbeat", {"a": 1}]]
    session.receive_text('[3,"s1",{"b":2}]')
    assert session.events_received() == [CallAnswered(call, {"b": 2})]
    assert session.deadline is None


def test_only_one_call_is_in_flight() -> None:
    session = make()
    session.submit(ours("A"))
    session.submit(ours("B"))
    assert written(session) == [[2, "s1", "A", {}]]
    assert written(session) == []
    session.receive_text('[4,"s1","GenericError","",{}]')
    assert written(session) == [[2, "s2", "B", {}]]


def test_an_overdue_answer_holds_back_nothing_and_is_still_given() -> None:
    session = make()
    session.receive_text('[2,"c1","UnlockConnector",{}]')
    session.receive_text('[2,"c2","Reset",{}]')
    session.submit(ours("A"))
    session.overdue("c1")
    session.overdue("never heard of")
    assert written(session) == []  # c2 is not overdue
    session.answer("c2", {})
    assert written(session) == [[3, "c2", {}], [2, "s1", "A", {}]]
    session.answer("c1", {})
    assert written(session) == [[3, "c1", {}]]
    session.receive_text('[3,"s1",{}]')
    session.receive_text('[2,"c1","Reset",{}]')
    session.submit(ours("B"))
    assert written(session) == []  # the id used again is a new CALL


def test_an_incoming_call_is_answered_before_ours_is_written() -> None:
    session = make()
    session.receive_text('[2,"c1","Reset",{}]')
    session.submit(ours("A"))
    assert written(session) == []
    session.answer("c1", {"status": "Accepted"})
    assert written(session) == [[3, "c1", {"status": "Accepted"}], [2, "s1", "A", {}]]


def test_an_incoming_call_is_answered_while_ours_is_in_flight() -> None:
    session = make()
    session.submit(ours("A"))
    written(session)
    session.receive_text('[2,"c1","Reset",{}]')
    session.answer("c1", {})
    assert written(session) == [[3, "c1", {}]]


def test_a_csms_that_asks_without_end_cannot_hold_ours_back_for_ever() -> None:
    session = make()
    session.receive_text('[2,"c1","X",{}]')
    session.submit(ours("A"))
    assert written(session) == []
    for number in range(2, 10):
        session.receive_text(f'[2,"c{number}","X",{{}}]')
    session.answer("c1", {})
    assert written(session) == [[3, "c1", {}], [2, "s1", "A", {}]]


def test_a_call_that_comes_while_ours_is_in_flight_is_answered_before_our_next_one() -> None:
    session = make()
    session.submit(ours("A"))
    session.submit(ours("B"))
    written(session)
    session.receive_text('[2,"c1","X",{}]')
    session.receive_text('[3,"s1",{}]')
    assert written(session) == []
    session.refuse("c1", RpcError.NOT_SUPPORTED, "no")
    assert written(session) == [[4, "c1", "NotSupported", "no", {}], [2, "s2", "B", {}]]


def test_a_call_times_out_and_its_late_answer_is_dropped() -> None:
    session, call = make(), ours("A")
    session.submit(call)
    session.submit(ours("B"))
    written(session, now=100.0)
    assert session.deadline == 130.0
    session.tick(129.9)
    assert session.events_received() == []
    session.tick(130.0)
    assert session.events_received() == [CallTimedOut(call)]
    session.receive_text('[3,"s1",{}]')
    assert session.events_received() == []
    assert session.counters.unmatched == 1
    assert written(session, now=130.0) == [[2, "s2", "B", {}]]


@pytest.mark.parametrize("text", ['[3,"s9",{}]', '[4,"s9","X","",{}]', '[3,"",{}]'])
def test_an_answer_to_nothing_is_counted_and_ignored(text: str) -> None:
    session = make()
    session.receive_text(text)
    assert session.events_received() == []
    assert written(session) == []
    assert session.counters.unmatched == 1


def test_an_answer_given_twice_counts_once() -> None:
    session, call = make(), ours()
    session.submit(call)
    written(session)
    session.receive_text('[3,"s1",{}]')
    session.receive_text('[3,"s1",{}]')
    assert session.events_received() == [CallAnswered(call, {})]


def test_every_transmission_has_an_id_of_its_own() -> None:
    session = Session()
    seen = set()
    for _ in range(50):
        session.submit(ours())
        (frame,) = written(session)
        seen.add(frame[1])
        assert len(frame[1]) <= 36
        session.receive_text(json.dumps([3, frame[1], {}]))
    assert len(seen) == 50


def test_urgent_calls_go_first_but_the_others_get_their_turn() -> None:
    session = make()
    session.submit(ours("Queued", priority=2))
    order = []
    for number in range(FAIR_TURN + 1):
        session.submit(ours(f"Urgent{number}", priority=0))
        (frame,) = written(session)
        order.append(frame[2])
        session.receive_text(json.dumps([3, frame[1], {}]))
    assert order[0] == "Urgent0"
    assert order.index("Queued") == FAIR_TURN - 1


def test_a_withdrawn_call_is_never_written() -> None:
    session, call = make(), ours()
    session.submit(call)
    session.withdraw(call)
    assert written(session) == []


def test_a_repeated_call_is_answered_twice_but_handled_once() -> None:
    session = make()
    text = '[2,"c1","Reset",{"type":"Soft"}]'
    session.receive_text(text)
    session.receive_text(text)  # before the answer: ignored
    assert session.events_received() == [CallReceived("c1", "Reset", {"type": "Soft"})]
    session.answer("c1", {"status": "Accepted"})
    assert written(session) == [[3, "c1", {"status": "Accepted"}]]
    session.receive_text(text)
    assert session.events_received() == []
    assert written(session) == [[3, "c1", {"status": "Accepted"}]]
    assert session.counters.repeated == 2


def test_an_id_used_again_for_something_else_is_handled() -> None:
    session = make()
    session.receive_text('[2,"c1","Reset",{}]')
    session.answer("c1", {})
    session.receive_text('[2,"c1","ClearCache",{}]')
    assert session.events_received()[-1] == CallReceived("c1", "ClearCache", {})
    assert session.counters.repeated == 1


def test_a_dropped_call_is_not_answered_and_blocks_nothing() -> None:
    session = make()
    session.receive_text('[2,"c1","Reset",{}]')
    session.submit(ours())
    session.drop("c1")
    assert written(session) == [[2, "s1", "Heartbeat", {}]]


def test_a_broken_call_is_refused_with_its_id() -> None:
    session = make(error_spelling={RpcError.FORMAT_VIOLATION: "FormationViolation"})
    session.receive_text('[2,"c1","Reset",{"x":NaN}]')
    ((kind, message_id, code, description, details),) = written(session)
    assert (kind, message_id, code, details) == (4, "c1", "FormationViolation", {})
    assert "NaN" in description


def test_a_frame_without_a_readable_id_is_answered_with_minus_one_where_the_version_says_so() -> None:
    new, old = make(), make(answer_unreadable=False)
    for session in (new, old):
        session.receive_text("no json")
    assert written(new)[0][:3] == [4, "-1", "RpcFrameworkError"]
    assert written(old) == []
    assert (new.counters.broken, old.counters.broken) == (1, 1)


@pytest.mark.parametrize("text", ['[9,"a","b",{}]', '[6,"a","b"]', '[5,"x","y","z",{}]'])
def test_what_must_not_be_answered_is_not(text: str) -> None:
    session = make(extended=True)
    session.receive_text(text)
    assert written(session) == []


def test_a_binary_frame_is_counted() -> None:
    session = make()
    session.receive_binary()
    assert session.counters.binary == 1
    assert written(session) == []


def test_an_unreadable_answer_ends_the_call_at_once() -> None:
    session, call = make(), ours()
    session.submit(call)
    written(session)
    session.receive_text('[3,"s1",{"x":NaN}]')
    (event,) = session.events_received()
    assert isinstance(event, CallRefused)
    assert event.call is call
    assert session.in_flight is None


def test_extended_frames() -> None:
    session = make(extended=True)
    session.submit(ours("A"))
    written(session)
    session.send("NotifyPeriodicEventStream", {"id": 1})  # while a CALL is open
    assert written(session) == [[6, "s2", "NotifyPeriodicEventStream", {"id": 1}]]
    session.receive_text('[5,"c1","FormatViolation","bad answer",{}]')
    session.receive_text('[6,"c2","Anything",{}]')
    assert session.events_received() == [
        AnswerDisputed("c1", "FormatViolation", "bad answer"),
        SendReceived("Anything", {}),
    ]


def test_a_bad_answer_is_disputed_only_where_the_version_can() -> None:
    for extended, expected in ((True, [[5, "s1", "FormatViolation", "no", {}]]), (False, [])):
        session, call = make(extended=extended), ours()
        session.submit(call)
        written(session)
        session.receive_text('[3,"s1",{}]')
        session.dispute(call, RpcError.FORMAT_VIOLATION, "no")
        assert written(session) == expected


def test_a_payload_that_cannot_be_written_is_not_queued() -> None:
    session = make()
    with pytest.raises(EncodingError):
        session.submit(ours(x=float("nan")))
    session.receive_text('[2,"c1","X",{}]')
    with pytest.raises(EncodingError):
        session.answer("c1", {"x": object()})
    assert session.open_calls == 1
    session.refuse("c1", RpcError.INTERNAL_ERROR, "broken")
    assert written(session) == [[4, "c1", "InternalError", "broken", {}]]


_step = st.one_of(
    st.sampled_from(["submit", "tick", "write", "answer", "refuse"]),
    st.sampled_from(['[2,"c1","X",{}]', '[2,"c2","X",{}]', '[3,"s1",{}]', '[3,"s2",{}]', '[4,"s1","E","d",{}]',
                     '[3,"s1",{"x":NaN}]', "[", "[2]", '[6,"a","b",{}]', '[5,"a","b","c",{}]']),
    st.text(max_size=6),
)  # fmt: skip


@settings(max_examples=200, deadline=None, database=None)
@given(st.lists(_step, max_size=40), st.booleans())
def test_whatever_happens_there_is_one_call_in_flight_and_none_before_an_answer(
    steps: list[str], extended: bool
) -> None:
    session, now, open_ours = make(extended=extended), 0.0, False
    unanswered: list[str] = []
    for step in steps:
        now += 10
        match step:
            case "submit":
                session.submit(ours())
            case "tick":
                session.tick(now)
            case "write":
                for frame in written(session, now):
                    if frame[0] == 2:
                        assert not open_ours
                        assert not unanswered
                        open_ours = True
            case "answer" | "refuse" if unanswered:
                message_id = unanswered.pop(0)
                session.answer(message_id, {}) if step == "answer" else session.refuse(
                    message_id, RpcError.NOT_SUPPORTED, ""
                )
            case _ if not unanswered or not step.startswith("[2,"):  # a CSMS that keeps the rule of one
                session.receive_text(step)
        for event in session.events_received():
            if isinstance(event, CallReceived):
                unanswered.append(event.message_id)
            elif isinstance(event, CallAnswered | CallRefused | CallTimedOut):
                open_ours = False
