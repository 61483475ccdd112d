"""The real process: signals, crashes, floods, rivals, leases, latches."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stationd.pilot.process import main
from stationd.pilot.protocol import GetStats, ResetFault, SetAvailable, Unlock
from tests.pilot.small_plant import SmallPlant
from tests.pilot.station import ROOT, Station, Watcher, running


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[SmallPlant]:
    with SmallPlant(tmp_path) as plant:
        yield plant


@pytest.fixture
def station(plant: SmallPlant, tmp_path: Path) -> Iterator[Station]:
    with running(tmp_path) as station:
        yield station


def charge(station: Station, plant: SmallPlant, *, lease_ms: int = 10_000) -> Watcher:
    """Return the brain under which a vehicle charges."""
    brain = station.client("brain")
    brain.status(cp="A")
    plant.car = "B"
    brain.status(cp="B", pp_amps=32.0)
    brain.offer(lease_ms=lease_ms)
    time.sleep(0.2)  # a vehicle closes S2 once it has seen PWM
    plant.car = "C"
    brain.wait(
        lambda m: m["type"] == "status" and m["sensed_closed"] and m["offered_amps"] == 16.0,
        repeat=lambda: brain.offer(lease_ms=lease_ms),
    )
    plant.wait(lambda: plant.closed)
    return brain


def test_a_vehicle_charges_and_an_unplugged_one_does_not(station: Station, plant: SmallPlant) -> None:
    brain = charge(station, plant)
    plant.wait(lambda: plant.pins["duty"] == pytest.approx(26.667, abs=0.001) and plant.pins["lock"])
    plant.car = "A"
    plant.wait(lambda: not plant.closed)
    status = brain.status(cp="A", sensed_closed=False)
    assert status["faults"] == []
    plant.wait(lambda: plant.pins["duty"] == 100.0)
    reader = station.client("reader")
    reader.send(GetStats(3))
    stats = reader.wait(lambda m: m["type"] == "stats")
    assert stats["reactions"] == 1
    assert 4_000 < stats["reaction_p999_us"] == stats["reaction_max_us"] < 100_000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_opens_ends_the_offer_and_exits_with_0(
    station: Station, plant: SmallPlant, number: signal.Signals
) -> None:
    charge(station, plant)
    assert station.signal(number) == 0
    plant.wait(lambda: not plant.closed and plant.pins["duty"] == 100.0)
    assert plant.commands[-1] is False
    assert not (station.folder / "pilot.sock").exists()


def test_a_killed_process_opens_by_the_output_lease_and_starts_again(station: Station, plant: SmallPlant) -> None:
    brain = charge(station, plant)
    boot_id = brain.seen[0]["boot_id"]
    station.signal(signal.SIGKILL)
    plant.wait(lambda: not plant.closed)
    station.start()
    again = station.client("brain")
    status = again.status(cp="C")
    assert again.seen[0]["boot_id"] == status["boot_id"] != boot_id
    assert (status["sensed_closed"], status["permit"], status["lock"]) == (False, False, "locked")
    again.wait(lambda m: m["type"] == "status" and m["sensed_closed"], repeat=again.offer)


def test_a_stopped_process_opens_by_the_output_lease_and_does_not_close_at_once_when_it_goes_on(
    station: Station, plant: SmallPlant
) -> None:
    brain = charge(station, plant)
    assert station.process is not None
    station.process.send_signal(signal.SIGSTOP)
    plant.wait(lambda: not plant.closed)
    beats = plant.pins_seen
    station.process.send_signal(signal.SIGCONT)
    plant.wait(lambda: plant.pins_seen > beats)
    assert plant.commands[beats] is False  # the very first beat after the stall
    brain.wait(lambda m: m["type"] == "status" and m["sensed_closed"], repeat=brain.offer)


def test_garbage_and_floods_change_nothing_for_others(station: Station, plant: SmallPlant) -> None:
    brain = charge(station, plant)
    for garbage in (b"\xff" * 10_000, b"{" * 4_000 + b"\n", b'{"type":"offer"}\n'):
        with socket.socket(socket.AF_UNIX) as bad, contextlib.suppress(ConnectionResetError):
            bad.connect(str(station.folder / "pilot.sock"))
            bad.sendall(garbage)
            bad.settimeout(10)
            while bad.recv(65_536):
                pass  # told why, then closed
    flood = station.client("reader")
    flood.sock.setblocking(False)
    line = b'{"type":"get_stats","seq":1}\n' * 100
    end = time.monotonic() + 1
    while time.monotonic() < end:
        try:
            flood.sock.send(line)
        except BlockingIOError:
            time.sleep(0.001)
        except OSError:
            break  # it never reads, so it is disconnected
    plant.car = "B"
    plant.wait(lambda: not plant.closed)
    brain.status(cp="B", sensed_closed=False)
    brain.send(GetStats(9))
    stats = brain.wait(lambda m: m["type"] == "stats")
    assert stats["ticks"] > 100


def test_a_second_brain_only_watches(station: Station, plant: SmallPlant) -> None:
    charge(station, plant)
    second = station.client("brain")
    notice = second.wait(lambda m: m["type"] == "reply")
    assert "read-only" in notice["error"]
    second.offer(0, permit=False, seq=7)
    assert second.wait(lambda m: m.get("seq") == 7)["error"] == "cannot take orders here: this connection is read-only"
    second.status(sensed_closed=True, permit=True)


def test_a_lost_brain_is_held_then_paused_then_opened_then_unlocked(plant: SmallPlant, tmp_path: Path) -> None:
    with running(tmp_path, hold_s=1.0) as station:
        brain = charge(station, plant)
        watcher = station.client()
        watcher.status(sensed_closed=True)
        brain.offer(lease_ms=300)
        brain.close()
        held = watcher.status(brain_lost=True)
        assert (held["sensed_closed"], held["offered_amps"], held["permit"]) == (True, 6.0, False)
        paused = watcher.status(duty=100.0)
        assert paused["commanded_closed"] is True
        plant.car = "B"  # the vehicle stops drawing
        watcher.status(sensed_closed=False)
        watcher.status(lock="unlocked")
        assert paused["uptime_ms"] - held["uptime_ms"] >= 990
        back = station.client("brain")
        plant.car = "C"
        back.wait(lambda m: m["type"] == "status" and m["sensed_closed"], repeat=back.offer)


def test_a_latched_fault_outlives_a_crash_until_it_is_reset(station: Station, plant: SmallPlant) -> None:
    brain = charge(station, plant)
    plant.inputs["rcd_trip"] = True
    plant.wait(lambda: not plant.closed)
    brain.status(faults=["rcd_trip"])
    latches = station.folder / "latches.json"
    end = time.monotonic() + 10
    while not latches.exists() and time.monotonic() < end:
        time.sleep(0.01)
    station.signal(signal.SIGKILL)
    plant.inputs["rcd_trip"] = False
    station.start()
    again = station.client("brain")
    again.status(faults=["rcd_trip"])
    plant.car = "A"
    again.status(cp="A")
    again.send(ResetFault(1, 4, "rcd_trip"))
    assert again.wait(lambda m: m.get("seq") == 4)["error"] is None
    again.status(faults=[])
    assert station.signal(signal.SIGTERM) == 0
    assert json.loads(latches.read_text()) == {"latched": {}}


def test_a_damaged_file_of_latches_keeps_everything_open_until_it_is_reset(plant: SmallPlant, tmp_path: Path) -> None:
    (tmp_path / "latches.json").write_text("half a fi")
    with running(tmp_path) as station:
        brain = station.client("brain")
        brain.status(faults=["hardware"])
        assert "every EVSE stays faulted until `hardware` is reset by hand" in station.stderr()
        brain.send(ResetFault(1, 4, "hardware"))
        brain.status(faults=[])


def test_a_write_of_latches_that_was_cut_short_keeps_everything_open(plant: SmallPlant, tmp_path: Path) -> None:
    (tmp_path / "latches.json").write_text('{"latched": {"1": ["rcd_trip"]}}')
    (tmp_path / "latches.json.new").write_text('{"latched": {"1"')
    with running(tmp_path) as station:
        station.client("brain").status(faults=["hardware", "rcd_trip"])


def test_latches_of_an_evse_that_is_missing_this_time_are_kept(plant: SmallPlant, tmp_path: Path) -> None:
    latches = tmp_path / "latches.json"
    latches.write_text('{"latched": {"1": ["rcd_trip"], "2": ["contactor_welded"]}}')
    with running(tmp_path) as station:
        brain = station.client("brain")
        brain.status(faults=["rcd_trip"])
        brain.send(ResetFault(1, 4, "rcd_trip"))
        brain.status(faults=[])
        assert station.signal(signal.SIGTERM) == 0
    assert json.loads(latches.read_text()) == {"latched": {"2": ["contactor_welded"]}}


def test_a_missing_state_folder_is_said_at_the_start(plant: SmallPlant, tmp_path: Path) -> None:
    station = Station(tmp_path)
    command = station.command("--measure", "0.1")
    command[command.index("--state-dir") + 1] = str(tmp_path / "none")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1)
    assert "none: there is none; create it; until then a latched fault would not outlive a restart" in done.stderr


def test_a_welded_contactor_is_found_and_kept_locked(station: Station, plant: SmallPlant) -> None:
    brain = charge(station, plant)
    plant.welded = True
    plant.car = "B"
    brain.status(faults=["contactor_welded"])
    brain.send(Unlock(1, 5))
    assert "welded" in brain.wait(lambda m: m.get("seq") == 5)["error"]
    assert plant.pins["lock"] is True


def test_a_plant_that_dies_opens_and_one_that_comes_back_goes_on(tmp_path: Path) -> None:
    with running(tmp_path) as station:
        watcher = station.client("brain")
        watcher.status(cp="E", faults=["hardware"])
        with SmallPlant(tmp_path):
            watcher.status(cp="A", faults=[])
        watcher.status(cp="E", faults=["hardware"])


def test_state_f_is_signalled_on_demand(station: Station, plant: SmallPlant) -> None:
    brain = station.client("brain")
    brain.status(cp="A")
    brain.send(SetAvailable(1, 2, False))
    brain.status(cp="F", duty=0.0)
    brain.send(SetAvailable(1, 3, True))
    assert brain.status(cp="A", duty=100.0)["faults"] == []


@pytest.mark.parametrize("site", [None, "", "site_max_a = 0"])
def test_without_the_installers_limit_nothing_closes_and_nothing_is_a_fault(
    plant: SmallPlant, tmp_path: Path, site: str | None
) -> None:
    with running(tmp_path, site=site) as station:
        brain = station.client("brain")
        status = brain.status(cp="A")
        assert (status["max_amps"], status["faults"]) == (0.0, [])
        assert "until then no contactor closes" in station.stderr()
        plant.car = "C"
        brain.status(cp="C")
        brain.offer()
        status = brain.status(permit=True, lock="locked")
        beats = plant.pins_seen
        plant.wait(lambda: plant.pins_seen > beats + 100)
        assert plant.closed is False
        assert plant.pins["duty"] == 100.0


def test_a_second_process_is_refused_and_harms_nothing(station: Station, plant: SmallPlant) -> None:
    charge(station, plant)
    done = subprocess.run(station.command(), capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "another stationd-pilot runs" in done.stderr
    assert plant.attached == [1]
    assert plant.closed


def test_the_service_manager_is_told(plant: SmallPlant, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.settimeout(15)
        station = Station(tmp_path)
        station.start(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="200000")
        try:
            assert notify.recv(1_000).startswith(b"READY=1\nSTATUS=")
            assert notify.recv(1_000) == b"WATCHDOG=1"
            assert notify.recv(1_000) == b"WATCHDOG=1"
            assert station.signal(signal.SIGTERM) == 0
            last = b""
            while last != b"STOPPING=1":
                last = notify.recv(1_000)
        finally:
            station.close()


def test_the_mode_is_in_a_file(station: Station) -> None:
    station.client().status(cp="A")
    mode = (station.folder / "pilot-mode").read_text().strip()
    assert mode == "realtime" or mode.startswith("degraded: refused ")
    assert ("running degraded" in station.stderr()) is (mode != "realtime")


def measure(station: Station, seconds: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(station.command("--measure", seconds), capture_output=True, text=True, timeout=60)


def test_a_measurement_ends_with_a_table_and_a_verdict(plant: SmallPlant, tmp_path: Path) -> None:
    done = measure(Station(tmp_path), "0.3")
    rows = {line[:18].strip(): line[18:] for line in done.stdout.splitlines()}
    assert rows["period"] == "4 ms"
    assert int(rows["ticks"].split(",")[0]) > 2
    assert set(rows) == {
        "mode", "period", "ticks", "late", "work of a tick", "openings", "pilot to command", "processor", "memory",
        "verdict",
    }  # fmt: skip
    met = done.returncode == 0
    assert rows["verdict"] == f"{'met' if met else 'MISSED'}: the budget is 50 ms"
    assert json.loads((tmp_path / "measured.json").read_text())["met"] is met


def test_a_board_that_was_measured_too_slow_is_refused_until_it_is_measured_again(
    plant: SmallPlant, tmp_path: Path
) -> None:
    station = Station(tmp_path)
    board = Path(station.profile)
    quick = board.read_text()
    board.write_text(quick.replace("period_ms = 4", "period_ms = 16"))
    with subprocess.Popen(station.command("--measure", "2"), stdout=subprocess.PIPE, text=True) as slow:
        plant.wait(lambda: plant.pins_seen > 20)
        slow.send_signal(signal.SIGSTOP)  # as a board that is too slow
        time.sleep(0.1)
        slow.send_signal(signal.SIGCONT)
        told, _ = slow.communicate(timeout=60)
    assert slow.returncode == 1
    assert "verdict           MISSED: the budget is 50 ms" in told
    start = subprocess.run(station.command(), capture_output=True, text=True, timeout=60)
    assert start.returncode == 2
    assert "cannot use hw-profile mock: --measure found" in start.stderr
    assert f"measure again, or remove {tmp_path}/measured.json" in start.stderr
    assert plant.commands[-1] is False
    again = measure(station, "0.3")  # measuring itself is never refused
    assert "verdict" in again.stdout
    assert "cannot use" not in again.stderr
    board.write_text(quick)
    station.start()
    try:
        station.client().status(cp="A")
    finally:
        station.close()


def test_a_verdict_that_cannot_be_read_or_kept_is_said_and_no_obstacle(plant: SmallPlant, tmp_path: Path) -> None:
    (tmp_path / "measured.json").mkdir()
    assert "the next start will not know of it" in measure(Station(tmp_path), "0.1").stderr
    with running(tmp_path) as station:
        station.client().status(cp="A")
        assert "Is a directory; measure again" in station.stderr()


def test_it_also_runs_as_a_module(plant: SmallPlant, tmp_path: Path) -> None:
    station = Station(tmp_path)
    options = station.command("--measure", "0.1")[4:]
    done = subprocess.run(
        [sys.executable, "-m", "stationd.pilot", *options], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode in (0, 1), done.stderr
    assert "verdict" in done.stdout


def test_five_unexpected_ends_keep_the_contactor_open_and_the_process_up(plant: SmallPlant, tmp_path: Path) -> None:
    with running(tmp_path) as station:
        for _ in range(5):
            assert station.client().status(cp="A")["faults"] == []
            station.signal(signal.SIGKILL)
            station.start()
        brain = station.client("brain")
        brain.status(cp="A", faults=["restart_loop"])
        assert "no contactor closes until `restart_loop` is reset by hand" in station.stderr()
        plant.car = "C"
        brain.offer()
        status = brain.status(cp="C", permit=True)
        beats = plant.pins_seen
        plant.wait(lambda: plant.pins_seen > beats + 100)
        assert (plant.closed, plant.pins["duty"], status["faults"]) == (False, 100.0, ["restart_loop"])
        brain.send(ResetFault(1, 4, "restart_loop"))
        assert brain.wait(lambda m: m.get("seq") == 4)["error"] is None
        brain.wait(lambda m: m["type"] == "status" and m["sensed_closed"], repeat=brain.offer)
        assert station.signal(signal.SIGTERM) == 0
        assert not (tmp_path / "latches.json").exists()


def test_ends_in_good_order_are_no_restart_loop(plant: SmallPlant, tmp_path: Path) -> None:
    with running(tmp_path) as station:
        for _ in range(6):
            assert station.client().status(cp="A")["faults"] == []
            assert station.signal(signal.SIGTERM) == 0
            station.start()
        assert station.client().status(cp="A")["faults"] == []


def test_a_count_of_ends_that_cannot_be_kept_is_said_and_no_obstacle(plant: SmallPlant, tmp_path: Path) -> None:
    (tmp_path / "restarts.json").mkdir()
    with running(tmp_path) as station:
        station.client().status(cp="A")
        assert "unexpected ends are counted anew" in station.stderr()
        assert "unexpected ends are not counted" in station.stderr()


@pytest.mark.parametrize("beside", ["latches.json", "measured.json"])
def test_counters_that_got_lost_are_said(plant: SmallPlant, tmp_path: Path, beside: str) -> None:
    with running(tmp_path) as station:
        station.client().status(cp="A")
        assert station.signal(signal.SIGTERM) == 0
        (tmp_path / "counters.json").unlink()
        (tmp_path / beside).write_text('{"latched": {}}')
        station.start()
        station.client().status(cp="A")
        assert "counters.json: No such file or directory; counters start at 0" in station.stderr()


def test_a_first_start_that_finds_no_counters_says_nothing_of_them(plant: SmallPlant, tmp_path: Path) -> None:
    with running(tmp_path) as station:
        for _ in range(2):
            station.client().status(cp="A")
            station.signal(signal.SIGKILL)
            station.start()
        assert "counters" not in station.stderr()


def test_a_latch_of_the_first_minutes_is_no_loss_of_counters(plant: SmallPlant, tmp_path: Path) -> None:
    with running(tmp_path) as station:
        station.client().status(cp="A")
        plant.inputs["rcd_trip"] = True
        station.client().status(faults=["rcd_trip"])
        plant.wait(lambda: (tmp_path / "counters.json").exists())
        station.signal(signal.SIGKILL)
        station.start()
        station.client().status(faults=["rcd_trip"])
        assert "counters" not in station.stderr()


@pytest.mark.usefixtures("root")
def test_a_process_without_rights_says_so_in_plain_words_and_works() -> None:
    """It is refused everything, so it is slower, and everybody who asks is told so."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        os.chmod(folder, 0o755)
        with SmallPlant(folder) as plant:
            os.chmod(plant.path, 0o777)
            station = Station(folder)
            os.chown(folder, 65_534, 65_534)
            command = [sys.executable, "-I", "-S", "-c", WITHOUT_RIGHTS, *station.command()[3:]]
            with open(folder / "stderr", "wb") as stderr:
                station.process = subprocess.Popen(command, stderr=stderr, cwd="/")
            try:
                brain = charge(station, plant)
                brain.send(GetStats(9))
                stats = brain.wait(lambda m: m["type"] == "stats")
                assert station.signal(signal.SIGTERM) == 0
            finally:
                station.close()
            mode = (folder / "pilot-mode").read_text().strip()
            assert stats["mode"] == mode
            assert mode.startswith(
                "degraded: refused SCHED_FIFO (Operation not permitted; allow LimitRTPRIO=50), mlockall ("
            )
            assert mode.endswith("; allow LimitMEMLOCK=infinity)")
            assert f"running {mode}; opening may take longer than 20 ms under load" in station.stderr()


