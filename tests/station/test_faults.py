"""Codes to faults, and what each does to charging."""

from stationd.domain.faults import Fault, FaultCode
from stationd.station.faults import SUSPENDING, Findings, blocking, ending, evse_faults


def test_an_unknown_code_is_a_hardware_fault_and_never_ignored() -> None:
    assert evse_faults(1, ("from_the_future",), Findings()) == (Fault(FaultCode.HARDWARE, 1),)


def test_each_finding_of_the_brain_is_a_fault() -> None:
    found = Findings(pilot_lost=True, meter_lost=True, storage_failed=True)
    codes = {fault.code for fault in evse_faults(2, (), found)}
    assert codes == {FaultCode.PILOT_LOST, FaultCode.METER_LOST, FaultCode.STORAGE_FAILED}


def test_a_lost_meter_blocks_a_start_but_not_a_running_transaction() -> None:
    idle = evse_faults(1, (), Findings(meter_lost=True))
    running = evse_faults(1, (), Findings(meter_lost=True, metered_transaction=True))
    assert blocking(idle) is not None
    assert blocking(running) is None


def test_every_blocking_fault_ends_a_transaction_unless_it_may_pass() -> None:
    for code in FaultCode:
        faults = (Fault(code, 1),)
        assert (ending(faults) is None) == (code in SUSPENDING)
    assert ending((Fault(FaultCode.READER_LOST, 0, blocking=False),)) is None


def test_the_same_fault_is_told_once() -> None:
    assert len(evse_faults(1, ("hardware", "unheard_of", "hardware"), Findings())) == 1
