"""`stationctl fault` against a small local API."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stationd.api.faults import FaultsApi
from stationd.api.server import Server
from stationd.ctl.main import main
from tests.api.test_faults import Station


@pytest.fixture
async def station(tmp_path: Path) -> AsyncIterator[Station]:
    made = Station()
    server = Server(tmp_path / "stationd.sock", FaultsApi(made, made.status).methods())
    await server.start()
    yield made
    await server.close()


async def _main(tmp_path: Path, *words: str) -> int:
    return await asyncio.to_thread(main, ["--runtime-dir", str(tmp_path), *words])


async def test_faults_are_shown_with_their_next_step(
    station: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await _main(tmp_path, "fault", "list") == 0
    told = capsys.readouterr().out
    assert "rcd_trip   fault of EVSE 1 since 2026-01-01T12:00:00Z (MREC2GroundFailure)" in told
    assert "next step  the residual current device tripped: unplug, have vehicle and station checked" in told
    assert "ends       by a technician's reset, also over a restart" in told
    assert "warning of EVSE 1" in told
    assert await _main(tmp_path, "fault", "list", "--json") == 0
    assert [row["code"] for row in json.loads(capsys.readouterr().out)] == ["rcd_trip", "derated", "rcd_trip"]


async def test_without_faults_it_says_so(station: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    station.held = ()
    assert await _main(tmp_path, "fault", "list") == 0
    assert capsys.readouterr().out == "no faults\n"


async def test_a_reset_is_confirmed(station: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await _main(tmp_path, "fault", "reset", "rcd_trip", "--evse", "2") == 0
    assert capsys.readouterr().out == "rcd_trip reset on EVSE 2\n"
    assert await _main(tmp_path, "fault", "reset", "rcd_trip", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"code": "rcd_trip", "evse_ids": [1, 2]}


async def test_a_refusal_is_shown_with_status_1(
    station: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    station.refusal = "cannot reset rcd_trip: its input is still faulty; remove the cause first"
    assert await _main(tmp_path, "fault", "reset", "rcd_trip") == 1
    assert capsys.readouterr().err == f"stationctl: {station.refusal}\n"


async def test_an_unknown_code_is_answered_with_those_in_force(
    station: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await _main(tmp_path, "fault", "reset", "nonsense") == 1
    assert "'nonsense': it is not in force; in force: rcd_trip (EVSE 1)" in capsys.readouterr().err


async def test_without_a_verb_it_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        await _main(tmp_path, "fault")
    assert ended.value.code == 2
