"""From a CALL to its answer."""

from typing import Any

import pytest

from stationd.domain.states import RegistrationStatus
from stationd.ocpp.dispatch import Dispatcher
from stationd.ocpp.rpc.channel import Answer, Refusal, Reply
from stationd.ocpp.rpc.session import CallReceived
from stationd.ocpp.version import Context, RpcError
from tests.fakes.clock import FakeClock
from tests.fakes.ocpp import test_settings, version
from tests.fakes.outbox import FakeOutbox
from tests.fakes.station import FakeStation


def make(
    registration: RegistrationStatus = RegistrationStatus.ACCEPTED, *, silent: bool = False
) -> tuple[Dispatcher, FakeStation]:
    station = FakeStation()
    context = Context(station=station, settings=test_settings(), clock=FakeClock(), aliases=FakeOutbox())
    dispatcher = Dispatcher(version(), context, silent_when_rejected=silent)
    dispatcher.registration = registration
    return dispatcher, station


async def ask(dispatcher: Dispatcher, action: str, payload: Any = None) -> Reply:
    return await dispatcher.handle(CallReceived("c1", action, {} if payload is None else payload))


async def test_a_good_call_reaches_its_handler() -> None:
    dispatcher, station = make()
    assert await ask(dispatcher, "Trigger", {"what": "Heartbeat"}) == Answer({"status": "Accepted"})
    assert station.calls == [("trigger", {"what": "Heartbeat", "evse_id": None})]


@pytest.mark.parametrize(
    ("action", "payload", "code"),
    [
        ("Nonsense", {}, RpcError.NOT_IMPLEMENTED),
        ("../../etc/passwd", {}, RpcError.NOT_IMPLEMENTED),
        ("", {}, RpcError.NOT_IMPLEMENTED),
        ("Unrouted", {}, RpcError.NOT_SUPPORTED),
        ("Unrouted", {"bad": 1}, RpcError.NOT_SUPPORTED),
        ("Echo", {"bad": 1}, RpcError.FORMAT_VIOLATION),
        ("Echo", [], RpcError.TYPE_CONSTRAINT_VIOLATION),
        ("Echo", "text", RpcError.TYPE_CONSTRAINT_VIOLATION),
        ("Refuse", {}, RpcError.PROPERTY_CONSTRAINT_VIOLATION),
        ("Crash", {}, RpcError.INTERNAL_ERROR),
        ("Echo", {"answer": {"bad": 1}}, RpcError.INTERNAL_ERROR),
    ],
)
async def test_a_call_that_cannot_be_served_is_refused_with_its_code(action: str, payload: Any, code: RpcError) -> None:
    dispatcher, _ = make()
    refusal = await ask(dispatcher, action, payload)
    assert isinstance(refusal, Refusal)
    assert refusal.code is code
    assert "secret" not in refusal.description


async def test_a_broken_answer_of_ours_is_logged_as_our_error(caplog: pytest.LogCaptureFixture) -> None:
    dispatcher, _ = make()
    await ask(dispatcher, "Echo", {"answer": {"bad": 1}})
    assert "own_answer_broken action=Echo" in caplog.text


async def test_while_pending_only_what_the_version_allows_is_done() -> None:
    dispatcher, station = make(RegistrationStatus.PENDING)
    assert await ask(dispatcher, "Trigger", {"what": "Heartbeat"}) == Answer({"status": "Accepted"})
    assert await ask(dispatcher, "Start") == Answer({"status": "Rejected"})
    refusal = await ask(dispatcher, "Crash")
    assert isinstance(refusal, Refusal)
    assert refusal.code is RpcError.SECURITY_ERROR
    assert len(station.calls) == 1


async def test_a_bad_call_while_pending_is_refused_for_what_is_wrong_with_it() -> None:
    dispatcher, _ = make(RegistrationStatus.PENDING)
    refusal = await ask(dispatcher, "Start", {"bad": 1})
    assert isinstance(refusal, Refusal)
    assert refusal.code is RpcError.FORMAT_VIOLATION


async def test_a_rejected_station_refuses_everything_in_2x_and_is_silent_in_16() -> None:
    loud, _ = make(RegistrationStatus.REJECTED)
    refusal = await ask(loud, "Echo")
    assert isinstance(refusal, Refusal)
    assert refusal.code is RpcError.SECURITY_ERROR
    quiet, station = make(RegistrationStatus.REJECTED, silent=True)
    assert await ask(quiet, "Echo") is None
    assert station.calls == []
