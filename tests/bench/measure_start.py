"""Exec to BootNotification, and `stationctl --help`."""

import os
import subprocess
import sys

from tests.bench.figures import Goal, Of, Row, middle
from tests.bench.rig import ENV, Baseline, Boot, StationRig
from tests.bench.world import World

BOOT_NOTE = (
    "CPU is user and system time of all threads. stationd offers its three OCPP versions, speaks 2.0.1, opens its "
    "database, safety process and meter, and logs; the baseline does none of these."
)

HELP_NOTE = "Beside the baseline's way to its BootNotification."


def measure(world: World) -> list[Row]:
    """Start both sides in turn."""
    ours: list[Boot] = []
    theirs: list[Boot] = []
    helps: list[float] = []
    rounds = world.pick(2, 11)
    with StationRig(world.csms) as rig:
        for number in range(rounds + 1):
            world.say(f"start: round {number} of {rounds}")
            with Baseline(world.csms, world.folder) as baseline:
                boot = rig.start_brain()
                rig.end_brain()
            if number == 0:
                _help_cpu_ms()
                continue  # the first round warms the files of both sides
            theirs.append(baseline.boot)
            ours.append(boot)
            helps.append(_help_cpu_ms())
    cpu = middle([boot.cpu_ms for boot in theirs])
    return [
        Row(name="exec to BootNotification, CPU", unit="ms", ours=middle([b.cpu_ms for b in ours]), baseline=cpu,
            goals=(Goal(0.9, Of.RATIO),), notes=(BOOT_NOTE,)),
        Row(name="exec to BootNotification, wall", unit="ms", ours=middle([b.wall_ms for b in ours]),
            baseline=middle([b.wall_ms for b in theirs])),
        Row(name="stationctl --help, CPU", unit="ms", ours=middle(helps), baseline=cpu, goals=(Goal(0.3, Of.RATIO),),
            notes=(HELP_NOTE,)),
    ]  # fmt: skip


def _help_cpu_ms() -> float:
    """Return the CPU time of one `stationctl --help`."""
    argv = [sys.executable, "-m", "stationd.ctl.main", "--help"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env={**os.environ, **ENV}) as process:
        assert process.stdout is not None
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0 or b"stationctl" not in text:
        raise RuntimeError(f"cannot measure stationctl --help: it ended with status {process.returncode}")
    return (usage.ru_utime + usage.ru_stime) * 1000
