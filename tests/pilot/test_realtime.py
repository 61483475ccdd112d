import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SCRIPT = (
    "import os, resource; from stationd.pilot.realtime import take; {limit}; print(take(), os.sched_getscheduler(0))"
)


def run(limit: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(limit=limit)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_answer_is_what_the_kernel_says() -> None:
    told = run("pass")
    if told.startswith("realtime"):
        assert told == f"realtime {os.SCHED_FIFO}"
    else:
        assert told.startswith("degraded: refused ")


def test_a_refusal_is_said_with_its_remedy() -> None:
    drop = "os.setgid(65534); os.setuid(65534)" if os.getuid() == 0 else "pass"
    zero = "resource.setrlimit(resource.RLIMIT_{}, (0, 0))"
    told = run(f"{zero.format('MEMLOCK')}; {zero.format('RTPRIO')}; {drop}")
    assert told.startswith("degraded: refused SCHED_FIFO (")
    assert "allow LimitRTPRIO=50" in told
    assert "mlockall (" in told
    assert told.endswith(f" {os.SCHED_OTHER}")
