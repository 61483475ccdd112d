"""One OCPP-J conversation, sans-I/O: text and the time go in, events and text come out.

Keeps the rules that both sides must trust: at most one CALL of ours unanswered; an answer is written before a CALL; an
id is never used twice; every CALL of ours ends, with an answer, a refusal or a time-out. Nothing received raises.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from stationd.ocpp.rpc import frame as frames
from stationd.ocpp.version import Json, RpcError

ANSWERS_KEPT = 8  # for a CSMS that repeats a CALL because our answer got lost
FAIR_TURN = 8  # each so many CALLs the one that has waited longest goes, whatever its priority


@dataclass(slots=True, eq=False)
class OutgoingCall:
    """A CALL of ours; `message_id` is made when it is transmitted. A repetition is a new object, so a new id."""

    action: str
    payload: Json
    timeout_s: float
    priority: int = 0
    """Lower goes first."""
    text: str = ""
    """The payload as it will be written."""
    message_id: str | None = None
    sent_at: float = 0.0


@dataclass(frozen=True, slots=True)
class CallReceived:
    """The CSMS asks; end it with `answer`, `refuse` or `drop`."""

    message_id: str
    action: str
    payload: object


@dataclass(frozen=True, slots=True)
class SendReceived:
    """The CSMS tells something that is not answered (2.1)."""

    action: str
    payload: object


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """A CALL of ours was answered; the payload is not checked yet."""

    call: OutgoingCall
    payload: object


@dataclass(frozen=True, slots=True)
class CallRefused:
    """A CALL of ours was answered with CALLERROR, or with something unreadable (then the code is ours)."""

    call: OutgoingCall
    code: str
    description: str


@dataclass(frozen=True, slots=True)
class CallTimedOut:
    """A CALL of ours was not answered in time; a late answer will be ignored."""

    call: OutgoingCall


@dataclass(frozen=True, slots=True)
class AnswerDisputed:
    """The CSMS cannot use an answer of ours (CALLRESULTERROR, 2.1); it is told, not repeated."""

    message_id: str
    code: str
    description: str


SessionEvent = CallReceived | SendReceived | CallAnswered | CallRefused | CallTimedOut | AnswerDisputed


@dataclass(slots=True)
class Counters:
    """What was received and led to nothing."""

    broken: int = 0
    """Frames that could not be used, answered or not."""
    binary: int = 0
    unmatched: int = 0
    """Answers to nothing: late, repeated or of an id that was never used."""
    repeated: int = 0
    """CALLs with an id seen before."""


@dataclass(slots=True)
class Session:
    """The state of one connection's conversation."""

    extended: bool = False
    """Types 5 and 6 exist (2.1)."""
    answer_unreadable: bool = True
    """CALLERROR with id "-1" for frames whose id cannot be read (2.x); 1.6 has no word for it and ignores them."""
    error_spelling: Mapping[RpcError, str] = field(default_factory=dict)
    new_id: Callable[[], str] = lambda: str(uuid4())
    counters: Counters = field(default_factory=Counters)
    _events: list[SessionEvent] = field(default_factory=list)
    _to_send: list[str] = field(default_factory=list)
    _waiting: list[OutgoingCall] = field(default_factory=list)
    _in_flight: OutgoingCall | None = None
    _open: dict[str, int] = field(default_factory=dict)
    """Incoming CALLs without an answer yet: id -> the how-manieth CALL it was."""
    _overdue: set[str] = field(default_factory=set)
    """Those of them that hold back nothing."""
    _asked: dict[str, str] = field(default_factory=dict)
    """Text of the open CALLs."""
    _answered: OrderedDict[str, tuple[str, str]] = field(default_factory=OrderedDict)
    """The last answers: id -> (text of the CALL, text of the answer)."""
    _calls_received: int = 0
    _barrier: int | None = None
    _turns: int = 0

    # --- from the connection ------------------------------------------------------------------------------------------

    def receive_text(self, text: str) -> None:
        """Take one text frame of any content."""
        match frames.parse(text, extended=self.extended):
            case frames.CallFrame() as call:
                self._receive_call(call, text)
            case frames.ResultFrame(message_id, payload):
                if (ours := self._answered_call(message_id)) is not None:
                    self._events.append(CallAnswered(ours, payload))
            case frames.ErrorFrame(message_id, code, description, of_result=True):
                self._events.append(AnswerDisputed(message_id, code, description))
            case frames.ErrorFrame(message_id, code, description):
                if (ours := self._answered_call(message_id)) is not None:
                    self._events.append(CallRefused(ours, code, description))
            case frames.SendFrame(_, action, payload):
                self._events.append(SendReceived(action, payload))
            case frames.BrokenFrame() as broken:
                self._receive_broken(broken)

    def receive_binary(self) -> None:
        """Count a binary frame: OCPP-J knows text only."""
        self.counters.binary += 1

    def events_received(self) -> list[SessionEvent]:
        """Return and forget what has happened."""
        events, self._events = self._events, []
        return events

    def _receive_call(self, call: frames.CallFrame, text: str) -> None:
        message_id = call.message_id
        if message_id in self._open:
            self.counters.repeated += 1  # the first one will be answered
            return
        if (earlier := self._answered.get(message_id)) is not None:
            self.counters.repeated += 1
            if earlier[0] == text:  # a repetition, allowed by the 2.0.1 errata: not done twice, answered twice
                self._to_send.append(earlier[1])
                return
        self._calls_received += 1
        self._open[message_id] = self._calls_received
        self._asked[message_id] = text
        self._events.append(CallReceived(message_id, call.action, call.payload))

    def _receive_broken(self, broken: frames.BrokenFrame) -> None:
        self.counters.broken += 1
        kind, message_id = broken.message_type, broken.message_id
        if broken.code is RpcError.MESSAGE_TYPE_NOT_SUPPORTED or kind == frames.SEND:
            return  # unknown types are ignored (OCPP-J 2.0.1 section 4.1.3); a SEND is never answered
        if kind in (frames.CALLRESULT, frames.CALLERROR, frames.CALLRESULTERROR):
            if message_id is not None and (ours := self._answered_call(message_id)) is not None:
                self._events.append(CallRefused(ours, broken.code, f"unreadable answer: {broken.description}"))
            return
        if message_id is not None:
            if message_id not in self._open:
                self._to_send.append(frames.error_text(message_id, self._word(broken.code), broken.description))
        elif self.answer_unreadable:
            word = self._word(RpcError.RPC_FRAMEWORK_ERROR)
            self._to_send.append(frames.error_text(frames.UNREADABLE_ID, word, broken.description))

    def _answered_call(self, message_id: str) -> OutgoingCall | None:
        call = self._in_flight
        if call is None or call.message_id != message_id:
            self.counters.unmatched += 1
            return None
        self._in_flight = None
        return call

    # --- from the station ---------------------------------------------------------------------------------------------

    def submit(self, call: OutgoingCall) -> None:
        """Queue a CALL; it leaves when the one before it is over and no incoming CALL waits for its answer.

        An incoming CALL that is `overdue` holds nothing back.

        Raises:
            EncodingError: the payload cannot be written; nothing was queued.
        """
        call.text = frames.payload_text(call.payload)
        self._waiting.append(call)

    def withdraw(self, call: OutgoingCall) -> None:
        """Forget a CALL that nobody waits for any more. One in flight still blocks until it is over."""
        if call in self._waiting:
            self._waiting.remove(call)

    def send(self, action: str, payload: Json) -> None:
        """Write a SEND at once (2.1): it is not bound by the rule of one open CALL."""
        self._to_send.append(frames.send_text(self.new_id(), action, payload))

    def answer(self, message_id: str, payload: Json) -> None:
        """Answer an incoming CALL. Raises EncodingError, and then it is still open."""
        self._close(message_id, frames.result_text(message_id, payload))

    def refuse(self, message_id: str, code: RpcError, description: str) -> None:
        """Refuse an incoming CALL with a CALLERROR; the description must not repeat what was received."""
        self._close(message_id, frames.error_text(message_id, self._word(code), description))

    def drop(self, message_id: str) -> None:
        """End an incoming CALL without any answer (1.6 while Rejected)."""
        self._open.pop(message_id, None)
        self._overdue.discard(message_id)
        self._asked.pop(message_id, None)

    def overdue(self, message_id: str) -> None:
        """Let our CALLs no longer wait for the answer to this one; it is still to be answered."""
        if message_id in self._open:
            self._overdue.add(message_id)

    def dispute(self, call: OutgoingCall, code: RpcError, description: str) -> None:
        """Tell the CSMS that its answer cannot be used, where the version has a word for it (2.1)."""
        if self.extended and call.message_id is not None:
            word = self._word(code)
            self._to_send.append(frames.error_text(call.message_id, word, description, of_result=True))

    def _close(self, message_id: str, text: str) -> None:
        if self._open.pop(message_id, None) is None:
            return
        self._overdue.discard(message_id)
        self._to_send.append(text)
        self._answered[message_id] = (self._asked.pop(message_id), text)
        self._answered.move_to_end(message_id)
        while len(self._answered) > ANSWERS_KEPT:
            self._answered.popitem(last=False)

    def _word(self, code: RpcError) -> str:
        return self.error_spelling.get(code, code)

    # --- to the connection --------------------------------------------------------------------------------------------

    def text_to_send(self, now: float) -> list[str]:
        """Return and forget what is to be written, in order; starts the next CALL if it may go."""
        if (call := self._next_call()) is not None:
            call.message_id, call.sent_at = self.new_id(), now
            self._to_send.append(frames.call_text(call.message_id, call.action, call.text))
            self._in_flight = call
        texts, self._to_send = self._to_send, []
        return texts

    def _next_call(self) -> OutgoingCall | None:
        """Choose the next CALL. A CSMS that asks more than one thing at a time cannot hold ours back for ever."""
        if self._in_flight is not None or not self._waiting:
            return None
        if self._barrier is None:
            self._barrier = self._calls_received
        if any(number <= self._barrier for one, number in self._open.items() if one not in self._overdue):
            return None
        self._barrier = None
        self._turns += 1
        fair = self._turns % FAIR_TURN == 0
        call = self._waiting[0] if fair else min(self._waiting, key=lambda one: one.priority)
        self._waiting.remove(call)
        return call

    def tick(self, now: float) -> None:
        """Let the CALL in flight time out."""
        call = self._in_flight
        if call is not None and now >= call.sent_at + call.timeout_s:
            self._in_flight = None
            self._events.append(CallTimedOut(call))

    @property
    def in_flight(self) -> OutgoingCall | None:
        """The CALL of ours that waits for its answer."""
        return self._in_flight

    @property
    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        return None if self._in_flight is None else self._in_flight.sent_at + self._in_flight.timeout_s

    @property
    def open_calls(self) -> int:
        """Incoming CALLs that wait for their answer."""
        return len(self._open)
