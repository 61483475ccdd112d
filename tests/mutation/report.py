"""Words the outcome: a line per file, and docs/MUTATION.md with every survivor and why it may live."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.campaign import KILLED, SURVIVED, TIMEOUT, Result

WANTED = 0.85
"""Share of the mutants that the tests must find, over all files."""
REASONS = "tests/mutation/reasons.toml"
DOCUMENT = "docs/MUTATION.md"
_HEAD = f"""# Mutation testing

`make mutate` puts small defects, one at a time, into every pure file of the safety process, and runs the tests that
belong to that file. A defect that no test finds is a survivor. This file is written by `make mutate`; the reasons are
in [`{REASONS}`](../{REASONS}), by file, function and mutation.

What is changed: comparisons (boundary and direction), `and`/`or` and each of their operands, `not`, conditions,
`+ - * /` and set operations, numbers (up to 10: by 1; others: by a tenth), `True`/`False`, code words, members of
enumerations, `min`/`max`, `any`/`all`, keyword arguments that have a default, returned values, statements and `if`s
left out, caught exceptions. Not changed: texts for people, annotations, decorators.

Mutants that no input can tell from the original stay in the count: the score says less than the truth rather than more.
Endless: the tests did not end in five times their time, and in 5 s of CPU time at least.
"""

_SURVIVORS = ("| line | where | mutation | why it may live |", "|--:|---|---|---|")
Reasons = Mapping[str, Mapping[str, str]]
"""By file, then by the key of the mutant."""


def reasons(root: Path) -> Reasons:
    """Return the hand-written reasons."""
    with (root / REASONS).open("rb") as file:
        return tomllib.load(file)


def reason_of(result: Result, known: Reasons) -> str | None:
    """Return why a survivor may live; None: nobody said."""
    return known.get(result.path, {}).get(result.mutant.key)


def stale(results: Sequence[Result], known: Reasons) -> list[str]:
    """Return reasons of mutants of these files that do not survive, or are not made any more."""
    done = {one.path for one in results}
    living = {(one.path, one.mutant.key) for one in results if one.outcome == SURVIVED}
    return [f"{path}: {key}" for path in sorted(done) for key in known.get(path, {}) if (path, key) not in living]


def score(results: Iterable[Result]) -> float:
    """Return the share that was found; 1 of nothing."""
    outcomes = [one.outcome for one in results]
    return 1.0 if not outcomes else 1 - outcomes.count(SURVIVED) / len(outcomes)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the document says of one file."""

    path: str
    counts: tuple[int, int, int, int]
    """Mutants, killed, endless, survived."""
    survivors: tuple[str, ...]
    """Rows of its table."""


def sheet(path: str, results: Sequence[Result], known: Reasons) -> Sheet:
    """Return the sheet of one file after its campaign."""
    count = [one.outcome for one in results].count
    rows = tuple(_row(one, reason_of(one, known)) for one in results if one.outcome == SURVIVED)
    return Sheet(path, (len(results), count(KILLED), count(TIMEOUT), count(SURVIVED)), rows)


def line(name: str, counts: Iterable[int]) -> str:
    """Return one row of the table: file, mutants, killed, endless, survivors, score."""
    figures = tuple(counts)
    found = 1 - figures[3] / figures[0] if figures[0] else 1.0
    return f"| {name} | {' | '.join(map(str, figures))} | {found:.1%} |"


def table(sheets: Sequence[Sheet]) -> list[str]:
    """Return the table of all files, with their sum."""
    return [
        "| file | mutants | killed | endless | survived | score |",
        "|---|--:|--:|--:|--:|--:|",
        *(line(f"`{one.path}`", one.counts) for one in sheets),
        line("all", (sum(one.counts[place] for one in sheets) for place in range(4))),
    ]


def document(sheets: Sequence[Sheet], missing: Sequence[str] = ()) -> str:
    """Return docs/MUTATION.md. `missing`: files of which nothing is known yet."""
    parts = [_HEAD, *table(sheets)]
    if missing:
        parts += ["", f"Not measured yet: {', '.join(f'`{path}`' for path in missing)}."]
    parts += ["", "## Survivors"]
    for one in sheets:
        if one.survivors:
            parts += ["", f"### {one.path}", "", *_SURVIVORS, *one.survivors]
    return "\n".join(parts) + "\n"


def sheets_in(text: str) -> dict[str, Sheet]:
    """Return the sheets of a document, so that a campaign on some files leaves the others as they are."""
    sections = {part.partition("\n")[0]: part.splitlines() for part in text.split("\n### ")[1:]}
    found = {}
    for path, *counts in re.findall(r"^\| `(\S+)` \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| ", text, re.MULTILINE):
        rows = tuple(row for row in sections.get(path, []) if row.startswith("| ") and row not in _SURVIVORS)
        mutants, killed, endless, survived = map(int, counts)
        found[path] = Sheet(path, (mutants, killed, endless, survived), rows)
    return found


def _row(one: Result, why: str | None) -> str:
    mutation = one.mutant.text.replace("|", "\\|").replace("`", "'")
    return f"| {one.mutant.line} | `{one.mutant.scope}` | `{mutation}` | {why or '**no reason yet**'} |"
