from typing import Any

import pytest
from hypothesis import given

from stationd.domain.events import ReportPart
from stationd.domain.variable_table import (
    BASIC_AUTH_PASSWORD,
    CONNECTOR_STATE,
    EVSE_POWER,
    HEARTBEAT_INTERVAL,
    MESSAGE_TIMEOUT,
    ORGANIZATION_NAME,
    SAMPLED_UPDATED_MEASURANDS,
    TX_START_POINT,
    of_connector,
)
from stationd.domain.variables import DataType, VariableReport, VariableSpec
from stationd.ocpp.v201.device_model import entries
from tests.ocpp.v201.strategies import report_parts, unhurried
from tests.ocpp.v201.support import on_the_wire


def entry(spec: VariableSpec, value: str | None) -> dict[str, Any]:
    wire = entries.to_wire(VariableReport(spec, value))
    report = {"requestId": 1, "generatedAt": "2026-01-01T00:00:00Z", "seqNo": 0, "reportData": [wire]}
    told: dict[str, Any] = on_the_wire("v201", "NotifyReportRequest", report)["reportData"][0]
    return told


def test_an_entry_has_value_mutability_and_characteristics_b07_fr_08_b08_fr_12() -> None:
    assert entry(HEARTBEAT_INTERVAL, "300") == {
        "component": {"name": "OCPPCommCtrlr"},
        "variable": {"name": "HeartbeatInterval"},
        "variableAttribute": [{"type": "Actual", "value": "300", "mutability": "ReadWrite", "persistent": True}],
        "variableCharacteristics": {
            "dataType": "integer",
            "supportsMonitoring": False,
            "unit": "s",
            "minLimit": 1,
            "maxLimit": 86400,
        },
    }


def test_an_entry_names_instance_evse_and_connector() -> None:
    assert entry(MESSAGE_TIMEOUT, "30")["variable"] == {"name": "MessageTimeout", "instance": "Default"}
    assert entry(of_connector(EVSE_POWER, 2), "0")["component"] == {"name": "EVSE", "evse": {"id": 2}}
    place = {"id": 2, "connectorId": 1}
    assert entry(of_connector(CONNECTOR_STATE, 2, 1), "Available")["component"]["evse"] == place


@pytest.mark.parametrize("value", [None, "correct horse battery"])
def test_a_secret_has_no_value_in_a_report_b07_fr_03_b08_fr_03(value: str | None) -> None:
    attribute = entry(BASIC_AUTH_PASSWORD, value)["variableAttribute"][0]
    assert attribute == {"type": "Actual", "mutability": "WriteOnly", "persistent": True}


def test_an_unset_variable_has_an_empty_value_b07_fr_11() -> None:
    assert entry(ORGANIZATION_NAME, "")["variableAttribute"][0]["value"] == ""


def test_a_value_longer_than_the_schema_allows_is_cut() -> None:
    assert entry(ORGANIZATION_NAME, "x" * 3000)["variableAttribute"][0]["value"] == "x" * 2500


def test_the_limit_of_a_text_is_its_length_only() -> None:
    characteristics = entry(BASIC_AUTH_PASSWORD, None)["variableCharacteristics"]
    assert characteristics["maxLimit"] == 64
    assert "minLimit" not in characteristics


def test_a_list_names_what_it_may_hold() -> None:
    characteristics = entry(TX_START_POINT, "EVConnected")["variableCharacteristics"]
    assert characteristics["dataType"] == "MemberList"
    assert characteristics["valuesList"] == "EVConnected,Authorized,PowerPathClosed,EnergyTransfer"


def test_no_measurand_is_offered_that_2_x_has_no_word_for() -> None:
    told = entry(SAMPLED_UPDATED_MEASURANDS, "Voltage,Frequency")
    assert "Temperature" not in told["variableCharacteristics"]["valuesList"].split(",")


def test_a_long_list_of_values_ends_with_a_whole_word() -> None:
    spec = VariableSpec("C", "V", DataType.OPTION_LIST, values=tuple(f"value-{number:04}" for number in range(200)))
    words = entry(spec, "value-0000")["variableCharacteristics"]["valuesList"].split(",")
    assert words == [f"value-{number:04}" for number in range(len(words))]
    assert 80 < len(words) < 100


@unhurried
@given(report_parts)
def test_every_row_makes_an_entry_that_follows_the_schema(part: ReportPart) -> None:
    for report in part.entries:
        told = entry(report.spec, report.value)
        assert ("value" in told["variableAttribute"][0]) == (report.value is not None and not report.spec.secret)
