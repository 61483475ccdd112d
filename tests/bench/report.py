"""The table of a run, for the terminal and for docs/BENCHMARKS.md. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tests.bench.figures import Row

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
HEAD = ("measurement", "stationd", "baseline", "ratio", "goal", "verdict")


def number(value: float | None, unit: str) -> str:
    """Return a figure with three digits that count, and its unit."""
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 100:
        digits = f"{value:.0f}"
    elif abs(value) >= 10:
        digits = f"{value:.1f}"
    else:
        digits = f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"
    return f"{digits} {unit}".rstrip()


def cells(row: Row) -> tuple[str, ...]:
    """Return the cells of a row, in the order of HEAD."""
    goal = ", ".join(goal.text(row.unit) for goal in row.goals) or "-"
    return (
        row.name,
        number(row.ours, row.unit),
        number(row.baseline, row.unit),
        "-" if row.ratio is None else f"{row.ratio:.2f} x",
        goal,
        str(row.verdict),
    )


def table(rows: Sequence[Row]) -> str:
    """Return the aligned table, valid as Markdown, with the notes below it."""
    notes = list(dict.fromkeys(note for row in rows for note in row.notes))
    lines = [HEAD, *(_marked(row, notes) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    text = [_line(lines[0], widths), "|" + "|".join("-" * (width + 2) for width in widths) + "|"]
    text += [_line(line, widths) for line in lines[1:]]
    if notes:
        text += ["", *(f"{index}. {note}" for index, note in enumerate(notes, 1))]
    return "\n".join(text) + "\n"


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows for a program."""
    return [{**asdict(row), "ratio": row.ratio, "verdict": str(row.verdict)} for row in rows]


def between_markers(document: str, text: str) -> str:
    """Return the document with what stands between its markers replaced.

    Raises:
        ValueError: the markers are missing or in the wrong order.
    """
    head, begin, rest = document.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"cannot write the figures: the document lacks the lines {BEGIN} and {END}; add them")
    return f"{head}{BEGIN}\n\n{text.strip()}\n\n{END}{tail}"


def _marked(row: Row, notes: Sequence[str]) -> tuple[str, ...]:
    name, *others = cells(row)
    numbers = ", ".join(str(notes.index(note) + 1) for note in row.notes)
    return (f"{name} ({numbers})" if numbers else name, *others)


def _line(line: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (cell.ljust(width) if column == 0 else cell.rjust(width)
                      for column, (cell, width) in enumerate(zip(line, widths, strict=True)))  # fmt: skip
    return "| " + " | ".join([first, *others]) + " |"
