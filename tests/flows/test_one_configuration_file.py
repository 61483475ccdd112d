"""One file starts a station; what it seeds, what the CSMS overrules, and stations side by side."""

import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from stationd.api.client import ApiError, Client
from stationd.sandbox.launch import temporary_folder
from tests.flows.support import Flow, running_module, variable_value, wait_for

Make = Callable[..., Flow]

CONFIG = """
[station]
vendor = "Example Works"
model = "Wallbox 11"
serial_number = "A-0001"
firmware_version = "1.2.3"
evses = 2
hw_profile = "mock"
state_dir = "state"

[csms]
url = "ws://127.0.0.1:{port}/some/where"
identity = "CP-0001"
versions = ["2.0.1"]
security_profile = 1
password = "a-password-of-the-test"

[timing]
ev_connection_timeout_s = 33

[variables]
"OCPPCommCtrlr.MessageAttempts[TransactionEvent]" = 3
"EVSE[evse:2].Power" = 7360

[keys]
MeterValueSampleInterval = 17

[hardware.meter]
port = {meter_port}
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_one_file_starts_a_station_and_sigterm_ends_all_of_it() -> None:
    with temporary_folder() as name:
        folder = Path(name)
        csms_words = ("--runtime-dir", folder, "--port", 0, "--password", "a-password-of-the-test")
        with running_module("stationd.sandbox.csms", *csms_words) as csms:
            assert csms.stdout is not None
            port = json.loads(csms.stdout.readline())["port"]
            file = folder / "station.toml"
            file.write_text(CONFIG.format(port=port, meter_port=_free_port()))
            with running_module("stationd.sandbox.run", "--config", file) as station:
                with Client(folder / "csms.sock", timeout_s=40) as control:
                    state = wait_for(lambda: _registered(control), "the station is registered")
                    assert state["boot"]["chargingStation"] == {
                        "vendorName": "Example Works", "model": "Wallbox 11", "serialNumber": "A-0001",
                        "firmwareVersion": "1.2.3",
                    }  # fmt: skip
                    wanted = {
                        "TxCtrlr.EVConnectionTimeOut": "33",
                        "OCPPCommCtrlr.MessageAttempts[TransactionEvent]": "3",
                        "SampledDataCtrlr.TxUpdatedInterval": "17",
                    }
                    asked = {"getVariableData": [variable_value(one) for one in wanted]}
                    answer = control.call("call", action="GetVariables", payload=asked)
                    assert [one["attributeValue"] for one in answer["getVariableResult"]] == list(wanted.values())
                station.send_signal(signal.SIGTERM)
                assert station.wait(20) == 0
                assert station.stderr is not None
                assert station.stderr.read() == ""
            assert sorted(path.name for path in (folder / "state" / "run").glob("*.sock")) == []


def _registered(control: Client) -> dict[str, dict[str, dict[str, str]]] | None:
    try:
        state = control.call("state").get("CP-0001")
    except ApiError:
        return None
    return state if state and state["boot"] and len(state["connectors"]) == 2 else None


def test_what_the_csms_writes_wins_over_the_file_and_survives(make: Make) -> None:
    flow = make(
        version="1.6",
        variables={"SampledDataCtrlr.TxUpdatedInterval": 50, "StationdCtrlr.GetConfigurationMaxKeys": 321},
    )
    assert _value(flow, "GetConfigurationMaxKeys") == "321"  # read-only rows can be seeded too
    assert _value(flow, "MeterValueSampleInterval") == "50"
    changed = flow.call("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "51"})
    assert changed == {"status": "Accepted"}
    flow.restart_brain()
    flow.ready()
    assert _value(flow, "MeterValueSampleInterval") == "51"
    assert flow.ask("config.get", name="MeterValueSampleInterval")["origin"] == "csms"


def _value(flow: Flow, key: str) -> str:
    answer = flow.call("GetConfiguration", {"key": [key]})
    value: str = answer["configurationKey"][0]["value"]
    return value


def test_two_stations_run_side_by_side_without_seeing_each_other(make: Make) -> None:
    one = make(version="1.6", identity="SIM-001")
    two = make(version="2.1", identity="SIM-002")
    before = one.charge()
    assert two.evse()["status"] == "Available"
    before_two = two.charge()
    one.stop_by_card()
    two.stop_by_card()
    one.the_session(reason="Local", before_wh=before)
    two.the_session(reason="Local", before_wh=before_two)


def test_two_evses_of_one_station_charge_at_once_each_on_its_own_bill(make: Make) -> None:
    flow = make(version="2.0.1", evses=2)
    first = flow.charge(evse_id=1, token="04AAAAAAAAAAAA")
    second = flow.charge(evse_id=2, token="04BBBBBBBBBBBB")
    flow.stop_by_card(1, token="04AAAAAAAAAAAA")
    assert flow.evse(2)["charging_state"] == "Charging"
    flow.stop_by_card(2, token="04BBBBBBBBBBBB")
    by_evse = {session["evse_id"]: i for i, session in enumerate(flow.sessions())}
    flow.the_session(reason="Local", before_wh=first, index=by_evse[1], evse_id=1)
    flow.the_session(reason="Local", before_wh=second, index=by_evse[2], evse_id=2)
