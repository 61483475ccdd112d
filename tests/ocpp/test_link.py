"""Events to messages and back, checked in both directions."""

from typing import Any

import pytest

from stationd.domain.answers import HeartbeatAnswer
from stationd.domain.events import HeartbeatDue, JobStatus, LongJob
from stationd.domain.states import TriggerReason
from stationd.ocpp.link import LIVE, Link, OwnMessageError, UnusableAnswerError
from stationd.ocpp.rpc.channel import CallRefusedByCsmsError
from stationd.ocpp.version import Context, Outgoing
from tests.fakes.clock import FakeClock
from tests.fakes.ocpp import NOW, test_settings, transaction_event, version
from tests.fakes.outbox import FakeOutbox
from tests.fakes.station import FakeStation


class OneAnswer:
    """A channel with one answer to everything."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.options: dict[str, Any] = {}

    async def call(self, action: str, payload: dict[str, Any], **options: Any) -> Any:
        self.options = options
        if isinstance(self.answer, Exception):
            raise self.answer
        options["check"](self.answer)
        return self.answer


def make(answer: Any, forgotten: list[str] | None = None) -> Link:
    context = Context(
        station=FakeStation(), settings=test_settings(MESSAGE_TIMEOUT=17), clock=FakeClock(), aliases=FakeOutbox()
    )
    told = [] if forgotten is None else forgotten
    return Link(version(), context, OneAnswer(answer), on_security_error=lambda: told.append("told"))  # type: ignore[arg-type]


async def test_an_event_is_sent_with_the_time_out_of_the_settings_and_its_answer_read() -> None:
    link = make({"currentTime": NOW})
    answer = await link.ask(HeartbeatDue(), LIVE)
    assert isinstance(answer, HeartbeatAnswer)
    assert link.channel.options["timeout_s"] == 17.0  # type: ignore[attr-defined]
    assert link.channel.options["priority"] == LIVE  # type: ignore[attr-defined]


async def test_an_event_without_a_translator_is_not_sent() -> None:
    assert await make({}).ask(JobStatus(LongJob.LOG)) is None


@pytest.mark.parametrize("answer", [{"bad": 1}, [], {}, {"currentTime": "soon"}, {"currentTime": 7}])
async def test_an_answer_that_cannot_be_used_is_told_as_such(answer: Any) -> None:
    with pytest.raises(UnusableAnswerError):
        await make(answer).ask(HeartbeatDue())


@pytest.mark.parametrize("trigger", [TriggerReason.ABNORMAL_CONDITION, TriggerReason.EV_DEPARTED])
async def test_a_broken_message_of_ours_is_logged_and_not_sent(
    trigger: TriggerReason, caplog: pytest.LogCaptureFixture
) -> None:
    link = make({})
    with pytest.raises(OwnMessageError):
        await link.ask(transaction_event(trigger=trigger))
    assert link.channel.options == {}  # type: ignore[attr-defined]
    assert any(record.levelname == "ERROR" for record in caplog.records)


def test_a_message_the_version_does_not_define_is_a_defect_of_ours() -> None:
    link = make({})
    link.version.events[HeartbeatDue] = lambda context, event: Outgoing("Nonsense", {}, lambda _: HeartbeatAnswer(None))  # type: ignore[index]
    with pytest.raises(OwnMessageError, match="does not define it"):
        link.translate(HeartbeatDue())


async def test_a_refusal_for_securitys_sake_is_told_to_the_registration() -> None:
    told: list[str] = []
    for code in ("InternalError", "SecurityError"):
        with pytest.raises(CallRefusedByCsmsError):
            await make(CallRefusedByCsmsError("Heartbeat", code, ""), told).ask(HeartbeatDue())
    assert told == ["told"]
