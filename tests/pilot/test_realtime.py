import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stationd.pilot import realtime

ROOT = Path(__file__).parent.parent.parent
SCRIPT = """
import ctypes, json, os, resource
from stationd.pilot.realtime import page_faults, take
{before}
mode = take()
{after}
locked = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmLck:"))
print(json.dumps([mode, os.sched_getscheduler(0), locked, locals().get("told")]))
"""
NO_RIGHTS = "; ".join(
    (
        "resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))",
        "resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))",
        "os.setgroups([])",
        "os.setgid(65534)",
        "os.setuid(65534)",
    )
)


def run(before: str = "pass", after: str = "pass") -> list[object]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(before=before, after=after)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    answer: list[object] = json.loads(done.stdout)
    return answer


def test_what_the_kernel_grants_is_in_force_afterwards() -> None:
    mode, policy, locked_kib, _ = run()
    assert isinstance(mode, str)
    assert (policy == os.SCHED_FIFO) is ("SCHED_FIFO" not in mode)
    assert isinstance(locked_kib, int)
    assert (locked_kib > 4_000) is ("mlockall (" not in mode)


@pytest.mark.usefixtures("root")
def test_a_refusal_is_said_with_its_remedy() -> None:
    mode, policy, locked_kib, _ = run(NO_RIGHTS)
    assert isinstance(mode, str)
    assert mode.startswith("degraded: refused SCHED_FIFO (")
    assert "allow LimitRTPRIO=50" in mode
    assert "mlockall (" in mode
    assert mode.endswith("; allow LimitMEMLOCK=infinity)")
    assert (policy, locked_kib) == (os.SCHED_OTHER, 0)


class Libc:
    def __init__(self) -> None:
        self.locked: list[int] = []

    def mlockall(self, flags: int) -> int:
        self.locked.append(flags)
        return 0


@pytest.mark.parametrize(
    ("endless", "flags", "mode"),
    [
        (True, 3, "realtime"),
        (False, 1, "degraded: refused mlockall of later memory (there is a limit; allow LimitMEMLOCK=infinity)"),
    ],
)
def test_under_a_limit_only_what_is_there_is_locked_so_that_no_later_allocation_fails(
    monkeypatch: pytest.MonkeyPatch, endless: bool, flags: int, mode: str
) -> None:
    libc = Libc()
    monkeypatch.setattr(ctypes, "CDLL", lambda name, use_errno: libc)
    monkeypatch.setattr(os, "sched_setscheduler", lambda pid, policy, param: None)
    monkeypatch.setattr(realtime, "_lock_is_endless", lambda: endless)
    assert realtime.take() == mode  # and a C library without mallopt is one too
    assert libc.locked == [flags]


@pytest.mark.usefixtures("root")
def test_a_limit_counts_for_those_without_the_capability_alone() -> None:
    ask = "import stationd.pilot.realtime as realtime; told = realtime._lock_is_endless()"
    assert run(NO_RIGHTS, ask)[3] is False
    endless = "resource.setrlimit = resource.setrlimit; resource.getrlimit = lambda what: (resource.RLIM_INFINITY,) * 2"
    assert run(NO_RIGHTS, f"{endless}; {ask}")[3] is True


def test_memory_that_was_used_once_is_there_without_waiting() -> None:
    after = """
def use():
    try:
        json.loads("[" * 4_000)
    except RecursionError:
        pass
    return len(bytearray(300_000))
use()
before = page_faults()
for _ in range(50):
    use()
told = page_faults() - before
"""
    assert run(after=after)[3] == 0


def test_waiting_for_pages_is_counted() -> None:
    script = (
        "from stationd.pilot.realtime import page_faults; before = page_faults(); block = bytearray(b'x') * (8 << 20);"
        "print(page_faults() - before)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) > 0
