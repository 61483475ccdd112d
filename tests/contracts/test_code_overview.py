"""The "where is…" table of docs/CODE_OVERVIEW.md is true."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from stationd.ocpp.v16.routes import ROUTES as ROUTES_16
from stationd.ocpp.v21.routes import ROUTES as ROUTES_21
from stationd.ocpp.v201.routes import ROUTES as ROUTES_201
from stationd.ocpp.version import Handler

ROOT = Path(__file__).parents[2]
OVERVIEW = (ROOT / "docs/CODE_OVERVIEW.md").read_text()
COLUMNS = {"v16": 1, "v201": 2, "v21": 3}


def _rows() -> dict[str, list[str]]:
    table = OVERVIEW.split("## Where is…")[1].split("\n\nPaths of versions")[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("| ")
    ]
    return {row[0]: row for row in cells if row[0] not in ("action",)}


@pytest.mark.parametrize(("version", "routes"), [("v16", ROUTES_16), ("v201", ROUTES_201), ("v21", ROUTES_21)])
def test_every_handled_action_is_listed_with_the_file_of_its_handler(
    version: str, routes: Mapping[str, Handler]
) -> None:
    rows = _rows()
    for action, handler in routes.items():
        _, _, folder, module = handler.__module__.split(".")[:4]
        assert action in rows, f"{action} has no row"
        assert f"`{folder}/{module}.py`" in rows[action][COLUMNS[folder]], (
            f"{action}: {folder}/{module}.py is not named"
        )


@pytest.mark.parametrize("version", ["v16", "v201"])
def test_every_sent_action_is_listed_with_the_file_that_writes_it(version: str) -> None:
    rows = _rows()
    sent = _sent(version)
    assert len(sent) >= 8
    for action, module in sent:
        assert action in rows, f"{action} has no row"
        assert f"`{version}/{module}`" in rows[action][COLUMNS[version]], f"{action}: {version}/{module} is not named"


def test_every_block_that_differs_in_21_is_named() -> None:
    differing = {path.name for path in (ROOT / "stationd/ocpp/v21").glob("*.py")} - {
        "__init__.py",
        "routes.py",
        "wire.py",
    }
    assert differing
    for name in differing:
        assert any(f"`v21/{name}`" in row[COLUMNS["v21"]] for row in _rows().values()), name


def _sent(version: str) -> set[tuple[str, str]]:
    """Return (action, file) of every `Outgoing("Action", …)` in a version folder."""
    found = set()
    for path in (ROOT / "stationd/ocpp" / version).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Outgoing":
                first = node.args[0] if node.args else next(k.value for k in node.keywords if k.arg == "action")
                assert isinstance(first, ast.Constant), f"{path}: an action that is not written out cannot be found"
                found.add((str(first.value), path.name))
    return found


def test_every_path_named_exists() -> None:
    named = set(re.findall(r"`((?:[\w]+/)+[\w.]*)`", OVERVIEW))
    assert len(named) > 60
    missing = [
        path
        for path in sorted(named)
        if not any((ROOT / base / path).exists() for base in ("", "stationd", "stationd/ocpp"))
    ]
    assert missing == []
