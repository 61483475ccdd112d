"""How the command line shows things: tables for people, JSON for scripts, colours only on terminals."""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

_COLOURS = {"green": "32", "yellow": "33", "red": "31", "grey": "90", "bold": "1"}
_STATUS = {
    "Available": "green", "Occupied": "yellow", "Charging": "green", "Faulted": "red", "Unavailable": "red",
    "connected": "green", "offline": "yellow", "Accepted": "green", "Rejected": "red", "Pending": "yellow",
}  # fmt: skip


def coloured() -> bool:
    """Tell whether standard output wants colours (https://no-color.org)."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str | None) -> str:
    """Colour a text where that helps."""
    if colour is None or not coloured():
        return text
    return f"\033[{_COLOURS[colour]}m{text}\033[0m"


def status(word: str) -> str:
    """Colour a status word by its meaning."""
    return paint(word, _STATUS.get(word))


def as_json(value: Any) -> str:
    """Return one JSON text for scripts."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def table(rows: Sequence[Sequence[Any]], headers: Sequence[str], *, right: frozenset[int] = frozenset()) -> str:
    """Return an aligned table; columns in `right` are flushed right. Cells are plain text."""
    cells = [[_text(cell) for cell in row] for row in rows]
    widths = [max([len(headers[i])] + [len(row[i]) for row in cells]) for i in range(len(headers))]
    lines = [paint(_line(headers, widths, right), "grey")]
    lines += [_line(row, widths, right) for row in cells]
    return "\n".join(lines)


def pairs(items: Sequence[tuple[str, Any]]) -> str:
    """Return `name  value` lines; empty values are left out."""
    shown = [(name, _text(value)) for name, value in items if value not in (None, "", [], ())]
    width = max((len(name) for name, _ in shown), default=0)
    return "\n".join(f"{paint(name.ljust(width), 'grey')}  {value}" for name, value in shown)


def energy(wh: float | None) -> str:
    """Return energy as kWh, to the Wh."""
    return "-" if wh is None else f"{wh / 1000:.3f} kWh"


def power(watts: float | None) -> str:
    """Return power in the unit a person would use."""
    if watts is None:
        return "-"
    return f"{watts / 1000:.2f} kW" if abs(watts) >= 1000 else f"{watts:.0f} W"


def amps(value: float | None) -> str:
    """Return a current."""
    return "-" if value is None else f"{value:.1f} A"


def duration(seconds: float | None) -> str:
    """Return a duration as 1d 2h 3min or 4 min 5 s."""
    if seconds is None:
        return "-"
    whole = int(seconds)
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, secs = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {secs:02} s" if minutes else f"{secs} s"


def _text(cell: Any) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    # control characters in remote text must not steer the terminal
    return "".join(c if c.isprintable() or c == "\033" else "?" for c in str(cell))


def _line(cells: Sequence[str], widths: Sequence[int], right: frozenset[int]) -> str:
    parts = [
        cell.rjust(width) if i in right else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(parts).rstrip()
