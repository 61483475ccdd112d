import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from stationd.pilot import outputs, safe_off
from stationd.pilot.phase_switch import MOVE_MS
from tests.pilot.small_plant import SmallPlant
from tests.pilot.station import ROOT, Station

SCRIPT = ROOT / "stationd" / "pilot" / "safe_off.py"


def run(folder: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", "-S", str(SCRIPT), "--profile", "mock", "--runtime-dir", str(folder), *more]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60)


def test_all_outputs_become_safe_and_the_lock_stays(tmp_path: Path) -> None:
    with SmallPlant(tmp_path) as plant:
        plant.pins = {"duty": 26.7, "close": True, "lock": True}
        plant.closed, plant.lock = True, "locked"
        done = run(tmp_path)
        assert done.returncode == 0, done.stderr
        plant.wait(lambda: plant.pins["duty"] == 100.0 and not plant.closed)
        assert plant.pins["close"] is False
        assert plant.lock == "locked"


def test_a_contactor_that_is_not_seen_open_is_said(tmp_path: Path) -> None:
    with SmallPlant(tmp_path) as plant:
        plant.welded = plant.closed = True  # and stays so for the second that safe-off gives it
        done = run(tmp_path)
    assert done.returncode == 1
    assert "cannot see the contactor of EVSE 1 open" in done.stderr


def test_a_contactor_that_cannot_be_read_is_not_taken_as_open(tmp_path: Path) -> None:
    assert run(tmp_path).returncode == 1  # no plant at all


@pytest.mark.parametrize("order", ["first refuses", "second refuses"])
@pytest.mark.parametrize("script", ["safe_off.py", "__main__.py"])
@pytest.mark.parametrize("refusing", ["stale_ms = 1 ", "stale_ms = 'x'"])
def test_an_evse_with_a_driver_that_refuses_leaves_no_contactor_undriven(
    tmp_path: Path, script: str, order: str, refusing: str
) -> None:
    station = Station(tmp_path)
    text = re.sub(r"(?m)^evses = .*$", "", Path(station.profile).read_text())
    begin, end = text.index("[[evse]]"), text.index("[reader]")
    good = text[begin:end]
    bad = good.replace("stale_ms = 100 ", refusing)
    assert bad != good
    Path(station.profile).write_text(text[:begin] + (bad + good if order[0] == "f" else good + bad) + text[end:])
    command = station.command()
    if script == "safe_off.py":
        command = [*command[:3], str(SCRIPT), *command[4:8]]
    with SmallPlant(tmp_path) as plant:
        plant.pins = {"duty": 26.7, "close": True, "lock": True}
        plant.closed, plant.lock = True, "locked"
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60)
        plant.wait(lambda: plant.pins_seen >= 1 and not plant.closed)
    assert done.returncode == 2
    assert "stale_ms" in done.stderr
    assert sorted(plant.attached) == [1, 2]
    assert not any(plant.commands)
    assert plant.lock == "locked"


def test_a_wrong_command_line_is_said(tmp_path: Path) -> None:
    done = run(tmp_path, "--fast", "1")
    assert done.returncode == 2
    assert "it is no option" in done.stderr
    assert safe_off.main(["--help"]) == 0


def test_pilots_that_are_parted_stay_so_for_as_long_as_a_phase_switch_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10.0]
    calm, moving = Parted(parted=False), Parted(parted=True)
    channels = cast(Any, [calm, moving])
    monkeypatch.setattr(outputs.time, "monotonic_ns", lambda: round(now[0] * 1e9))
    monkeypatch.setattr(outputs.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    assert outputs.any_parted(channels) is True
    assert outputs.any_parted(channels[:1]) is False
    outputs.outwait_switches(channels)
    assert outputs.PARTED_MS == MOVE_MS
    assert 11.999 <= now[0] < 12.1
    assert calm.made_safe == moving.made_safe
    assert len(moving.made_safe) >= 190  # the beat of the output lease goes on
    assert moving.closed is False


class Parted:
    """A channel that only says whether its pilot is parted."""

    def __init__(self, *, parted: bool) -> None:
        self.parted = parted
        self.made_safe: list[int] = []
        self.closed = False

    def make_safe(self, now_ms: int) -> None:
        self.made_safe.append(now_ms)

    def close(self) -> None:
        self.closed = True
