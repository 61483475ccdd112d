"""What people do wrong when they start things: one clear line each, a status that is not 0, and no traceback."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stationd.sandbox.launch import PILOT_PROGRAM, temporary_folder
from tests.flows.support import Flow, run_module, running_module, taken_port

Make = Callable[..., Flow]
Result = subprocess.CompletedProcess[str]


TEXT = """
[station]
hw_profile = "mock"
state_dir = "state"
[csms]
url = "ws://127.0.0.1:1/x"
identity = "X"
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as name:
        yield Path(name)


@pytest.fixture
def port() -> Iterator[int]:
    with taken_port() as number:
        yield number


@pytest.fixture
def file_in_the_way(folder: Path) -> Path:
    """A path at which no folder can be made, whoever tries."""
    file = folder / "file"
    file.write_text("")
    return file


def check(result: Result, *words: str) -> None:
    """The last line of stderr says what is wrong; there is no traceback."""
    assert result.returncode not in (0, None), result
    assert "Traceback" not in result.stderr + result.stdout, result
    lines = result.stderr.strip().splitlines()
    assert lines, result
    assert len(lines) <= 3, result
    assert " ERROR " not in f" {result.stderr}", result
    for word in words:
        assert word in result.stderr, result


def test_the_port_of_the_demos_csms_is_taken(port: int) -> None:
    check(run_module("stationd.sandbox.demo", "--plain", "--port", port), f"127.0.0.1:{port}", "in use", "--port")


def test_the_port_of_the_csms_is_taken(folder: Path, port: int) -> None:
    check(run_module("stationd.sandbox.csms", "--runtime-dir", folder, "--port", port), str(port), "in use", "--port")


def test_the_port_of_the_plants_meter_is_taken(folder: Path, port: int) -> None:
    result = run_module("stationd.sandbox.plant", "--runtime-dir", folder, "--modbus-port", port)
    check(result, str(port), "taken")


def test_the_port_of_run_is_taken(port: int) -> None:
    check(run_module("stationd.sandbox.run", "--port", port), str(port), "in use")


@pytest.mark.parametrize("word", ["70000", "-1", "http"])
def test_a_port_that_is_none(word: str) -> None:
    check(run_module("stationd.sandbox.demo", "--plain", f"--port={word}"), word)


def test_a_folder_that_cannot_be_made(file_in_the_way: Path) -> None:
    folder = file_in_the_way / "below"
    check(run_module("stationd.sandbox.run", "--folder", folder, "--port", 0), str(folder))
    check(run_module("stationd.sandbox.plant", "--runtime-dir", folder), str(folder))
    check(run_module("stationd.sandbox.csms", "--runtime-dir", folder, "--port", 0), str(folder))
    pilot = subprocess.run(
        [sys.executable, "-I", "-S", PILOT_PROGRAM, "--profile", "mock", "--evses", "1", "--runtime-dir", folder,
         "--state-dir", folder, "--site-limit", folder / "limit"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    check(pilot, str(folder))


def test_temporary_folders_that_cannot_be_made(file_in_the_way: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import tempfile, sys; from stationd.sandbox import demo\n"
        f"tempfile.tempdir = {str(file_in_the_way)!r}\n"
        "sys.argv = ['demo', '--plain']; sys.exit(demo.main())"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    check(result, "temporary folder", "TMPDIR")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('hw_profile = "mock"', 'hw_profil = "mock"', ("hw_profil", "hw_profile")),
        ('identity = "X"', 'identity = "a b"', ("identity", "a b")),
        ('state_dir = "state"', "state_dir = 5", ("state_dir", "5")),
        ('hw_profile = "mock"', 'hw_profile = "moc"', ("moc",)),
        ("[csms]", "[scms]", ("scms",)),
        ("[station]", "[station", ("station.toml",)),
    ],
)
def test_a_wrong_configuration_file(folder: Path, old: str, new: str, words: tuple[str, ...]) -> None:
    file = folder / "station.toml"
    assert old in TEXT
    file.write_text(TEXT.replace(old, new))
    for module in ("stationd", "stationd.sandbox.run"):
        check(run_module(module, "--config", file), *words)


def test_a_second_brain_on_the_same_state(make: Make) -> None:
    flow = make()
    result = run_module("stationd", "--config", flow.sandbox.folders.config_file)
    check(result, str(flow.sandbox.folders.state_dir), str(flow.pid()), "another")
    assert flow.status()["connection"]["state"] == "connected"  # the first one goes on


def test_a_second_pilot_plant_or_csms_in_the_same_folder(make: Make, folder: Path) -> None:
    flow = make()
    runtime = flow.sandbox.folders.runtime_dir
    before = flow.charge()
    check(run_module("stationd.sandbox.plant", "--runtime-dir", runtime), str(runtime))
    check(run_module("stationd.sandbox.csms", "--runtime-dir", runtime, "--port", 0), str(runtime))
    pilot = subprocess.run(
        [sys.executable, "-I", "-S", PILOT_PROGRAM, "--profile", "mock", "--evses", "1", "--runtime-dir", runtime,
         "--state-dir", folder, "--site-limit", folder / "limit"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    check(pilot, str(runtime))
    flow.until_flowed(50)
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=before)


def test_a_path_that_is_too_long_for_sockets(folder: Path) -> None:
    deep = folder / ("d" * 100)
    check(run_module("stationd.sandbox.run", "--folder", deep, "--port", 0), "too long")
    file = folder / "station.toml"
    file.write_text(TEXT.replace('"state"', f'"{deep}"'))
    check(run_module("stationd", "--config", file), "107", "runtime_dir")
    check(run_module("stationd.sandbox.plant", "--runtime-dir", deep), "107")
    check(run_module("stationd.sandbox.csms", "--runtime-dir", deep, "--port", 0), "107")


def test_a_real_board_is_not_run_in_the_sandbox(folder: Path) -> None:
    file = folder / "station.toml"
    file.write_text(TEXT.replace('"mock"', '"board.toml"'))
    check(run_module("stationd.sandbox.run", "--config", file), "board.toml", "mock")


def test_an_interrupt_ends_a_demo_with_all_it_started() -> None:
    with running_module("stationd.sandbox.demo", "--plain") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "plugged in" in line:
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "Traceback" not in errors


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
