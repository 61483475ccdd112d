"""Names of settings."""

from stationd.domain import variable_table as table


def test_names_are_written_as_people_write_them() -> None:
    assert table.HEARTBEAT_INTERVAL.name == "OCPPCommCtrlr.HeartbeatInterval"
    assert table.MESSAGE_ATTEMPTS.name == "OCPPCommCtrlr.MessageAttempts[TransactionEvent]"
    assert table.of_connector(table.EVSE_POWER, 2).name == "EVSE[evse:2].Power"
    assert table.of_connector(table.CONNECTOR_TYPE, 2, 1).name == "Connector[evse:2,connector:1].ConnectorType"


def test_only_what_cannot_be_read_is_secret() -> None:
    assert [row.name for row in table.rows_for([(1, (1,))]) if row.secret] == ["SecurityCtrlr.BasicAuthPassword"]
