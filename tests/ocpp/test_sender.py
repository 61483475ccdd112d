"""Delivery of the outbox: order, repetitions, giving up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from stationd.domain.answers import TransactionAnswer
from stationd.domain.errors import StorageError
from stationd.domain.events import FaultEvent, TransactionEvent, TransactionEventType
from stationd.domain.faults import FaultCode
from stationd.domain.id_token import IdToken
from stationd.domain.states import TriggerReason
from stationd.ocpp import sender as module
from stationd.ocpp.link import QUEUED, Link
from stationd.ocpp.rpc.channel import CallRefusedByCsmsError, CallTimeoutError, ConnectionLostError
from stationd.ocpp.sender import Sender
from stationd.ocpp.version import Context, Outgoing
from tests.fakes.clock import FakeClock
from tests.fakes.ocpp import eventually, test_settings, transaction_event, version
from tests.fakes.outbox import FakeOutbox
from tests.fakes.station import FakeStation

Reaction = Callable[[dict[str, Any]], Any]


class ScriptedChannel:
    """Answers calls as the test says: a payload, or an exception to raise."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.priorities: list[int] = []
        self.react: Reaction = lambda payload: {}

    async def call(self, action: str, payload: dict[str, Any], **options: Any) -> Any:
        self.sent.append(payload)
        self.priorities.append(options["priority"])
        answer = self.react(payload)
        await asyncio.sleep(0)
        if isinstance(answer, Exception):
            raise answer
        options["check"](answer)
        return answer


class Bench:
    def __init__(self, outbox: FakeOutbox, **settings: Any) -> None:
        self.outbox, self.station, self.channel, self.clock = outbox, FakeStation(), ScriptedChannel(), FakeClock()
        self.settings = test_settings(**{"MESSAGE_ATTEMPTS": 3, **settings})
        self.sender = Sender(outbox=outbox, settings=self.settings, clock=self.clock)
        self.ready = asyncio.Event()
        self.ready.set()
        self.tasks: list[asyncio.Task[None]] = []

    def start(self, **changes: Any) -> asyncio.Task[None]:
        context = Context(station=self.station, settings=self.settings, clock=self.clock, aliases=self.outbox)
        link = Link(version(**changes), context, self.channel)  # type: ignore[arg-type]
        self.tasks.append(asyncio.create_task(self.sender.run(link, self.station, self.ready)))
        return self.tasks[-1]

    async def drained(self) -> None:
        await eventually(lambda: not self.outbox.rows)
        await asyncio.sleep(0.01)

    @property
    def answered(self) -> list[tuple[int, TransactionAnswer]]:
        return [
            (call["event"].seq_no, call["answer"])
            for name, call in self.station.calls
            if name == "transaction_answered"
        ]


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def build(*events: Any, **settings: Any) -> Bench:
        benches.append(Bench(FakeOutbox(*events), **settings))
        return benches[-1]

    yield build
    for task in (task for bench in benches for task in bench.tasks):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_events_are_delivered_in_order_and_each_answer_is_handed_on(make: Callable[..., Bench]) -> None:
    bench = make(*(transaction_event(number) for number in range(5)))
    bench.channel.react = lambda payload: {"id": 100 + payload["seqNo"]}
    bench.start()
    await bench.drained()
    assert [payload["seqNo"] for payload in bench.channel.sent] == [0, 1, 2, 3, 4]
    assert set(bench.channel.priorities) == {QUEUED}
    assert bench.answered == [(n, TransactionAnswer(csms_transaction_id=100 + n)) for n in range(5)]
    assert bench.outbox.aliases == {"t1": 104}


