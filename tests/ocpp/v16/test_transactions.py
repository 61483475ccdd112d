from datetime import timedelta

import pytest

from stationd.domain.answers import TransactionAnswer
from stationd.domain.events import TransactionEventType
from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo
from stationd.domain.measurands import ReadingContext
from stationd.domain.states import StopReason
from stationd.domain.variable_table import SAMPLED_ENDED_MEASURANDS, rows_for
from stationd.domain.variables import Origin
from stationd.ocpp.v16.transactions import to_wire
from stationd.station.settings import Settings
from tests.ocpp.v16.support import CARD, NOON, context, sample, sent, transaction_event

STARTED, UPDATED, ENDED = TransactionEventType


@pytest.mark.parametrize("kind", [STARTED, UPDATED])
def test_the_first_authorised_event_starts_the_transaction_with_its_own_time_and_register(kind):
    event = transaction_event(kind, authorized=True, id_token=CARD, meter_wh=1000.5, evse_id=2, seq_no=3)
    outgoing = to_wire(context(), event)
    assert outgoing is not None
    assert outgoing.action == "StartTransaction"
    assert sent(outgoing) == {
        "connectorId": 2,
        "idTag": "04A2B3C4D5E680",
        "meterStart": 1000,
        "timestamp": "2026-01-01T12:00:00.000Z",
    }


@pytest.mark.parametrize(
    "changes", [{}, {"id_token": CARD}, {"authorized": True}, {"samples": (sample(),)}], ids=lambda it: "+".join(it)
)
def test_before_authorisation_no_event_is_told(changes):
    assert to_wire(context(), transaction_event(STARTED, **changes)) is None
    assert to_wire(context(), transaction_event(UPDATED, **changes)) is None


@pytest.mark.parametrize("alias", [42, 0, -7, 2**31 - 1, 2**63, -(2**70)])
def test_any_integer_names_the_transaction_from_then_on(alias):
    start = to_wire(context(), transaction_event(STARTED, authorized=True, id_token=CARD))
    assert start is not None
    answer = start.read({"transactionId": alias, "idTagInfo": {"status": "Accepted"}})
    assert answer == TransactionAnswer(IdTokenInfo(AuthorizationStatus.ACCEPTED), csms_transaction_id=alias)

    known = context(aliases={"tx-1": alias})
    measured = to_wire(known, transaction_event(UPDATED, authorized=True, id_token=CARD, samples=(sample(),)))
    assert measured is not None
    assert measured.action == "MeterValues"
    assert sent(measured)["transactionId"] == alias
    assert sent(to_wire(known, transaction_event(ENDED)))["transactionId"] == alias


def test_a_token_that_is_not_accepted_at_the_start_comes_back_with_the_alias():
    start = to_wire(context(), transaction_event(STARTED, authorized=True, id_token=CARD))
    assert start is not None
    answer = start.read({"transactionId": 7, "idTagInfo": {"status": "Invalid"}})
    assert answer == TransactionAnswer(IdTokenInfo(AuthorizationStatus.INVALID), csms_transaction_id=7)


def test_an_abandoned_start_gives_the_transaction_the_id_minus_one():
    start = to_wire(context(), transaction_event(STARTED, authorized=True, id_token=CARD))
    assert start is not None
    assert start.if_abandoned == TransactionAnswer(csms_transaction_id=-1)
    known = context(aliases={"tx-1": -1})
    assert sent(to_wire(known, transaction_event(UPDATED, samples=(sample(),))))["transactionId"] == -1
    assert sent(to_wire(known, transaction_event(ENDED)))["transactionId"] == -1


def test_only_the_start_assumes_anything_when_it_is_abandoned():
    known = context(aliases={"tx-1": 5})
    for event in (transaction_event(UPDATED, samples=(sample(),)), transaction_event(ENDED)):
        outgoing = to_wire(known, event)
        assert outgoing is not None
        assert outgoing.if_abandoned is None


def test_an_update_without_samples_says_nothing():
    assert to_wire(context(aliases={"tx-1": 5}), transaction_event(UPDATED, authorized=True)) is None


def test_samples_keep_flowing_while_the_token_is_no_longer_valid():
    measured = to_wire(context(aliases={"tx-1": 5}), transaction_event(UPDATED, authorized=False, samples=(sample(),)))
    assert sent(measured)["meterValue"][0]["sampledValue"][0]["value"] == "1234"
    assert measured is not None
    assert measured.read({}) == TransactionAnswer()


