"""Every fault has a sentence that tells a person what to do."""

import pytest

from stationd import fault_table
from stationd.api.texts import fault_text
from stationd.domain.faults import FaultCode


@pytest.mark.parametrize("code", FaultCode)
def test_every_fault_is_explained_with_a_next_step(code: FaultCode) -> None:
    text = fault_text(code)
    assert len(text) > 25
    assert ":" in text or "," in text
    assert not text.endswith(".")


@pytest.mark.parametrize("row", [*fault_table.FAULTS.values(), *fault_table.WARNINGS.values()])
def test_what_the_safety_process_finds_is_explained_in_its_own_words(row: fault_table.FaultRow) -> None:
    assert fault_text(FaultCode(row.code)) == row.advice
