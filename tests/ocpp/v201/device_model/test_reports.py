from typing import Any

import pytest

from stationd.domain.variable_table import AUTH_CACHE_ENABLED, BASIC_AUTH_PASSWORD, OFFLINE_THRESHOLD
from stationd.domain.variables import DataType, Mutability, VariableReport, VariableSpec
from stationd.ocpp.v201.device_model import reports
from stationd.station.settings import Settings
from tests.ocpp.v201.support import EVSES, settings

EVERYTHING = settings().specs()


def inventory(base: str, table: Settings | None = None) -> list[VariableReport]:
    found = reports.inventory(table or settings(), base)
    assert found is not None
    return found


def selected(*wanted: dict[str, Any], criteria: tuple[str, ...] = (), table: Settings | None = None) -> list[str]:
    found = reports.selection(table or settings(), wanted, frozenset(criteria))
    return [entry.spec.name for entry in found]


def asked(name: str, variable: str | None = None, instance: str | None = None, **component: Any) -> dict[str, Any]:
    element: dict[str, Any] = {"component": {"name": name} | component}
    if variable is not None:
        element["variable"] = {"name": variable} | ({} if instance is None else {"instance": instance})
    return element


def test_the_full_inventory_holds_every_row_unset_ones_too_b07_fr_08_b07_fr_11() -> None:
    found = inventory("FullInventory")
    assert [entry.spec for entry in found] == list(EVERYTHING)
    assert {entry.value for entry in found if entry.spec.variable == "SerialNumber"} == {""}


def test_the_configuration_inventory_holds_what_can_be_set_b07_fr_07() -> None:
    found = {entry.spec.name for entry in inventory("ConfigurationInventory")}
    assert found == {spec.name for spec in EVERYTHING if spec.mutability is not Mutability.READ_ONLY}
    assert OFFLINE_THRESHOLD.name in found
    assert BASIC_AUTH_PASSWORD.name in found
    assert "ChargingStation.Model" not in found


def test_the_summary_holds_every_availability_b07_fr_09() -> None:
    places = [f"EVSE[evse:{evse_id}]" for evse_id, _ in EVSES]
    places += [f"Connector[evse:{evse_id},connector:{number}]" for evse_id, numbers in EVSES for number in numbers]
    expected = {f"{place}.AvailabilityState" for place in ["ChargingStation", *places]}
    assert {entry.spec.name for entry in inventory("SummaryInventory")} == expected


def _condition(value: str) -> VariableSpec:
    return VariableSpec("ConnectorPlugRetentionLock", "Problem", DataType.BOOLEAN, value, Mutability.READ_ONLY)


def test_the_summary_holds_problems_that_exist_and_no_others_b07_fr_09() -> None:
    assert [entry.spec.variable for entry in inventory("SummaryInventory", Settings([_condition("true")]))] == [
        "Problem"
    ]
    assert inventory("SummaryInventory", Settings([_condition("false")])) == []


def test_an_unknown_inventory_is_none_b07_fr_02() -> None:
    assert reports.inventory(settings(), "Everything") is None


@pytest.mark.parametrize("base", ["FullInventory", "ConfigurationInventory"])
def test_a_secret_leaves_without_its_value_b07_fr_03(base: str) -> None:
    found = inventory(base, settings({BASIC_AUTH_PASSWORD: "correct horse battery"}))
    assert [entry.value for entry in found if entry.spec.secret] == [None]


def test_without_any_filter_everything_is_reported() -> None:
    assert selected() == [spec.name for spec in EVERYTHING]


def test_only_what_is_listed_is_reported_once_and_in_the_table_s_order_b08_fr_05_b08_fr_11() -> None:
    heartbeat, threshold = asked("ocppcommctrlr", "heartbeatinterval"), asked("OCPPCommCtrlr", "OfflineThreshold")
    expected = ["OCPPCommCtrlr.HeartbeatInterval", "OCPPCommCtrlr.OfflineThreshold"]
    assert selected(threshold, heartbeat, threshold) == expected


