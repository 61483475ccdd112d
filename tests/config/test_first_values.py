"""First values of settings under their two names."""

from pathlib import Path

import pytest

from stationd.config.first_values import as_text
from stationd.config.load import load
from stationd.config.schema import TIMING, Config
from stationd.domain import variable_table as table
from stationd.domain.errors import ConfigurationError
from stationd.domain.variables import Origin
from stationd.station.settings import Settings

BASE = """
[station]
hw_profile = "mock"
model = "Wallbox"
evses = 2
state_dir = "state"
[csms]
url = "ws://127.0.0.1:9000/ocpp"
identity = "CP-1"
"""
ROWS = table.rows_for([(1, (1,)), (2, (1,))])


def config(tmp_path: Path, text: str) -> Config:
    (tmp_path / "station.toml").write_text(BASE + text)
    return load(tmp_path / "station.toml")


def refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as error:
        config(tmp_path, text)
    return str(error.value)


def test_seeds_of_every_section_reach_the_settings(tmp_path: Path) -> None:
    seeds = config(
        tmp_path,
        """
        [timing]
        reset_delay_s = 0.25
        retry_back_off_repeat_times = 2
        [variables]
        "OCPPCommCtrlr.HeartbeatInterval" = 30
        "ocppcommctrlr.messageattempts[transactionevent]" = 3
        "EVSE[evse:2].Power" = 7360.0
        "Connector[evse:1,connector:1].ConnectorType" = "cType2"
        "TxCtrlr.TxStopPoint" = ["EVConnected", "Authorized"]
        TxCtrlr.StopTxOnInvalidId = false
        [keys]
        ConnectionTimeOut = "45"
        """,
    ).seeds(ROWS)
    settings = Settings(ROWS, seeds=seeds)
    assert settings.text(table.MODEL) == "Wallbox"
    assert settings.text(table.SECURITY_IDENTITY) == "CP-1"
    assert settings.integer(table.SECURITY_PROFILE) == 0
    assert settings.number(table.RESET_DELAY) == 0.25
    assert settings.integer(table.RETRY_BACK_OFF_REPEAT_TIMES) == 2
    assert settings.integer(table.HEARTBEAT_INTERVAL) == 30
    assert settings.integer(table.MESSAGE_ATTEMPTS) == 3
    assert settings.number(table.of_connector(table.EVSE_POWER, 2)) == 7360
    assert settings.text(table.of_connector(table.CONNECTOR_TYPE, 1, 1)) == "cType2"
    assert settings.members(table.TX_STOP_POINT) == ("EVConnected", "Authorized")
    assert settings.boolean(table.STOP_TX_ON_INVALID_ID) is False
    assert settings.integer(table.EV_CONNECTION_TIMEOUT) == 45
    assert settings.origin(table.HEARTBEAT_INTERVAL) is Origin.CONFIG
    assert settings.origin(table.VENDOR_NAME) is Origin.DEFAULT


@pytest.mark.parametrize(("name", "row"), TIMING.items())
def test_each_named_time_is_the_first_value_of_its_row(tmp_path: Path, name: str, row: object) -> None:
    seeds = config(tmp_path, f"[timing]\n{name} = 7\n").seeds(ROWS)
    assert {spec: value for spec, value in seeds.items() if spec == row} == {row: "7"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[variables]\nOCPPCommCtrlr.HeartbeatIntervall = 30",
         "[variables] OCPPCommCtrlr HeartbeatIntervall is no variable of this station: did you mean "
         "OCPPCommCtrlr.HeartbeatInterval?"),
        ('[variables]\n"EVSE[evse:3].Power" = 30', "EVSE[evse:3].Power is no variable of this station"),
        ("[variables]\nHeartbeatInterval = 30", "the OCPP 1.6 key of that name is OCPPCommCtrlr.HeartbeatInterval"),
        ("[variables]\nColour = 30", "[variables] Colour is no variable of this station"),
        ('[keys]\nAuthorizationKey = "0123456789abcdef0123"', "is a password: give it as [csms] password"),
        ("[keys]\nHeartbeatIntervall = 30", "is no OCPP 1.6 key of this station: did you mean HeartbeatInterval?"),
        ('[keys]\n"OCPPCommCtrlr.HeartbeatInterval" = 30', "it is a variable; write it in [variables]"),
        ('[variables]\n"OCPPCommCtrlr.HeartbeatInterval" = "soon"', "= 'soon' is not a whole number"),
        ('[variables]\n"OCPPCommCtrlr.HeartbeatInterval" = 1.5', "= 1.5 is not a whole number"),
        ('[variables]\n"OCPPCommCtrlr.HeartbeatInterval" = 0', "= 0 is less than 1"),
        ('[variables]\n"AuthCtrlr.Enabled" = 1', "= 1 is not true or false"),
        ('[variables]\n"StationdCtrlr.ResetDelay" = nan', "is not a decimal number"),
        ('[variables]\n"StationdCtrlr.ResetDelay" = inf', "is not a decimal number"),
        ('[variables]\n"TxCtrlr.TxStopPoint" = ["EVConnected", "Sunset"]', "has the member 'Sunset'"),
        ('[variables]\n"TxCtrlr.TxStopPoint" = [["EVConnected"]]', "is no value: give a text"),
        ("[keys]\nHeartbeatInterval = {a = 1}", "is no value: give a text"),
        ('[keys]\nHeartbeatInterval = 31\n[variables]\n"OCPPCommCtrlr.HeartbeatInterval" = 30',
         "[keys] HeartbeatInterval contradicts [variables] OCPPCommCtrlr.HeartbeatInterval: both are"),
        ('[variables]\n"ChargingStation.Model" = "Other"', "contradicts [station] model: both are "),
        ("[timing]\nreset_delay_s = 1\n[variables]\nStationdCtrlr.ResetDelay = 2", "contradicts [timing] reset_"),
    ],
)  # fmt: skip
def test_a_wrong_first_value_is_refused_with_the_fix(tmp_path: Path, text: str, sentence: str) -> None:
    assert sentence in refused(tmp_path, text)


def test_the_same_value_twice_is_no_contradiction(tmp_path: Path) -> None:
    text = '[keys]\nHeartbeatInterval = 30\n[variables]\n"OCPPCommCtrlr.HeartbeatInterval" = "030"\n'
    assert config(tmp_path, text).first_values["OCPPCommCtrlr.HeartbeatInterval"] == "30"


def test_a_station_without_a_row_that_the_file_names_is_told(tmp_path: Path) -> None:
    made = config(tmp_path, '[variables]\n"EVSE[evse:2].Power" = 3680\n')
    with pytest.raises(ConfigurationError, match=r"this station has no setting EVSE\[evse:2\].Power"):
        made.seeds(table.rows_for([(1, (1,))]))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"), (5, "5"), (-5, "-5"), (0.25, "0.25"), (1e-05, "0.00001"), (1e16, "10000000000000000"),
        ("a", "a"), (["a", 1, True], "a,1,true"), ([], ""), (["a,b"], None), ([["a"]], None), ({}, None),
    ],
)  # fmt: skip
def test_values_of_the_file_become_text_as_settings_write_it(value: object, text: str | None) -> None:
    assert as_text(value) == text
