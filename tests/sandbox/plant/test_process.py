"""Start and end of the process."""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

from stationd.sandbox.plant.car import Car
from tests.sandbox.plant.bench import PATIENCE_S, Bench, charging, obey, running, short_folder, spawn

END_S = 1.0


def refused(folder: Path, *options: str) -> str:
    """Return the one line that a plant which cannot start says."""
    with spawn(folder, *options) as process:
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert out == ""
    assert len(err.splitlines()) == 1, err
    return err


def test_ready_line_says_where_everything_is(bench: Bench) -> None:
    assert bench.ready["ready"] is True
    assert bench.ready["evses"] == 2
    assert bench.ready["pid"] == bench.process.pid
    assert bench.ready["meter_tty"] is None
    assert 1024 <= bench.ready["modbus_port"] <= 65535
    for path in bench.ready["sockets"].values():
        assert Path(path).is_socket()


def test_sigterm_ends_it_in_order_with_clients_attached(bench: Bench) -> None:
    with bench.driver(1, obey) as driver:
        bench.client.plug_in()
        driver.wait(charging)
        watching = bench.client.watch(interval_ms=20)
        next(watching)
        bench.process.terminate()
        _, err = bench.process.communicate(timeout=PATIENCE_S)
        watching.close()
    assert bench.process.returncode == 0
    assert err == ""
    assert sorted(os.listdir(bench.runtime_dir)) == ["plant.lock"]


def test_sigterm_ends_it_although_a_client_does_not_read(bench: Bench) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as deaf:
        deaf.connect(bench.ready["sockets"]["control"])
        # more answers than the kernel and the plant hold together
        deaf.sendall(b'{"jsonrpc": "2.0", "id": 1, "method": "state"}\n' * 500)
        bench.client.state()
        bench.process.terminate()
        _, err = bench.process.communicate(timeout=PATIENCE_S)
    assert (bench.process.returncode, err) == (0, "")


def test_interrupt_ends_it_too(bench: Bench) -> None:
    bench.process.send_signal(signal.SIGINT)
    _, err = bench.process.communicate(timeout=PATIENCE_S)
    assert (bench.process.returncode, err) == (0, "")


def test_taken_port_is_one_line_and_status_2(bench: Bench) -> None:
    port = bench.ready["modbus_port"]
    with short_folder() as folder:
        line = refused(folder, "--modbus-port", str(port))
    assert line == f"cannot serve the meter on 127.0.0.1:{port}: the port is taken; give another or 0\n"


def test_second_plant_in_the_same_folder_is_one_line_and_status_2(bench: Bench) -> None:
    line = refused(bench.runtime_dir)
    assert line == f"cannot use runtime folder {bench.runtime_dir}: another plant is running there\n"
    assert bench.client.state()["speed"] == 1


def test_long_path_and_unusable_folder_are_one_line_and_status_2() -> None:
    with short_folder() as folder:
        assert "at most 107 can be used" in refused(folder / ("x" * 100))
        (folder / "file").write_text("")
        assert "cannot write to runtime folder" in refused(folder / "file" / "sub")
        assert "cannot start: --evses must be 1 to 32" in refused(folder, "--evses", "99")
        (folder / "bad").write_text("{")
        assert "cannot use state file" in refused(folder, "--state-file", str(folder / "bad"))


def test_plant_restarts_after_a_kill_with_what_its_state_file_kept() -> None:
    with short_folder() as folder:
        state_file = folder / "state.json"
        options = ("--state-file", str(state_file), "--speed", "3600", "--meter-start-wh", "1000")
        with running(folder, *options) as bench, bench.driver(1, obey) as driver:
            bench.client.plug_in(current_a=10, phases=1)
            driver.wait(charging)
            bench.client.wait_until(lambda evse: json.loads(state_file.read_text())["evses"]["1"]["energy_wh"] > 1000)
            flowed_wh = bench.client.evse()["flowed_wh"]
            bench.process.kill()
            bench.process.wait(PATIENCE_S)
        with running(folder, *options) as bench:
            evse = bench.client.evse()
            assert evse["car"]["current_a"] == Car(10.0, 1, 32.0, wants=True).max_a
            assert 1000 < evse["meter"]["meter_wh"] < 1000 + flowed_wh + 20_000
            bench.client.set_meter(energy_wh=77_000)
            bench.client.plug_out(force=True)  # the bolt is where it was
        with running(folder, *options) as bench:
            evse = bench.client.evse()
            assert (evse["car"], evse["meter"]["meter_wh"]) == (None, 77_000)


def test_without_a_state_file_each_start_is_afresh() -> None:
    with short_folder() as folder:
        for _ in range(2):
            with running(folder, "--meter-start-wh", "1000") as bench:
                evse = bench.client.evse()
                assert (evse["car"], evse["meter"]["meter_wh"]) == (None, 1000)
                bench.client.plug_in()
                bench.client.set_meter(energy_wh=5000)


def test_reader_of_the_ready_line_may_be_gone() -> None:
    with short_folder() as folder, spawn(folder) as process:
        assert process.stdout is not None
        process.stdout.close()
        while not (folder / "plant.sock").exists():
            assert process.poll() is None
        process.terminate()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(PATIENCE_S) == 0


def test_help_is_not_an_error() -> None:
    with short_folder() as folder, spawn(folder, "--help") as process:
        out, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
        assert "--runtime-dir" in out
        assert subprocess.list2cmdline(process.args).endswith("--help")  # type: ignore[arg-type]
