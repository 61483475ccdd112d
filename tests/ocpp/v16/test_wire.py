import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenType
from stationd.domain.measurands import Measurand, MeterSample, ReadingContext, SampledValue
from stationd.ocpp.v16 import wire
from tests.ocpp.v16.support import NOON, sample

ENERGY = SampledValue(Measurand.ENERGY_IMPORT_REGISTER, 1234.5, "Wh")


def only_value(value: SampledValue, connector_id: int = 1) -> dict[str, str]:
    [meter_value] = wire.meter_values_to_wire([sample(value)], connector_id)
    [sampled] = meter_value["sampledValue"]
    return sampled


def test_times_leave_in_utc_with_z_and_three_decimals():
    summer = timezone(timedelta(hours=2))
    assert wire.time_to_wire(datetime(2026, 7, 1, 14, 0, 0, 123999, tzinfo=summer)) == "2026-07-01T12:00:00.123Z"
    assert wire.time_to_wire(NOON) == "2026-01-01T12:00:00.000Z"


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_sent_time_reads_back_within_a_millisecond(at):
    text = wire.time_to_wire(at)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    back = wire.time_from_wire(text)
    assert back is not None
    assert timedelta(0) <= at - back < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T12:00:00Z",
        "2026-01-01t12:00:00z",
        "2026-01-01T12:00:00.0000000Z",
        "2026-01-01T13:00:00+01:00",
        "2026-01-01T13:00:00+01",
        "2026-01-01T07:00:00.000-05:00",
        "2026-01-01T12:00:00",
    ],
)
def test_times_are_read_with_fractions_and_offsets_and_as_utc_without_a_zone(text):
    assert wire.time_from_wire(text) == NOON
    assert wire.time_from_wire(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text", ["", "now", "2026-01-01", "20260101T120000Z", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_time_reads_as_none(text):
    assert wire.time_from_wire(text) is None


@given(st.text())
def test_reading_a_time_never_raises(text):
    wire.time_from_wire(text)


def test_registers_are_rounded_half_to_even():
    assert [wire.wh_to_wire(wh) for wh in (0.5, 1.5, 2.5, 2.500001, 7.0)] == [0, 2, 2, 3, 7]


@given(st.lists(st.floats(0, 1e9, allow_nan=False), min_size=2))
def test_energies_of_consecutive_transactions_add_up_to_the_difference_of_the_register(readings):
    registers = sorted(readings)
    rounded = [wire.wh_to_wire(wh) for wh in registers]
    energies = [end - start for start, end in pairwise(rounded)]
    assert all(energy >= 0 for energy in energies)
    assert sum(energies) == wire.wh_to_wire(registers[-1]) - wire.wh_to_wire(registers[0])


def test_a_register_sample_shows_the_number_of_meter_start_and_meter_stop():
    assert only_value(ENERGY)["value"] == str(wire.wh_to_wire(ENERGY.value)) == "1234"


@pytest.mark.parametrize(
    ("value", "text"),
    [(230.0, "230"), (230.12345, "230.123"), (0.1, "0.1"), (-0.0001, "0"), (-5.25, "-5.25"), (1e16, "1" + "0" * 16)],
)
def test_values_are_decimal_strings_without_exponents(value, text):
    assert only_value(SampledValue(Measurand.POWER_IMPORT, value, "W"))["value"] == text


@pytest.mark.parametrize(
    ("measurand", "unit"),
    [
        (Measurand.ENERGY_IMPORT_REGISTER, "Wh"),
        (Measurand.ENERGY_EXPORT_REGISTER, "Wh"),
        (Measurand.POWER_IMPORT, "W"),
        (Measurand.CURRENT_IMPORT, "A"),
        (Measurand.CURRENT_OFFERED, "A"),
        (Measurand.VOLTAGE, "V"),
        (Measurand.TEMPERATURE, "Celsius"),
        (Measurand.FREQUENCY, None),
        (Measurand.POWER_FACTOR, None),
    ],
)
def test_every_measurand_has_its_1_6_unit_whatever_2_x_calls_it(measurand, unit):
    assert only_value(SampledValue(measurand, 1.0, "Hz")).get("unit") == unit


def test_phase_context_and_location_are_spelled_out():
    voltage = SampledValue(Measurand.VOLTAGE, 231.5, "V", "L1-N")
    assert only_value(voltage) == {
        "value": "231.5",
        "context": "Sample.Periodic",
        "measurand": "Voltage",
        "phase": "L1-N",
        "location": "Outlet",
        "unit": "V",
    }
    assert only_value(voltage, connector_id=0)["location"] == "Inlet"
    assert only_value(SampledValue(Measurand.TEMPERATURE, 31.0, "Celsius"))["location"] == "Body"


def test_values_that_1_6_cannot_name_are_left_out_and_no_empty_meter_value_remains():
    strange = [SampledValue(Measurand.VOLTAGE, float("nan")), SampledValue(Measurand.VOLTAGE, 1.0, "V", "L4")]
    assert wire.meter_values_to_wire([sample(*strange)], 1) == []
    assert wire.meter_values_to_wire([MeterSample(NOON, ReadingContext.TRIGGER, ())], 1) == []
    [kept] = wire.meter_values_to_wire([sample(*strange, ENERGY)], 1)
    assert len(kept["sampledValue"]) == 1


def test_a_value_is_given_once_per_instant_as_that_of_the_transactions_begin_or_end():
    periodic = sample(ENERGY, SampledValue(Measurand.POWER_IMPORT, 7000.0, "W"))
    end = sample(ENERGY, reason=ReadingContext.TRANSACTION_END)
    for samples in ([periodic, end], [end, periodic]):
        [meter_value] = wire.meter_values_to_wire(samples, 1)
        contexts = {value["measurand"]: value["context"] for value in meter_value["sampledValue"]}
        assert len(meter_value["sampledValue"]) == 2
        assert contexts == {
            "Energy.Active.Import.Register": "Transaction.End",
            "Power.Active.Import": "Sample.Periodic",
        }


def test_each_instant_is_a_meter_value_of_its_own():
    later = replace(sample(), taken_at=NOON + timedelta(minutes=1))
    stamps = [value["timestamp"] for value in wire.meter_values_to_wire([sample(), later], 1)]
    assert stamps == ["2026-01-01T12:00:00.000Z", "2026-01-01T12:01:00.000Z"]


def test_an_id_tag_is_at_most_20_characters():
    assert wire.id_tag_fits(IdToken("x" * 20))
    assert not wire.id_tag_fits(IdToken("x" * 21))
    assert wire.id_tag_to_wire(IdToken("x" * 36)) == "x" * 20


def test_a_token_without_value_is_named_by_its_type():
    assert wire.id_tag_to_wire(IdToken("", IdTokenType.NO_AUTHORIZATION)) == "NoAuthorization"


def test_the_card_of_a_remote_start_is_the_same_driver_as_the_card_at_the_reader():
    assert wire.id_token_from_wire("04a2b3c4d5e680").same_as(IdToken("04A2B3C4D5E680"))


@pytest.mark.parametrize("status", ["Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"])
def test_every_status_of_an_id_tag_is_read(status):
    info = wire.id_token_info_from_wire({"status": status})
    assert info.status is AuthorizationStatus(status)
    assert info.expires_at is None
    assert info.group is None


def test_expiry_and_parent_are_read():
    info = wire.id_token_info_from_wire(
        {"status": "Accepted", "expiryDate": "2026-01-01T13:00:00+01:00", "parentIdTag": "FLEET"}
    )
    assert info.expires_at == NOON
    assert info.group is not None
    assert info.group.value == "FLEET"


def test_a_presented_tag_never_equals_a_parent_id_tag():
    info = wire.id_token_info_from_wire({"status": "Accepted", "parentIdTag": "FLEET"})
    assert info.group is not None
    assert not info.group.same_as(wire.id_token_from_wire("FLEET"))


def test_an_empty_parent_id_tag_is_none():
    assert wire.id_token_info_from_wire({"status": "Accepted", "parentIdTag": ""}).group is None


def test_optional_texts_are_cut_and_never_empty():
    assert wire.shortened("  stationd  ", 7) == "station"
    assert wire.shortened("   ", 5) is None
