"""The sandbox CSMS as a process, with a hand-written station over a real websocket."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from stationd.api.client import ApiError, Client
from stationd.sandbox.processes import Process

PASSWORD = "a-password-of-16"


@pytest.fixture
def csms(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    argv = [sys.executable, "-m", "stationd.sandbox.csms", "--runtime-dir", tmp_path, "--port", "0"]
    process = Process("csms", [*map(str, argv), "--password", PASSWORD, "--price", "0.5"], tmp_path / "log")
    port = process.ready_line(20)["port"]
    yield tmp_path / "csms.sock", port
    assert process.end() == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


def _connect(port: int, version: str, password: str = PASSWORD) -> ClientConnection:
    credentials = base64.b64encode(f"CS 1:{password}".encode()).decode()
    return connect(
        f"ws://127.0.0.1:{port}/ocpp/CS%201",
        subprotocols=[Subprotocol(f"ocpp{version}")],
        additional_headers={"Authorization": f"Basic {credentials}"},
        proxy=None,
    )


def _ask(link: ClientConnection, action: str, payload: dict[str, Any]) -> list[Any]:
    link.send(json.dumps([2, action, action, payload]))
    answer: list[Any] = json.loads(link.recv(10))
    return answer


def test_a_16_session_is_billed_by_its_registers(csms: tuple[Path, int]) -> None:
    control, port = csms
    with _connect(port, "1.6") as link:
        boot = _ask(link, "BootNotification", {"chargePointVendor": "v", "chargePointModel": "m"})
        assert boot[2]["status"] == "Accepted"
        started = {"connectorId": 1, "idTag": "A", "meterStart": 1000, "timestamp": "2026-01-01T12:00:00Z"}
        number = _ask(link, "StartTransaction", started)[2]["transactionId"]
        stopped = {"transactionId": number, "meterStop": 3500, "timestamp": "2026-01-01T13:00:00Z"}
        assert _ask(link, "StopTransaction", stopped)[0] == 3
    with Client(control) as client:
        (session,) = client.call("sessions")
    assert (session["energy_wh"], session["price"], session["id_token"]) == (2500, 1.25, "A")
    assert session["station"] == "CS 1"


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_a_2x_session_is_billed_by_its_readings_in_any_unit(csms: tuple[Path, int], version: str) -> None:
    control, port = csms
    with _connect(port, version) as link:
        for number, (kind, value) in enumerate([("Started", 1.0), ("Updated", 2.0), ("Ended", 3.5)]):
            sample = {"value": value, "unitOfMeasure": {"unit": "kWh"}}
            event = {
                "eventType": kind, "timestamp": "2026-01-01T12:00:00Z", "triggerReason": "Authorized", "seqNo": number,
                "transactionInfo": {"transactionId": "t1"}, "evse": {"id": 1},
                "idToken": {"idToken": "A", "type": "Local"},
                "meterValue": [{"timestamp": "2026-01-01T12:00:00Z", "sampledValue": [sample]}],
            }  # fmt: skip
            answer = _ask(link, "TransactionEvent", event)
            assert answer[0] == 3, answer
    assert answer[2]["totalCost"] == 1.25
    with Client(control) as client:
        (session,) = client.call("sessions")
    assert (session["energy_wh"], session["seq_nos"]) == (2500, [0, 1, 2])


def test_a_payload_that_breaks_its_schema_gets_a_callerror(csms: tuple[Path, int]) -> None:
    _, port = csms
    with _connect(port, "1.6") as link:
        assert _ask(link, "BootNotification", {"chargePointVendor": 7})[0] == 4
        assert _ask(link, "Heartbeat", {})[0] == 3


def test_a_wrong_password_is_refused_with_401(csms: tuple[Path, int]) -> None:
    _, port = csms
    with pytest.raises(InvalidStatus, match="401"):
        _connect(port, "1.6", "wrong")


def test_a_call_reaches_the_station_and_a_blocked_token_stays_out(csms: tuple[Path, int]) -> None:
    control, port = csms
    with _connect(port, "1.6") as link, Client(control) as client:
        client.call("set_token", token="bad", status="Blocked")
        assert _ask(link, "Authorize", {"idTag": "BAD"})[2] == {"idTagInfo": {"status": "Blocked"}}
        with pytest.raises(ApiError, match="status must be one of Accepted"):
            client.call("set_token", token="bad", status="Nonsense")


def test_nobody_connected_is_an_error_in_words(csms: tuple[Path, int]) -> None:
    control, _ = csms
    with Client(control) as client:
        with pytest.raises(ApiError, match="name a station: none connected"):
            client.call("call", action="Reset", payload={"type": "Soft"})
        with pytest.raises(ApiError, match="no session is running"):
            client.call("remote_stop")


def test_a_port_in_use_is_one_clear_line(csms: tuple[Path, int], tmp_path: Path) -> None:
    _, port = csms
    other = tmp_path / "other"
    other.mkdir()
    result = subprocess.run(
        [sys.executable, "-m", "stationd.sandbox.csms", "--runtime-dir", str(other), "--port", str(port)],
        capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip
    assert result.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}: " in result.stderr
    assert "choose another --port" in result.stderr
    assert len(result.stderr.splitlines()) == 1
