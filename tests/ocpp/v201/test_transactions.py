from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given

from stationd.domain.answers import TransactionAnswer
from stationd.domain.events import TransactionEvent, TransactionEventType
from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo
from stationd.domain.measurands import Measurand, MeterSample, ReadingContext, SampledValue
from stationd.domain.states import ChargingState, StopReason, TriggerReason
from stationd.ocpp.v201 import transactions
from stationd.station.ports import TransactionStatus
from tests.fakes.station import FakeStation
from tests.ocpp.v201.strategies import transaction_events, unhurried
from tests.ocpp.v201.support import context, on_the_wire, request

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TOKEN = IdToken("ABC", "ISO14443")
OTHER_TOKEN = IdToken("DEF", "ISO14443")
STARTED, UPDATED, ENDED = TransactionEventType.STARTED, TransactionEventType.UPDATED, TransactionEventType.ENDED


def event(**changes: Any) -> TransactionEvent:
    values: dict[str, Any] = {
        "event_type": UPDATED,
        "transaction_id": "6f1c9a54-0c4f-4c4e-9d0f-0c2a3c0b8d11",
        "seq_no": 3,
        "timestamp": NOON,
        "trigger": TriggerReason.CHARGING_STATE_CHANGED,
        "evse_id": 2,
        "connector_id": 1,
        "charging_state": ChargingState.CHARGING,
        "meter_wh": 1000.0,
    }
    return TransactionEvent(**{**values, **changes})


def told(**changes: Any) -> dict[str, Any]:
    return request("v201", transactions.to_wire(context(), event(**changes)))


def test_an_event_with_nothing_special_says_only_what_it_must() -> None:
    assert transactions.to_wire(context(), event()).action == "TransactionEvent"
    assert told() == {
        "eventType": "Updated",
        "timestamp": "2026-01-01T12:00:00Z",
        "triggerReason": "ChargingStateChanged",
        "seqNo": 3,
        "transactionInfo": {
            "transactionId": "6f1c9a54-0c4f-4c4e-9d0f-0c2a3c0b8d11",
            "chargingState": "Charging",
        },
    }


