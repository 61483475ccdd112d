import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from stationd.domain.answers import BootAnswer, HeartbeatAnswer
from stationd.domain.errors import StorageError
from stationd.domain.events import HeartbeatDue, ReportPart, StationBooted
from stationd.domain.states import BootReason, RegistrationStatus, ResetKind
from stationd.domain.variable_table import (
    BASIC_AUTH_PASSWORD,
    FIRMWARE_VERSION,
    GET_CONFIGURATION_MAX_KEYS,
    HEARTBEAT_INTERVAL,
    MODEL,
    ORGANIZATION_NAME,
    SAMPLED_UPDATED_MEASURANDS,
    SERIAL_NUMBER,
    VENDOR_NAME,
    rows_for,
)
from stationd.domain.variables import Origin
from stationd.ocpp.v16 import provisioning
from stationd.station.ports import ChangeOutcome
from stationd.station.settings import Settings
from tests.fakes.station import FakeStation
from tests.ocpp.v16.support import NOON, ask, context, sent

ROWS = rows_for([(1, [1]), (2, [1])])
BOOTED = StationBooted(BootReason.POWER_UP)


class BrokenStore:
    async def load(self):
        return []

    async def put(self, name, value, origin):
        raise StorageError("cannot write the setting: disk full")


def test_the_boot_notification_names_the_station():
    seeds = {VENDOR_NAME: "Acme", MODEL: "Wall 11", SERIAL_NUMBER: "SN-1", FIRMWARE_VERSION: "0.1.0"}
    outgoing = provisioning.boot_to_wire(context(settings=Settings(ROWS, seeds=seeds)), BOOTED)
    assert outgoing.action == "BootNotification"
    assert sent(outgoing) == {
        "chargePointVendor": "Acme",
        "chargePointModel": "Wall 11",
        "chargePointSerialNumber": "SN-1",
        "firmwareVersion": "0.1.0",
    }


def test_long_names_are_cut_to_what_the_boot_notification_holds():
    seeds = dict.fromkeys((VENDOR_NAME, MODEL, SERIAL_NUMBER, FIRMWARE_VERSION), "x" * 60)
    payload = sent(provisioning.boot_to_wire(context(settings=Settings(ROWS, seeds=seeds)), BOOTED))
    assert [len(text) for text in payload.values()] == [20, 20, 25, 50]


def test_empty_names_are_left_out_or_replaced_where_required():
    seeds = dict.fromkeys((VENDOR_NAME, MODEL, SERIAL_NUMBER, FIRMWARE_VERSION), " ")
    payload = sent(provisioning.boot_to_wire(context(settings=Settings(ROWS, seeds=seeds)), BOOTED))
    assert payload == {"chargePointVendor": "stationd", "chargePointModel": "stationd"}


@pytest.mark.parametrize("status", RegistrationStatus)
def test_the_answer_to_the_boot_notification_is_read(status):
    outgoing = provisioning.boot_to_wire(context(), BOOTED)
    answer = outgoing.read({"status": str(status), "currentTime": "2026-01-01T13:00:00.000+01:00", "interval": 60})
    assert answer == BootAnswer(status, NOON, 60)


def test_a_broken_time_or_a_negative_interval_of_the_csms_does_no_harm():
    outgoing = provisioning.boot_to_wire(context(), BOOTED)
    answer = outgoing.read({"status": "Accepted", "currentTime": "soon", "interval": -5})
    assert answer == BootAnswer(RegistrationStatus.ACCEPTED, None, 0)


def test_the_heartbeat_brings_the_csmss_time():
    outgoing = provisioning.heartbeat_to_wire(context(), HeartbeatDue())
    assert outgoing.action == "Heartbeat"
    assert sent(outgoing) == {}
    answer = outgoing.read({"currentTime": "2026-01-01T12:00:01Z"})
    assert answer == HeartbeatAnswer(NOON + timedelta(seconds=1))


