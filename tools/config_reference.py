"""Write the tables of docs/CONFIG.md from the schema.

    python -m tools.config_reference

Each table stands between `<!-- table: name -->` and `<!-- end -->`; the text around them is written by hand.
"""

import re
from pathlib import Path

from stationd.config.schema import KEYS, TIMING, Key, Kind
from stationd.domain import variable_table as table
from stationd.domain.variables import DataType, Mutability, VariableSpec

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "CONFIG.md"
_TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def written(document: str) -> str:
    """Return the document with every table as the schema has it."""
    return _TABLE.sub(lambda match: f"{match[1]}{_rows(match[2])}{match[3]}", document)


def table_names(document: str) -> list[str]:
    """Return the names of the tables that the document has."""
    return [match[2] for match in _TABLE.finditer(document)]


def _rows(name: str) -> str:
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    if name == "timing":
        header, rows = ("Key", "Setting", "Type and bounds", "Default"), [
            (f"`{key}`", f"`{row.name}`", _bounds_of_row(row), f"`{row.default}`") for key, row in TIMING.items()
        ]  # fmt: skip
    elif name == "settings":
        header, rows = ("Variable", "OCPP 1.6 key", "Type and bounds", "Default", "Written by"), [
            (f"`{row.name}`", f"`{row.key16}`" if row.key16 else "", _bounds_of_row(row),
             f"`{row.default}`" if row.default else "", _writer(row))
            for row in table.rows_for([(1, (1,))])
        ]  # fmt: skip
    else:
        header, rows = ("Key", "Meaning", "Type and bounds", "Default", "Example"), [
            (f"`{key.name}`", key.doc, _bounds(key), key.default, f"`{key.name} = {key.example}`")
            for key in KEYS if key.section == name
        ]  # fmt: skip
    lines = [header, tuple("---" for _ in header), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _bounds(key: Key) -> str:
    if key.choices:
        return f"{key.kind}: {', '.join(f'`{choice}`' for choice in key.choices)}"
    if key.maximum is None:
        return str(key.kind)
    return f"{key.kind}, {key.minimum} to {key.maximum}" + ("" if key.kind is Kind.INTEGER else " characters")


def _bounds_of_row(row: VariableSpec) -> str:
    parts = [str(row.data_type)]
    if row.minimum is not None and row.maximum is not None:
        parts.append(f"{row.minimum:.10g} to {row.maximum:.10g}")
        parts.append("characters" if row.data_type is DataType.STRING else row.unit or "")
    elif row.maximum is not None:
        parts.append(f"up to {row.maximum:.10g} characters")
    elif row.unit:
        parts.append(row.unit)
    if row.values:
        parts.append("of " + ", ".join(row.values))
    return " ".join(part for part in parts if part)


def _writer(row: VariableSpec) -> str:
    if row.mutability is not Mutability.READ_ONLY:
        return "CSMS, local API" if not row.version16_only else "OCPP 1.6 CSMS, local API"
    return "OCPP 1.6 CSMS" if row.mutability16 not in (None, Mutability.READ_ONLY) else "this file only"


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
