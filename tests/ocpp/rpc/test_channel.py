"""One connection's conversation in time, over a socket in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from stationd.ocpp.rpc import channel as module
from stationd.ocpp.rpc.channel import (
    Answer,
    CallError,
    CallRefusedByCsmsError,
    CallTimeoutError,
    Channel,
    ConnectionLostError,
    Pace,
    Refusal,
    Reply,
)
from stationd.ocpp.rpc.session import CallReceived, Session
from stationd.ocpp.rpc.transport import Layer, TransportError
from stationd.ocpp.version import RpcError, SchemaViolation
from tests.fakes.ocpp import RunningClock, eventually


class MemorySocket:
    """Implements `channel.Socket`."""

    def __init__(self) -> None:
        self.sign_of_life = 0
        self.sent: list[list[Any]] = []
        self.pings = 0
        self.answers_pings = True
        self._inbox: asyncio.Queue[str | bytes | TransportError] = asyncio.Queue()

    def deliver(self, message: object) -> None:
        self._inbox.put_nowait(message if isinstance(message, str | bytes | TransportError) else json.dumps(message))

    async def receive(self) -> str | bytes:
        message = await self._inbox.get()
        self.sign_of_life += 1
        if isinstance(message, TransportError):
            raise message
        return message

    def send(self, text: str) -> None:
        self.sent.append(json.loads(text))

    def ping(self) -> None:
        self.pings += 1
        if self.answers_pings:
            self.sign_of_life += 1

    def abort(self, reason: str) -> None:
        self.deliver(TransportError(Layer.WEBSOCKET, reason))

    async def until(self, count: int) -> list[list[Any]]:
        await eventually(lambda: len(self.sent) >= count)
        return self.sent


class Bench:
    """A channel that runs, and what it was built from."""

    def __init__(self) -> None:
        self.socket = MemorySocket()
        self.session = Session()
        self.replies: dict[str, Callable[[CallReceived], Any]] = {}
        self.interval_s = 0.0
        self.told: list[tuple[str, Any]] = []
        self.channel = self.make()

    def make(self, handler_s: float = 10.0, **options: Any) -> Channel:
        self.session = Session(**options)
        self.channel = Channel(
            self.socket,
            self.session,
            handler=self._handle,
            clock=RunningClock(),
            ping_interval_s=lambda: self.interval_s,
            on_send=lambda action, payload: self.told.append((action, payload)),
            handler_s=handler_s,
        )
        return self.channel

    async def _handle(self, call: CallReceived) -> Reply:
        reply = self.replies.get(call.action, lambda _: Answer({}))(call)
        return await reply if asyncio.iscoroutine(reply) else reply  # type: ignore[no-any-return]

    def start(self) -> asyncio.Task[None]:
        self.task = asyncio.create_task(self.channel.run())
        return self.task


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    made.start()
    yield made
    made.task.cancel()
    await asyncio.gather(made.task, return_exceptions=True)


async def test_a_call_is_answered(bench: Bench) -> None:
    call = asyncio.create_task(bench.channel.call("Heartbeat", {}, timeout_s=5))
    ((_, message_id, _, _),) = await bench.socket.until(1)
    bench.socket.deliver([3, message_id, {"currentTime": "now"}])
    assert await call == {"currentTime": "now"}
    assert bench.channel.answered.is_set()


async def test_a_refused_call_tells_the_code_and_no_control_characters(bench: Bench) -> None:
    call = asyncio.create_task(bench.channel.call("Heartbeat", {}, timeout_s=5))
    ((_, message_id, _, _),) = await bench.socket.until(1)
    bench.socket.deliver([4, message_id, "SecurityError", "no\x1b[31m" + "x" * 500, {}])
    with pytest.raises(CallRefusedByCsmsError) as caught:
        await call
    assert caught.value.code == "SecurityError"
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 200


async def test_a_call_without_an_answer_times_out_and_the_peer_is_probed(bench: Bench) -> None:
    with pytest.raises(CallTimeoutError, match=r"did not answer within 0\.05 s"):
        await bench.channel.call("Heartbeat", {}, timeout_s=0.05)
    await eventually(lambda: bench.socket.pings == 1)
    assert not bench.task.done()


async def test_a_peer_that_answers_neither_calls_nor_pings_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_S", 0.05)
    bench = Bench()
    bench.socket.answers_pings = False
    task = bench.start()
    with pytest.raises(CallTimeoutError):
        await bench.channel.call("Heartbeat", {}, timeout_s=0.05)
    with pytest.raises(TransportError, match="neither a call nor a ping"):
        await task


async def test_calls_end_when_the_connection_does(bench: Bench) -> None:
    flying = asyncio.create_task(bench.channel.call("A", {}, timeout_s=5))
    waiting = asyncio.create_task(bench.channel.call("B", {}, timeout_s=5))
    await bench.socket.until(1)
    bench.socket.deliver(TransportError(Layer.TCP, "gone"))
    for call in (flying, waiting):
        with pytest.raises(ConnectionLostError):
            await call
    with pytest.raises(TransportError, match="gone"):
        await bench.task
    with pytest.raises(ConnectionLostError):
        await bench.channel.call("C", {}, timeout_s=5)


async def test_calls_end_even_if_the_channel_is_cancelled_while_it_ends() -> None:
    bench = Bench()
    task = bench.start()
    call = asyncio.create_task(bench.channel.call("Heartbeat", {}, timeout_s=60))
    await bench.socket.until(1)
    call.add_done_callback(lambda _: task.cancel())  # what a task group does with the others
    bench.socket.abort("it broke")
    with pytest.raises(ConnectionLostError):
        await call
    await asyncio.gather(task, return_exceptions=True)
    assert str(bench.channel.lost) == "it broke"


async def test_a_call_nobody_waits_for_any_more_is_not_sent(bench: Bench) -> None:
    first = asyncio.create_task(bench.channel.call("A", {}, timeout_s=5))
    second = asyncio.create_task(bench.channel.call("B", {}, timeout_s=5))
    ((_, message_id, _, _),) = await bench.socket.until(1)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    bench.socket.deliver([3, message_id, {}])
    await first
    third = asyncio.create_task(bench.channel.call("C", {}, timeout_s=5))
    assert [frame[2] for frame in await bench.socket.until(2)] == ["A", "C"]
    third.cancel()
    await asyncio.gather(third, return_exceptions=True)


async def test_a_payload_that_cannot_be_written_is_an_error_of_the_call(bench: Bench) -> None:
    with pytest.raises(CallError, match="cannot send A"):
        await bench.channel.call("A", {"x": float("nan")}, timeout_s=5)
    assert bench.socket.sent == []


async def test_a_bad_answer_is_disputed_where_the_version_can() -> None:
    bench = Bench()
    bench.make(extended=True)
    task = bench.start()

    def check(answer: Any) -> None:
        raise SchemaViolation(RpcError.TYPE_CONSTRAINT_VIOLATION, "", "is no object")

    call = asyncio.create_task(bench.channel.call("A", {}, timeout_s=5, check=check))
    ((_, message_id, _, _),) = await bench.socket.until(1)
    bench.socket.deliver([3, message_id, []])
    with pytest.raises(SchemaViolation):
        await call
    assert bench.socket.sent[1][:3] == [5, message_id, "TypeConstraintViolation"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_incoming_calls_are_answered_as_the_handler_says(bench: Bench) -> None:
    def crash(call: CallReceived) -> Reply:
        raise RuntimeError("secret")

    bench.replies = {
        "Refused": lambda call: Refusal(RpcError.NOT_SUPPORTED, "no"),
        "Silent": lambda call: None,
        "Crash": crash,
        "Unwritable": lambda call: Answer({"x": float("inf")}),
    }
    for number, action in enumerate(["Good", "Refused", "Silent", "Crash", "Unwritable"]):
        bench.socket.deliver([2, f"c{number}", action, {}])
    answers = {frame[1]: frame for frame in await bench.socket.until(4)}
    assert answers["c0"] == [3, "c0", {}]
    assert answers["c1"] == [4, "c1", "NotSupported", "no", {}]
    assert "c2" not in answers
    assert answers["c3"][2] == answers["c4"][2] == "InternalError"
    assert "secret" not in json.dumps(answers["c3"])


async def test_a_handler_that_hangs_is_cut_off_and_the_next_call_is_answered() -> None:
    bench = Bench()
    bench.make(handler_s=0.05)
    bench.replies = {"Hang": lambda call: asyncio.sleep(3600)}
    task = bench.start()
    bench.socket.deliver([2, "c1", "Hang", {}])
    bench.socket.deliver([2, "c2", "Good", {}])
    assert [frame[:3] for frame in await bench.socket.until(2)] == [[3, "c2", {}], [4, "c1", "InternalError"]]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_answer_leaves_before_a_call_that_the_handler_set_off(bench: Bench) -> None:
    calls: list[asyncio.Task[Any]] = []

    async def trigger(call: CallReceived) -> Reply:
        calls.append(asyncio.create_task(bench.channel.call("Heartbeat", {}, timeout_s=5)))
        await asyncio.sleep(0.02)
        return Answer({"status": "Accepted"})

    bench.replies = {"Trigger": trigger}
    bench.socket.deliver([2, "c1", "Trigger", {}])
    sent = await bench.socket.until(2)
    assert [frame[0] for frame in sent] == [3, 2]
    bench.socket.deliver([3, sent[1][1], {}])
    await calls[0]


async def test_a_slow_handler_does_not_hold_up_the_next_calls_and_no_more_than_four_run_at_once(bench: Bench) -> None:
    gate, begun = asyncio.Event(), []

    async def wait(call: CallReceived) -> Reply:
        begun.append(call.message_id)
        await gate.wait()
        return Answer({})

    bench.replies = {"Unlock": wait}
    bench.socket.deliver([2, "slow", "Unlock", {}])
    bench.socket.deliver([2, "quick", "Good", {}])
    assert await bench.socket.until(1) == [[3, "quick", {}]]
    for number in range(5):
        bench.socket.deliver([2, f"c{number}", "Unlock", {}])
    await eventually(lambda: len(begun) == 4)
    await asyncio.sleep(0.02)
    assert begun == ["slow", "c0", "c1", "c2"]
    gate.set()
    await bench.socket.until(7)
    assert {frame[1] for frame in bench.socket.sent} == {"slow", "quick", "c0", "c1", "c2", "c3", "c4"}


async def test_a_call_of_ours_waits_for_a_slow_handler_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COURTESY_S", 0.2)
    bench = Bench()
    task = bench.start()
    gate = asyncio.Event()

    async def wait(call: CallReceived) -> Reply:
        await gate.wait()
        return Answer({})

    bench.replies = {"Unlock": wait}
    begun = asyncio.get_running_loop().time()
    bench.socket.deliver([2, "slow", "Unlock", {}])
    await eventually(lambda: bench.session.open_calls == 1)
    ours = [asyncio.create_task(bench.channel.call(action, {}, timeout_s=20)) for action in ("A", "B")]
    ((kind, message_id, action, _),) = await bench.socket.until(1)
    assert (kind, action) == (2, "A")
    assert asyncio.get_running_loop().time() - begun >= 0.19
    await asyncio.sleep(0.02)
    assert len(bench.socket.sent) == 1  # still one CALL of ours at a time
    bench.socket.deliver([3, message_id, {}])
    await bench.socket.until(2)
    gate.set()
    assert [3, "slow", {}] in await bench.socket.until(3)
    for call in (*ours, task):
        call.cancel()
    await asyncio.gather(*ours, task, return_exceptions=True)


async def test_too_many_calls_at_once_are_refused_and_ours_still_get_through(bench: Bench) -> None:
    gate = asyncio.Event()

    async def wait(call: CallReceived) -> Reply:
        await gate.wait()
        return Answer({})

    bench.replies = {"Slow": wait}
    for number in range(100):
        bench.socket.deliver([2, f"c{number}", "Slow", {}])
    sent = await bench.socket.until(100 - module.MAX_CALLS_WAITING - module.HANDLERS_AT_ONCE)
    assert {frame[2] for frame in sent} == {"GenericError"}
    ours = asyncio.create_task(bench.channel.call("Heartbeat", {}, timeout_s=5))
    gate.set()
    await eventually(lambda: any(frame[0] == 2 for frame in bench.socket.sent))
    message_id = next(frame[1] for frame in bench.socket.sent if frame[0] == 2)
    bench.socket.deliver([3, message_id, {}])
    assert await ours == {}


async def test_in_a_flood_calls_are_dropped_unread_but_answers_are_not(bench: Bench) -> None:
    gate = asyncio.Event()

    async def wait(call: CallReceived) -> Reply:
        await gate.wait()
        return Answer({})

    bench.replies = {"Slow": wait}
    ours = asyncio.create_task(bench.channel.call("Heartbeat", {}, timeout_s=20))
    ((_, message_id, _, _),) = await bench.socket.until(1)
    for number in range(2000):
        bench.socket.deliver([2, f"c{number}", "Slow", {}])
    bench.socket.deliver([3, message_id, {}])
    assert await ours == {}
    assert bench.channel.calls_dropped > 1000
    assert len(bench.socket.sent) < 1000
    gate.set()


async def test_hostile_frames_do_not_end_the_conversation(bench: Bench) -> None:
    for message in ("", "[]", "[2", b"\x00", '[2,"a",[],{}]', '[3,"x",{}]', '[2,"b","X",{"y":NaN}]', "[" * 5000):
        bench.socket.deliver(message)
    bench.socket.deliver([2, "c1", "Good", {}])
    await eventually(lambda: [3, "c1", {}] in bench.socket.sent)
    assert bench.session.counters.binary == 1


async def test_a_send_is_handed_on() -> None:
    bench = Bench()
    bench.make(extended=True)
    task = bench.start()
    bench.socket.deliver([6, "a", "Something", {"x": 1}])
    await eventually(lambda: bench.told == [("Something", {"x": 1})])
    bench.channel.send("NotifyPeriodicEventStream", {"id": 1})
    assert bench.socket.sent[0][2:] == ["NotifyPeriodicEventStream", {"id": 1}]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


# --- pings ------------------------------------------------------------------------------------------------------------


async def test_a_peer_without_a_sign_of_life_for_a_whole_interval_is_dead() -> None:
    bench = Bench()
    bench.interval_s, bench.socket.answers_pings = 0.05, False
    with pytest.raises(TransportError, match="did not answer a ping"):
        await bench.start()
    assert bench.socket.pings == 1


async def test_a_peer_that_answers_is_asked_again_and_again() -> None:
    bench = Bench()
    bench.interval_s = 0.02
    task = bench.start()
    await eventually(lambda: bench.socket.pings >= 3)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_without_an_interval_there_are_no_pings_until_it_changes(bench: Bench) -> None:
    await asyncio.sleep(0.05)
    assert bench.socket.pings == 0
    bench.interval_s = 0.01
    bench.channel.ping_interval_changed()
    await eventually(lambda: bench.socket.pings > 0)


def test_a_pace_lets_a_burst_pass_and_then_so_many_a_second() -> None:
    pace = Pace(10.0, 3.0, now=0.0)
    assert [pace.wait_s(0.0) for _ in range(5)] == [0, 0, 0, pytest.approx(0.1), pytest.approx(0.2)]
    assert pace.wait_s(10.0) == 0
    assert not pace.strained


def test_a_pace_that_is_not_waited_for_does_not_run_into_debt() -> None:
    pace = Pace(10.0, 3.0, now=0.0)
    assert [pace.take(0.0) for _ in range(1000)].count(True) == 3
    assert pace.strained
    assert pace.take(0.1)
