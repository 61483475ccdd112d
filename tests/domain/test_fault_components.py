"""Where each fault is in the device model."""

from stationd.domain.fault_components import COMPONENTS, OF_CONNECTOR, OF_EVSE, OF_STATION, Place, place_of, problems
from stationd.domain.faults import Fault, FaultCode


def test_every_fault_has_a_component() -> None:
    assert set(COMPONENTS) == set(FaultCode)


def test_a_place_names_connector_evse_or_station() -> None:
    assert place_of(FaultCode.LOCK_FAILED, 2) == Place("ConnectorPlugRetentionLock", 2, 1)
    assert place_of(FaultCode.RCD_TRIP, 2) == Place("RCD", 2)
    assert place_of(FaultCode.READER_LOST, 0) == Place("TokenReader")


def test_every_component_is_of_some_tier() -> None:
    assert set(COMPONENTS.values()) == OF_CONNECTOR | OF_EVSE | OF_STATION


def test_two_faults_of_one_component_are_one_problem() -> None:
    faults = (Fault(FaultCode.RCD_TRIP, 1), Fault(FaultCode.RCD_SELF_TEST, 1), Fault(FaultCode.RCD_TRIP, 2))
    assert problems(faults) == {Place("RCD", 1), Place("RCD", 2)}
