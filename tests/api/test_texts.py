"""Every fault has a sentence that tells a person what to do."""

import pytest

from stationd.api.texts import fault_text
from stationd.domain.faults import FaultCode


@pytest.mark.parametrize("code", FaultCode)
def test_every_fault_is_explained_with_a_next_step(code: FaultCode) -> None:
    text = fault_text(code)
    assert len(text) > 30
    assert ":" in text or "," in text
    assert not text.endswith(".")
