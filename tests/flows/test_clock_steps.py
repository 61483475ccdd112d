"""Somebody sets the machine's clock while a car charges. The safety process must not notice; the bill must be right."""

import ast
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.flows.support import OPEN_MS, ROOT, Flow, Json, measured, wait_for
from tests.flows.watching import PilotReader, PlantWatch

Make = Callable[..., Flow]
HOUR_S = 3_600
STEPS_S = {"an hour ahead": HOUR_S, "an hour back": -HOUR_S, "ten years ahead": 10 * 365 * 24 * HOUR_S, "1970": None}
"""None: to ten seconds after the epoch, where boards without a battery begin."""
NOW_TOLERANCE_S = 30.0
SAMPLES = {"SampledDataCtrlr.TxUpdatedInterval": 1}


class WallClock:
    """The wall clock that a process is started with."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("needs a C compiler, as `tools/setup.sh system` installs")
        self._library = folder / "wall_clock.so"
        source = Path(__file__).with_name("wall_clock.c")
        words = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", self._library, source]
        subprocess.run(words, check=True)
        self._file = folder / "step"
        self.step(0)

    def step(self, seconds: float | None) -> None:
        """Set the clock of all processes started `with` this one."""
        if seconds is None:
            seconds = 10 - time.time()
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:.0f}\n")
        new.replace(self._file)

    @contextmanager
    def of_processes(self) -> Iterator[None]:
        """Whatever is started within, has it."""
        given = {"LD_PRELOAD": str(self._library), "WALL_CLOCK_STEP": str(self._file)}
        before = {name: os.environ.get(name) for name in given}
        os.environ.update(given)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


@pytest.fixture
def clock(tmp_path: Path) -> WallClock:
    return WallClock(tmp_path)


def started(make: Make, clock: WallClock, **options: object) -> Flow:
    """Start a station whose brain and safety process have that clock; plant and CSMS have the machine's."""
    flow = make(start=False, **options)
    box = flow.sandbox
    box.start_plant()
    with clock.of_processes():
        box.start_pilot()
    box.start_csms()
    box.write_config()
    with clock.of_processes():
        box.start_station()
    for name in ("stationd", "stationd-pilot"):
        assert "wall_clock.so" in Path(f"/proc/{box.processes[name].pid}/maps").read_text()
    return flow.ready()


def logged_at(flow: Flow) -> datetime:
    """Return the time of the brain's last line: the wall clock of its process."""
    stamp = re.match(r"[\d-]+ [\d:]+", flow.log_lines()[-1])
    assert stamp is not None
    return datetime.fromisoformat(stamp[0]).astimezone(UTC)


def stamps(flow: Flow) -> list[datetime]:
    """Return the times of everything told of transactions, in the order in which it was told."""
    return [datetime.fromisoformat(one["timestamp"]) for one in flow.told("TransactionEvent")]


def samples(flow: Flow) -> int:
    return len([one for one in flow.told("TransactionEvent") if one["triggerReason"] == "MeterValuePeriodic"])


@pytest.mark.slow
def test_a_clock_that_is_set_while_a_car_charges_changes_nothing(make: Make, clock: WallClock) -> None:
    flow = started(make, clock, variables=SAMPLES)

    def pull(index: int) -> Json:
        before = flow.charge()
        transaction = flow.evse()["transaction"]["transaction_id"]
        with PilotReader(flow.sandbox.folders.runtime_dir) as reader, PlantWatch(flow) as watch:
            for name, seconds in (*STEPS_S.items(), ("right", 0)):
                clock.step(seconds)
                known = samples(flow)
                wait_for(lambda known=known: samples(flow) >= known + 1, f"meter values come, {name}")  # type: ignore[misc]
                shown = logged_at(flow)
                expected = datetime.fromtimestamp(10 if seconds is None else time.time() + seconds, UTC)
                assert abs(shown - expected) < timedelta(seconds=NOW_TOLERANCE_S), name  # the step did happen
                status = flow.status()
                assert status["evses"][0]["transaction"]["transaction_id"] == transaction
                now = datetime.fromisoformat(status["time"])
                assert abs(now - datetime.now(UTC)) < timedelta(seconds=NOW_TOLERANCE_S), name  # as the CSMS said
            clock.step(None)
            assert {(s["permit"], s["brain_lost"], s["sensed_closed"]) for s in reader.statuses} == {
                (True, False, True)
            }
            assert all(look.closed for look in watch.looks)
            reaction = flow.pull_locked_cable()
        flow.until_ended()
        clock.step(0)
        flow.the_session(reason="EVDisconnected", before_wh=before, index=index)
        flow.until_free()
        return reaction

    assert measured(pull)["opened_after_ms"] <= OPEN_MS
    told = stamps(flow)
    assert len(told) > len(STEPS_S)
    assert told == sorted(told)
    assert all(abs(one - datetime.now(UTC)) < timedelta(minutes=5) for one in told)
    assert len(flow.told("BootNotification")) == 1  # the connection held


@pytest.mark.slow
def test_a_brain_that_restarts_in_1970_goes_on_with_the_transaction_at_a_later_time(
    make: Make, clock: WallClock
) -> None:
    flow = started(make, clock, variables=SAMPLES)
    before = flow.charge()
    transaction = flow.evse()["transaction"]["transaction_id"]
    flow.kill_brain()
    clock.step(None)
    with clock.of_processes():
        flow.sandbox.start_station()
    flow.until_flowed(300)
    flow.ready()
    assert flow.until_charging()["transaction_id"] == transaction
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=before)
    told = stamps(flow)
    assert told == sorted(told)
    assert len(flow.sessions()) == 1


WALL = {"time", "time_ns", "localtime", "gmtime", "ctime", "asctime", "strftime", "CLOCK_REALTIME", "CLOCK_TAI"}


def test_nothing_in_the_safety_process_looks_at_the_wall_clock() -> None:
    folders = ("stationd/pilot", *(f"drivers/{kind}" for kind in ("pilot", "contactor", "lock", "fault", "sensor")))
    files = [path for folder in folders for path in sorted((ROOT / folder).glob("*.py"))]
    files += [ROOT / "stationd" / name for name in ("hwprofile.py", "fault_table.py")]
    assert len(files) > 40
    found = []
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "time":
                if node.attr in WALL:
                    found.append(f"{path.name}: time.{node.attr}")
            elif isinstance(node, ast.Import):
                found += [f"{path.name}: {name.name}" for name in node.names if name.name == "datetime"]
            elif isinstance(node, ast.ImportFrom) and node.module in ("time", "datetime"):
                found.append(f"{path.name}: from {node.module} import …")
    assert found == []