def test_a_transaction_that_was_never_authorised_ends_in_silence():
    assert to_wire(context(), transaction_event(ENDED, id_token=CARD, stop_reason=StopReason.TIMEOUT)) is None


def test_the_end_of_a_transaction_whose_start_this_csms_never_got_is_told_with_minus_one():
    payload = sent(to_wire(context(), transaction_event(ENDED, authorized=True, id_token=CARD)))
    assert payload["transactionId"] == -1


def test_the_stop_carries_register_time_reason_and_the_token_that_stopped():
    stopper = IdToken("OTHERCARD")
    event = transaction_event(
        ENDED,
        timestamp=NOON + timedelta(hours=1),
        meter_wh=11_000.4,
        id_token=CARD,
        stop_token=stopper,
        stop_reason=StopReason.LOCAL,
    )
    assert sent(to_wire(context(aliases={"tx-1": 5}), event)) == {
        "transactionId": 5,
        "idTag": "OTHERCARD",
        "meterStop": 11_000,
        "timestamp": "2026-01-01T13:00:00.000Z",
        "reason": "Local",
    }


def test_a_stop_without_a_token_names_nobody():
    event = transaction_event(ENDED, id_token=CARD, stop_reason=StopReason.EV_DISCONNECTED)
    assert "idTag" not in sent(to_wire(context(aliases={"tx-1": 5}), event))


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        (None, "Local"),
        (StopReason.LOCAL, "Local"),
        (StopReason.MASTER_PASS, "Local"),
        (StopReason.REMOTE, "Remote"),
        (StopReason.DE_AUTHORIZED, "DeAuthorized"),
        (StopReason.EV_DISCONNECTED, "EVDisconnected"),
        (StopReason.EMERGENCY_STOP, "EmergencyStop"),
        (StopReason.IMMEDIATE_RESET, "SoftReset"),
        (StopReason.HARD_RESET, "HardReset"),
        (StopReason.REBOOT, "Reboot"),
        (StopReason.POWER_LOSS, "PowerLoss"),
        (StopReason.UNLOCK_COMMAND, "UnlockCommand"),
        (StopReason.GROUND_FAULT, "Other"),
        (StopReason.STOPPED_BY_EV, "Other"),
        (StopReason.TIMEOUT, "Other"),
        (StopReason.OTHER, "Other"),
    ],
)
def test_every_reason_has_a_1_6_word(reason, word):
    assert sent(to_wire(context(aliases={"tx-1": 5}), transaction_event(ENDED, stop_reason=reason)))["reason"] == word


def test_the_stop_carries_the_samples_of_the_transaction():
    begin = sample(reason=ReadingContext.TRANSACTION_BEGIN)
    end = sample(at=NOON + timedelta(hours=1), reason=ReadingContext.TRANSACTION_END)
    payload = sent(to_wire(context(aliases={"tx-1": 5}), transaction_event(ENDED, samples=(begin, end))))
    contexts = [value["sampledValue"][0]["context"] for value in payload["transactionData"]]
    assert contexts == ["Transaction.Begin", "Transaction.End"]


async def test_with_both_lists_empty_the_stop_carries_no_transaction_data():
    settings = Settings(rows_for([(1, [1])]))
    await settings.write(SAMPLED_ENDED_MEASURANDS, "", Origin.CSMS)  # the aligned list is empty by default
    ctx = context(settings=settings, aliases={"tx-1": 5})
    assert "transactionData" not in sent(to_wire(ctx, transaction_event(ENDED, samples=(sample(),))))


def test_a_stop_without_samples_has_no_empty_transaction_data():
    assert "transactionData" not in sent(to_wire(context(aliases={"tx-1": 5}), transaction_event(ENDED)))


@pytest.mark.parametrize(
    ("response", "info"),
    [({}, None), ({"idTagInfo": {"status": "Expired"}}, IdTokenInfo(AuthorizationStatus.EXPIRED))],
)
def test_the_answer_to_a_stop_may_tell_of_the_token(response, info):
    outgoing = to_wire(context(aliases={"tx-1": 5}), transaction_event(ENDED))
    assert outgoing is not None
    assert outgoing.read(response) == TransactionAnswer(info)
