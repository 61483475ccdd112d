"""Every code of the safety process has its name here, and every fault its row."""

from stationd import fault_table
from stationd.domain.faults import BRAIN_FAULTS, FaultCode, is_pilots, row_of


def test_the_codes_are_those_of_the_safety_process_and_those_of_the_brain() -> None:
    pilots = set(fault_table.FAULTS) | set(fault_table.WARNINGS)
    assert {str(code) for code in FaultCode} == pilots | set(BRAIN_FAULTS)
    assert not pilots & set(BRAIN_FAULTS)
    assert {str(code) for code in FaultCode if is_pilots(code)} == pilots


def test_every_fault_has_a_row_of_its_own_code() -> None:
    assert [row_of(code).code for code in FaultCode] == [str(code) for code in FaultCode]


def test_names_and_advice_fit_the_messages_of_every_version() -> None:
    for code in FaultCode:
        assert 1 <= len(row_of(code).mrec) <= 50  # 1.6 info, 2.x techCode
        assert 1 <= len(row_of(code).advice) <= 500  # 2.x techInfo
