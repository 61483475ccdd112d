"""The technician's command line against a living station: every command, rightly and wrongly."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.flows.support import CARD, Flow, Stations, running_module, wait_for

Make = Callable[..., Flow]
REFUSED, WRONG_USAGE = 1, 2


class Console:
    """Runs stationctl on one station."""

    def __init__(self, flow: Flow) -> None:
        self._runtime_dir = str(flow.sandbox.folders.runtime_dir)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "stationd.ctl.main", "--runtime-dir", self._runtime_dir, *words]
        result = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
        assert "Traceback" not in result.stderr
        return result

    def text(self, *words: str) -> str:
        result = self.run(*words)
        assert (result.returncode, result.stderr) == (0, "")
        assert "\033" not in result.stdout  # colours are for terminals
        return result.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.text(*words, "--json"))

    def refused(self, *words: str, status: int = REFUSED) -> str:
        result = self.run(*words)
        assert result.returncode == status, result
        assert result.stdout == ""
        return result.stderr


def test_status_and_transactions_tell_a_session_from_its_start_to_its_bill(make: Make) -> None:
    flow = make()
    console = Console(flow)
    assert console.json("status")["evses"][0]["status"] == "Available"
    assert console.text("transactions") == "no transactions yet\n"
    flow.charge()
    shown = console.text("status")
    assert "connected to ws://127.0.0.1:" in shown
    assert "ocpp2.0.1" in shown
    for word in ("Occupied", "Charging", "closed", "locked", CARD, "16.0 A"):
        assert word in shown, shown
    (running,) = console.json("transactions")
    assert (running["ended_at"], running["id_token"]) == (None, CARD)
    assert "running" in console.text("transactions", "list")
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    one = console.json("transactions", "show", running["transaction_id"])
    assert one["stop_reason"] == "Local"
    assert one["energy_wh"] == pytest.approx(flow.sessions()[0]["energy_wh"], abs=0.002)
    assert f"{one['energy_wh'] / 1000:.3f} kWh" in console.text("transactions")
    assert "no transaction 'nonsense'" in console.refused("transactions", "show", "nonsense")
    assert "limit must be 1 to 1000, not 0" in console.refused("transactions", "--limit", "0")


def test_a_setting_has_two_names_one_value_and_honest_bounds(make: Make) -> None:
    flow = make()
    console = Console(flow)
    rows = {row["name"]: row for row in console.json("config", "list")}
    assert len(rows) > 60
    assert all("value" in row for row in rows.values())
    assert "HeartbeatInterval" in console.text("config", "list", "heartbeat")
    changed = console.json("config", "set", "ConnectionTimeOut", "77")
    assert (changed["outcome"], changed["name"]) == ("Accepted", "TxCtrlr.EVConnectionTimeOut")
    assert console.json("config", "get", "txctrlr.evconnectiontimeout")["value"] == "77"
    assert console.text("config", "set", "ConnectionTimeOut", "78") == "TxCtrlr.EVConnectionTimeOut = 78\n"
    answer = flow.call(
        "GetVariables",
        {"getVariableData": [{"component": {"name": "TxCtrlr"}, "variable": {"name": "EVConnectionTimeOut"}}]},
    )
    assert answer["getVariableResult"][0]["attributeValue"] == "78"
    flow.restart_brain()
    flow.ready()
    assert console.json("config", "get", "ConnectionTimeOut")["origin"] == "local"
    assert console.json("config", "get", "ConnectionTimeOut")["value"] == "78"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["config", "get", "HeartbeatIntervall"], "did you mean"),
        (["config", "get", "nonsense"], "no setting 'nonsense'"),
        (["config", "set", "ConnectionTimeOut", "0"], "cannot set TxCtrlr.EVConnectionTimeOut to '0'"),
        (["config", "set", "ConnectionTimeOut", "soon"], "'soon'"),
        (["config", "set", "NumberOfConnectors", "5"], "read-only"),
        (["config", "set", "MeterValuesSampledData", "Voltage,Nonsense"], "Nonsense"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line(running: Console, words: list[str], told: str) -> None:
    error = running.refused(*words)
    assert told in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["mock", "plug-in", "--current", "900"], "current_a"),
        (["mock", "plug-in", "--wants-power", "never"], "wants_power"),
        (["mock", "plug-in", "--model", "tank"], "three_phase"),
        (["mock", "plug-in", "--property", "wheels=4"], "wheels"),
        (["mock", "temperature", "hot"], "celsius"),
        (["mock", "plug-out"], "no car is plugged in"),
        (["mock", "fault", "nonsense"], "rcd_trip"),
        (["mock", "speed", "0"], "factor"),
        (["mock", "meter"], "energy_wh"),
        (["mock", "plug-in", "--evse", "7"], "7"),
    ],
)
def test_what_the_simulated_board_refuses_is_told_in_one_line(running: Console, words: list[str], told: str) -> None:
    error = running.refused(*words)
    assert told in error
    assert len(error.splitlines()) == 1


def test_kinds_of_cars_are_listed_and_plugged_in_with_other_properties(make: Make) -> None:
    flow = make()
    console = Console(flow)
    assert "sleeps" in console.text("mock", "models")
    assert console.text("mock", "temperature", "41.5") == "done\n"
    words = ("mock", "plug-in", "--model", "sleeps", "--property", "sleeps_after_s=3", "--wants-power", "later")
    assert console.text(*words) == "done\n"
    (evse,) = console.json("mock", "state")["evses"]
    assert (evse["car"]["model"], evse["car"]["current_a"], evse["temperature_c"]) == ("sleeps", 16, 41.5)
    assert console.text("mock", "temperature", "auto") == "done\n"
    assert console.json("mock", "state")["evses"][0]["temperature_c"] == 25


def test_a_secret_is_never_shown(running: Console) -> None:
    assert running.json("config", "get", "AuthorizationKey")["value"] == "***"
    assert "sandbox-password" not in running.text("config", "list")


def test_offline_and_online_keep_the_process_and_the_boot(make: Make) -> None:
    flow = make()
    console = Console(flow)
    pid, boots = flow.pid(), len(flow.told("BootNotification"))
    assert console.text("offline") == "connection: offline\n"
    assert "by command" in console.text("status")
    wait_for(lambda: not flow.csms("state")["SIM-001"]["connected"], "the CSMS sees it gone")
    frames = len(flow.frames())
    console.text("online")
    flow.ready()
    assert flow.pid() == pid
    assert len(flow.told("BootNotification")) == boots
    assert len(flow.frames()) > frames


def test_the_connection_is_shown_layer_by_layer(make: Make) -> None:
    flow = make()
    console = Console(flow)
    told = console.json("connection")
    states = {row["layer"]: row["state"] for row in told["layers"]}
    assert states == {
        "configuration": "ok", "DNS": "not used", "TCP": "ok", "proxy": "not used", "TLS": "not used", "HTTP": "ok",
        "subprotocol": "ok", "WebSocket": "ok", "OCPP": "ok",
    }  # fmt: skip
    assert (told["identity"], told["registration"], told["warnings"]) == ("SIM-001", "Accepted", [])
    flow.csms("set_reachable", reachable=False)
    failed = wait_for(lambda: console.json("connection")["failed_layer"] == "TCP", "the refused connection is named")
    assert failed
    shown = console.text("connection")
    assert "last failure  TCP: cannot reach the CSMS at 127.0.0.1" in shown
    assert "not reached" in shown


def test_watch_yields_a_json_text_a_line_until_it_is_ended(make: Make) -> None:
    flow = make()
    argv = [
        sys.executable, "-m", "stationd.ctl.main", "--runtime-dir", str(flow.sandbox.folders.runtime_dir),
        "watch", "--json", "--interval", "0.1",
    ]  # fmt: skip
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert watching.stderr is not None
        for _ in range(3):
            assert json.loads(watching.stdout.readline())["evses"][0]["status"] == "Available"
        watching.send_signal(2)
        assert watching.wait(20) == 130
        assert watching.stderr.read() == ""
    assert "interval_s must be" in Console(flow).refused("watch", "--interval", "0")


def test_a_watcher_ends_with_the_station_and_never_keeps_it(make: Make) -> None:
    flow = make()
    words = ("--runtime-dir", flow.sandbox.folders.runtime_dir, "watch", "--interval", "0.1")
    with running_module("stationd.ctl.main", *words) as watching, running_module("stationd.ctl.main", *words) as stuck:
        for process in (watching, stuck):
            assert process.stdout is not None
            process.stdout.readline()
        stuck.send_signal(signal.SIGSTOP)
        status, seconds = flow.end("stationd")
        assert status == 0
        assert seconds <= 3
        _, errors = watching.communicate(timeout=30)
        assert "Traceback" not in errors


def test_the_whole_board_can_be_played_with_from_the_command_line(make: Make) -> None:
    flow = make()
    console = Console(flow)
    assert console.text("mock", "plug-in", "--current", "10", "--phases", "1", "--wants-power", "later") == "done\n"
    console.text("mock", "swipe", CARD)
    flow.until_evse(lambda e: e["transaction"] is not None, "a transaction runs")
    assert not flow.evse()["pilot"]["closed"]
    console.text("mock", "wants-power", "yes")
    flow.until_charging(20)
    wait_for(lambda: flow.evse()["meter"]["current_a"][0] == pytest.approx(10, abs=0.3), "10 A flow on one phase")
    assert flow.evse()["meter"]["current_a"][1:] == [0.0, 0.0]
    console.text("mock", "fault", "emergency_stop")
    flow.until_evse(lambda e: e["status"] == "Faulted" and not e["pilot"]["closed"], "the emergency stop opens")
    assert "emergency stop" in console.text("status")
    console.text("mock", "clear-fault", "emergency_stop")
    flow.until_evse(lambda e: e["status"] != "Faulted", "the fault is gone")
    flow.plug_out()
    flow.until_free()
    assert console.json("mock", "state")["evses"][0]["car"] is None


def test_wrong_usage_names_what_would_be_right(running: Console) -> None:
    assert "invalid choice" in running.refused("config", "show", status=WRONG_USAGE)
    assert "the following arguments are required" in running.refused("config", "set", "X", status=WRONG_USAGE)


@pytest.fixture(scope="module")
def station() -> Any:
    """One station for the tests that change nothing."""
    stations = Stations()
    try:
        yield stations.make()
        stations.check()
    finally:
        stations.end()


@pytest.fixture
def running(station: Flow) -> Console:
    """The command line of that station."""
    return Console(station)
