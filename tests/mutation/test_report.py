import ast
from pathlib import Path

import pytest

from tests.mutation import report
from tests.mutation.campaign import Result
from tests.mutation.mutants import Mutant, mutants

FOUND, LIVES, ENDLESS = mutants(ast.parse("def f(a):\n    return a < 3\n"), {})[:3]


def results() -> list[Result]:
    outcomes: tuple[tuple[Mutant, str], ...] = ((FOUND, "killed"), (LIVES, "survived"), (ENDLESS, "timeout"))
    return [Result("stationd/pilot/x.py", mutant, outcome) for mutant, outcome in outcomes]


def test_the_score_is_the_share_that_was_found() -> None:
    assert report.score(results()) == pytest.approx(2 / 3)
    assert report.score([]) == 1.0
    assert report.line("x", results()) == "| x | 3 | 1 | 1 | 1 | 66.7% |"


def test_a_survivor_is_listed_with_its_reason_or_with_the_lack_of_one() -> None:
    text = report.document(results(), {})
    assert "### stationd/pilot/x.py" in text
    assert f"| 2 | `f` | `{LIVES.text}` | **no reason yet** |" in text
    known = {"stationd/pilot/x.py": {LIVES.key: "a is never 3"}}
    assert "| a is never 3 |" in report.document(results(), known)
    assert FOUND.text not in text


def test_a_reason_without_a_survivor_is_named() -> None:
    known = {"stationd/pilot/x.py": {LIVES.key: "a", FOUND.key: "b"}, "gone.py": {"f: x": "c"}}
    assert report.stale(results(), known) == [f"stationd/pilot/x.py: {FOUND.key}", "gone.py: f: x"]


def test_the_reasons_can_be_read_and_none_is_empty() -> None:
    known = report.reasons(Path(__file__).parents[2])
    assert all(why for keys in known.values() for why in keys.values())
