"""`stationctl pilot` against a small stationd-pilot and a small local API."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stationd.api.server import Access, Method, Server
from stationd.ctl.cmd_pilot import as_plain, render
from stationd.ctl.main import main
from stationd.ctl.pilot_reader import PilotView
from tests.ctl.test_pilot_reader import STATS, STATUS, good, serving


def shown(**changes: Any) -> str:
    return render(PilotView((replace(STATUS, **changes),), STATS))


def test_everything_that_a_technician_looks_at_is_there() -> None:
    text = shown()
    for words in (
        "C, 6.0 V high, -12.0 V low, duty 26.7 %",
        "16.0 A of at most 16.0 A",
        "closed, commanded closed; 3 phase(s)",
        "locked",
        "32.0 A",
        "held",
        "41 °C",
        "passed",
        "7 closings, 1 hot and 0 slow openings, 0 failed closings, 2 unplugs",
        "realtime",
        "1000 of 4 ms, 0 overruns",
        "80 us (99.9 %), 200 us at most",
        "300 us on average, 900 us at most",
        "1 min 05 s, boot b1",
    ):
        assert words in text, text


def test_faults_and_warnings_come_with_what_to_do() -> None:
    text = shown(faults=("door_open", "of_the_future"), warnings=("derated",))
    assert "fault        door_open: the housing is open: close it" in text
    assert "of_the_future: of a newer stationd-pilot; read its log" in text
    assert "warning      derated: the station is warm" in text


def test_what_it_waits_for_is_told_in_words() -> None:
    assert "waits for    the plug to be locked" in shown(waits_for="lock")
    assert "waits for" not in shown()


def test_a_lost_brain_a_switching_contactor_and_an_absent_sensor_are_told() -> None:
    text = shown(brain_lost=True, phases=0, temperature_c=None, sensed_closed=False, pp_amps=None)
    assert "lost: its lease ran out" in text
    assert "open, commanded closed; changing phase(s)" in text
    assert "temperature" not in text
    assert "cable      none" in text


def test_reactions_are_told_once_there_are_any() -> None:
    assert "reaction" not in shown()
    stats = replace(STATS, reactions=3, reaction_p999_us=9000, reaction_max_us=9500)
    assert "9000 us (99.9 %), 9500 us at most, 3 openings" in render(PilotView((STATUS,), stats))


def test_scripts_see_the_words_of_the_protocol() -> None:
    plain = as_plain(PilotView((STATUS,), STATS))
    assert plain["evses"][0]["hot_openings"] == 1
    assert plain["stats"]["work_max_us"] == 900
    assert "seq" not in plain["stats"]


async def _main(*words: str) -> int:
    return await asyncio.to_thread(main, list(words))


async def test_it_needs_no_stationd(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(tmp_path / "pilot.sock", good):
        assert await _main("--runtime-dir", str(tmp_path), "pilot", "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert [evse["cp"] for evse in told["evses"]] == ["C", "A"]
        assert await _main("--runtime-dir", str(tmp_path), "pilot") == 0
        assert "C, 6.0 V high" in capsys.readouterr().out


async def test_watching_ends_with_stationd_pilot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serve = asyncio.create_task(good(reader, writer))
        await asyncio.sleep(0.4)
        serve.cancel()

    async with serving(tmp_path / "pilot.sock", twice):
        words = ("--runtime-dir", str(tmp_path), "pilot", "--watch", "--interval", "0.1", "--json")
        assert await _main(*words) == 3
    out, err = capsys.readouterr()
    assert len([json.loads(line) for line in out.splitlines()]) >= 2
    assert "it closed the connection" in err


async def test_without_stationd_pilot_path_and_fix_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await _main("--runtime-dir", str(tmp_path), "pilot") == 3
    assert capsys.readouterr().err == (
        f"stationctl: cannot reach stationd-pilot at {tmp_path}/pilot.sock: there is no such socket. "
        "Is stationd-pilot running?\n"
    )


async def test_an_interval_out_of_bounds_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await _main("--runtime-dir", str(tmp_path), "pilot", "--watch", "--interval", "0") == 1
    assert "interval must be 0.1 to 3600, not 0.0" in capsys.readouterr().err


@pytest.mark.parametrize(("result", "status"), [("passed", 0), ("failed", 1), ("running", 1)])
async def test_the_result_of_a_test_is_told_and_is_the_exit_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], result: str, status: int
) -> None:
    async def test_rcd(evse_id: int) -> dict[str, Any]:
        return {"evse_id": evse_id, "result": result}

    methods = {"pilot.test_rcd": Method(Access.CHANGE, test_rcd, parameters={"evse_id": int})}
    server = Server(tmp_path / "stationd.sock", methods)
    await server.start()
    assert await _main("--runtime-dir", str(tmp_path), "pilot", "test-rcd", "--evse", "2") == status
    assert capsys.readouterr().out == f"residual current device of EVSE 2: {result}\n"
    await server.close()
