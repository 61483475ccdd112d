import pytest
from hypothesis import given

from stationd.domain.events import FaultEvent
from stationd.domain.faults import FaultCode
from stationd.ocpp.v21 import diagnostics
from stationd.ocpp.v21.routes import VERSION
from stationd.ocpp.v201 import diagnostics as v201
from tests.ocpp.v201.strategies import fault_events, unhurried
from tests.ocpp.v201.support import context, request
from tests.ocpp.v201.test_diagnostics import fault


@pytest.mark.parametrize(
    ("code", "severity"),
    [
        (FaultCode.RCD_TRIP, 0),
        (FaultCode.CONTACTOR_FAILED, 1),
        (FaultCode.PILOT_LOST, 2),
        (FaultCode.OVER_CURRENT, 4),
    ],
)
def test_a_fault_has_the_severity_that_the_station_gives_it_n07_fr_21(code: FaultCode, severity: int) -> None:
    outgoing = diagnostics.fault_to_wire(context(), fault(code))
    assert request("v21", outgoing)["eventData"][0]["severity"] == severity


@pytest.mark.parametrize("code", FaultCode)
def test_what_stops_no_energy_is_a_warning_n07_fr_21(code: FaultCode) -> None:
    assert diagnostics.severity(fault(code, blocking=False)) == 6


@unhurried
@given(fault_events)
def test_all_else_is_as_in_201_and_fits_the_schema(event: FaultEvent) -> None:
    payload = request("v21", diagnostics.fault_to_wire(context(), event))
    validator = VERSION.request_validator("NotifyEvent")
    assert validator is not None
    validator(payload)
    del payload["eventData"][0]["severity"]
    assert payload == request("v201", v201.fault_to_wire(context(), event))
