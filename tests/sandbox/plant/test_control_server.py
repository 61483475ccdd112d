"""The control socket of a real plant, line by line."""

import json
import socket
from typing import Any

import pytest

from tests.sandbox.plant.bench import PATIENCE_S, Bench


class Line:
    """A connection that sends and reads raw lines."""

    def __init__(self, bench: Bench) -> None:
        self.link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.link.settimeout(PATIENCE_S)
        self.link.connect(str(bench.runtime_dir / "plant.sock"))
        self.lines = self.link.makefile("rb")

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self.lines.close()
        self.link.close()

    def ask(self, line: bytes | dict[str, Any]) -> dict[str, Any]:
        self.link.sendall((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n")
        return self.read()

    def read(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.lines.readline())
        assert answer["jsonrpc"] == "2.0"
        return answer


def call(method: str, call_id: Any = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}


@pytest.mark.parametrize(
    ("request_", "code", "sentence"),
    [
        (b"{", -32700, "cannot read request: "),
        (b"[" * 30_000, -32700, "cannot read request: "),
        (b"[]", -32600, "cannot read request: give an object with a method"),
        (b'{"id": 1}', -32600, "cannot read request: give an object with a method"),
        (call("jump"), -32601, "cannot call 'jump': the methods are plug_in, wants_power, plug_out"),
        (call("plug_in", evse_id=3), -32602, "cannot find EVSE 3: this plant has EVSE 1 to 2"),
        (call("plug_in", phases=7), -32602, "cannot set phases to 7: give a whole number from 1 to 3"),
        (call("set_fault", name="fire"), -32602, "cannot use fault 'fire': known are rcd_trip, "),
        (call("set_speed", factor=0), -32602, "cannot set factor to 0: give a number from 1 to 3600"),
        (call("set_meter"), -32602, "cannot call set_meter: give energy_wh, frozen or silent"),
        (call("watch", interval_ms=1), -32602, "cannot set interval_ms to 1: give a whole number from 20 to 60000"),
        (call("plug_out"), -32000, "cannot plug out at EVSE 1: no car is plugged in"),
        (call("wants_power", wants=True), -32000, "cannot set wants_power at EVSE 1: no car is plugged in"),
        (call("present_card", token="x" * 50), -32602, "cannot set token to 'xxxx"),
    ],
)
def test_refusals_have_a_code_and_one_sentence(shared_bench: Bench, request_: Any, code: int, sentence: str) -> None:
    with Line(shared_bench) as line:
        answer = line.ask(request_)
        assert answer["error"]["code"] == code
        assert answer["error"]["message"].startswith(sentence)
        assert "\n" not in answer["error"]["message"]
        assert line.ask(call("set_speed", "still here", factor=2)) == {
            "jsonrpc": "2.0", "id": "still here", "result": {"speed": 2.0},
        }  # fmt: skip


def test_line_that_is_too_long_is_answered_and_closed(shared_bench: Bench) -> None:
    with Line(shared_bench) as line:
        answer = line.ask(b'"' + b"x" * 70_000 + b'"')
        assert answer["error"]["message"] == "cannot read a line above 65536 bytes"
        assert line.lines.readline() == b""


def test_calls_without_id_work_and_are_not_answered(bench: Bench) -> None:
    with Line(bench) as line:
        line.link.sendall(b'\n{"jsonrpc": "2.0", "method": "plug_in"}\n')
        assert line.ask(call("state", 5))["result"]["evses"][0]["car"]["current_a"] == 16


def test_several_calls_in_one_packet_are_answered_in_order(bench: Bench) -> None:
    calls = [call("plug_in", 1), call("plug_in", 2), call("plug_out", 3)]
    with Line(bench) as line:
        line.link.sendall(b"".join(json.dumps(each).encode() + b"\n" for each in calls))
        answers = [line.read() for _ in calls]
    assert [answer["id"] for answer in answers] == [1, 2, 3]
    assert ["result" in answer for answer in answers] == [True, False, True]


def test_watch_notifies_and_calls_go_on_beside_it(bench: Bench) -> None:
    with Line(bench) as line:
        assert line.ask(call("watch", interval_ms=20))["result"] == {"interval_ms": 20, "last_reactions": 1000}
        notification = line.read()
        assert notification["method"] == "state"
        assert notification["params"]["evses"][0]["car"] is None
        line.link.sendall(json.dumps(call("plug_in", 2)).encode() + b"\n")
        seen = [line.read() for _ in range(20)]
        assert any(message.get("id") == 2 for message in seen)
        while (message := line.read())["params"]["evses"][0]["car"] is None:
            assert message["method"] == "state"


def test_clients_come_and_go_in_the_middle_of_everything(shared_bench: Bench) -> None:
    for _ in range(10):
        with Line(shared_bench) as line:
            line.link.sendall(json.dumps(call("watch", interval_ms=20)).encode() + b'\n{"jsonrpc"')
    assert shared_bench.client.state()["evses"]