async def test_a_new_row_wakes_the_sender(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.start()
    await asyncio.sleep(0.01)
    bench.outbox.add(transaction_event(7))
    bench.sender.wake()
    await bench.drained()
    assert [payload["seqNo"] for payload in bench.channel.sent] == [7]


async def test_nothing_is_sent_before_the_station_is_ready(make: Callable[..., Bench]) -> None:
    bench = make(transaction_event())
    bench.ready.clear()
    bench.start()
    await asyncio.sleep(0.02)
    assert bench.channel.sent == []
    bench.ready.set()
    await bench.drained()


@pytest.mark.parametrize(
    "failure", [CallTimeoutError("no answer"), CallRefusedByCsmsError("TransactionEvent", "InternalError", "")]
)
async def test_a_poisoned_message_is_repeated_so_often_and_then_given_up(
    make: Callable[..., Bench], failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    bench = make(transaction_event(0), transaction_event(1))
    bench.channel.react = lambda payload: failure if payload["seqNo"] == 0 else {}
    bench.start()
    await bench.drained()
    assert [payload["seqNo"] for payload in bench.channel.sent] == [0, 0, 0, 1]
    assert bench.outbox.log == [("failed", 1), ("failed", 1), ("delivered", 1), ("delivered", 2)]
    assert [seq_no for seq_no, _ in bench.answered] == [1]
    assert "event_abandoned transaction_id=t1 seq_no=0" in caplog.text


async def test_the_pause_grows_with_each_failure(make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make(transaction_event(), MESSAGE_ATTEMPTS=4, MESSAGE_ATTEMPT_INTERVAL=10)
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        bench.clock.advance(seconds)

    monkeypatch.setattr(module.asyncio, "sleep", sleep)
    bench.channel.call = _failing  # type: ignore[method-assign]
    bench.start()
    while bench.outbox.rows:
        await asyncio.wait(bench.tasks, timeout=0.01)
    assert pauses == [10.0, 20.0, 30.0]


async def _failing(action: str, payload: dict[str, Any], **options: Any) -> Any:
    raise CallTimeoutError("no answer")


async def test_a_start_given_up_leaves_the_assumed_transaction_id(make: Callable[..., Bench]) -> None:
    bench = make(transaction_event(event_type=TransactionEventType.STARTED))
    bench.channel.react = lambda payload: CallTimeoutError("no answer")
    bench.start()
    await bench.drained()
    assert bench.outbox.aliases == {"t1": -1}
    assert bench.answered == []


async def test_a_lost_connection_is_no_failure(make: Callable[..., Bench]) -> None:
    bench = make(transaction_event())
    bench.channel.react = lambda payload: ConnectionLostError("gone")
    with pytest.raises(ConnectionLostError):
        await bench.start()
    assert bench.outbox.log == []
    bench.channel.react = lambda payload: {}
    bench.start()
    await bench.drained()
    assert bench.outbox.log == [("delivered", 1)]


async def test_failures_of_earlier_connections_count(make: Callable[..., Bench]) -> None:
    bench = make(transaction_event(0), transaction_event(1))
    answers = iter([CallTimeoutError("1"), ConnectionLostError("gone")])
    bench.channel.react = lambda payload: next(answers)
    with pytest.raises(ConnectionLostError):
        await bench.start()
    bench.channel.react = lambda payload: CallTimeoutError("again") if payload["seqNo"] == 0 else {}
    bench.start()
    await bench.drained()
    assert [payload["seqNo"] for payload in bench.channel.sent] == [0, 0, 0, 0, 1]


async def test_what_the_version_has_nothing_to_say_about_is_removed(make: Callable[..., Bench]) -> None:
    bench = make(transaction_event(0, trigger=TriggerReason.TX_RESUMED), transaction_event(1))
    bench.start()
    await bench.drained()
    assert [payload["seqNo"] for payload in bench.channel.sent] == [1]
    assert [seq_no for seq_no, _ in bench.answered] == [1]


def as_in_16(context: Context, event: TransactionEvent) -> Outgoing:
    """Send an Updated event as `MeterValues`, all others as what is billed."""
    action = "MeterValues" if event.event_type is TransactionEventType.UPDATED else "TransactionEvent"
    return Outgoing(action, {"seqNo": event.seq_no}, lambda _: TransactionAnswer())


@pytest.mark.parametrize(
    ("code", "attempts"), [("NotImplemented", 1), ("NotSupported", 1), ("InternalError", 2), ("FormationViolation", 2)]
)
async def test_meter_values_that_a_csms_refuses_hardly_delay_what_is_billed(
    make: Callable[..., Bench], code: str, attempts: int
) -> None:
    bench = make(transaction_event(0), transaction_event(1, event_type=TransactionEventType.ENDED), MESSAGE_ATTEMPTS=5)
    refusal = CallRefusedByCsmsError("any", code, "")
    bench.channel.react = lambda payload: refusal
    bench.start(events={TransactionEvent: as_in_16})
    await bench.drained()
    assert [payload["seqNo"] for payload in bench.channel.sent] == [0] * attempts + [1] * 5


async def test_meter_values_without_an_answer_get_every_attempt(make: Callable[..., Bench]) -> None:
    bench = make(transaction_event(0))
    bench.channel.react = lambda payload: CallTimeoutError("no answer")
    bench.start(events={TransactionEvent: as_in_16})
    await bench.drained()
    assert len(bench.channel.sent) == 3


async def test_what_is_given_up_can_be_billed_from_the_log(
    make: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    token = IdToken("SECRETCARD")
    bench = make(
        transaction_event(3, event_type=TransactionEventType.ENDED, meter_wh=12345.6, id_token=token),
        MESSAGE_ATTEMPTS=1,
    )
    bench.channel.react = lambda payload: CallTimeoutError("no answer")
    bench.start()
    await bench.drained()
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    for part in (
        "event_abandoned transaction_id=t1 seq_no=3 type=Ended timestamp=2026-01-01T12:00:00+00:00",
        "meter_wh=12345.6 id_token=present action=TransactionEvent attempts=1 reason=no answer",
    ):
        assert part in line
    assert "SECRETCARD" not in caplog.text


@pytest.mark.parametrize("trigger", [TriggerReason.ABNORMAL_CONDITION, TriggerReason.EV_DEPARTED])
async def test_a_message_of_ours_that_is_broken_is_never_sent_and_cannot_block_the_queue(
    make: Callable[..., Bench], trigger: TriggerReason, caplog: pytest.LogCaptureFixture
) -> None:
    bench = make(transaction_event(0, trigger=trigger), transaction_event(1))
    bench.start()
    await bench.drained()
    assert [payload["seqNo"] for payload in bench.channel.sent] == [1]
    assert bench.outbox.log == [("delivered", 1), ("delivered", 2)]  # at once: no repetition would mend it
    assert "event_abandoned transaction_id=t1 seq_no=0" in caplog.text
    assert "own_message_broken" in caplog.text or "translation_failed" in caplog.text


async def test_an_answer_that_cannot_be_used_is_a_failure_before_21(make: Callable[..., Bench]) -> None:
    bench = make(transaction_event(0))
    bench.channel.react = lambda payload: {"bad": 1}
    bench.start()
    await bench.drained()
    assert len(bench.channel.sent) == 3


async def test_an_answer_that_cannot_be_used_counts_as_an_answer_in_21(make: Callable[..., Bench]) -> None:
    bench = make(transaction_event(0))
    bench.channel.react = lambda payload: {"bad": 1}
    bench.start(extended_frames=True)
    await bench.drained()
    assert len(bench.channel.sent) == 1
    assert bench.answered == [(0, TransactionAnswer())]


async def test_a_station_that_fails_on_an_answer_does_not_stop_the_delivery(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make(transaction_event(0), transaction_event(1))

    async def crash(event: Any, answer: Any) -> None:
        raise RuntimeError("a defect of ours")

    monkeypatch.setattr(bench.station, "transaction_answered", crash)
    bench.start()
    await bench.drained()
    assert len(bench.channel.sent) == 2


async def test_a_disk_that_fails_is_tried_again(make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STORAGE_RETRY_S", 0.01)
    bench = make(transaction_event(0))
    bench.outbox.broken = True
    bench.start()
    await asyncio.sleep(0.03)
    bench.outbox.broken = False
    await bench.drained()
    assert len(bench.channel.sent) == 1


async def test_an_answered_row_that_cannot_be_removed_is_never_sent_again(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STORAGE_RETRY_S", 0.01)
    bench = make(transaction_event(0, event_type=TransactionEventType.STARTED), transaction_event(1))
    bench.channel.react = lambda payload: {"id": 100 + len(bench.channel.sent)}
    bench.outbox.removals_fail = True
    bench.start()
    await eventually(lambda: bench.outbox.removals_refused >= 4)
    assert len(bench.channel.sent) == 1
    assert bench.answered == [(0, TransactionAnswer(csms_transaction_id=101))]  # known before the disk is well
    bench.tasks[-1].cancel()  # the connection goes, what was answered stays known
    await asyncio.gather(bench.tasks[-1], return_exceptions=True)
    bench.start()
    await eventually(lambda: bench.outbox.removals_refused >= 8)
    assert len(bench.channel.sent) == 1
    bench.outbox.removals_fail = False
    await eventually(lambda: not bench.outbox.rows)
    assert [payload["seqNo"] for payload in bench.channel.sent] == [0, 1]
    assert [seq_no for seq_no, _ in bench.answered] == [0, 1]


async def test_a_disk_that_cannot_count_failures_does_not_make_the_attempts_endless(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STORAGE_RETRY_S", 0.01)
    bench = make(transaction_event(0), transaction_event(1))
    bench.channel.react = lambda payload: CallTimeoutError("no answer") if payload["seqNo"] == 0 else {}

    async def cannot_count(row_id: int) -> None:
        raise StorageError("cannot write the outbox: the disk is gone")

    monkeypatch.setattr(bench.outbox, "failed", cannot_count)
    bench.start()
    await bench.drained()
    assert [payload["seqNo"] for payload in bench.channel.sent] == [0, 0, 0, 1]


async def test_a_connection_that_goes_while_the_answered_row_is_removed_loses_neither_answer_nor_alias(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make(transaction_event(0, event_type=TransactionEventType.STARTED))
    bench.channel.react = lambda payload: {"id": 42}
    begun, go_on, remove = asyncio.Event(), asyncio.Event(), bench.outbox.delivered

    async def slowly(row_id: int, alias: int | None = None) -> None:
        begun.set()
        await go_on.wait()
        await remove(row_id, alias)

    monkeypatch.setattr(bench.outbox, "delivered", slowly)
    first = bench.start()
    await begun.wait()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    go_on.set()
    bench.start()
    await eventually(lambda: bench.answered == [(0, TransactionAnswer(csms_transaction_id=42))])
    assert len(bench.channel.sent) == 1
    assert bench.outbox.log == [("delivered", 1)]
    assert bench.outbox.aliases == {"t1": 42}


def _fault(event_id: int = 1, **changes: Any) -> FaultEvent:
    values: dict[str, Any] = {
        "code": FaultCode.TILT, "evse_id": 1, "timestamp": datetime(2026, 1, 1, tzinfo=UTC), "cleared": False,
        "problem": True, "blocking": True, "event_id": event_id,
    }  # fmt: skip
    return FaultEvent(**{**values, **changes})


def _told(ctx: Context, event: FaultEvent) -> Outgoing:
    return Outgoing("NotifyEvent", {"fault": event.event_id}, lambda response: TransactionAnswer())


def _translators() -> dict[str, Any]:
    return {"events": {**version().events, FaultEvent: _told}}


async def test_faults_are_delivered_in_order_with_transactions_and_their_answers_concern_nobody(
    make: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    bench = make(_fault(1), transaction_event(0), _fault(2, cleared=True))
    bench.start(**_translators())
    await bench.drained()
    assert [payload.get("fault", payload.get("seqNo")) for payload in bench.channel.sent] == [1, 0, 2]
    assert [seq_no for seq_no, _ in bench.answered] == [0]
    assert "event_delivered transaction_id=None event_id=2 type=FaultCleared code=tilt" in caplog.text


@pytest.mark.parametrize(("code", "attempts"), [("NotSupported", 1), ("NotImplemented", 1), ("InternalError", 2)])
async def test_a_csms_that_takes_no_faults_delays_what_is_billed_but_shortly(
    make: Callable[..., Bench], code: str, attempts: int, caplog: pytest.LogCaptureFixture
) -> None:
    bench = make(_fault(1), transaction_event(0), MESSAGE_ATTEMPTS=9, MESSAGE_ATTEMPT_INTERVAL=0)
    bench.channel.react = lambda payload: CallRefusedByCsmsError("NotifyEvent", code, "") if "fault" in payload else {}
    bench.start(**_translators())
    await bench.drained()
    assert len([payload for payload in bench.channel.sent if "fault" in payload]) == attempts
    assert "event_abandoned transaction_id=None event_id=1 type=FaultRaised code=tilt" in caplog.text
    assert [seq_no for seq_no, _ in bench.answered] == [0]


async def test_a_csms_that_does_not_answer_on_faults_is_asked_twice(make: Callable[..., Bench]) -> None:
    bench = make(_fault(1), MESSAGE_ATTEMPTS=9, MESSAGE_ATTEMPT_INTERVAL=0)
    bench.channel.react = lambda payload: CallTimeoutError("no answer")
    bench.start(**_translators())
    await bench.drained()
    assert len(bench.channel.sent) == 2
