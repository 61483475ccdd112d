"""Prove the rules: `make prove` explores every slice to its end and prints what it found.

`--write-docs`: and writes the table into docs/SAFETY.md, if every slice was explored to its end without a finding.
`--only NAME ...`: these slices alone; that writes nothing. `--wide`: with the widest alphabets, for hours.
"""

import argparse
import sys
from multiprocessing import Pool
from pathlib import Path

from tests.pilot.proof.broken import BROKEN
from tests.pilot.proof.explorer import Result, explore
from tests.pilot.proof.invariants import ALWAYS, CLOSED, CLOSING
from tests.pilot.proof.slices import LONG, PROVED, Slice

DOCS = Path(__file__).parents[3] / "docs" / "SAFETY.md"
BEGIN, END = "<!-- begin: proof -->", "<!-- end: proof -->"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.pilot.proof", description=__doc__)
    parser.add_argument("--write-docs", action="store_true", help=f"write the table into {DOCS.name}")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these slices alone")
    parser.add_argument("--wide", action="store_true", help="the widest alphabets, which take hours; writes nothing")
    parser.add_argument("--processes", type=int, help="how many at once; all processors if not said")
    asked = parser.parse_args()
    slices = LONG if asked.wide else PROVED
    unknown = set(asked.only) - {one.name for one in slices}
    if unknown or ((asked.only or asked.wide) and asked.write_docs):
        parser.error(f"--only: {sorted(unknown)}: no such slice" if unknown else "--write-docs: needs every slice")
    print(f"{'slice':22} {'states':>9} {'transitions':>12} {'closings':>9} {'CPU s':>7}", flush=True)
    results = []
    with Pool(asked.processes) as pool:
        wanted: list[Slice] = [one for one in slices if not asked.only or one.name in asked.only]
        for one in pool.imap_unordered(explore, wanted, chunksize=1):
            print(f"{one.name:22} {one.states:9} {one.transitions:12} {one.closings:9} {one.seconds:7.0f}", flush=True)
            results.append(one)
    states, transitions = (sum(getattr(one, name) for one in results) for name in ("states", "transitions"))
    print(f"{'all':22} {states:9} {transitions:12}")
    broken = [one for one in results if one.invariant]
    for one in broken:
        print(f"\n{one.name}: {one.invariant} is broken by", *one.story, sep="\n  ")
    if asked.write_docs and not broken:
        DOCS.write_text(documented(DOCS.read_text("utf-8"), results), "utf-8")
    return 1 if broken else 0


def documented(page: str, results: list[Result]) -> str:
    """Return the page with the table of these results between its marks."""
    head, _, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not end:
        raise ValueError(f"cannot write the table: {DOCS}: it has no marks {BEGIN} and {END}; put them back")
    invariants = len((*CLOSING, *CLOSED, *ALWAYS))
    order = {one.name: index for index, one in enumerate(PROVED)}
    says = {one.name: one.says for one in PROVED}
    rows = [
        f"| {one.name}: {says[one.name]} | {one.states:,} | {one.transitions:,} |"
        for one in sorted(results, key=lambda one: order[one.name])
    ]
    states, transitions = (sum(getattr(one, name) for one in results) for name in ("states", "transitions"))
    lines = [
        f"`make prove` explored {len(results)} parts of the rules' state space to their end, each from the start of",
        "the process, with every combination of its inputs and messages in every step, and durations shortened to a",
        f"few steps in their order: none of the {invariants} invariants broke in {transitions:,} transitions.",
        f"{len(BROKEN)} rules broken on purpose, one at a time, are each found by the invariant that is about them.",
        "",
        "| Part | States | Transitions |",
        "|---|---|---|",
        *rows,
        f"| all | {states:,} | {transitions:,} |",
    ]
    return "\n".join([f"{head}{BEGIN}", *lines, f"{END}{tail}"])


if __name__ == "__main__":
    sys.exit(main())
