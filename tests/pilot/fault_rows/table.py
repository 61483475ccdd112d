"""The table of faults in docs/SAFETY.md: columns that follow from the fault table, and figures that were measured."""

from collections.abc import Iterable, Sequence
from typing import Any

from stationd.fault_table import FAULTS, WARNINGS, FaultRow
from tests.pilot.station import ROOT

Json = dict[str, Any]
DOCUMENT = ROOT / "docs" / "SAFETY.md"
BEGIN, END = "<!-- begin: table of faults -->", "<!-- end: table of faults -->"
HEAD = (
    "code", "ChargeX name", "bound", "ends", "provoked by", "order after", "contacts parted after", "seen to end by",
)  # fmt: skip
STATIC = 4
"""So many columns are the same in every measurement."""
NO_FAULT, OWN_BOUND = "(no fault)", "[1]"
ROWS: dict[str, FaultRow] = FAULTS | WARNINGS


def static(code: str) -> tuple[str, str, str, str]:
    """Return code, name, bound and end of a row of the fault table."""
    row = ROWS[code]
    bound = f"{row.within_ms} ms" if row.within_ms else "first status"
    return f"`{code}`", row.mrec, bound, row.ends.value


def lines(rounds: Iterable[Json]) -> list[str]:
    """Return the table, in the order of the fault table; openings without a fault at its end."""
    order = [*ROWS, ""]
    told = sorted(rounds, key=lambda one: order.index(one["code"]))
    return [_line(HEAD), _line(["---"] * len(HEAD)), *(_line(_cells(one)) for one in told)]


def block(rounds: Sequence[Json]) -> str:
    """Return what stands between the marks: how it was measured, and the table."""
    modes = {one["mode"] for one in rounds}
    rights = "with" if modes == {"realtime"} else "without" if "realtime" not in modes else "partly with"
    caption = f"""Measured in {len(rounds)} rounds on a shared x86-64 machine, busy with other work; the safety process
ran {rights} real-time rights, and the simulated physics had them too, where allowed. A round in which the machine stood
still was repeated. The bound is that of the order to open, for a warning that of its mention; the contacts of the
simulated contactor take 20 ms. Where nothing had to be opened, it says how long it took until the fault was named.
[1]: `pilot_stuck_ms` of the profile, and 100 ms."""
    return "\n".join(["", caption, "", *lines(rounds), ""])


def replaced(text: str, inner: str) -> str:
    """Return the document with this between the marks."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    if not rest or not tail:
        raise ValueError(f"cannot find the marks of the table in {DOCUMENT}: put them back")
    return f"{head}{BEGIN}\n{inner}\n{END}{tail}"


def missing(rounds: Iterable[Json]) -> list[str]:
    """Return the codes of the fault table that nobody provoked."""
    return sorted(ROWS.keys() - {one["code"] for one in rounds})


def static_cells(text: str) -> set[tuple[str, ...]]:
    """Return code, name, bound and end of all rows of the document's table that are faults or warnings."""
    inner = text.partition(BEGIN)[2].partition(END)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in inner.splitlines() if line[:1] == "|"]
    return {tuple(row[:STATIC]) for row in rows[2:] if row[0] != NO_FAULT and OWN_BOUND not in row[2]}


def _cells(one: Json) -> list[str]:
    code, order_ms, parted_ms = one["code"], one["order_ms"], one["parted_ms"]
    own = one["bound_ms"]
    if code:
        head = list(static(code))
        if own is not None:
            head[2] = f"{own:.0f} ms {OWN_BOUND}"
    else:
        head = [NO_FAULT, "-", f"{own:.0f} ms", "-"]
    order = "no order" if one["named_ms"] is None else f"named after {_ms(one['named_ms'])}"
    if order_ms is not None:
        order = _ms(order_ms)
    return [*head, one["cause"], order, "-" if parted_ms is None else _ms(parted_ms), one["recovery"]]


def _ms(value: float) -> str:
    return f"{value:.0f} ms"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
