"""`make bench`: stationd beside the natural Python station: memory, CPU time, reaction times, bytes; in one run."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from stationd.api.client import ApiError
from stationd.domain.errors import StationError
from stationd.sandbox.launch import temporary_folder
from tests.bench import measure_idle, measure_messages, measure_reaction, measure_session, measure_start
from tests.bench.figures import Row, Verdict
from tests.bench.procfs import MachineTime
from tests.bench.report import as_json, between_markers, table
from tests.bench.rig import ROOT, Csms
from tests.bench.world import Measurement, World

DOCUMENT = ROOT / "docs" / "BENCHMARKS.md"
MEASUREMENTS: Mapping[str, Measurement] = {
    "start": measure_start.measure,
    "idle": measure_idle.measure,
    "messages": measure_messages.measure,
    "session": measure_session.measure,
    "reaction": measure_reaction.measure,
}


def machine() -> str:
    """Return what the figures depend on, without any name."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kernel = ".".join(platform.release().split(".")[:2])
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory_gib:.0f} GiB, Linux {kernel}, "
        f"{platform.python_implementation()} {platform.python_version()}"
    )


def run(arguments: argparse.Namespace) -> list[Row]:
    """Measure what was asked for."""
    rows: list[Row] = []
    with temporary_folder() as name:
        folder = Path(name)
        csms = Csms(folder)
        try:
            world = World(csms, folder, arguments.quick, lambda text: print(text, file=sys.stderr, flush=True))
            for chosen in arguments.only or MEASUREMENTS:
                rows += MEASUREMENTS[chosen](world)
        finally:
            csms.close()
    return rows


def summary(rows: list[Row]) -> str:
    """Return how many goals were met."""
    counts = {verdict: sum(row.verdict is verdict for row in rows) for verdict in Verdict}
    text = f"goals met: {counts[Verdict.MET]}, missed: {counts[Verdict.MISSED]}"
    return text + (f", not measured: {counts[Verdict.NOT_MEASURED]}" if counts[Verdict.NOT_MEASURED] else "")


def main() -> int:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a look, not figures to quote")
    parser.add_argument("--only", action="append", choices=tuple(MEASUREMENTS), metavar="NAME",
                        help=f"one of {', '.join(MEASUREMENTS)}; may be given several times")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows for a program, too")
    parser.add_argument("--write-docs", action="store_true", help="write the table into docs/BENCHMARKS.md")
    arguments = parser.parse_args()
    if arguments.write_docs and (arguments.quick or arguments.only):
        parser.error("--write-docs needs a whole run: leave out --quick and --only")
    began, before = time.monotonic(), MachineTime.now()
    try:
        rows = run(arguments)
    except (StationError, ApiError, RuntimeError) as error:
        print(f"cannot finish the benchmark: {error}", file=sys.stderr)
        return 1
    after = MachineTime.now()
    others, stolen = 100 * before.others_share(after), 100 * before.stolen_share(after)
    conditions = (
        f"{machine()}; meanwhile others used {others:.0f} % of the cores, and {stolen:.1f} % were stolen by a host"
    )
    text = f"{conditions}. {time.monotonic() - began:.0f} s. {summary(rows)}.\n\n{table(rows)}"
    print(text)
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": conditions, "rows": as_json(rows)}, indent=1) + "\n")
    if arguments.write_docs:
        DOCUMENT.write_text(between_markers(DOCUMENT.read_text(), text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
