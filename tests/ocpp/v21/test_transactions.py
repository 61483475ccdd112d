from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from stationd.domain.answers import TransactionAnswer
from stationd.domain.events import TransactionEvent, TransactionEventType
from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo
from stationd.domain.states import ChargingState, StopReason, TriggerReason
from stationd.ocpp.v21 import transactions
from tests.ocpp.v201.strategies import transaction_events, unhurried
from tests.ocpp.v201.support import context, on_the_wire, request


def event(**changes: Any) -> TransactionEvent:
    values: dict[str, Any] = {
        "event_type": TransactionEventType.UPDATED,
        "transaction_id": "T1",
        "seq_no": 3,
        "timestamp": datetime(2026, 1, 1, 12, tzinfo=UTC),
        "trigger": TriggerReason.CHARGING_STATE_CHANGED,
        "evse_id": 2,
        "connector_id": 1,
        "charging_state": ChargingState.CHARGING,
        "meter_wh": 1000.0,
    }
    return TransactionEvent(**{**values, **changes})


def told(**changes: Any) -> dict[str, Any]:
    return request("v21", transactions.to_wire(context(), event(**changes)))


@pytest.mark.parametrize("trigger", list(TriggerReason))
def test_every_trigger_has_its_own_word_e17_fr_14(trigger: TriggerReason) -> None:
    assert told(trigger=trigger)["triggerReason"] == str(trigger)


def test_the_token_s_type_comes_back_unchanged_e02_fr_01() -> None:
    payload = told(trigger=TriggerReason.AUTHORIZED, id_token=IdToken("5YJ3", "VIN"), tell_id_token=True)
    assert payload["idToken"] == {"idToken": "5YJ3", "type": "VIN"}


def test_an_end_by_unlocking_has_no_word_of_its_own() -> None:
    ended = told(event_type=TransactionEventType.ENDED, stop_reason=StopReason.UNLOCK_COMMAND)
    assert ended["transactionInfo"]["stoppedReason"] == "Other"


@unhurried
@given(transaction_events)
def test_every_event_says_its_state_and_number_e01_fr_07_e01_fr_18(any_event: TransactionEvent) -> None:
    payload = request("v21", transactions.to_wire(context(), any_event))
    assert payload["seqNo"] == any_event.seq_no
    assert payload["triggerReason"] == any_event.trigger
    assert payload["transactionInfo"]["chargingState"] == any_event.charging_state


def test_a_limit_in_the_answer_is_not_taken_for_a_verdict() -> None:
    response = {"transactionLimit": {"maxEnergy": 1000}, "idTokenInfo": {"status": "Accepted"}}
    answer = transactions.to_wire(context(), event()).read(on_the_wire("v21", "TransactionEventResponse", response))
    assert answer == TransactionAnswer(id_token_info=IdTokenInfo(AuthorizationStatus.ACCEPTED))
