"""What a person gets to read when something cannot start: one clear line with the fix, and no traceback."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.support import Flow, run_module, taken_port

Make = Callable[..., Flow]


def _one_line(text: str) -> str:
    assert "Traceback" not in text
    lines = [line for line in text.splitlines() if line.strip()]
    assert 1 <= len(lines) <= 2, text  # a launcher names its process first
    return text


def test_the_demo_says_that_its_port_is_taken() -> None:
    with taken_port() as port:
        result = run_module("stationd.sandbox.demo", "--plain", "--port", port)
    assert result.returncode == 1
    error = _one_line(result.stderr)
    assert f"127.0.0.1:{port}" in error
    assert "choose another --port" in error


def test_the_plant_says_that_its_meter_port_is_taken(tmp_path: Path) -> None:
    with taken_port() as port:
        result = run_module("stationd.sandbox.plant", "--runtime-dir", tmp_path, "--modbus-port", port)
    assert result.returncode == 2
    assert str(port) in _one_line(result.stderr)


@pytest.mark.parametrize("module", ["stationd.sandbox.run", "stationd.sandbox.demo"])
def test_a_port_that_is_none_is_named(module: str) -> None:
    result = run_module(module, "--port", "99999")
    assert result.returncode == 2
    assert "'99999' is no port" in result.stderr


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = run_module("stationd.sandbox.run", "--folder", tmp_path / "file")
    assert result.returncode == 1
    assert "choose another folder" in _one_line(result.stderr)


def test_a_folder_whose_path_is_too_long_for_sockets_is_named(tmp_path: Path) -> None:
    result = run_module("stationd.sandbox.run", "--folder", tmp_path / ("x" * 100))
    assert result.returncode == 1
    assert "too long for sockets; choose a shorter one" in _one_line(result.stderr)


def test_a_real_board_is_not_run_by_the_sandbox(tmp_path: Path) -> None:
    file = tmp_path / "station.toml"
    file.write_text('[station]\nhw_profile = "raspberry"\nstate_dir = "s"\n[csms]\noffline = true\n')
    result = run_module("stationd.sandbox.run", "--config", file)
    assert result.returncode == 1
    assert "only the simulated board" in _one_line(result.stderr)


def test_a_second_brain_on_the_same_state_is_refused_and_the_first_lives_on(make: Make) -> None:
    flow = make()
    result = run_module("stationd", "--config", flow.sandbox.folders.config_file)
    assert result.returncode == 2
    assert str(flow.pid()) in _one_line(result.stderr)
    assert flow.status()["connection"]["state"] == "connected"


def test_a_second_safety_process_is_refused_and_the_first_lives_on(make: Make) -> None:
    flow = make()
    folders = flow.sandbox.folders
    result = run_module(
        "stationd.pilot", "--profile", "mock", "--runtime-dir", folders.runtime_dir,
        "--state-dir", folders.state_dir, "--site-limit", folders.site_limit_file,
    )  # fmt: skip
    assert result.returncode != 0
    assert "another stationd-pilot" in _one_line(result.stderr)
    assert flow.status()["pilot"] == {"connected": True, "error": None}


def test_without_the_installers_limit_nothing_charges_and_status_says_so(make: Make) -> None:
    flow = make(start=False)
    flow.sandbox.folders.site_limit_file.write_text("# site_max_a is not set\n")
    flow.start()
    flow.plant.plug_in()
    flow.swipe()
    flow.until_evse(lambda e: e["transaction"] is not None, "a transaction runs")
    evse = flow.evse()
    assert (evse["pilot"]["max_a"], evse["pilot"]["closed"]) == (0.0, False)
    assert any("site_max_a" in line for line in flow.log_lines("stationd-pilot"))
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    assert flow.sessions()[-1]["energy_wh"] == 0
