"""Rows that follow from what the station sees."""

from stationd.domain.auth_list import ListEntry, ListUpdate, UpdateKind
from stationd.domain.id_token import AuthorizationStatus, IdTokenInfo
from stationd.domain.variable_table import (
    AUTH_CACHE_STORAGE,
    CLOCK_DATE_TIME,
    LOCAL_LIST_ENTRIES,
    LOCAL_LIST_STORAGE,
    STATION_STATE,
)
from stationd.domain.variables import Origin
from tests.station.harness import ANNA, BERT, bench


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


async def test_what_is_stored_of_tokens_is_told_as_it_is_now_d01_fr_12() -> None:
    rows = (LOCAL_LIST_ENTRIES, LOCAL_LIST_STORAGE, AUTH_CACHE_STORAGE)
    async with bench() as b:
        assert [b.settings.text(row) for row in rows] == ["0", "0", "0"]
        accepted = IdTokenInfo(AuthorizationStatus.ACCEPTED)
        entries = (ListEntry(ANNA, accepted), ListEntry(BERT, accepted))
        await b.station.update_local_list(ListUpdate(1, UpdateKind.FULL, entries))
        await b.swipe()
        assert [b.settings.text(row) for row in rows] == ["2", "200", "100"]
