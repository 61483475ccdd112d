"""Mutation testing of the safety process: `python -m tests.mutation [--jobs N] [FILE…]`.

Without files: all of them. What docs/MUTATION.md says of these files is written anew. Ends with 1 if the tests find too
few defects.
"""

import argparse
import ast
import sys
import time
from pathlib import Path

from tests.mutation import report
from tests.mutation.campaign import LIMIT_S, SURVIVED, TIMEOUT, CampaignError, Result, Work, baseline_s, run, warm_up
from tests.mutation.mutants import Enums, enum_members
from tests.pilot import modules


def main(words: list[str]) -> int:
    """Return the exit code: 0 if the score is reached."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("files", nargs="*", help="source files; all that are mutated if none is named")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once (2)")
    options = parser.parse_args(words)
    sys.stdout.reconfigure(line_buffering=True)
    began = time.monotonic()
    known = report.reasons(modules.ROOT)
    unknown = set(options.files) - set(modules.mutated())
    if unknown:
        print(f"cannot mutate {', '.join(sorted(unknown))}: choose from {', '.join(modules.mutated())}")
        return 2
    warm_up(modules.ROOT)
    enums = _enums(modules.ROOT)
    results: list[Result] = []
    document = modules.ROOT / report.DOCUMENT
    sheets = report.sheets_in(document.read_text()) if document.exists() else {}
    try:
        for path in options.files or modules.mutated():
            work = Work(modules.ROOT, path, modules.tests_of(path), enums, modules.TOO_SLOW)
            of_file = _one(work, options.jobs, known)
            results += of_file
            sheets[path] = report.sheet(path, of_file, known)
            missing = [one for one in modules.mutated() if one not in sheets]
            known_sheets = [sheets[one] for one in modules.mutated() if one in sheets]
            document.write_text(report.document(known_sheets, missing))
    except CampaignError as error:
        print(error)
        return 2
    print("", *report.table([sheets[path] for path in options.files or modules.mutated()]), sep="\n")
    unexplained = [one for one in results if one.outcome == SURVIVED and report.reason_of(one, known) is None]
    print(f"\n{len(unexplained)} survivors without a reason in {report.REASONS}; {time.monotonic() - began:.0f} s")
    for key in report.stale(results, known):
        print(f"no longer a survivor, remove its reason: {key}")
    print(f"wrote {report.DOCUMENT}")
    if report.score(results) < report.WANTED:
        print(f"cannot accept a score below {report.WANTED:.0%}: write tests that find the survivors")
        return 1
    return 0


def _one(work: Work, jobs: int, known: report.Reasons) -> list[Result]:
    needed_s = baseline_s(work)
    slow = f": more than {LIMIT_S:g} s, choose faster ones" if needed_s > LIMIT_S else ""
    print(f"\n{work.path}: its tests need {needed_s:.1f} s{slow}")
    began = time.monotonic()
    results = run(work, needed_s=needed_s, jobs=jobs, tell=lambda _: None)
    for one in results:
        if one.outcome == TIMEOUT:
            print(f"  endless   {one.mutant.line}: {one.mutant.key}")
        elif one.outcome == SURVIVED and report.reason_of(one, known) is None:
            print(f"  SURVIVED  {one.mutant.line}: {one.mutant.key}")
    print(
        f"  {report.line(work.path, report.sheet(work.path, results, known).counts)} {time.monotonic() - began:.0f} s"
    )
    return results


def _enums(root: Path) -> Enums:
    paths = sorted(str(path.relative_to(root)) for path in (root / modules.PILOT).glob("*.py"))
    return enum_members([ast.parse((root / path).read_text()) for path in (*paths, modules.FAULT_TABLE)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
