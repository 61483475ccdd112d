"""Starting and ending processes."""

import argparse
import signal
import sys
import time
from pathlib import Path

import pytest

from stationd.sandbox.processes import Process, ProcessFailedError, port_number


def _python(tmp_path: Path, code: str) -> Process:
    return Process("child", [sys.executable, "-u", "-c", code], tmp_path / "log")


def test_the_ready_line_is_returned(tmp_path: Path) -> None:
    process = _python(tmp_path, "import time; print('{\"port\": 7}'); time.sleep(60)")
    assert process.ready_line(20) == {"port": 7}
    assert process.status is None
    assert process.end() == -signal.SIGTERM


def test_a_process_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    process = _python(tmp_path, "import sys; sys.exit('the disk is full')")
    with pytest.raises(ProcessFailedError, match="child ended at once:\n  the disk is full"):
        process.ready_line(20)
    process.end()


def test_a_process_that_is_never_ready_is_told_so(tmp_path: Path) -> None:
    process = _python(tmp_path, "import time; time.sleep(60)")
    with pytest.raises(ProcessFailedError, match="was not ready within 0 s"):
        process.wait_until(lambda: False, 0.1)
    process.end()


def test_a_process_that_does_not_obey_is_killed_with_its_children(tmp_path: Path) -> None:
    code = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
        "print('{\"child\": %d}' % child.pid, flush=True); time.sleep(60)"
    )
    process = _python(tmp_path, code)
    child = process.ready_line(20)["child"]
    began = time.monotonic()
    assert process.end(timeout_s=0.3) == -signal.SIGKILL
    assert time.monotonic() - began < 10
    deadline = time.monotonic() + 10
    while _alive(child):
        assert time.monotonic() < deadline, "its child lives on"
        time.sleep(0.01)


def _alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]
    except FileNotFoundError:
        return False


def test_a_stopped_process_can_be_ended(tmp_path: Path) -> None:
    process = _python(tmp_path, "import time; print('{}'); time.sleep(60)")
    process.ready_line(20)
    process.signal(signal.SIGSTOP)
    assert process.end() == -signal.SIGTERM


@pytest.mark.parametrize("text", ["-1", "65536", "http", "", "1.5"])
def test_what_is_no_port_is_named(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no port"):
        port_number(text)


def test_ports_are_numbers() -> None:
    assert [port_number(text) for text in ("0", "9000", "65535")] == [0, 9000, 65535]
