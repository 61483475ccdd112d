"""Every fault has a sentence that tells a person what to do."""

import re
from pathlib import Path

import pytest

from stationd import fault_table
from stationd.api.texts import _WAITS, fault_text, waits_text
from stationd.domain.faults import FaultCode
from stationd.pilot import machine


@pytest.mark.parametrize("code", FaultCode)
def test_every_fault_is_explained_with_a_next_step(code: FaultCode) -> None:
    text = fault_text(code)
    assert len(text) > 25
    assert ":" in text or "," in text
    assert not text.endswith(".")


@pytest.mark.parametrize("row", [*fault_table.FAULTS.values(), *fault_table.WARNINGS.values()])
def test_what_the_safety_process_finds_is_explained_in_its_own_words(row: fault_table.FaultRow) -> None:
    assert fault_text(FaultCode(row.code)) == row.advice


def test_what_the_contactor_waits_for_is_told_in_words_and_a_new_code_as_it_is() -> None:
    assert waits_text("lock") == "the plug to be locked"
    assert waits_text("the_future") == "the future"


def test_every_wait_of_the_safety_process_has_its_words() -> None:
    source = (Path(machine.__file__)).read_text()
    body = source[source.index("def _missing") : source.index("def _steady_now")]
    codes = set(re.findall(r'"([a-z_]+)"', body)) - {"fault_input"}
    assert len(codes) >= 10
    assert codes == set(_WAITS)
