from dataclasses import replace
from typing import Any

import pytest

from stationd.domain.errors import StorageError
from stationd.domain.variable_table import (
    BASIC_AUTH_PASSWORD,
    HEARTBEAT_INTERVAL,
    NETWORK_PRIORITY,
    SAMPLED_UPDATED_MEASURANDS,
    SERIAL_NUMBER,
)
from stationd.domain.variables import Origin
from stationd.ocpp.v201.device_model import attributes
from stationd.station.settings import Settings
from tests.ocpp.v201.support import on_the_wire, settings

COMM = {"name": "OCPPCommCtrlr"}


def element(component: dict[str, Any] | str, variable: dict[str, Any] | str, **more: Any) -> dict[str, Any]:
    return {
        "component": {"name": component} if isinstance(component, str) else component,
        "variable": {"name": variable} if isinstance(variable, str) else variable,
    } | more


def read(asked: dict[str, Any], table: Settings | None = None) -> dict[str, Any]:
    result = attributes.get(table or settings(), asked)
    told: dict[str, Any] = on_the_wire("v201", "GetVariablesResponse", {"getVariableResult": [result]})
    return told["getVariableResult"][0]  # type: ignore[no-any-return]


async def written(asked: dict[str, Any], table: Settings | None = None) -> dict[str, Any]:
    result = await attributes.write(table or settings(), asked)
    told: dict[str, Any] = on_the_wire("v201", "SetVariablesResponse", {"setVariableResult": [result]})
    return told["setVariableResult"][0]  # type: ignore[no-any-return]


def test_a_value_is_read_as_actual_where_no_type_was_given_b06_fr_10_b06_fr_11() -> None:
    assert read(element("OCPPCommCtrlr", "HeartbeatInterval")) == {
        "attributeStatus": "Accepted",
        "attributeType": "Actual",
        "attributeValue": "300",
        "component": {"name": "OCPPCommCtrlr"},
        "variable": {"name": "HeartbeatInterval"},
    }


def test_names_are_found_in_any_case_and_repeated_as_asked_b06_fr_02() -> None:
    result = read(element("ocppcommctrlr", "HEARTBEATINTERVAL"))
    assert result["attributeStatus"] == "Accepted"
    assert (result["component"], result["variable"]) == ({"name": "ocppcommctrlr"}, {"name": "HEARTBEATINTERVAL"})


def test_the_evse_is_repeated_and_counts_b06_fr_02() -> None:
    known = {"name": "Connector", "evse": {"id": 2, "connectorId": 2}}
    assert read(element(known, "AvailabilityState"))["attributeStatus"] == "Accepted"
    assert read(element(known, "AvailabilityState"))["component"] == known


UNKNOWN = [
    ({"name": "Nobody"}, {"name": "OfflineThreshold"}, "UnknownComponent"),
    ({"name": "EVSE"}, {"name": "AvailabilityState"}, "UnknownComponent"),
    ({"name": "EVSE", "evse": {"id": 9}}, {"name": "AvailabilityState"}, "UnknownComponent"),
    ({"name": "Connector", "evse": {"id": 1, "connectorId": 2}}, {"name": "Available"}, "UnknownComponent"),
    (COMM | {"evse": {"id": 1}}, {"name": "OfflineThreshold"}, "UnknownComponent"),
    (COMM | {"instance": "One"}, {"name": "OfflineThreshold"}, "UnknownComponent"),
    (COMM, {"name": "Nothing"}, "UnknownVariable"),
    (COMM, {"name": "MessageTimeout"}, "UnknownVariable"),
    (COMM, {"name": "MessageTimeout", "instance": "Other"}, "UnknownVariable"),
    (COMM, {"name": "OfflineThreshold", "instance": "Other"}, "UnknownVariable"),
]


@pytest.mark.parametrize(("component", "variable", "status"), UNKNOWN)
def test_what_is_unknown_has_no_value_b06_fr_06_b06_fr_07_b06_fr_15(
    component: dict[str, Any], variable: dict[str, Any], status: str
) -> None:
    result = read(element(component, variable, attributeType="MaxSet"))
    assert result["attributeStatus"] == status
    assert result["attributeType"] == "MaxSet"
    assert "attributeValue" not in result


