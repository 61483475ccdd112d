import json

import pytest

from tests.bench.figures import Goal, Of, Row
from tests.bench.report import BEGIN, END, as_json, between_markers, number, table

ROWS = [
    Row(name="short", unit="ms", ours=250.4, baseline=191.0, goals=(Goal(0.9, Of.RATIO),), notes=("One.", "Two.")),
    Row(name="a longer name", unit="%", ours=1.5, goals=(Goal(2),), notes=("Two.",)),
    Row(name="none", unit="kB", ours=None, goals=(Goal(30),)),
]


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.6, "1235 ms"), (99.96, "100.0 ms"), (12.34, "12.3 ms"), (1.234, "1.23 ms"), (0.0123, "0.012 ms"),
     (0.0, "0 ms"), (-1.5, "-1.50 ms"), (None, "-")],
)  # fmt: skip
def test_numbers_have_the_digits_that_count(value: float | None, text: str) -> None:
    assert number(value, "ms") == text


def test_a_number_without_a_unit_has_no_blank_behind_it() -> None:
    assert number(3.0, "") == "3.00"


def test_every_line_of_the_table_is_equally_wide() -> None:
    lines = table(ROWS).split("\n\n")[0].splitlines()
    assert len(lines) == 2 + len(ROWS)
    assert len({len(line) for line in lines}) == 1


def test_the_table_says_plainly_what_was_missed_and_what_was_not_measured() -> None:
    lines = table(ROWS).splitlines()
    assert [cell.strip() for cell in lines[2].strip("|").split("|")] == [
        "short (1, 2)", "250 ms", "191 ms", "1.31 x", "≤ 0.9 x", "MISSED",
    ]  # fmt: skip
    assert lines[3].rstrip(" |").endswith("met")
    assert lines[4].rstrip(" |").endswith("not measured")


def test_each_note_is_printed_once() -> None:
    assert table(ROWS).endswith("\n\n1. One.\n2. Two.\n")


def test_the_rows_for_programs_hold_the_judgement() -> None:
    first, *_ = json.loads(json.dumps(as_json(ROWS)))
    assert first["verdict"] == "MISSED"
    assert first["ratio"] == pytest.approx(1.311, abs=0.001)


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    document = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert between_markers(document, "new\n") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"


@pytest.mark.parametrize("document", ["nothing", BEGIN, END, f"{END}{BEGIN}"])
def test_a_document_without_its_markers_is_refused(document: str) -> None:
    with pytest.raises(ValueError, match="lacks the lines"):
        between_markers(document, "new")
