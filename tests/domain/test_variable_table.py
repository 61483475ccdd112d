"""The table of settings itself."""

from collections import Counter

import pytest

from stationd.domain import variable_table as table
from stationd.domain.variable_values import normalised
from stationd.domain.variables import DataType, Mutability, VariableSpec


def test_the_table_of_a_station_has_each_name_and_each_16_key_once() -> None:
    rows = table.rows_for([(1, (1,)), (2, (1, 2))])
    assert max(Counter(row.name.casefold() for row in rows).values()) == 1
    assert max(Counter(row.key16.casefold() for row in rows if row.key16).values()) == 1


def test_rows_of_evses_and_connectors_are_filled_in() -> None:
    names = {row.name for row in table.rows_for([(1, (1,)), (2, (1, 2))])}
    assert {"EVSE[evse:1].Power", "EVSE[evse:2].AvailabilityState"} <= names
    assert {"Connector[evse:1,connector:1].ConnectorType", "Connector[evse:2,connector:2].Available"} <= names
    assert "Connector[evse:1,connector:2].Available" not in names
    assert "EVSE.Power" not in names


def test_a_component_that_a_board_lacks_has_no_rows() -> None:
    rows = table.rows_for([(1, (1,)), (2, (1,))], {1: {"RCD", "ConnectorPlugRetentionLock"}})
    names = {row.name for row in rows if row.variable == table.PROBLEM}
    assert {"RCD[evse:2].Problem", "ConnectorPlugRetentionLock[evse:2,connector:1].Problem"} <= names
    assert {"PowerContactor[evse:1].Problem", "Connector[evse:1,connector:1].Problem", "Controller.Problem"} <= names
    assert not {"RCD[evse:1].Problem", "ConnectorPlugRetentionLock[evse:1,connector:1].Problem"} & names


def test_16_rows_count_the_connectors() -> None:
    rows = {row.key16: row for row in table.rows_for([(1, (1,)), (2, (1, 2))])}
    assert rows["NumberOfConnectors"].default == "3"
    assert rows["ConnectorPhaseRotation"].default == "0.RST,1.RST,2.RST,3.RST"


def test_every_number_that_can_be_written_has_both_bounds() -> None:
    for row in table.rows_for([(1, (1,))]):
        if row.data_type in (DataType.INTEGER, DataType.DECIMAL) and row.mutability != "ReadOnly":
            assert row.minimum is not None, row.name
            assert row.maximum is not None, row.name


@pytest.mark.parametrize("row", [table.CLOCK_TIME_SOURCE, table.NETWORK_ATTEMPTS, table.RESET_RETRIES])
def test_what_the_station_cannot_vary_cannot_be_written_or_configured(row: VariableSpec) -> None:
    assert (row.mutability, row.mutability16) == (Mutability.READ_ONLY, None)
    assert normalised(row, row.default) == row.default
    for other in ("2", "NTP", "RealTimeClock,Heartbeat"):
        with pytest.raises(ValueError, match=r"."):
            normalised(row, other)
