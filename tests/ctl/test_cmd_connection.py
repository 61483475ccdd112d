"""How `stationctl connection` looks, from given answers of the station."""

from typing import Any

import pytest

from stationd.ctl.cmd_connection import render

STATE: dict[str, Any] = {
    "state": "waiting", "url": "wss://csms.example/ocpp", "ocpp": None, "registration": None, "since": None,
    "error": "cannot trust the CSMS at csms.example: its certificate has expired", "failed_layer": "TLS",
    "next_attempt_s": 12.4, "offline_by_command": False, "identity": "CS1", "security_profile": 2,
    "failed_at": "2026-01-01T12:00:00+00:00", "failures": 3, "certificate": None, "warnings": ["do something"],
    "layers": [
        {"layer": "DNS", "state": "ok", "detail": "192.0.2.1"},
        {"layer": "TLS", "state": "failed", "detail": "its certificate has expired"},
        {"layer": "HTTP", "state": "not reached", "detail": None},
    ],
}  # fmt: skip


def test_a_failure_is_shown_with_its_layer_and_the_next_attempt() -> None:
    assert render(STATE).splitlines() == [
        "CSMS          wss://csms.example/ocpp as CS1, security profile 2",
        "state         waiting, next attempt in 12 s",
        "last failure  TLS: cannot trust the CSMS at csms.example: its certificate has expired, "
        "2026-01-01T12:00:00+00:00 (3 in a row)",
        "",
        "layer  state        seen",
        "DNS    ok           192.0.2.1",
        "TLS    failed       its certificate has expired",
        "HTTP   not reached",
        "",
        "warning do something",
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"state": "connected", "since": "12:00", "ocpp": "ocpp2.1", "registration": "Accepted"},
            "state         connected since 12:00 with ocpp2.1, boot Accepted",
        ),
        (
            {"state": "offline", "offline_by_command": True, "next_attempt_s": None},
            "state         offline by command (stationctl online ends it)",
        ),
        ({"state": "connecting", "next_attempt_s": None}, "state         connecting"),
        ({"failures": 1, "failed_layer": None, "error": "x", "failed_at": "now"}, "last failure  x, now"),
    ],
)
def test_the_state_is_one_line(changes: dict[str, Any], line: str) -> None:
    assert line in render({**STATE, **changes}).splitlines()


def test_before_anything_was_tried_only_the_layers_are_shown() -> None:
    text = render({**STATE, "url": None, "error": None, "warnings": [], "state": "connecting", "next_attempt_s": None})
    assert text.splitlines()[:3] == ["state  connecting", "", "layer  state        seen"]


def test_on_a_terminal_the_states_of_the_layers_are_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stationd.ctl.output.coloured", lambda: True)
    text = render(STATE)
    assert "\033[31mfailed\033[0m" in text
    assert "\033[32mok\033[0m" in text
