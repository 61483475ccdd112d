import pytest

from stationd.domain.id_token import IdToken
from stationd.station.ports import Trigger, UnlockOutcome, Verdict
from tests.fakes.station import FakeStation
from tests.ocpp.v16.support import ask, context

REFUSED = Verdict(accepted=False, reason="InUse")


@pytest.mark.parametrize("connector", [{}, {"connectorId": 2}], ids=["any", "second"])
async def test_a_remote_start_asks_the_station_for_the_connector_or_any(connector):
    station = FakeStation()
    assert await ask(context(station), "RemoteStartTransaction", {"idTag": "04A2", **connector}) == {
        "status": "Accepted"
    }
    asked = {"evse_id": connector.get("connectorId"), "id_token": IdToken("04A2"), "remote_start_id": None}
    assert station.calls == [("request_start", asked)]


async def test_a_remote_start_is_rejected_where_the_station_refuses():
    assert await ask(context(FakeStation(start=REFUSED)), "RemoteStartTransaction", {"idTag": "04A2"}) == {
        "status": "Rejected"
    }


@pytest.mark.parametrize("connector_id", [0, -1, 3, 2**40])
async def test_a_remote_start_on_connector_0_or_an_unknown_one_is_rejected(connector_id):
    station = FakeStation()
    request = {"idTag": "04A2", "connectorId": connector_id}
    assert await ask(context(station), "RemoteStartTransaction", request) == {"status": "Rejected"}
    assert station.calls == []


async def test_a_remote_start_for_nobody_is_rejected():
    assert await ask(context(), "RemoteStartTransaction", {"idTag": "", "connectorId": 1}) == {"status": "Rejected"}


async def test_the_charging_profile_of_a_remote_start_is_ignored_without_smart_charging():
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}]},
    }
    request = {"idTag": "04A2", "connectorId": 1, "chargingProfile": profile}
    assert await ask(context(), "RemoteStartTransaction", request) == {"status": "Accepted"}


@pytest.mark.parametrize("alias", [17, 0, -3])
async def test_a_remote_stop_finds_the_transaction_by_the_csmss_integer(alias):
    station = FakeStation()
    ctx = context(station, aliases={"tx-1": alias})
    assert await ask(ctx, "RemoteStopTransaction", {"transactionId": alias}) == {"status": "Accepted"}
    assert station.calls == [("request_stop", {"transaction_id": "tx-1"})]


async def test_a_remote_stop_of_an_unknown_transaction_is_rejected_without_asking():
    station = FakeStation()
    ctx = context(station, aliases={"tx-1": 17})
    assert await ask(ctx, "RemoteStopTransaction", {"transactionId": 18}) == {"status": "Rejected"}
    assert station.calls == []


async def test_a_remote_stop_of_a_finished_transaction_is_rejected():
    ctx = context(FakeStation(stop=REFUSED), aliases={"tx-1": 17})
    assert await ask(ctx, "RemoteStopTransaction", {"transactionId": 17}) == {"status": "Rejected"}


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (UnlockOutcome.UNLOCKED, "Unlocked"),
        (UnlockOutcome.UNLOCK_FAILED, "UnlockFailed"),
        (UnlockOutcome.ONGOING_AUTHORIZED_TRANSACTION, "UnlockFailed"),
        (UnlockOutcome.UNKNOWN_CONNECTOR, "NotSupported"),
        (UnlockOutcome.NOT_SUPPORTED, "NotSupported"),
    ],
)
async def test_unlocking_ends_the_transaction_first_and_tells_how_it_went(outcome, status):
    station = FakeStation(unlock=outcome)
    assert await ask(context(station), "UnlockConnector", {"connectorId": 2}) == {"status": status}
    assert station.calls == [("request_unlock", {"evse_id": 2, "connector_id": 1, "end_transaction": True})]


@pytest.mark.parametrize("connector_id", [0, -1, 3])
async def test_unlocking_an_unknown_connector_is_not_supported_and_never_a_failure(connector_id):
    station = FakeStation()
    assert await ask(context(station), "UnlockConnector", {"connectorId": connector_id}) == {"status": "NotSupported"}
    assert station.calls == []


@pytest.mark.parametrize(
    ("message", "what"),
    [
        ("BootNotification", Trigger.BOOT_NOTIFICATION),
        ("DiagnosticsStatusNotification", Trigger.LOG_STATUS),
        ("FirmwareStatusNotification", Trigger.FIRMWARE_STATUS),
        ("Heartbeat", Trigger.HEARTBEAT),
        ("MeterValues", Trigger.METER_VALUES),
        ("StatusNotification", Trigger.STATUS_NOTIFICATION),
    ],
)
async def test_every_message_can_be_triggered_for_all_connectors(message, what):
    station = FakeStation()
    assert await ask(context(station), "TriggerMessage", {"requestedMessage": message}) == {"status": "Accepted"}
    assert station.calls == [("trigger", {"what": what, "evse_id": None})]


@pytest.mark.parametrize("message", ["MeterValues", "StatusNotification"])
async def test_a_trigger_names_the_connector(message):
    station = FakeStation()
    request = {"requestedMessage": message, "connectorId": 2}
    assert await ask(context(station), "TriggerMessage", request) == {"status": "Accepted"}
    assert station.calls[0][1]["evse_id"] == 2


@pytest.mark.parametrize("connector_id", [0, -1, 3])
@pytest.mark.parametrize("message", ["MeterValues", "StatusNotification"])
async def test_a_trigger_for_an_unknown_connector_is_rejected(message, connector_id):
    station = FakeStation()
    request = {"requestedMessage": message, "connectorId": connector_id}
    assert await ask(context(station), "TriggerMessage", request) == {"status": "Rejected"}
    assert station.calls == []


async def test_an_irrelevant_connector_of_a_trigger_is_ignored():
    station = FakeStation()
    request = {"requestedMessage": "Heartbeat", "connectorId": 99}
    assert await ask(context(station), "TriggerMessage", request) == {"status": "Accepted"}
    assert station.calls == [("trigger", {"what": Trigger.HEARTBEAT, "evse_id": None})]


async def test_a_trigger_that_the_station_cannot_serve_is_rejected_and_not_promised():
    ctx = context(FakeStation(triggers=False))
    assert await ask(ctx, "TriggerMessage", {"requestedMessage": "MeterValues"}) == {"status": "Rejected"}
