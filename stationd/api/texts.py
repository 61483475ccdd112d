"""What a fault means and what a person should do about it, one sentence each."""

from stationd.domain.faults import FaultCode, row_of


def fault_text(code: FaultCode) -> str:
    """Return the sentence of a fault."""
    return row_of(code).advice
