"""Faults: codes of the safety process and what the brain finds itself, and what each does to charging. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stationd import fault_table
from stationd.domain.faults import Fault, FaultCode

WARNINGS = frozenset({FaultCode.READER_LOST, *map(FaultCode, fault_table.WARNINGS)})
"""No energy is stopped for these."""

SUSPENDING = frozenset(
    {
        FaultCode.METER_LOST,
        FaultCode.OVER_TEMPERATURE,
        FaultCode.PILOT_ERROR,
        FaultCode.PILOT_LOST,
        FaultCode.POWER_LOSS,
        FaultCode.PROXIMITY,
        FaultCode.VENTILATION,
    }
)
"""The transaction waits for the end of these: they come and go by themselves, nobody has to look at the station first,
and the driver wants the rest of the charge (mains that return, terminals that cool down, a plug that moved). Should the
board go down while the mains are away, what happens to the transaction is decided at its next start.

Every other blocking fault ends it (OCPP 2.0.1 E06.FR.16), for one of three reasons:

- somebody may be in danger, so power must not return without a new authorisation, even if the cause goes by itself:
  emergency_stop, door_open, tilt, pe_loss, rcd_trip;
- it lasts until the cable is out, so this transaction could never go on: contactor_failed, diode, lock_failed,
  over_current, rcd_self_test;
- it needs a repair or a technician's reset, and the driver should be told that it is over: contactor_welded, hardware,
  phase_switch, restart_loop, storage_failed (nothing more could be billed).
"""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the brain sees of one EVSE beyond the codes of the safety process."""

    pilot_lost: bool = False
    meter_lost: bool = False
    metered_transaction: bool = False
    """A transaction runs: a meter lost in it is a warning, as the bill has its register's last good value."""
    storage_failed: bool = False
    over_current: bool = False
    """By the meter, where stationd-pilot measures no current."""


def evse_faults(evse_id: int, codes: Iterable[str], found: Findings, warnings: Iterable[str] = ()) -> tuple[Fault, ...]:
    """Return the faults of one EVSE in force, `codes` and `warnings` being those of the safety process.

    The list that a code came in decides what a code unknown here does: a new warning stops no energy.
    """
    blocks: dict[FaultCode, bool] = {}
    for code in warnings:
        blocks[fault_code(code)] = False
    for code in codes:
        known = fault_code(code)
        blocks[known] = known not in WARNINGS
    blocks |= {code: True for code, holds in _found(found).items() if holds}
    if found.meter_lost:
        blocks[FaultCode.METER_LOST] = not found.metered_transaction
    return tuple(Fault(code, evse_id, blocking=blocks[code]) for code in sorted(blocks))


def _found(found: Findings) -> Mapping[FaultCode, bool]:
    return {
        FaultCode.OVER_CURRENT: found.over_current,
        FaultCode.PILOT_LOST: found.pilot_lost,
        FaultCode.STORAGE_FAILED: found.storage_failed,
    }


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
