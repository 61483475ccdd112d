"""Configuration in OCPP 2.x: variables read and written, and the reports of the device model."""

from typing import Any

import pytest

from tests.interop.bench import Bench

pytestmark = pytest.mark.parametrize("version", ["2.0.1", "2.1"])

# What OCPP 2.0.1 part 2 "Referenced components and variables" requires of a station with the Core profile and
# local authorization lists.
REQUIRED = {
    ("AlignedDataCtrlr", "Interval"), ("AlignedDataCtrlr", "Measurands"), ("AlignedDataCtrlr", "TxEndedInterval"),
    ("AlignedDataCtrlr", "TxEndedMeasurands"), ("AuthCtrlr", "AuthorizeRemoteStart"),
    ("AuthCtrlr", "LocalAuthorizeOffline"), ("AuthCtrlr", "LocalPreAuthorize"),
    ("ChargingStation", "AvailabilityState"), ("ChargingStation", "Available"), ("ChargingStation", "SupplyPhases"),
    ("ClockCtrlr", "DateTime"), ("ClockCtrlr", "TimeSource"), ("Connector", "Available"),
    ("Connector", "ConnectorType"), ("Connector", "SupplyPhases"), ("DeviceDataCtrlr", "BytesPerMessage[GetReport]"),
    ("DeviceDataCtrlr", "BytesPerMessage[GetVariables]"), ("DeviceDataCtrlr", "BytesPerMessage[SetVariables]"),
    ("DeviceDataCtrlr", "ItemsPerMessage[GetReport]"), ("DeviceDataCtrlr", "ItemsPerMessage[GetVariables]"),
    ("DeviceDataCtrlr", "ItemsPerMessage[SetVariables]"), ("EVSE", "AvailabilityState"), ("EVSE", "Available"),
    ("EVSE", "Power"), ("EVSE", "SupplyPhases"), ("LocalAuthListCtrlr", "BytesPerMessage"),
    ("LocalAuthListCtrlr", "Entries"), ("LocalAuthListCtrlr", "ItemsPerMessage"),
    ("OCPPCommCtrlr", "FileTransferProtocols"),
    ("OCPPCommCtrlr", "MessageTimeout[Default]"), ("OCPPCommCtrlr", "MessageAttemptInterval[TransactionEvent]"),
    ("OCPPCommCtrlr", "MessageAttempts[TransactionEvent]"), ("OCPPCommCtrlr", "NetworkConfigurationPriority"),
    ("OCPPCommCtrlr", "NetworkProfileConnectionAttempts"), ("OCPPCommCtrlr", "OfflineThreshold"),
    ("OCPPCommCtrlr", "ResetRetries"), ("OCPPCommCtrlr", "UnlockOnEVSideDisconnect"),
    ("SampledDataCtrlr", "TxEndedInterval"), ("SampledDataCtrlr", "TxEndedMeasurands"),
    ("SampledDataCtrlr", "TxStartedMeasurands"), ("SampledDataCtrlr", "TxUpdatedInterval"),
    ("SampledDataCtrlr", "TxUpdatedMeasurands"), ("SecurityCtrlr", "CertificateEntries"),
    ("SecurityCtrlr", "OrganizationName"), ("SecurityCtrlr", "SecurityProfile"), ("TxCtrlr", "EVConnectionTimeOut"),
    ("TxCtrlr", "StopTxOnEVSideDisconnect"), ("TxCtrlr", "StopTxOnInvalidId"), ("TxCtrlr", "TxStartPoint"),
    ("TxCtrlr", "TxStopPoint"),
}  # fmt: skip
Json = dict[str, Any]


def at(component: str, variable: str, **more: Any) -> Json:
    return {"component": {"name": component}, "variable": {"name": variable}, **more}


def get(bench: Bench, *asked: Json) -> list[Json]:
    results: list[Json] = bench.peer.call("GetVariables", {"getVariableData": list(asked)})["getVariableResult"]
    return results


def put(bench: Bench, *wanted: Json) -> list[Json]:
    results: list[Json] = bench.peer.call("SetVariables", {"setVariableData": list(wanted)})["setVariableResult"]
    return results


def report(bench: Bench, base: str, request_id: int) -> list[Json]:
    """Ask for a base report; return its entries once all parts came, in order and complete."""
    since = bench.peer.mark()
    asked = {"requestId": request_id, "reportBase": base}
    assert bench.peer.call("GetBaseReport", asked) == {"status": "Accepted"}
    bench.peer.wait_call("NotifyReport", since=since, requestId=request_id, tbc=False)
    parts = bench.peer.calls("NotifyReport", since=since)
    assert {part["requestId"] for part in parts} == {request_id}
    assert [part["seqNo"] for part in parts] == list(range(len(parts)))
    assert [part["tbc"] for part in parts] == [True] * (len(parts) - 1) + [False]
    assert len({part["generatedAt"] for part in parts}) == 1
    return [entry for part in parts for entry in part["reportData"]]