def test_reports_of_the_device_model_are_not_told():
    part = ReportPart(request_id=1, generated_at=NOON, seq_no=0, to_be_continued=False, entries=())
    assert provisioning.report_to_wire(context(), part) is None


@pytest.mark.parametrize(("kind", "asked"), [("Soft", ResetKind.IMMEDIATE), ("Hard", ResetKind.HARD)])
@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (ChangeOutcome.ACCEPTED, "Accepted"),
        (ChangeOutcome.SCHEDULED, "Accepted"),
        (ChangeOutcome.REJECTED, "Rejected"),
    ],
)
async def test_a_reset_is_asked_of_the_station(kind, asked, outcome, status):
    station = FakeStation(reset=outcome)
    assert await ask(context(station), "Reset", {"type": kind}) == {"status": status}
    assert station.calls == [("request_reset", {"kind": asked, "evse_id": None})]


# --- GetConfiguration -------------------------------------------------------------------------------------------------

REQUIRED_LIST_KEYS = {"LocalAuthListEnabled", "LocalAuthListMaxLength", "SendLocalListMaxLength"}
REQUIRED_CORE_KEYS = {
    "AuthorizeRemoteTxRequests", "ClockAlignedDataInterval", "ConnectionTimeOut", "ConnectorPhaseRotation",
    "GetConfigurationMaxKeys", "HeartbeatInterval", "LocalAuthorizeOffline", "LocalPreAuthorize",
    "MeterValuesAlignedData", "MeterValuesSampledData", "MeterValueSampleInterval", "NumberOfConnectors",
    "ResetRetries", "StopTransactionOnInvalidId", "StopTxnAlignedData", "StopTxnSampledData",
    "SupportedFeatureProfiles", "TransactionMessageAttempts", "TransactionMessageRetryInterval",
    "UnlockConnectorOnEVSideDisconnect",
}  # fmt: skip


@pytest.mark.parametrize("request_", [{}, {"key": []}], ids=["absent", "empty"])
async def test_no_key_asked_for_means_every_key(request_):
    response = await ask(context(), "GetConfiguration", request_)
    names = [entry["key"] for entry in response["configurationKey"]]
    assert set(names) >= REQUIRED_CORE_KEYS | REQUIRED_LIST_KEYS
    assert len(names) == len(set(names))
    assert "unknownKey" not in response


