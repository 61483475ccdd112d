"""`stationd` as a process: wrong configurations, and what it does not load."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from stationd import hwprofile
from stationd.app import absent_components
from stationd.domain.fault_components import COMPONENTS

CONFIG = """
[station]
state_dir = "state"
runtime_dir = "run"
hw_profile = "mock"
[csms]
offline = true
"""


def _stationd(file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "stationd", "--config", str(file), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


def test_a_good_configuration_is_said_to_be_good(tmp_path: Path) -> None:
    file = tmp_path / "station.toml"
    file.write_text(CONFIG)
    result = _stationd(file, "--check")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{file} is good\n", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CONFIG.replace("hw_profile", "hw_profil"), "hw_profil"),
        (CONFIG.replace('"mock"', '"nonsense"'), "nonsense"),
        (CONFIG + "[hardware.meter]\nprot = 5\n", "prot"),
        (CONFIG + '[api]\ngroup = "no-such-group-here"\n', "no-such-group-here"),
        ("[station\n", "station.toml"),
    ],
)
def test_a_wrong_configuration_is_named_without_a_traceback(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "station.toml"
    file.write_text(text)
    result = _stationd(file)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_missing_file_is_named_with_the_fix(tmp_path: Path) -> None:
    result = _stationd(tmp_path / "none.toml")
    assert result.returncode == 2
    assert "none.toml" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_state_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file is in the way")
    file = tmp_path / "station.toml"
    file.write_text(CONFIG)
    result = _stationd(file)
    assert result.returncode == 2
    assert str(tmp_path / "state") in result.stderr
    assert "Traceback" not in result.stderr


def test_starting_the_brain_loads_no_version_and_nothing_of_the_other_side() -> None:
    code = (
        "import sys, stationd.app; print(sorted(m for m in sys.modules if m in ('ocpp', 'jsonschema', "
        "'fastjsonschema', 'rich', 'pymodbus', 'stationd.ocpp.v16.routes', 'stationd.ocpp.v201.routes', "
        "'stationd.ocpp.v21.routes', "
        "'stationd.pilot.machine', 'stationd.sandbox')))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_the_device_model_says_nothing_of_components_that_the_board_lacks() -> None:
    evse = hwprofile.load("mock", evse_count=1).evses[0]
    bare = replace(
        evse, faults=(), outlet="cable", meter=None, current=None, temperature=None, derating=None, phase_switch=None,
        rcd_test=None,
    )  # fmt: skip
    everywhere = {"ConnectedEV", "Connector", "Controller", "CPPWMController", "PowerContactor", "TokenReader"}
    assert absent_components(bare) == set(COMPONENTS.values()) - everywhere
    assert not {"RCD", "EmergencyStopSensor", "FiscalMetering", "OverCurrentProtection"} & absent_components(evse)