def name(entry: Json) -> tuple[str, str]:
    instance = entry["variable"].get("instance")
    return entry["component"]["name"], entry["variable"]["name"] + (f"[{instance}]" if instance else "")


def place(entry: Json) -> tuple[Any, ...]:
    evse = entry["component"].get("evse", {})
    return (*name(entry), evse.get("id"), evse.get("connectorId"))


def only_attribute(entry: Json) -> Json:
    (attribute,) = entry["variableAttribute"]
    assert attribute.get("type", "Actual") == "Actual"
    return dict(attribute)


def in_portions(items: list[Json], size: int = 50) -> list[list[Json]]:
    return [items[first : first + size] for first in range(0, len(items), size)]


def test_the_full_inventory_is_complete(bench: Bench, version: str) -> None:
    entries = report(bench, "FullInventory", 11)
    assert {name(entry) for entry in entries} >= REQUIRED
    assert len({place(entry) for entry in entries}) == len(entries)
    for entry in entries:
        attribute = only_attribute(entry)
        secret = attribute["mutability"] == "WriteOnly"
        assert ("value" in attribute) != secret, entry
        assert entry["variableCharacteristics"]["dataType"]
        lists = entry["variableCharacteristics"]["dataType"] in ("OptionList", "MemberList", "SequenceList")
        assert lists == ("valuesList" in entry["variableCharacteristics"]), entry


def test_the_configuration_inventory_is_what_can_be_written(bench: Bench, version: str) -> None:
    full = {place(entry): entry for entry in report(bench, "FullInventory", 21)}
    configuration = report(bench, "ConfigurationInventory", 22)
    writable = {where for where, entry in full.items() if only_attribute(entry)["mutability"] != "ReadOnly"}
    assert {place(entry) for entry in configuration} == writable
    assert all(full[place(entry)] == entry for entry in configuration)
    assert ("TxCtrlr", "TxStartPoint", None, None) in writable


def test_the_summary_inventory_tells_of_every_connector(bench: Bench, version: str) -> None:
    states = {
        place(entry): only_attribute(entry)["value"]
        for entry in report(bench, "SummaryInventory", 31)
        if entry["variable"]["name"] == "AvailabilityState"
    }
    assert states == {
        ("ChargingStation", "AvailabilityState", None, None): "Available",
        ("EVSE", "AvailabilityState", 1, None): "Available",
        ("Connector", "AvailabilityState", 1, 1): "Available",
    }


def test_everything_that_is_reported_can_be_read(bench: Bench, version: str) -> None:
    for portion in in_portions(report(bench, "FullInventory", 41)):
        asked = [{"component": entry["component"], "variable": entry["variable"]} for entry in portion]
        for entry, result in zip(portion, get(bench, *asked), strict=True):
            assert (result["component"], result["variable"]) == (entry["component"], entry["variable"])
            attribute = only_attribute(entry)
            if attribute["mutability"] == "WriteOnly":
                assert result["attributeStatus"] == "Rejected"
                assert "attributeValue" not in result
            else:
                assert result["attributeStatus"] == "Accepted", result
                if entry["variable"]["name"] != "DateTime":
                    assert result["attributeValue"] == attribute["value"]


def test_everything_writable_can_be_written_back(bench: Bench, version: str) -> None:
    for portion in in_portions(report(bench, "ConfigurationInventory", 51)):
        writable = [entry for entry in portion if only_attribute(entry)["mutability"] == "ReadWrite"]
        wanted = [
            {
                "component": entry["component"],
                "variable": entry["variable"],
                "attributeValue": only_attribute(entry)["value"],
            }
            for entry in writable
        ]
        for result in put(bench, *wanted):
            assert result["attributeStatus"] == "Accepted", result


def test_a_report_of_chosen_variables(bench: Bench, version: str) -> None:
    since = bench.peer.mark()
    wanted = [{"component": {"name": "TxCtrlr"}}, at("EVSE", "Power")]
    asked = {"requestId": 61, "componentVariable": wanted}
    assert bench.peer.call("GetReport", asked)["status"] == "Accepted"
    part = bench.peer.wait_call("NotifyReport", since=since, requestId=61, tbc=False)
    names = {name(entry) for entry in part["reportData"]}
    assert ("TxCtrlr", "TxStartPoint") in names
    assert {component for component, _ in names} == {"TxCtrlr", "EVSE"}
    nothing = {"requestId": 62, "componentVariable": [{"component": {"name": "NoSuchCtrlr"}}]}
    assert bench.peer.call("GetReport", nothing)["status"] == "EmptyResultSet"