async def test_keys_are_found_whatever_their_case_each_once_and_unknown_ones_named():
    request = {"key": ["heartbeatINTERVAL", "NoSuchKey", "HeartbeatInterval", "NumberOfConnectors", ""]}
    assert await ask(context(), "GetConfiguration", request) == {
        "configurationKey": [
            {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
            {"key": "NumberOfConnectors", "readonly": True, "value": "2"},
        ],
        "unknownKey": ["NoSuchKey", ""],
    }


async def test_only_unknown_keys_give_an_empty_list_of_known_ones():
    assert await ask(context(), "GetConfiguration", {"key": ["Nope"]}) == {
        "configurationKey": [],
        "unknownKey": ["Nope"],
    }


async def test_the_authorization_key_is_listed_and_never_returned():
    settings = Settings(ROWS)
    await settings.write(BASIC_AUTH_PASSWORD, "very secret secret", Origin.LOCAL)
    for request in ({}, {"key": ["AuthorizationKey"]}):
        response = await ask(context(settings=settings), "GetConfiguration", request)
        assert {"key": "AuthorizationKey", "readonly": False} in response["configurationKey"]
        assert "very secret secret" not in str(response)


async def test_a_setting_that_2_x_may_not_write_is_writable_where_1_6_says_so():
    response = await ask(context(), "GetConfiguration", {"key": ["MessageTimeout"]})
    assert response["configurationKey"][0]["readonly"] is False


async def test_keys_beyond_the_maximum_are_left_out():
    settings = Settings(ROWS, seeds={GET_CONFIGURATION_MAX_KEYS: "1"})
    request = {"key": ["HeartbeatInterval", "NumberOfConnectors"]}
    response = await ask(context(settings=settings), "GetConfiguration", request)
    assert [entry["key"] for entry in response["configurationKey"]] == ["HeartbeatInterval"]


# --- ChangeConfiguration ----------------------------------------------------------------------------------------------


async def change(settings: Settings, key: str, value: str) -> str:
    response = await ask(context(settings=settings), "ChangeConfiguration", {"key": key, "value": value})
    return response["status"]


async def test_a_change_is_in_force_and_comes_from_the_csms():
    settings = Settings(ROWS)
    assert await change(settings, "heartbeatinterval", "60") == "Accepted"
    assert settings.integer(HEARTBEAT_INTERVAL) == 60
    assert settings.origin(HEARTBEAT_INTERVAL) is Origin.CSMS


async def test_an_unknown_key_is_not_supported():
    assert await change(Settings(ROWS), "NoSuchKey", "1") == "NotSupported"


@pytest.mark.parametrize("key", ["NumberOfConnectors", "SupportedFeatureProfiles", "SecurityProfile"])
async def test_a_read_only_key_is_rejected(key):
    assert await change(Settings(ROWS), key, "1") == "Rejected"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("HeartbeatInterval", "often"),
        ("HeartbeatInterval", ""),
        ("HeartbeatInterval", "0"),
        ("HeartbeatInterval", "9" * 500),
        ("WebSocketPingInterval", "-1"),
        ("LocalPreAuthorize", "yes"),
    ],
)
async def test_a_value_of_the_wrong_kind_or_out_of_range_is_rejected(key, value):
    settings = Settings(ROWS)
    spec = settings.find_key16(key)
    assert spec is not None
    before = settings.text(spec)
    assert await change(settings, key, value) == "Rejected"
    assert settings.text(spec) == before


async def test_a_change_that_needs_a_restart_says_so():
    rows = [row for row in ROWS if row.key16 != "CpoName"]
    settings = Settings([*rows, replace(ORGANIZATION_NAME, reboot_required=True)])
    assert await change(settings, "CpoName", "Acme") == "RebootRequired"


async def test_a_change_that_cannot_be_stored_is_rejected():
    settings = Settings(ROWS, store=BrokenStore())
    assert await change(settings, "HeartbeatInterval", "60") == "Rejected"
    assert settings.integer(HEARTBEAT_INTERVAL) == 300


async def test_one_bad_measurand_refuses_the_whole_list():
    settings = Settings(ROWS)
    before = settings.text(SAMPLED_UPDATED_MEASURANDS)
    assert await change(settings, "MeterValuesSampledData", "Voltage,SoC") == "Rejected"
    assert settings.text(SAMPLED_UPDATED_MEASURANDS) == before


@pytest.mark.parametrize(
    "key", ["MeterValuesSampledData", "MeterValuesAlignedData", "StopTxnSampledData", "StopTxnAlignedData"]
)
async def test_a_list_of_measurands_may_be_empty_and_takes_effect_without_a_restart(key):
    settings = Settings(ROWS)
    spec = settings.find_key16(key)
    assert spec is not None
    assert await change(settings, key, "Voltage, Energy.Active.Import.Register") == "Accepted"
    assert settings.members(spec) == ("Voltage", "Energy.Active.Import.Register")
    assert await change(settings, key, "") == "Accepted"
    assert settings.members(spec) == ()


async def test_a_new_authorization_key_is_neither_logged_nor_returned(caplog):
    caplog.set_level(logging.DEBUG)
    settings = Settings(ROWS)
    assert await change(settings, "AuthorizationKey", b"0123456789abcdefXY".hex()) == "Accepted"
    assert settings.text(BASIC_AUTH_PASSWORD) == "0123456789abcdefXY"
    assert await change(settings, "AuthorizationKey", "too short") == "Rejected"
    for secret in (b"0123456789abcdefXY".hex(), "0123456789abcdefXY", "too short"):
        assert secret not in caplog.text
    assert "key='AuthorizationKey' status=Accepted" in caplog.text
