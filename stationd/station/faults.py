"""Faults: codes of the safety process and what the brain finds itself, and what each does to charging. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from stationd.domain.faults import Fault, FaultCode

WARNINGS = frozenset({FaultCode.READER_LOST})
"""No energy is stopped for these."""

SUSPENDING = frozenset(
    {
        FaultCode.OVER_TEMPERATURE,
        FaultCode.PILOT_ERROR,
        FaultCode.PROXIMITY,
        FaultCode.VENTILATION,
        FaultCode.PILOT_LOST,
        FaultCode.METER_LOST,
    }
)
"""Often gone by themselves: the transaction waits for that. Every other blocking fault ends it (E06.FR.16)."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the brain sees of one EVSE beyond the codes of the safety process."""

    pilot_lost: bool = False
    meter_lost: bool = False
    metered_transaction: bool = False
    """A transaction runs: a meter lost in it is a warning, as the bill has its register's last good value."""
    storage_failed: bool = False


def evse_faults(evse_id: int, codes: Iterable[str], found: Findings) -> tuple[Fault, ...]:
    """Return the faults of one EVSE in force."""
    faults = {fault_code(code): code for code in codes}
    if found.pilot_lost:
        faults[FaultCode.PILOT_LOST] = ""
    if found.storage_failed:
        faults[FaultCode.STORAGE_FAILED] = ""
    if found.meter_lost:
        faults[FaultCode.METER_LOST] = ""
    warnings = WARNINGS | ({FaultCode.METER_LOST} if found.metered_transaction else set())
    return tuple(Fault(code, evse_id, blocking=code not in warnings) for code in sorted(faults))


def fault_code(code: str) -> FaultCode:
    """Return the fault of a code from the safety process; one we do not know is a hardware fault, never ignored."""
    try:
        return FaultCode(code)
    except ValueError:
        return FaultCode.HARDWARE


def blocking(faults: Iterable[Fault]) -> Fault | None:
    """Return the first fault under which no energy may flow."""
    return next((fault for fault in faults if fault.blocking), None)


def ending(faults: Iterable[Fault]) -> Fault | None:
    """Return the first fault that ends a running transaction."""
    return next((fault for fault in faults if fault.blocking and fault.code not in SUSPENDING), None)
