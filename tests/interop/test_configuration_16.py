"""Configuration in OCPP 1.6: GetConfiguration and ChangeConfiguration, by the standard's own list of keys."""

from typing import Any

import pytest

from tests.interop.bench import Bench

pytestmark = pytest.mark.parametrize("version", ["1.6"])

# OCPP 1.6 sections 9.1 to 9.4 (Core, LocalAuthListManagement, RemoteTrigger): required keys and who may write them.
# ResetRetries is no promise that we could keep: it is told and cannot be changed.
READ_WRITE = {
    "AuthorizeRemoteTxRequests", "ClockAlignedDataInterval", "ConnectionTimeOut", "ConnectorPhaseRotation",
    "HeartbeatInterval", "LocalAuthListEnabled", "LocalAuthorizeOffline", "LocalPreAuthorize", "MeterValuesAlignedData",
    "MeterValuesSampledData", "MeterValueSampleInterval", "StopTransactionOnEVSideDisconnect",
    "StopTransactionOnInvalidId", "StopTxnAlignedData", "StopTxnSampledData", "TransactionMessageAttempts",
    "TransactionMessageRetryInterval", "UnlockConnectorOnEVSideDisconnect",
}  # fmt: skip
READ_ONLY = {
    "GetConfigurationMaxKeys", "LocalAuthListMaxLength", "NumberOfConnectors", "ResetRetries", "SendLocalListMaxLength",
    "SupportedFeatureProfiles",
}  # fmt: skip


def configuration(bench: Bench, *keys: str) -> dict[str, dict[str, Any]]:
    asked = {"key": list(keys)} if keys else {}
    entries = bench.peer.call("GetConfiguration", asked)["configurationKey"]
    return {entry["key"]: entry for entry in entries}


def change(bench: Bench, key: str, value: str) -> str:
    return str(bench.peer.call("ChangeConfiguration", {"key": key, "value": value})["status"])


def value_of(bench: Bench, key: str) -> str:
    return str(configuration(bench, key)[key]["value"])


def test_every_required_key_is_there_with_the_right_access(bench: Bench, version: str) -> None:
    entries = configuration(bench)
    assert set(entries) >= READ_WRITE | READ_ONLY
    assert {key for key in READ_WRITE if entries[key]["readonly"]} == set()
    assert {key for key in READ_ONLY if not entries[key]["readonly"]} == set()
    assert entries["NumberOfConnectors"]["value"] == "1"
    assert {"Core", "LocalAuthListManagement", "RemoteTrigger"} <= set(
        entries["SupportedFeatureProfiles"]["value"].split(",")
    )
    assert int(entries["GetConfigurationMaxKeys"]["value"]) >= len(entries)


def test_the_password_has_no_value(bench: Bench, version: str) -> None:
    assert "value" not in configuration(bench)["AuthorizationKey"]


def test_known_and_unknown_keys_are_told_apart(bench: Bench, version: str) -> None:
    asked = {"key": ["HeartbeatInterval", "NoSuchKey", "connectiontimeout"]}
    answer = bench.peer.call("GetConfiguration", asked)
    assert sorted(entry["key"] for entry in answer["configurationKey"]) == ["ConnectionTimeOut", "HeartbeatInterval"]
    assert answer["unknownKey"] == ["NoSuchKey"]
    assert bench.peer.call("GetConfiguration", {"key": ["NoSuchKey"]})["unknownKey"] == ["NoSuchKey"]


def test_an_unknown_key_is_not_supported(bench: Bench, version: str) -> None:
    assert change(bench, "NoSuchKey", "1") == "NotSupported"


@pytest.mark.parametrize("key", sorted(READ_ONLY))
def test_a_read_only_key_cannot_be_changed(bench: Bench, version: str, key: str) -> None:
    before = value_of(bench, key)
    assert change(bench, key, "5") == "Rejected"
    assert value_of(bench, key) == before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("HeartbeatInterval", "-1"),
        ("HeartbeatInterval", "soon"),
        ("HeartbeatInterval", "1.5"),
        ("HeartbeatInterval", ""),
        ("HeartbeatInterval", "99999999999999999999"),
        ("TransactionMessageAttempts", "0"),
        ("LocalPreAuthorize", "maybe"),
        ("MeterValuesSampledData", "Energy.Active.Import.Register,Nonsense"),
        ("MeterValuesSampledData", "SoC"),  # a measurand of OCPP that this meter has not
        ("ConnectorPhaseRotation", "7.RST"),
        ("AuthorizationKey", "short"),
    ],
)
def test_a_value_that_does_not_fit_is_rejected_and_nothing_changes(
    bench: Bench, version: str, key: str, value: str
) -> None:
    before = configuration(bench, key)
    assert change(bench, key, value) == "Rejected"
    assert configuration(bench, key) == before


@pytest.mark.parametrize(
    ("key", "value", "stored"),
    [
        ("HeartbeatInterval", "301", "301"),
        ("ConnectionTimeOut", " 90 ", "90"),
        ("LocalPreAuthorize", "TRUE", "true"),
        ("MeterValuesSampledData", "Energy.Active.Import.Register,Voltage", "Energy.Active.Import.Register,Voltage"),
        ("StopTxnSampledData", "", ""),
        ("ClockAlignedDataInterval", "900", "900"),
    ],
)
def test_a_good_value_is_accepted_and_can_be_read_back(
    bench: Bench, version: str, key: str, value: str, stored: str
) -> None:
    before = value_of(bench, key)
    assert change(bench, key, value) == "Accepted"
    assert value_of(bench, key) == stored
    assert change(bench, key, before) == "Accepted"


def test_every_writable_value_can_be_written_back(bench: Bench, version: str) -> None:
    for key, entry in configuration(bench).items():
        if not entry["readonly"] and "value" in entry:
            assert change(bench, key, entry["value"]) == "Accepted", entry


def test_the_chosen_measurands_are_sent(bench: Bench, version: str) -> None:
    before = value_of(bench, "MeterValuesSampledData")
    assert change(bench, "MeterValuesSampledData", "Current.Offered,Energy.Active.Import.Register") == "Accepted"
    since = bench.peer.mark()
    bench.plug_in()
    bench.present()
    samples = bench.words.wait_sample(since=since)
    assert {sample.measurand for sample in samples} == {"Current.Offered", "Energy.Active.Import.Register"}
    assert change(bench, "MeterValuesSampledData", before) == "Accepted"
    bench.leave()


def test_a_changed_key_survives_a_reboot(bench: Bench, version: str) -> None:
    before = value_of(bench, "ConnectionTimeOut")
    assert change(bench, "ConnectionTimeOut", "77") == "Accepted"
    since = bench.peer.mark()
    assert bench.peer.call("Reset", {"type": "Hard"}) == {"status": "Accepted"}
    bench.words.wait_status(1, "Available", since=bench.peer.mark())
    assert bench.peer.calls("BootNotification", since=since)
    assert value_of(bench, "ConnectionTimeOut") == "77"
    assert change(bench, "ConnectionTimeOut", before) == "Accepted"


def test_a_new_heartbeat_interval_counts_at_once(bench: Bench, version: str) -> None:
    since = bench.peer.mark()
    assert change(bench, "HeartbeatInterval", "1") == "Accepted"
    bench.peer.wait_call("Heartbeat", since=since)
    bench.peer.wait_call("Heartbeat", since=bench.peer.mark())
    assert change(bench, "HeartbeatInterval", "300") == "Accepted"
