from typing import Any

import pytest

from stationd.domain.id_token import IdToken
from stationd.ocpp.v201 import remote_control
from stationd.ocpp.version import CallRefusedError, RpcError
from stationd.station.ports import Trigger, UnlockOutcome, Verdict
from tests.fakes.station import FakeStation
from tests.ocpp.v201.support import context, on_the_wire

TOKEN = {"idToken": "ABC", "type": "Central"}
PROFILE = {
    "id": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": [
        {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.0}]}
    ],
}


async def _start(station: FakeStation, **more: Any) -> dict[str, Any]:
    asked = on_the_wire("v201", "RequestStartTransactionRequest", {"remoteStartId": 4, "idToken": TOKEN} | more)
    response = await remote_control.start(context(station), asked)
    return on_the_wire("v201", "RequestStartTransactionResponse", response)


async def test_a_remote_start_hands_over_token_group_evse_and_id_f01_fr_04() -> None:
    station = FakeStation()
    group = {"idToken": "G", "type": "Local"}
    assert await _start(station, evseId=2, groupIdToken=group) == {"status": "Accepted"}
    arguments = {
        "evse_id": 2,
        "id_token": IdToken("ABC", "Central"),
        "remote_start_id": 4,
        "group": IdToken("G", "Local"),
    }
    assert station.calls == [("request_start", arguments)]


async def test_without_evse_the_station_chooses_f01_fr_06() -> None:
    station = FakeStation()
    await _start(station)
    assert station.calls[0][1]["evse_id"] is None


async def test_a_charging_profile_is_ignored_without_smart_charging_f01_fr_12() -> None:
    assert await _start(FakeStation(), evseId=1, chargingProfile=PROFILE) == {"status": "Accepted"}


async def test_the_running_unauthorised_transaction_is_named_f01_fr_13() -> None:
    station = FakeStation(start=Verdict(accepted=True, transaction_id="T1"))
    assert await _start(station, evseId=1) == {"status": "Accepted", "transactionId": "T1"}


async def test_a_refused_start_says_why_f01_fr_24() -> None:
    station = FakeStation(start=Verdict(False, "TxInProgress", "EVSE 1 charges already", transaction_id="T1"))
    assert await _start(station, evseId=1) == {
        "status": "Rejected",
        "statusInfo": {"reasonCode": "TxInProgress", "additionalInfo": "EVSE 1 charges already"},
    }


async def _stop(station: FakeStation) -> dict[str, Any]:
    response = await remote_control.stop(context(station), {"transactionId": "T1"})
    return on_the_wire("v201", "RequestStopTransactionResponse", response)


async def test_a_known_transaction_is_stopped_f03_fr_07() -> None:
    station = FakeStation()
    assert await _stop(station) == {"status": "Accepted"}
    assert station.calls == [("request_stop", {"transaction_id": "T1"})]


async def test_an_unknown_transaction_is_rejected_in_2_0_1_s_words_f03_fr_08() -> None:
    told = await _stop(FakeStation(stop=Verdict(False, "TxNotFound")))
    assert told == {"status": "Rejected", "statusInfo": {"reasonCode": "UnknownTxId"}}


async def test_other_reasons_of_a_refused_stop_are_told_as_they_are() -> None:
    told = await _stop(FakeStation(stop=Verdict(False, "InternalError")))
    assert told["statusInfo"]["reasonCode"] == "InternalError"


UNLOCK = {"evseId": 1, "connectorId": 1}


@pytest.mark.parametrize(
    "outcome",  # F05.FR.02, F05.FR.03, F05.FR.04, F05.FR.05
    ["Unlocked", "UnlockFailed", "OngoingAuthorizedTransaction", "UnknownConnector"],
)
async def test_the_outcome_of_unlocking_is_told_f05_fr_02_to_05(outcome: str) -> None:
    station = FakeStation(unlock=UnlockOutcome(outcome))
    response = await remote_control.unlock(context(station), UNLOCK)
    assert on_the_wire("v201", "UnlockConnectorResponse", response) == {"status": outcome}
    arguments = {"evse_id": 1, "connector_id": 1, "end_transaction": False}
    assert station.calls == [("request_unlock", arguments)]


async def test_a_connector_without_a_lock_is_a_callerror_f05_fr_07() -> None:
    with pytest.raises(CallRefusedError) as refused:
        await remote_control.unlock(context(FakeStation(unlock=UnlockOutcome.NOT_SUPPORTED)), UNLOCK)
    assert refused.value.code is RpcError.NOT_SUPPORTED


async def _trigger(station: FakeStation, message: str, **more: Any) -> dict[str, Any]:
    asked = on_the_wire("v201", "TriggerMessageRequest", {"requestedMessage": message} | more)
    return on_the_wire("v201", "TriggerMessageResponse", await remote_control.trigger(context(station), asked))


@pytest.mark.parametrize("what", list(Trigger))
async def test_every_trigger_of_the_station_can_be_asked_for_f06_fr_05(what: Trigger) -> None:
    station = FakeStation()
    assert await _trigger(station, str(what)) == {"status": "Accepted"}
    assert station.calls == [("trigger", {"what": what, "evse_id": None})]


@pytest.mark.parametrize(
    "message",
    [
        "SignChargingStationCertificate",
        "SignV2GCertificate",
        "SignCombinedCertificate",
        "PublishFirmwareStatusNotification",
    ],
)
async def test_a_message_that_the_station_never_sends_is_not_implemented_f06_fr_08(message: str) -> None:
    station = FakeStation()
    assert await _trigger(station, message) == {"status": "NotImplemented"}
    assert station.calls == []


async def test_boot_notification_after_acceptance_is_the_station_s_to_refuse_f06_fr_17() -> None:
    assert await _trigger(FakeStation(triggers=False), "BootNotification") == {"status": "Rejected"}


@pytest.mark.parametrize("message", ["MeterValues", "TransactionEvent", "StatusNotification"])
async def test_the_evse_counts_where_it_matters_f06_fr_02(message: str) -> None:
    station = FakeStation()
    await _trigger(station, message, evse={"id": 2, "connectorId": 1})
    assert station.calls[0][1]["evse_id"] == 2


@pytest.mark.parametrize(
    "message", ["BootNotification", "Heartbeat", "FirmwareStatusNotification", "LogStatusNotification"]
)
async def test_the_evse_is_ignored_where_it_does_not_matter_f06_fr_03(message: str) -> None:
    station = FakeStation()
    assert await _trigger(station, message, evse={"id": 99, "connectorId": 99}) == {"status": "Accepted"}
    assert station.calls[0][1]["evse_id"] is None


async def test_an_evse_that_the_station_does_not_know_is_rejected() -> None:
    assert await _trigger(FakeStation(triggers=False), "MeterValues", evse={"id": 9}) == {"status": "Rejected"}


async def test_an_unknown_connector_is_rejected_without_asking_the_station() -> None:
    station = FakeStation()
    told = await _trigger(station, "StatusNotification", evse={"id": 1, "connectorId": 2})
    assert told == {"status": "Rejected", "statusInfo": {"reasonCode": "UnknownConnectorId"}}
    assert station.calls == []
