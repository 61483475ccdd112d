from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationd.domain.password import password_bytes
from stationd.domain.variable_table import (
    BASIC_AUTH_PASSWORD,
    CONNECTOR_PHASE_ROTATION,
    HEARTBEAT_INTERVAL,
    LOCAL_PRE_AUTHORIZE,
    SAMPLED_DATA_MAX_LENGTH,
    SAMPLED_UPDATED_MEASURANDS,
    STATION_SUPPLY_PHASES,
    rows_for,
)
from stationd.domain.variables import DataType, Mutability, VariableSpec
from stationd.ocpp.v16 import configuration_keys as keys
from stationd.station.settings import Settings

ROWS = rows_for([(1, [1]), (2, [1])])
SETTINGS = Settings(ROWS)


def read(spec: VariableSpec, value: str, settings: Settings = SETTINGS) -> str | None:
    return keys.value_from_wire(settings, spec, value)


@pytest.mark.parametrize(
    ("value", "password"),
    [
        ("30313233343536373839616263646566", b"0123456789abcdef"),
        ("000102030405060708090A0B0C0D0E0F", bytes(range(16))),
        ("ff" * 20, b"\xff" * 20),
        ("a plain password", b"a plain password"),
        ("0123456789abcdef", b"0123456789abcdef"),
        ("0123456789abcdef0123456789abcdefa", b"0123456789abcdef0123456789abcdefa"),
        ("z" * 40, b"z" * 40),
    ],
    ids=["hex of text", "hex of bytes", "40 digits", "plain", "plain, too short for hex", "odd number of digits", "40"],
)
def test_an_authorization_key_is_hex_of_16_to_20_bytes_or_plain_text(value, password):
    stored = read(BASIC_AUTH_PASSWORD, value)
    assert stored is not None
    assert SETTINGS.check(BASIC_AUTH_PASSWORD, stored) is None
    assert password_bytes(stored) == password


@pytest.mark.parametrize(
    "value", ["", "0123456789abcde", "ff" * 21, "z" * 41, "sechzehn zeichen ä", "tab\tin a password"]
)
def test_an_authorization_key_of_another_length_or_alphabet_is_refused(value):
    assert read(BASIC_AUTH_PASSWORD, value) is None


@given(st.binary(min_size=16, max_size=20))
def test_every_password_of_16_to_20_bytes_can_be_set_in_hex(raw):
    stored = read(BASIC_AUTH_PASSWORD, raw.hex())
    assert stored is not None
    assert SETTINGS.check(BASIC_AUTH_PASSWORD, stored) is None
    assert password_bytes(stored) == raw


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("Voltage.L1", "Voltage"),
        ("Voltage.L1,Voltage.L2,Voltage.L3", "Voltage"),
        ("Voltage.L1-N, Current.Import.L3", "Voltage,Current.Import"),
        ("Energy.Active.Import.Register,Voltage,Voltage.L1", "Energy.Active.Import.Register,Voltage"),
    ],
)
def test_a_measurand_of_one_phase_is_taken_as_the_measurand_of_all_phases(value, stored):
    assert read(SAMPLED_UPDATED_MEASURANDS, value) == stored


@pytest.mark.parametrize(
    "value",
    [
        "Voltage.L4",
        "Voltage.N",
        "Voltage.L1-L2",
        "Energy.Active.Import.Register.L1",
        "SoC",
        "voltage",
        "Voltage,Voltage",
        "Voltage,,Frequency",
        "Voltage,SoC.L1",
    ],
)
def test_a_list_with_an_entry_that_the_station_cannot_deliver_is_refused(value):
    assert read(SAMPLED_UPDATED_MEASURANDS, value) is None


def test_a_phase_that_the_station_does_not_have_is_refused():
    single = Settings(ROWS, seeds={STATION_SUPPLY_PHASES: "1"})
    assert read(SAMPLED_UPDATED_MEASURANDS, "Voltage.L1", single) == "Voltage"
    assert read(SAMPLED_UPDATED_MEASURANDS, "Voltage.L2", single) is None


def test_a_list_longer_than_its_max_length_is_refused():
    short = Settings(ROWS, seeds={SAMPLED_DATA_MAX_LENGTH: "1"})
    assert read(SAMPLED_UPDATED_MEASURANDS, "Voltage", short) == "Voltage"
    assert read(SAMPLED_UPDATED_MEASURANDS, "Voltage,Frequency", short) is None


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("0.RST,1.RTS,2.Unknown", "0.RST,1.RTS,2.Unknown"),
        ("1.NotApplicable", "1.NotApplicable"),
        ("1.TSR, 2.SRT", "1.TSR,2.SRT"),
    ],
)
def test_a_phase_rotation_names_connectors_that_exist(value, stored):
    assert read(CONNECTOR_PHASE_ROTATION, value) == stored


@pytest.mark.parametrize("value", ["", "RST", "1.ABC", "3.RST", "1.RST,1.RTS", "1.RST;2.RST", "-1.RST", "1.RST,"])
def test_any_other_phase_rotation_is_refused(value):
    assert read(CONNECTOR_PHASE_ROTATION, value) is None


def test_numbers_and_booleans_may_have_blanks_around_them():
    assert read(HEARTBEAT_INTERVAL, " 60 ") == "60"
    assert read(LOCAL_PRE_AUTHORIZE, "true ") == "true"


def test_values_that_1_6_spells_otherwise_are_translated_both_ways():
    spec = VariableSpec(
        "AnyCtrlr", "Units", DataType.MEMBER_LIST, "A,W", values=("A", "W"), key16="Units",
        values16=(("Current", "A"), ("Power", "W")),
    )  # fmt: skip
    settings = Settings([*ROWS, spec])
    assert keys.key_value(settings, spec)["value"] == "Current,Power"
    assert read(spec, "Power", settings) == "W"
    assert read(spec, "Steam", settings) is None


def test_a_key_that_1_6_makes_read_only_is_shown_so():
    assert keys.read_only(replace(HEARTBEAT_INTERVAL, mutability16=Mutability.READ_ONLY))
    assert not keys.read_only(HEARTBEAT_INTERVAL)


def test_no_value_is_longer_than_1_6_allows():
    spec = VariableSpec("AnyCtrlr", "Text", DataType.STRING, "x" * 501, key16="Text")
    assert len(keys.key_value(Settings([spec]), spec)["value"]) == 500


@given(st.sampled_from(keys.all_keys(SETTINGS)), st.text(max_size=500))
def test_whatever_a_csms_writes_is_refused_or_can_be_stored(spec, value):
    stored = read(spec, value)
    assert stored is None or SETTINGS.check(spec, stored) is None
