"""The safety process stays small: what it really imports, asked of the real process."""

import subprocess
import sys
from pathlib import Path

from tests.pilot.small_plant import SmallPlant
from tests.pilot.station import MAIN, Station

FORBIDDEN = (
    "asyncio", "threading", "logging", "subprocess", "urllib", "http", "ssl", "sqlite3", "argparse", "pathlib",
    "multiprocessing", "concurrent", "email", "site", "periphery", "websockets", "pymodbus", "ocpp", "cryptography",
)  # fmt: skip
FORBIDDEN_OWN = ("api", "app", "config", "ctl", "domain", "hal", "ocpp", "sandbox", "station", "store")
BUDGET = 108
"""Modules of Python itself, which cost memory and time; bare `python3 -I -S` with those needed has about 95."""
OWN_BUDGET = 70
"""Files of this project with all drivers of the mock board; each is small, so their number says less."""

SCRIPT = """
import sys
path = sys.argv[1]
try:
    with open(path) as file:
        source = file.read()
    sys.argv = sys.argv[1:]
    exec(compile(source, path, "exec"), {"__name__": "__main__", "__file__": path, "__package__": None})
except SystemExit as end:
    assert end.code in (0, 1), end.code  # 1: the machine was too slow just now
print(*sorted(sys.modules), sep="\\n", file=sys.stderr)
"""


def modules(tmp_path: Path) -> list[str]:
    options = Station(tmp_path).command("--measure", "0.2")[4:]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", SCRIPT, str(MAIN), *options],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [line for line in done.stderr.splitlines() if not line.startswith("stationd-pilot: ")]


def test_the_safety_process_imports_nothing_it_must_not(tmp_path: Path) -> None:
    with SmallPlant(tmp_path) as plant:
        loaded = modules(tmp_path)
        assert plant.pins_seen > 0  # it really ran with its drivers
    assert "drivers.contactor.mock" in loaded
    tops = {name.partition(".")[0] for name in loaded}
    assert tops.isdisjoint(FORBIDDEN)
    own = {name.split(".")[1] for name in loaded if name.startswith("stationd.")}
    assert own.isdisjoint(FORBIDDEN_OWN)
    assert own - {"fault_table"} == {"hwprofile", "pilot", "profile_table"}
    ours = sum(top in ("stationd", "drivers") for top in (name.partition(".")[0] for name in loaded))
    assert len(loaded) - ours <= BUDGET, sorted(loaded)
    assert ours <= OWN_BUDGET, ours