def test_the_time_is_the_event_s_in_utc() -> None:
    local = datetime(2026, 1, 1, 13, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    assert told(timestamp=local)["timestamp"] == "2026-01-01T12:00:00Z"


def test_the_evse_is_told_once_after_plugging_in_e01_fr_16() -> None:
    assert told(tell_evse=True)["evse"] == {"id": 2, "connectorId": 1}
    assert "evse" not in told(tell_evse=False)


def test_the_token_is_told_once_after_authorisation_e02_fr_01() -> None:
    authorized = {"trigger": TriggerReason.AUTHORIZED, "id_token": TOKEN}
    assert told(**authorized, tell_id_token=True)["idToken"] == {"idToken": "ABC", "type": "ISO14443"}
    assert "idToken" not in told(**authorized, tell_id_token=False)


def test_the_token_that_ended_it_is_told_e07_fr_02() -> None:
    ended = told(
        event_type=ENDED,
        trigger=TriggerReason.STOP_AUTHORIZED,
        stop_reason=StopReason.LOCAL,
        id_token=TOKEN,
        stop_token=OTHER_TOKEN,
        tell_id_token=True,
    )
    assert ended["idToken"]["idToken"] == "DEF"


@pytest.mark.parametrize(
    ("trigger", "reason"),
    [
        (TriggerReason.REMOTE_STOP, StopReason.REMOTE),
        (TriggerReason.RESET_COMMAND, StopReason.IMMEDIATE_RESET),
        (TriggerReason.RESET_COMMAND, StopReason.HARD_RESET),
        (TriggerReason.EV_COMMUNICATION_LOST, StopReason.REMOTE),
    ],
)
def test_no_token_in_an_event_that_a_stop_request_or_a_reset_ended_b12_fr_04(
    trigger: TriggerReason, reason: StopReason
) -> None:
    ended = told(event_type=ENDED, trigger=trigger, stop_reason=reason, id_token=TOKEN, tell_id_token=True)
    assert "idToken" not in ended


@pytest.mark.parametrize("trigger", [TriggerReason.REMOTE_STOP, TriggerReason.RESET_COMMAND])
def test_no_token_in_an_event_that_the_csms_caused(trigger: TriggerReason) -> None:
    assert "idToken" not in told(trigger=trigger, id_token=TOKEN, tell_id_token=True)


def test_a_token_that_2_0_1_cannot_say_is_left_out_so_that_the_queue_goes_on() -> None:
    assert "idToken" not in told(id_token=IdToken("5YJ3", "VIN"), tell_id_token=True)


_WORDS_OF_16 = {StopReason.UNLOCK_COMMAND, StopReason.HARD_RESET}


@pytest.mark.parametrize("reason", [reason for reason in StopReason if reason not in _WORDS_OF_16])
def test_the_end_says_what_began_it_e06_fr_08(reason: StopReason) -> None:
    assert told(event_type=ENDED, stop_reason=reason)["transactionInfo"]["stoppedReason"] == str(reason)


def test_an_end_by_unlocking_has_no_word_of_its_own_in_2_x() -> None:
    assert told(event_type=ENDED, stop_reason=StopReason.UNLOCK_COMMAND)["transactionInfo"]["stoppedReason"] == "Other"
    hard = told(event_type=ENDED, stop_reason=StopReason.HARD_RESET)
    assert hard["transactionInfo"]["stoppedReason"] == "ImmediateReset"


@pytest.mark.parametrize("event_type", [STARTED, UPDATED])
def test_a_transaction_that_goes_on_has_no_stopped_reason(event_type: TransactionEventType) -> None:
    assert "stoppedReason" not in told(event_type=event_type, stop_reason=StopReason.REMOTE)["transactionInfo"]


def test_a_remote_start_is_answered_for_with_its_id_f01_fr_25() -> None:
    started = told(event_type=STARTED, trigger=TriggerReason.REMOTE_START, remote_start_id=0)
    assert started["triggerReason"] == "RemoteStart"
    assert started["transactionInfo"]["remoteStartId"] == 0


def test_offline_is_said_only_where_true_e04_fr_03_e11_fr_07() -> None:
    assert told(offline=True)["offline"] is True
    assert "offline" not in told(offline=False)


def test_resumption_is_a_charging_state_change_in_2_0_1() -> None:
    assert told(trigger=TriggerReason.TX_RESUMED)["triggerReason"] == "ChargingStateChanged"


def test_phases_cable_and_charging_time_are_told_e02_fr_18() -> None:
    full = told(phases_used=3, cable_max_a=32.0, time_spent_charging_s=90)
    assert full["numberOfPhasesUsed"] == 3
    assert full["cableMaxCurrent"] == 32
    assert full["transactionInfo"]["timeSpentCharging"] == 90


def test_samples_become_meter_values_in_their_order_e01_fr_09() -> None:
    energy = SampledValue(Measurand.ENERGY_IMPORT_REGISTER, 10.0, "Wh")
    warmth = SampledValue(Measurand.TEMPERATURE, 30.0, "Celsius")
    samples = (
        MeterSample(NOON, ReadingContext.TRANSACTION_BEGIN, (energy, warmth)),
        MeterSample(NOON + timedelta(minutes=1), ReadingContext.TRANSACTION_END, (energy,)),
    )
    values = told(event_type=ENDED, samples=samples)["meterValue"]
    assert [value["timestamp"] for value in values] == ["2026-01-01T12:00:00Z", "2026-01-01T12:01:00Z"]
    assert [value["sampledValue"][0]["context"] for value in values] == ["Transaction.Begin", "Transaction.End"]
    assert [len(value["sampledValue"]) for value in values] == [1, 1]


def test_samples_without_a_word_in_2_x_leave_no_empty_meter_value() -> None:
    warmth = SampledValue(Measurand.TEMPERATURE, 30.0, "Celsius")
    assert "meterValue" not in told(samples=(MeterSample(NOON, ReadingContext.TRIGGER, (warmth,)),))


@unhurried
@given(transaction_events)
def test_every_event_says_its_state_and_number_e01_fr_07_e01_fr_18(any_event: TransactionEvent) -> None:
    payload = request("v201", transactions.to_wire(context(), any_event))
    assert payload["seqNo"] == any_event.seq_no
    assert payload["transactionInfo"]["chargingState"] == any_event.charging_state
    assert ("evse" in payload) == any_event.tell_evse


def test_the_answer_may_hold_a_verdict_e05() -> None:
    response = {"idTokenInfo": {"status": "Blocked"}, "totalCost": 1.5, "chargingPriority": 3}
    answer = transactions.to_wire(context(), event()).read(on_the_wire("v201", "TransactionEventResponse", response))
    assert answer == TransactionAnswer(id_token_info=IdTokenInfo(AuthorizationStatus.BLOCKED))


def test_the_answer_may_be_empty() -> None:
    assert transactions.to_wire(context(), event()).read({}) == TransactionAnswer()


async def _status(status: TransactionStatus, asked: dict[str, Any]) -> dict[str, Any]:
    station = FakeStation(status=status)
    response = await transactions.get_status(context(station), asked)
    assert station.calls == [("transaction_status", {"transaction_id": asked.get("transactionId")})]
    return on_the_wire("v201", "GetTransactionStatusResponse", response)


@pytest.mark.parametrize(
    ("status", "ongoing", "queued"),
    [
        (TransactionStatus(ongoing=False, messages_in_queue=False), False, False),  # E14.FR.01
        (TransactionStatus(ongoing=None, messages_in_queue=False), False, False),  # E14.FR.01
        (TransactionStatus(ongoing=True, messages_in_queue=True), True, True),  # E14.FR.02, E14.FR.04
        (TransactionStatus(ongoing=False, messages_in_queue=True), False, True),  # E14.FR.03
    ],
)
async def test_a_transaction_s_status_is_told_e14_fr_01_to_05(
    status: TransactionStatus, ongoing: bool, queued: bool
) -> None:
    assert await _status(status, {"transactionId": "T"}) == {"ongoingIndicator": ongoing, "messagesInQueue": queued}


@pytest.mark.parametrize("queued", [True, False])
async def test_without_an_id_only_the_queue_is_told_e14_fr_06_to_08(queued: bool) -> None:
    assert await _status(TransactionStatus(ongoing=None, messages_in_queue=queued), {}) == {"messagesInQueue": queued}
