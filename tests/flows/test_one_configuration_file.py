"""One file starts a station, and SIGTERM ends it."""

import json
import signal
import socket
from pathlib import Path

from stationd.api.client import ApiError, Client
from stationd.sandbox.launch import temporary_folder
from tests.flows.support import running_module, variable_value, wait_for

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