def test_without_a_variable_all_of_the_component_b08_fr_20() -> None:
    names = [spec.name for spec in EVERYTHING if spec.component == "ClockCtrlr"]
    assert len(names) > 1
    assert selected(asked("ClockCtrlr")) == names


def test_without_an_instance_all_instances_of_the_variable_b08_fr_21() -> None:
    instances = ["GetVariables", "SetVariables", "GetReport"]
    expected = [f"DeviceDataCtrlr.ItemsPerMessage[{instance}]" for instance in instances]
    assert selected(asked("DeviceDataCtrlr", "ItemsPerMessage")) == expected
    assert selected(asked("DeviceDataCtrlr", "ItemsPerMessage", "GetReport")) == expected[2:]
    assert selected(asked("DeviceDataCtrlr", "ItemsPerMessage", "Other")) == []
    assert selected(asked("OCPPCommCtrlr", "OfflineThreshold", "Other")) == []


def test_without_a_connector_all_of_the_evse_b08_fr_22() -> None:
    expected = [f"Connector[evse:2,connector:{number}].Available" for number in (1, 2)]
    assert selected(asked("Connector", "Available", evse={"id": 2})) == expected
    assert selected(asked("Connector", "Available", evse={"id": 2, "connectorId": 2})) == expected[1:]


def test_without_an_evse_the_component_at_every_place_b08_fr_23() -> None:
    assert selected(asked("EVSE", "Power")) == ["EVSE[evse:1].Power", "EVSE[evse:2].Power"]
    assert selected(asked("EVSE", "Power", evse={"id": 2})) == ["EVSE[evse:2].Power"]
    assert selected(asked("EVSE", "Power", evse={"id": 3})) == []


def test_a_component_instance_names_nothing_here_b08_fr_24() -> None:
    named = {"component": {"name": "EVSE", "evse": {"id": 1}, "instance": "One"}, "variable": {"name": "Power"}}
    assert selected(named) == []


def test_components_without_an_instance_are_reported_where_none_is_named_b08_fr_25() -> None:
    assert selected(asked("TxCtrlr", "EVConnectionTimeOut")) == ["TxCtrlr.EVConnectionTimeOut"]


def test_enabled_means_true_or_not_there_b08_fr_09() -> None:
    off = settings({AUTH_CACHE_ENABLED: "false"})
    assert "AuthCacheCtrlr.LifeTime" not in selected(criteria=("Enabled",), table=off)
    assert "AuthCacheCtrlr.LifeTime" in selected(criteria=("Enabled",))
    assert "ClockCtrlr.TimeSource" in selected(criteria=("Enabled",), table=off)


def _available(value: str) -> VariableSpec:
    return VariableSpec("Reader", "Available", DataType.BOOLEAN, value, Mutability.READ_ONLY)


@pytest.mark.parametrize(("value", "expected"), [("true", ["Reader.Available"]), ("false", [])])
def test_available_means_true_or_not_there_b08_fr_08(value: str, expected: list[str]) -> None:
    assert selected(criteria=("Available",), table=Settings([_available(value)])) == expected


def test_active_means_true_or_not_there_b08_fr_07() -> None:
    assert selected(criteria=("Active",)) == [spec.name for spec in EVERYTHING]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([_condition("true")], ["ConnectorPlugRetentionLock.Problem"]),
        ([_condition("false")], []),
        ([_available("true")], []),
    ],
)
def test_problem_means_true_b08_fr_10(rows: list[VariableSpec], expected: list[str]) -> None:
    assert selected(criteria=("Problem",), table=Settings(rows)) == expected


@pytest.mark.parametrize(("value", "expected"), [("true", ["Reader.Available"]), ("false", [])])
def test_several_criteria_are_alternatives_b08_fr_13(value: str, expected: list[str]) -> None:
    assert selected(criteria=("Available", "Problem"), table=Settings([_available(value)])) == expected


def test_criteria_and_list_both_restrict_b08_fr_05() -> None:
    state = asked("EVSE", "AvailabilityState", evse={"id": 1})
    assert selected(state, criteria=("Available",)) == ["EVSE[evse:1].AvailabilityState"]
    assert selected(state, criteria=("Problem",)) == []
