"""Rows that follow from what the station sees."""

from stationd.domain.variable_table import CLOCK_DATE_TIME, STATION_STATE
from stationd.domain.variables import Origin
from tests.station.harness import bench


async def test_states_and_time_are_those_of_now() -> None:
    async with bench(2) as b:
        evse = b.settings.find("EVSE", "AvailabilityState", evse_id=2)
        connector = b.settings.find("Connector", "AvailabilityState", evse_id=2, connector_id=1)
        other = b.settings.find("EVSE", "AvailabilityState", evse_id=1)
        assert evse is not None
        assert connector is not None
        assert other is not None
        await b.plug_in(2)
        assert [b.settings.text(spec) for spec in (evse, connector, other)] == ["Occupied", "Occupied", "Available"]
        assert b.settings.text(STATION_STATE) == "Available"
        assert b.settings.text(CLOCK_DATE_TIME) == "2026-01-01T12:00:00.000Z"
        assert b.settings.origin(evse) is Origin.STATE
