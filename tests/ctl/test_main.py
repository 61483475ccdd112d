"""stationctl as a process, where no daemon is."""

import subprocess
import sys
from pathlib import Path

import pytest


def _run(*words: str, runtime_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stationd.ctl.main", "--runtime-dir", str(runtime_dir), *words],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("words", [["status"], ["config", "list"], ["transactions"], ["offline"], ["watch"]])
def test_without_a_daemon_each_command_says_so_in_one_line(tmp_path: Path, words: list[str]) -> None:
    result = _run(*words, runtime_dir=tmp_path)
    assert result.returncode == 3
    assert result.stderr == (
        f"stationctl: cannot reach stationd at {tmp_path}/stationd.sock: there is no such socket. "
        "Is stationd running?\n"
    )


def test_without_a_plant_mock_says_that_there_is_no_simulated_board(tmp_path: Path) -> None:
    result = _run("mock", "plug-in", runtime_dir=tmp_path)
    assert result.returncode == 3
    assert "cannot reach the simulated board at" in result.stderr


def test_wrong_usage_is_status_2_and_names_the_choices(tmp_path: Path) -> None:
    result = _run("nonsense", runtime_dir=tmp_path)
    assert result.returncode == 2
    assert "invalid choice: 'nonsense'" in result.stderr


def test_help_needs_no_daemon_and_no_daemon_code(tmp_path: Path) -> None:
    code = (
        "import sys; from stationd.ctl.main import parser; parser().format_help(); "
        "print([m for m in sys.modules if m.split('.')[0] in ('asyncio', 'websockets', 'pymodbus', 'sqlite3')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
