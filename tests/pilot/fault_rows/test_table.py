import pytest

from stationd.fault_table import FAULTS, WARNINGS
from tests.pilot.fault_rows import table
from tests.pilot.fault_rows.cases import CASES
from tests.pilot.fault_rows.table import Json


def seen(code: str, **more: object) -> Json:
    one = {
        "code": code, "cause": "input", "order_ms": 7.4, "parted_ms": 27.4, "named_ms": 6.1, "bound_ms": None,
        "recovery": "its end", "mode": "realtime",
    }  # fmt: skip
    return one | more


def test_the_table_in_the_document_has_every_fault_and_warning_with_its_bound_and_its_end() -> None:
    told = table.static_cells(table.DOCUMENT.read_text())
    assert told == {table.static(code) for code in FAULTS | WARNINGS}, "run `make safety-table`"


def test_a_case_names_a_fault_that_exists() -> None:
    assert {case.code for case in CASES} <= FAULTS.keys()


def test_rows_are_in_the_order_of_the_fault_table_and_openings_without_a_fault_follow() -> None:
    told = table.lines([seen("", bound_ms=50.0), seen("derated"), seen("tilt"), seen("diode")])
    assert [line.split("|")[1].strip() for line in told[2:]] == ["`diode`", "`tilt`", "`derated`", table.NO_FAULT]


@pytest.mark.parametrize(
    ("more", "cells"),
    [
        ({}, ("50 ms", "7 ms", "27 ms")),
        ({"order_ms": None, "parted_ms": None}, ("50 ms", "named after 6 ms", "-")),
        ({"bound_ms": 600.0}, ("600 ms [1]", "7 ms", "27 ms")),
    ],
)
def test_a_row_says_bound_order_and_parting(more: Json, cells: tuple[str, str, str]) -> None:
    row = [cell.strip() for cell in table.lines([seen("tilt", **more)])[2].strip("|").split("|")]
    assert (row[2], row[5], row[6]) == cells
    assert (row[1], row[3], row[4], row[7]) == ("TiltDetected", "with its cause", "input", "its end")


@pytest.mark.parametrize(
    ("modes", "words"),
    [
        (["realtime"], "ran with real"),
        (["degraded: x"], "ran without real"),
        (["realtime", "degraded"], "partly with"),
    ],
)
def test_the_caption_says_what_rights_the_process_had(modes: list[str], words: str) -> None:
    assert words in table.block([seen("tilt", mode=mode) for mode in modes])


def test_only_the_text_between_the_marks_is_replaced() -> None:
    text = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
    new = table.replaced(text, table.block([seen("tilt")]))
    assert new.startswith(f"before\n{table.BEGIN}\n")
    assert new.endswith(f"\n{table.END}\nafter\n")
    assert "old" not in new
    assert table.static_cells(new) == {table.static("tilt")}
    with pytest.raises(ValueError, match="put them back"):
        table.replaced("no marks", "x")


def test_a_fault_that_nobody_provoked_is_missed() -> None:
    rounds = [seen(code) for code in FAULTS | WARNINGS if code != "tilt"]
    assert table.missing(rounds) == ["tilt"]