def test_what_is_not_there_is_named_in_each_result(bench: Bench, version: str) -> None:
    asked = (
        at("NoSuchCtrlr", "Interval"),
        at("TxCtrlr", "NoSuchVariable"),
        at("TxCtrlr", "TxStartPoint", attributeType="Target"),
        at("SecurityCtrlr", "BasicAuthPassword"),
        at("txctrlr", "TXSTARTPOINT"),
    )
    results = get(bench, *asked)
    assert [result["attributeStatus"] for result in results] == [
        "UnknownComponent", "UnknownVariable", "NotSupportedAttributeType", "Rejected", "Accepted",
    ]  # fmt: skip
    assert results[4]["attributeValue"] == "PowerPathClosed"
    assert not any("attributeValue" in result for result in results[:4])


def test_what_cannot_be_written_is_refused_one_by_one(bench: Bench, version: str) -> None:
    wanted = (
        at("NoSuchCtrlr", "Interval", attributeValue="1"),
        at("TxCtrlr", "NoSuchVariable", attributeValue="1"),
        at("TxCtrlr", "EVConnectionTimeOut", attributeValue="60", attributeType="Target"),
        at("ClockCtrlr", "DateTime", attributeValue="2026-01-01T00:00:00Z"),
        at("TxCtrlr", "EVConnectionTimeOut", attributeValue="0"),
        at("TxCtrlr", "EVConnectionTimeOut", attributeValue="soon"),
        at("TxCtrlr", "TxStartPoint", attributeValue="Nonsense"),
        at("TxCtrlr", "EVConnectionTimeOut", attributeValue="61"),
    )
    results = put(bench, *wanted)
    assert [result["attributeStatus"] for result in results] == [
        "UnknownComponent", "UnknownVariable", "NotSupportedAttributeType",
        "Rejected", "Rejected", "Rejected", "Rejected", "Accepted",
    ]  # fmt: skip
    assert all(result["attributeStatusInfo"]["reasonCode"] for result in results[3:7])
    assert bench.words.get("TxCtrlr.EVConnectionTimeOut") == "61"
    assert bench.words.put("TxCtrlr.EVConnectionTimeOut", "120") == "Accepted"


def test_a_written_variable_survives_a_reboot(bench: Bench, version: str) -> None:
    assert bench.words.put("TxCtrlr.EVConnectionTimeOut", "77") == "Accepted"
    since = bench.peer.mark()
    assert bench.peer.call("Reset", {"type": "Immediate"}) == {"status": "Accepted"}
    bench.peer.wait_call("BootNotification", since=since)
    bench.words.wait_status(1, "Available", since=since)
    assert bench.words.get("TxCtrlr.EVConnectionTimeOut") == "77"
    assert bench.words.put("TxCtrlr.EVConnectionTimeOut", "120") == "Accepted"


def test_more_elements_than_fit_into_a_message_are_refused_as_a_whole(bench: Bench, version: str) -> None:
    limit = {**at("DeviceDataCtrlr", "ItemsPerMessage")}
    limit["variable"]["instance"] = "GetVariables"
    (result,) = get(bench, limit)
    many = [at("TxCtrlr", "TxStartPoint") for _ in range(int(result["attributeValue"]) + 1)]
    since = bench.peer.mark()
    with pytest.raises(Exception, match="OccurrenceConstraintViolation"):
        get(bench, *many)
    assert bench.peer.seen("closed", since=since) == []
    assert len(get(bench, *many[:-1])) == len(many) - 1


def test_a_new_heartbeat_interval_counts_at_once(bench: Bench, version: str) -> None:
    since = bench.peer.mark()
    assert bench.words.put("OCPPCommCtrlr.HeartbeatInterval", "1") == "Accepted"
    bench.peer.wait_call("Heartbeat", since=since)
    bench.peer.wait_call("Heartbeat", since=bench.peer.mark())
    assert bench.words.put("OCPPCommCtrlr.HeartbeatInterval", "300") == "Accepted"


def test_the_chosen_measurands_are_sent(bench: Bench, version: str) -> None:
    before = bench.words.get("SampledDataCtrlr.TxUpdatedMeasurands")
    chosen = "Current.Offered,Energy.Active.Import.Register"
    assert bench.words.put("SampledDataCtrlr.TxUpdatedMeasurands", chosen) == "Accepted"
    since = bench.peer.mark()
    bench.plug_in()
    bench.present()
    samples = bench.words.wait_sample(since=since)
    assert {sample.measurand for sample in samples} == set(chosen.split(","))
    assert bench.words.put("SampledDataCtrlr.TxUpdatedMeasurands", before) == "Accepted"
    bench.leave()
