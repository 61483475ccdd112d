"""Settings: seeded by the configuration file, changed by the CSMS, kept over restarts."""

from collections.abc import Callable

import pytest

from tests.flows.support import Flow, Json, variable_value

Make = Callable[..., Flow]


def kill_and_start(flow: Flow) -> None:
    flow.restart_brain()
    flow.ready()


def configuration(flow: Flow, *keys: str) -> dict[str, Json]:
    answer = flow.call("GetConfiguration", {"key": list(keys)})
    assert answer.get("unknownKey", []) == []
    return {one["key"]: one for one in answer["configurationKey"]}


def test_keys_of_the_file_hold_until_the_csms_writes_them(make: Make) -> None:
    flow = make(
        version="1.6",
        keys={"ConnectionTimeOut": 77, "MeterValueSampleInterval": 33},
        variables={"StationdCtrlr.GetConfigurationMaxKeys": 321},  # a row that only the file may write
        station={"model": "Wallbox 11"},
    )
    first = configuration(flow, "ConnectionTimeOut", "MeterValueSampleInterval", "GetConfigurationMaxKeys")
    assert {name: one["value"] for name, one in first.items()} == {
        "ConnectionTimeOut": "77",
        "MeterValueSampleInterval": "33",
        "GetConfigurationMaxKeys": "321",
    }
    assert [one["readonly"] for one in first.values()] == [False, False, True]
    assert flow.call("ChangeConfiguration", {"key": "ConnectionTimeOut", "value": "55"}) == {"status": "Accepted"}
    assert flow.call("ChangeConfiguration", {"key": "GetConfigurationMaxKeys", "value": "2"}) == {"status": "Rejected"}
    assert flow.call("ChangeConfiguration", {"key": "NoSuchKey", "value": "2"}) == {"status": "NotSupported"}
    assert flow.call("ChangeConfiguration", {"key": "ConnectionTimeOut", "value": "soon"}) == {"status": "Rejected"}
    kill_and_start(flow)
    second = configuration(flow, "ConnectionTimeOut", "MeterValueSampleInterval")
    assert {name: one["value"] for name, one in second.items()} == {
        "ConnectionTimeOut": "55",
        "MeterValueSampleInterval": "33",
    }
    assert flow.ask("config.get", name="ConnectionTimeOut")["origin"] == "csms"
    assert flow.told("BootNotification")[-1]["chargePointModel"] == "Wallbox 11"


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_variables_of_the_file_hold_until_the_csms_writes_them(make: Make, version: str) -> None:
    written, kept = "TxCtrlr.EVConnectionTimeOut", "OCPPCommCtrlr.MessageAttempts[TransactionEvent]"
    read_only = "ChargingStation.Model"
    flow = make(version=version, variables={written: 77, kept: 3}, station={"model": "Wallbox 11"})

    def values() -> list[str]:
        answer = flow.call("GetVariables", {"getVariableData": [variable_value(n) for n in (written, kept, read_only)]})
        assert {one["attributeStatus"] for one in answer["getVariableResult"]} == {"Accepted"}
        return [one["attributeValue"] for one in answer["getVariableResult"]]

    assert values() == ["77", "3", "Wallbox 11"]
    answer = flow.call(
        "SetVariables",
        {
            "setVariableData": [
                variable_value(written, "55"),
                variable_value(read_only, "Another"),
                variable_value("TxCtrlr.NoSuchVariable", "1"),
                variable_value("NoSuchCtrlr.X", "1"),
                variable_value(kept, "many"),
            ]
        },
    )
    assert [one["attributeStatus"] for one in answer["setVariableResult"]] == [
        "Accepted", "Rejected", "UnknownVariable", "UnknownComponent", "Rejected",
    ]  # fmt: skip
    kill_and_start(flow)
    assert values() == ["55", "3", "Wallbox 11"]
    assert flow.told("BootNotification")[-1]["chargingStation"]["model"] == "Wallbox 11"


def test_a_value_that_only_the_file_may_change_follows_it_at_each_start(make: Make) -> None:
    flow = make(version="2.0.1", station={"model": "Wallbox 11"})
    file = flow.sandbox.folders.config_file
    file.write_text(file.read_text().replace("Wallbox 11", "Wallbox 22"))
    kill_and_start(flow)
    assert flow.told("BootNotification")[-1]["chargingStation"]["model"] == "Wallbox 22"


def test_what_the_technician_sets_holds_over_a_restart_and_the_csms_sees_it(make: Make) -> None:
    flow = make(version="1.6")
    assert flow.ask("config.set", name="MeterValueSampleInterval", value="7")["outcome"] == "Accepted"
    kill_and_start(flow)
    assert configuration(flow, "MeterValueSampleInterval")["MeterValueSampleInterval"]["value"] == "7"
    assert flow.ask("config.get", name="SampledDataCtrlr.TxUpdatedInterval")["origin"] == "local"


def test_the_csms_reads_the_whole_device_model(make: Make) -> None:
    flow = make(version="2.0.1")
    assert flow.call("GetBaseReport", {"requestId": 5, "reportBase": "FullInventory"}) == {"status": "Accepted"}
    parts = flow.until_report(5)
    assert [part["seqNo"] for part in parts] == list(range(len(parts)))
    assert [part.get("tbc", False) for part in parts] == [True] * (len(parts) - 1) + [False]
    names = {(one["component"]["name"], one["variable"]["name"]) for part in parts for one in part["reportData"]}
    assert {("TxCtrlr", "EVConnectionTimeOut"), ("Connector", "AvailabilityState")} <= names
