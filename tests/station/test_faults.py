"""Codes to faults, and what each does to charging."""

import pytest

from stationd import fault_table
from stationd.domain.faults import Fault, FaultCode
from stationd.station.faults import SUSPENDING, WARNINGS, Findings, blocking, ending, evse_faults


def test_an_unknown_code_is_a_hardware_fault_and_never_ignored() -> None:
    assert evse_faults(1, ("from_the_future",), Findings()) == (Fault(FaultCode.HARDWARE, 1),)


def test_an_unknown_warning_is_told_but_stops_no_energy() -> None:
    assert evse_faults(1, (), Findings(), ("from_the_future",)) == (Fault(FaultCode.HARDWARE, 1, blocking=False),)


def test_a_fault_outweighs_an_unknown_warning() -> None:
    assert evse_faults(1, ("hardware",), Findings(), ("new",)) == (Fault(FaultCode.HARDWARE, 1, blocking=True),)


def test_warnings_of_the_safety_process_stop_no_energy() -> None:
    faults = evse_faults(1, (), Findings(), tuple(fault_table.WARNINGS))
    assert {fault.code for fault in faults} == set(fault_table.WARNINGS)
    assert blocking(faults) is None


def test_faults_of_the_safety_process_all_stop_energy() -> None:
    for code in fault_table.FAULTS:
        assert blocking(evse_faults(1, (code,), Findings())) == Fault(FaultCode(code), 1)


@pytest.mark.parametrize("code", ["power_loss", "over_temperature", "proximity", "pilot_error", "ventilation"])
def test_what_passes_by_itself_suspends(code: str) -> None:
    assert ending(evse_faults(1, (code,), Findings())) is None


@pytest.mark.parametrize("code", ["emergency_stop", "door_open", "tilt", "pe_loss", "rcd_trip"])
def test_what_may_endanger_somebody_ends_the_transaction_although_it_may_pass(code: str) -> None:
    assert ending(evse_faults(1, (code,), Findings())) is not None


def test_what_lasts_until_the_cable_is_out_or_is_repaired_ends_the_transaction() -> None:
    for code, row in fault_table.FAULTS.items():
        if row.ends is not fault_table.Ends.CAUSE:
            assert ending(evse_faults(1, (code,), Findings())) is not None, code


def test_an_over_current_by_the_meter_ends_the_transaction() -> None:
    assert ending(evse_faults(1, (), Findings(over_current=True))) == Fault(FaultCode.OVER_CURRENT, 1)


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
        faults = (Fault(code, 1, blocking=code not in WARNINGS),)
        assert (ending(faults) is None) == (code in SUSPENDING | WARNINGS)
    assert ending((Fault(FaultCode.READER_LOST, 0, blocking=False),)) is None


def test_the_same_fault_is_told_once() -> None:
    assert len(evse_faults(1, ("hardware", "unheard_of", "hardware"), Findings())) == 1