@pytest.mark.parametrize(("component", "variable", "status"), UNKNOWN)
async def test_what_is_unknown_cannot_be_written_b05_fr_04_b05_fr_05(
    component: dict[str, Any], variable: dict[str, Any], status: str
) -> None:
    result = await written(element(component, variable, attributeValue="1", attributeType="Target"))
    assert result["attributeStatus"] == status


def test_the_instance_asked_for_is_read_b06_fr_14() -> None:
    result = read(element(COMM, {"name": "MessageTimeout", "instance": "Default"}))
    assert (result["attributeStatus"], result["attributeValue"]) == ("Accepted", "30")


@pytest.mark.parametrize("kind", ["Target", "MinSet", "MaxSet"])
def test_there_is_no_attribute_but_actual_b06_fr_08(kind: str) -> None:
    result = read(element(COMM, "OfflineThreshold", attributeType=kind))
    assert (result["attributeStatus"], result["attributeType"]) == ("NotSupportedAttributeType", kind)
    assert "attributeValue" not in result


@pytest.mark.parametrize("kind", ["Target", "MinSet", "MaxSet"])
async def test_no_attribute_but_actual_can_be_written_b05_fr_06(kind: str) -> None:
    table = settings()
    result = await written(element(COMM, "OfflineThreshold", attributeType=kind, attributeValue="90"), table)
    assert (result["attributeStatus"], result["attributeType"]) == ("NotSupportedAttributeType", kind)
    assert table.origin(HEARTBEAT_INTERVAL) is Origin.DEFAULT


def test_a_secret_is_not_read_b06_fr_09() -> None:
    table = settings({BASIC_AUTH_PASSWORD: "correct horse battery"})
    result = read(element("SecurityCtrlr", "BasicAuthPassword"), table)
    assert result["attributeStatus"] == "Rejected"
    assert result["attributeStatusInfo"] == {"reasonCode": "WriteOnly"}
    assert "attributeValue" not in result


def test_an_unset_value_is_empty_b06_fr_13() -> None:
    result = read(element("ChargingStation", "SerialNumber"))
    assert (result["attributeStatus"], result["attributeValue"]) == ("Accepted", "")


def test_a_value_longer_than_the_schema_allows_is_cut() -> None:
    table = settings()
    table.compute(SERIAL_NUMBER, lambda: "9" * 3000)
    assert read(element("ChargingStation", "SerialNumber"), table)["attributeValue"] == "9" * 2500


async def test_a_good_value_is_stored_as_the_csms_s_b05_fr_10_b05_fr_12() -> None:
    table = settings()
    result = await written(element(COMM, "HeartbeatInterval", attributeValue="86400"), table)
    assert result == {
        "attributeStatus": "Accepted",
        "attributeType": "Actual",
        "component": COMM,
        "variable": {"name": "HeartbeatInterval"},
    }
    assert table.integer(HEARTBEAT_INTERVAL) == 86_400
    assert table.origin(HEARTBEAT_INTERVAL) is Origin.CSMS


