from datetime import UTC, datetime
from typing import Any

import pytest

from stationd.domain.answers import Acknowledged
from stationd.domain.events import ConnectorStatusChanged
from stationd.domain.states import ConnectorStatus, OperationalStatus
from stationd.ocpp.v201 import availability
from stationd.station.ports import ChangeOutcome
from tests.fakes.station import FakeStation, snapshot
from tests.ocpp.v201.support import context, on_the_wire, request


@pytest.mark.parametrize("status", list(ConnectorStatus))
def test_a_status_is_told_with_the_time_of_its_change_g01_fr_01(status: ConnectorStatus) -> None:
    changed = snapshot(2, status=status, changed_at=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))
    outgoing = availability.status_to_wire(context(), ConnectorStatusChanged(changed))
    assert outgoing is not None
    assert outgoing.action == "StatusNotification"
    assert request("v201", outgoing) == {
        "timestamp": "2026-03-04T05:06:07Z",
        "connectorStatus": str(status),
        "evseId": 2,
        "connectorId": 1,
    }
    assert outgoing.read({}) == Acknowledged()


def test_the_station_itself_has_no_status_in_2_x() -> None:
    assert availability.status_to_wire(context(), ConnectorStatusChanged(snapshot(0))) is None


@pytest.mark.parametrize(
    ("evse", "evse_id", "connector_id"),
    [(None, None, None), ({"id": 2}, 2, None), ({"id": 1, "connectorId": 1}, 1, 1)],
)
async def test_station_evse_and_connector_can_be_made_inoperative_g03_g04(
    evse: dict[str, int] | None, evse_id: int | None, connector_id: int | None
) -> None:
    station = FakeStation()
    asked: dict[str, Any] = {"operationalStatus": "Inoperative"} | ({} if evse is None else {"evse": evse})
    response = await availability.change(context(station), on_the_wire("v201", "ChangeAvailabilityRequest", asked))
    assert on_the_wire("v201", "ChangeAvailabilityResponse", response) == {"status": "Accepted"}
    arguments = {"status": OperationalStatus.INOPERATIVE, "evse_id": evse_id, "connector_id": connector_id}
    assert station.calls == [("change_availability", arguments)]


@pytest.mark.parametrize("outcome", list(ChangeOutcome))
async def test_the_station_s_decision_is_told_g03_fr_03_g03_fr_05(outcome: ChangeOutcome) -> None:
    station = FakeStation(availability=outcome)
    response = await availability.change(context(station), {"operationalStatus": "Operative"})
    assert on_the_wire("v201", "ChangeAvailabilityResponse", response) == {"status": str(outcome)}


@pytest.mark.parametrize(
    ("evse", "reason"),
    [({"id": 0}, "UnknownEvse"), ({"id": 7}, "UnknownEvse"), ({"id": 1, "connectorId": 2}, "UnknownConnectorId")],
)
async def test_an_unknown_place_is_rejected_without_asking_the_station(evse: dict[str, int], reason: str) -> None:
    station = FakeStation()
    response = await availability.change(context(station), {"operationalStatus": "Operative", "evse": evse})
    told = on_the_wire("v201", "ChangeAvailabilityResponse", response)
    assert told == {"status": "Rejected", "statusInfo": {"reasonCode": reason}}
    assert station.calls == []
