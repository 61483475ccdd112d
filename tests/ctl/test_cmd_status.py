"""How `stationctl status` shows what is wrong and what is waited for."""

from typing import Any

import pytest

from stationd.api.texts import fault_text
from stationd.ctl.cmd_status import render
from stationd.domain.faults import FaultCode


def state(**changes: Any) -> dict[str, Any]:
    evse = {
        "evse_id": 1, "status": "Occupied", "charging_state": "SuspendedEVSE", "meter": None, "transaction": None,
        "limits": [], "pilot": {"cp": "C", "closed": False, "lock": "moving", "offered_a": 16.0, "waits_for": "lock"},
    }  # fmt: skip
    return {
        "station": {
            "identity": "CS1", "vendor": "v", "model": "m", "firmware_version": "1", "uptime_s": 5.0,
            "boot_reason": "PowerUp",
        },
        "connection": {"state": "offline", "offline_by_command": True, "queued": 0},
        "pilot": {"connected": True, "error": None},
        "evses": [evse],
        "faults": [],
        "notices": [],
        **changes,
    }  # fmt: skip


def test_what_keeps_energy_from_a_car_that_asks_is_told_in_words() -> None:
    assert "waits EVSE 1 waits for: the plug to be locked" in render(state())


def test_nothing_is_said_while_nothing_is_waited_for() -> None:
    shown = state()
    shown["evses"][0]["pilot"]["waits_for"] = ""
    assert "waits" not in render(shown)
    shown["evses"][0]["pilot"] = None
    assert "waits" not in render(shown)


@pytest.mark.parametrize("code", FaultCode)
@pytest.mark.parametrize(("blocking", "word"), [(True, "fault"), (False, "warning")])
def test_every_fault_is_shown_with_its_next_step(code: FaultCode, *, blocking: bool, word: str) -> None:
    fault = {"evse_id": 1, "code": str(code), "blocking": blocking, "text": fault_text(code)}
    assert f"{word} EVSE 1: {code}: {fault_text(code)}" in render(state(faults=[fault]))


def test_a_fault_of_the_station_names_no_evse() -> None:
    fault = {"evse_id": 0, "code": "reader_lost", "blocking": False, "text": "t"}
    assert "warning station: reader_lost: t" in render(state(faults=[fault]))