REFUSED = [
    ("OCPPCommCtrlr", "HeartbeatInterval", "0", "ValueOutOfRange"),  # B05.FR.08
    ("OCPPCommCtrlr", "HeartbeatInterval", "86401", "ValueOutOfRange"),
    ("OCPPCommCtrlr", "HeartbeatInterval", "-5", "ValueOutOfRange"),
    ("OCPPCommCtrlr", "HeartbeatInterval", "", "InvalidValue"),  # B05.FR.07
    ("OCPPCommCtrlr", "HeartbeatInterval", "soon", "InvalidValue"),
    ("OCPPCommCtrlr", "HeartbeatInterval", "1.5", "InvalidValue"),
    ("OCPPCommCtrlr", "HeartbeatInterval", "nan", "InvalidValue"),
    ("OCPPCommCtrlr", "WebSocketPingInterval", "-1", "ValueOutOfRange"),
    ("AuthCtrlr", "AuthorizeRemoteStart", "maybe", "InvalidValue"),
    ("StationdCtrlr", "ResetDelay", "61", "ValueOutOfRange"),
    ("TxCtrlr", "TxStartPoint", "Whenever", "InvalidValue"),
    ("OCPPCommCtrlr", "NetworkConfigurationPriority", "7", "InvalidValue"),
    ("SecurityCtrlr", "OrganizationName", "x" * 51, "TooLargeElement"),
    ("SecurityCtrlr", "BasicAuthPassword", "too short", "InvalidValue"),
    ("SecurityCtrlr", "BasicAuthPassword", "x" * 65, "TooLargeElement"),
    ("SampledDataCtrlr", "TxUpdatedMeasurands", "Voltage,Temperature", "InvalidValue"),
    ("SampledDataCtrlr", "TxUpdatedMeasurands", "Voltage, temperature", "InvalidValue"),
    ("SampledDataCtrlr", "TxUpdatedMeasurands", "Everything", "InvalidValue"),
    ("ChargingStation", "Model", "Another", "ReadOnly"),  # B05.FR.09
]


@pytest.mark.parametrize(("component", "variable", "value", "reason"), REFUSED)
async def test_a_bad_value_is_rejected_with_its_reason_and_changes_nothing_b05_fr_07_b05_fr_08_b05_fr_09(
    component: str, variable: str, value: str, reason: str
) -> None:
    table = settings()
    spec = table.find(component, variable)
    assert spec is not None
    before = table.text(spec)
    result = await written(element(component, variable, attributeValue=value), table)
    assert result["attributeStatus"] == "Rejected"
    assert result["attributeStatusInfo"]["reasonCode"] == reason
    assert table.text(spec) == before


async def test_a_setting_that_only_1_6_may_write_is_read_only_b05_fr_09() -> None:
    result = await written(element(COMM, {"name": "MessageTimeout", "instance": "Default"}, attributeValue="20"))
    assert (result["attributeStatus"], result["attributeStatusInfo"]["reasonCode"]) == ("Rejected", "ReadOnly")


@pytest.mark.parametrize("length", [16, 64])
async def test_a_password_is_stored_like_any_setting_a01_fr_01(length: int) -> None:
    table = settings()
    changes: list[str] = []
    table.on_change(BASIC_AUTH_PASSWORD, changes.append)
    result = await written(element("SecurityCtrlr", "BasicAuthPassword", attributeValue="p" * length), table)
    assert result["attributeStatus"] == "Accepted"
    assert changes == ["p" * length]


async def test_a_refused_password_is_not_repeated_to_the_csms_a01_fr_12() -> None:
    result = await written(element("SecurityCtrlr", "BasicAuthPassword", attributeValue="hunter2"))
    assert "hunter2" not in str(result)


async def test_a_measurand_list_may_be_empty() -> None:
    table = settings()
    result = await written(element("SampledDataCtrlr", "TxUpdatedMeasurands", attributeValue=""), table)
    assert result["attributeStatus"] == "Accepted"
    assert table.members(SAMPLED_UPDATED_MEASURANDS) == ()


async def test_a_value_that_waits_for_a_restart_says_so() -> None:
    table = Settings([replace(NETWORK_PRIORITY, values=("1", "2"))])
    result = await written(element(COMM, "NetworkConfigurationPriority", attributeValue="2,1"), table)
    assert result["attributeStatus"] == "RebootRequired"


async def test_a_value_that_cannot_be_stored_is_rejected_b05_fr_09() -> None:
    class FullDisk:
        async def load(self) -> list[tuple[str, str, Origin]]:
            return []

        async def put(self, name: str, value: str, origin: Origin) -> None:
            raise StorageError("cannot write: the disk is full")

    table = Settings(settings().specs(), store=FullDisk())
    result = await written(element(COMM, "HeartbeatInterval", attributeValue="60"), table)
    assert (result["attributeStatus"], result["attributeStatusInfo"]["reasonCode"]) == ("Rejected", "OutOfStorage")
    assert table.integer(HEARTBEAT_INTERVAL) == 300
