"""Rows of the table of settings that follow from what the station sees (AvailabilityState, DateTime)."""

from collections.abc import Callable
from functools import partial

from stationd.domain.events import ConnectorSnapshot
from stationd.domain.fault_components import Place, problems
from stationd.domain.faults import Fault
from stationd.domain.variable_table import (
    AUTH_CACHE_STORAGE,
    CLOCK_DATE_TIME,
    LOCAL_LIST_ENTRIES,
    LOCAL_LIST_STORAGE,
    PROBLEM,
    STATION_STATE,
)
from stationd.domain.variables import VariableSpec
from stationd.station.parts import Parts
from stationd.station.ports import AuthListStore, SettingsPort, TokenStore
from stationd.station.timekeeper import rfc3339


def compute_rows(
    parts: Parts,
    connectors: Callable[[], tuple[ConnectorSnapshot, ...]],
    station: Callable[[], ConnectorSnapshot],
    faults: Callable[[], tuple[Fault, ...]],
) -> None:
    """Connect the rows with their sources."""
    settings = parts.settings
    settings.compute(CLOCK_DATE_TIME, lambda: rfc3339(parts.timing.clock.now()))
    settings.compute(STATION_STATE, lambda: station().status.value)
    for row in [spec for spec in settings.specs() if spec.variable == PROBLEM]:
        settings.compute(row, partial(_problem, row, faults))
    for index, snapshot in enumerate(connectors()):

        def state(index: int = index) -> str:
            return connectors()[index].status.value

        evse_id, connector_id = snapshot.evse_id, snapshot.connector_id
        of_evse = settings.find("EVSE", "AvailabilityState", evse_id=evse_id)
        of_connector = settings.find("Connector", "AvailabilityState", evse_id=evse_id, connector_id=connector_id)
        for spec in (of_evse, of_connector):
            if spec is not None:
                settings.compute(spec, state)


def compute_token_rows(settings: SettingsPort, cache: TokenStore, auth_list: AuthListStore) -> None:
    """Connect the rows that tell how much is stored of tokens (OCPP 2.0.1 D01.FR.12)."""
    settings.compute(AUTH_CACHE_STORAGE, lambda: str(cache.size_bytes))
    settings.compute(LOCAL_LIST_ENTRIES, lambda: str(auth_list.summary.entries))
    settings.compute(LOCAL_LIST_STORAGE, lambda: str(auth_list.summary.size_bytes))


def _problem(row: VariableSpec, faults: Callable[[], tuple[Fault, ...]]) -> str:
    place = Place(row.component, row.evse_id, row.connector_id)
    return "true" if place in problems(faults()) else "false"