WITHOUT_RIGHTS = """
import ctypes, encodings.ascii, importlib, json, os, resource, socket, sys
path = sys.argv[1]
sys.path.insert(0, path.removesuffix("/stationd/pilot/__main__.py"))
# Loaded before the rights go: the interpreter may be in a folder that only root can read.
for name in ("contactor.mock", "lock.mock", "pilot.mock_proximity", "fault.mock"):
    importlib.import_module("drivers." + name)
importlib.import_module("stationd.pilot.process")
resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.exit(sys.modules["stationd.pilot.process"].main(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (["--profile", "none-such"], "cannot find hw-profile 'none-such'"),
        (["--runtime-dir", "/" + "x" * 110], "longer than 107 bytes"),
        (["--evses", "zero"], "from 1 to 99"),
        (["--group", "no such group"], "there is no such group"),
        (["--loud", "1"], "it is no option"),
    ],
)
def test_a_wrong_start_says_why(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], change: list[str], sentence: str
) -> None:
    assert main([*Station(tmp_path).command()[4:], *change]) == 2
    assert sentence in capfd.readouterr().err


def test_a_driver_that_refuses_its_options_ends_the_start(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    station = Station(tmp_path)
    board = Path(station.profile)
    board.write_text(board.read_text().replace("stale_ms = 100 ", "stale_ms = 1 "))
    assert main(station.command()[4:]) == 2
    assert "stale_ms = 1 must be 10 to 300" in capfd.readouterr().err
    assert not (tmp_path / "pilot.sock").exists()


def test_help_says_how_and_an_empty_command_line_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "--site-limit FILE" in capsys.readouterr().out
    assert main([]) == 2


def test_counters_outlive_a_restart_and_what_is_damaged_is_kept_aside(plant: SmallPlant, tmp_path: Path) -> None:
    path = tmp_path / "counters.json"
    path.write_text('{"counters": {"1": {"cycles": 41, "rcd_test": "passed"}, "7": {"cycles": 3}}}')
    with running(tmp_path) as station:
        brain = charge(station, plant)
        assert brain.status(sensed_closed=True, cycles=42)["rcd_test"] == "passed"
        assert "41" in path.read_text()  # nothing is written beside a closed contactor
        assert station.signal(signal.SIGTERM) == 0
        told = json.loads(path.read_text())["counters"]
        assert (told["1"]["cycles"], told["7"]["cycles"]) == (42, 3)
        path.write_text("half a fi")
        station.start()
        assert station.client().status(cp="C")["cycles"] == 0
        assert f"kept as {path}.damaged, counters start at 0" in station.stderr()
    assert (tmp_path / "counters.json.damaged").read_text() == "half a fi"
