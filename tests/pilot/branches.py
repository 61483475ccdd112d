"""`make coverage`: lines and branches of the safety process that its tests do not reach.

`python -m tests.pilot.branches`. Ends with 1 if a rule, the fault table or the loop has one that is not in
`modules.GAPS`, or if a gap that is listed there is none any more. The edges are measured for information, as far as
their tests run in their own process: `stationd-pilot` itself starts with `python -I -S`, and without `site` nothing can
hook into it, so what its processes reach is not in any figure.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.pilot import modules

IN_PROCESS = ("board", "notify", "server")
"""Edges with tests that need no other process."""


def main() -> int:
    """Run the tests under `coverage`, print what is missing, and return the exit code."""
    measured = modules.covered()
    tests = dict.fromkeys(test for path in measured for test in modules.tests_of(path))
    tests |= dict.fromkeys(modules.STORIES)
    edges = dict.fromkeys(f"tests/pilot/test_{name}.py" for name in IN_PROCESS)
    with tempfile.TemporaryDirectory() as folder:
        files = _measure(Path(folder), [test for test in (*tests, *edges) if (modules.ROOT / test).exists()])
    if files is None:
        return 1
    bad, used = 0, set()
    for path in measured:
        missing = _missing(path, files.get(path, {}))
        used |= {(path, text) for _, _, text in missing}
        told = [one for one in missing if (path, one[2]) not in modules.GAPS]
        bad += len(told)
        for line, where, text in told:
            print(f"{path}:{line}{where}: {text}")
    for gap in sorted(modules.GAPS.keys() - used):
        bad += 1
        print(f"cannot keep the gap {gap}: there is none any more; remove it from tests/pilot/modules.py")
    figures = [files[path]["summary"] for path in measured if path in files]
    lines, branches = (sum(one[key] for one in figures) for key in ("num_statements", "num_branches"))
    print(f"{len(measured)} files, {lines} lines, {branches} branches; {len(modules.GAPS)} gaps with a reason")
    for name in modules.EDGES:
        if (found := files.get(modules.path_of(name))) and name in IN_PROCESS:
            print(f"  edge, for information: {name} {found['summary']['percent_covered']:.0f} %")
    if bad:
        print(f"cannot accept {bad} lines or branches without a test: write one, or give the reason in GAPS")
    return 1 if bad else 0


def _measure(folder: Path, tests: list[str]) -> Mapping[str, Any] | None:
    """Return the figures by file; None, with pytest's own words, if a test fails."""
    data, report = folder / "data", folder / "report.json"
    coverage = [sys.executable, "-m", "coverage"]
    run = [*coverage, "run", f"--data-file={data}", "-m", "pytest", "-p", "no:cacheprovider", "-m", "not slow", *tests]
    if subprocess.run(run, cwd=modules.ROOT).returncode:
        return None
    wanted = [*coverage, "json", "-q", f"--data-file={data}", "-o", str(report)]
    subprocess.run(wanted, cwd=modules.ROOT, check=True)
    files: Mapping[str, Any] = json.loads(report.read_text())["files"]
    return files


def _missing(path: str, found: Mapping[str, Any]) -> list[tuple[int, str, str]]:
    """Return line, direction and text of what was not reached. A file that was never imported lacks everything."""
    lines = (modules.ROOT / path).read_text().splitlines()
    if not found:
        return [(1, " never imported", lines[0].strip() if lines else "")]
    missing = [(line, "", lines[line - 1].strip()) for line in found["missing_lines"]]
    for source, target in found["missing_branches"]:
        if source not in found["missing_lines"]:
            where = " never leaves" if target < 0 else f" never goes to {target}"
            missing.append((source, where, lines[source - 1].strip()))
    return sorted(missing)


if __name__ == "__main__":
    sys.exit(main())
