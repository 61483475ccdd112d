import asyncio
from typing import Any, get_args

from hypothesis import given

from stationd.domain.events import Event
from stationd.ocpp.v21.routes import EVENTS, ROUTES, VERSION
from stationd.ocpp.v201 import routes as v201
from stationd.ocpp.version import CallRefusedError
from stationd.station.ports import UnlockOutcome
from tests.fakes.station import FakeStation
from tests.ocpp.v201 import strategies
from tests.ocpp.v201.support import answered, context, has_schema, on_the_wire, request
from tests.ocpp.v201.test_routes import FROM_THE_CSMS as FROM_THE_CSMS_201
from tests.ocpp.v201.test_routes import RESET_TYPES, TRIGGERS, stations

NEW_FROM_THE_CSMS = {
    "AFRRSignal",
    "AdjustPeriodicEventStream",
    "ChangeTransactionTariff",
    "ClearDERControl",
    "ClearTariffs",
    "GetDERControl",
    "GetPeriodicEventStream",
    "GetTariffs",
    "NotifyAllowedEnergyTransfer",
    "NotifyWebPaymentStarted",
    "RequestBatterySwap",
    "SetDERControl",
    "SetDefaultTariff",
    "UpdateDynamicSchedule",
    "UsePriorityCharging",
}
"""What a 2.1 CSMS may ask of a station beyond 2.0.1."""

REQUESTS = strategies.requests(
    (*RESET_TYPES, "ImmediateAndResume"), (*TRIGGERS, "SignV2G20Certificate", "CustomTrigger")
)


def test_every_route_is_an_action_that_the_csms_may_ask() -> None:
    assert set(ROUTES) <= FROM_THE_CSMS_201 | NEW_FROM_THE_CSMS
    assert all(has_schema("v21", f"{action}Request") for action in FROM_THE_CSMS_201 | NEW_FROM_THE_CSMS)
    assert not any(has_schema("v201", f"{action}Request") for action in NEW_FROM_THE_CSMS)


def test_2_1_is_2_0_1_and_what_differs() -> None:
    assert set(ROUTES) == set(v201.ROUTES)
    changed = {action for action, handler in ROUTES.items() if handler is not v201.ROUTES[action]}
    assert changed == {"Reset", "RequestStopTransaction"}
    assert set(EVENTS) == set(get_args(Event))


def test_every_route_and_every_message_has_a_shipped_validator() -> None:
    for action in [*ROUTES, "BootNotification", "Heartbeat", "Authorize", "TransactionEvent", "NotifyReport"]:
        assert VERSION.request_validator(action) is not None, action
        assert VERSION.response_validator(action) is not None, action
    assert VERSION.request_validator("SetDERControl") is not None, "known, so not NotImplemented"


def test_the_version_says_which_it_is_and_has_the_new_frames() -> None:
    assert VERSION.subprotocol == "ocpp2.1"
    assert VERSION.extended_frames
    assert (VERSION.routes, VERSION.events) == (ROUTES, EVENTS)


def test_starting_and_stopping_is_rejected_while_pending_and_nothing_else_b02_fr_01_b02_fr_05() -> None:
    assert VERSION.allowed_while_pending == set(ROUTES) - {"RequestStartTransaction", "RequestStopTransaction"}
    for action, response in VERSION.refused_while_pending.items():
        assert on_the_wire("v21", f"{action}Response", response)["status"] == "Rejected"


async def test_a_custom_trigger_is_not_implemented_f06_fr_19() -> None:
    asked = {"requestedMessage": "CustomTrigger", "customTrigger": "Anything"}
    assert await answered("v21", ROUTES, context(), "TriggerMessage", asked) == {"status": "NotImplemented"}


async def test_a_remote_start_takes_a_type_that_2_0_1_does_not_know_c24_fr_01() -> None:
    station = FakeStation()
    asked = {"remoteStartId": 1, "evseId": 1, "idToken": {"idToken": "p" * 40, "type": "DirectPayment"}}
    told = await answered("v21", ROUTES, context(station), "RequestStartTransaction", asked)
    assert told == {"status": "Accepted"}
    assert station.calls[0][1]["id_token"].type == "DirectPayment"


@strategies.unhurried
@given(strategies.events)
def test_whatever_happens_is_told_as_the_schema_wants(event: Any) -> None:
    outgoing = EVENTS[type(event)](context(), event)
    if outgoing is not None:
        request("v21", outgoing)
        validator = VERSION.request_validator(outgoing.action)
        assert validator is not None
        validator(outgoing.payload)


@strategies.unhurried
@given(stations, strategies.any_of(REQUESTS))
def test_whatever_is_asked_is_answered_as_the_schema_wants(station: FakeStation, asked: tuple[str, Any]) -> None:
    action, payload = asked
    try:
        response = asyncio.run(answered("v21", ROUTES, context(station), action, payload))
    except CallRefusedError:
        assert (action, station.unlock) == ("UnlockConnector", UnlockOutcome.NOT_SUPPORTED)
        return
    validator = VERSION.response_validator(action)
    assert validator is not None
    validator(response)
