import ast
from pathlib import Path

import pytest

from tests.mutation import report
from tests.mutation.campaign import Result
from tests.mutation.mutants import Mutant, mutants

PATH = "stationd/pilot/x.py"
FOUND, LIVES, ENDLESS = mutants(ast.parse("def f(a):\n    return a < 3\n"), {})[:3]


def results() -> list[Result]:
    outcomes: tuple[tuple[Mutant, str], ...] = ((FOUND, "killed"), (LIVES, "survived"), (ENDLESS, "timeout"))
    return [Result(PATH, mutant, outcome) for mutant, outcome in outcomes]


def test_the_score_is_the_share_that_was_found() -> None:
    assert report.score(results()) == pytest.approx(2 / 3)
    assert report.score([]) == 1.0
    assert report.sheet("x", results(), {}).counts == (3, 1, 1, 1)
    assert report.line("x", (3, 1, 1, 1)) == "| x | 3 | 1 | 1 | 1 | 66.7% |"


def test_a_survivor_is_listed_with_its_reason_or_with_the_lack_of_one() -> None:
    text = report.document([report.sheet(PATH, results(), {})])
    assert f"### {PATH}" in text
    assert f"| 2 | `f` | `{LIVES.text}` | **no reason yet** |" in text
    assert FOUND.text not in text
    known = {PATH: {LIVES.key: "a is never 3"}}
    assert "| a is never 3 |" in report.document([report.sheet(PATH, results(), known)])


def test_a_campaign_on_one_file_leaves_what_is_said_of_the_others() -> None:
    other = report.Sheet("stationd/pilot/y.py", (4, 4, 0, 0), ())
    sheets = [report.sheet(PATH, results(), {}), other, report.sheet("stationd/pilot/z.py", results(), {})]
    text = report.document(sheets)
    assert list(report.sheets_in(text).values()) == sheets
    assert report.document(list(report.sheets_in(text).values())) == text
    assert "| all | 10 | 6 | 2 | 2 | 80.0% |" in text
    assert "Not measured" not in text
    partly = report.document(sheets, ["stationd/pilot/w.py"])
    assert "Not measured yet: `stationd/pilot/w.py`." in partly
    assert list(report.sheets_in(partly).values()) == sheets
    assert report.sheets_in("# Mutation testing\n") == {}


def test_a_reason_without_a_survivor_is_named_if_its_file_was_looked_at() -> None:
    known = {PATH: {LIVES.key: "a", FOUND.key: "b"}, "other.py": {"f: x": "c"}}
    assert report.stale(results(), known) == [f"{PATH}: {FOUND.key}"]


def test_the_reasons_can_be_read_and_none_is_empty() -> None:
    known = report.reasons(Path(__file__).parents[2])
    assert all(why for keys in known.values() for why in keys.values())
