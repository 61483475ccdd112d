"""Words the outcome: a line per file, and docs/MUTATION.md with every survivor and why it may live."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
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
    """Return reasons of mutants that do not survive, or are not made any more."""
    living = {(one.path, one.mutant.key) for one in results if one.outcome == SURVIVED}
    return [f"{path}: {key}" for path, keys in known.items() for key in keys if (path, key) not in living]


def score(results: Iterable[Result]) -> float:
    """Return the share that was found; 1 of nothing."""
    outcomes = [one.outcome for one in results]
    return 1.0 if not outcomes else 1 - outcomes.count(SURVIVED) / len(outcomes)


def line(name: str, results: Sequence[Result]) -> str:
    """Return one row of the table: file, mutants, killed, endless, survivors, score."""
    count = [one.outcome for one in results].count
    figures = (len(results), count(KILLED), count(TIMEOUT), count(SURVIVED))
    return f"| {name} | {' | '.join(map(str, figures))} | {score(results):.1%} |"


def table(results: Sequence[Result]) -> list[str]:
    """Return the table of all files, with their sum."""
    paths = dict.fromkeys(one.path for one in results)
    return [
        "| file | mutants | killed | endless | survived | score |",
        "|---|--:|--:|--:|--:|--:|",
        *(line(f"`{path}`", [one for one in results if one.path == path]) for path in paths),
        line("all", results),
    ]


def document(results: Sequence[Result], known: Reasons) -> str:
    """Return docs/MUTATION.md."""
    parts = [_HEAD, *table(results), "", "## Survivors", ""]
    path = ""
    for one in results:
        if one.outcome != SURVIVED:
            continue
        if one.path != path:
            path = one.path
            parts += [f"### {path}", "", "| line | where | mutation | why it may live |", "|--:|---|---|---|"]
        why = reason_of(one, known) or "**no reason yet**"
        mutation = one.mutant.text.replace("|", "\\|").replace("`", "'")
        parts.append(f"| {one.mutant.line} | `{one.mutant.scope}` | `{mutation}` | {why} |")
    return "\n".join(_spaced(parts)) + "\n"


def _spaced(parts: list[str]) -> list[str]:
    """Return the lines with an empty one before each heading."""
    spaced: list[str] = []
    for part in parts:
        if part.startswith("### ") and spaced and spaced[-1]:
            spaced.append("")
        spaced.append(part)
    return spaced
