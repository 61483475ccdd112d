from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo
from stationd.domain.measurands import Measurand, MeterSample, ReadingContext, SampledValue
from stationd.ocpp.v201 import wire
from tests.ocpp.v201.strategies import times, unhurried

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_a_time_is_told_in_utc_without_a_fraction() -> None:
    at = datetime(2026, 1, 1, 14, 30, 15, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert wire.time_to_wire(at) == "2026-01-01T12:30:15Z"


@unhurried
@given(times)
def test_a_told_time_reads_back_to_the_same_second(at: datetime) -> None:
    assert wire.time_from_wire(wire.time_to_wire(at)) == at.astimezone(UTC).replace(microsecond=0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T12:00:00Z", NOON),
        ("2026-01-01T12:00:00z", NOON),
        ("2026-01-01t12:00:00Z", NOON),
        ("2026-01-01T12:00:00.000Z", NOON),
        ("2026-01-01T12:00:00.0000000Z", NOON),
        ("2026-01-01T14:00:00+02:00", NOON),
        ("2026-01-01T12:00:00", NOON),
        ("2026-01-01", None),
        ("", None),
        ("soon", None),
        ("Tomorrow", None),
        ("9999-12-31T23:59:59-10:00", None),
        (None, None),
        (12, None),
    ],
)
def test_a_time_that_cannot_be_read_is_none(text: object, expected: datetime | None) -> None:
    assert wire.time_from_wire(text) == expected


@unhurried
@given(st.text())
def test_reading_a_time_never_raises(text: str) -> None:
    at = wire.time_from_wire(text)
    assert at is None or at.tzinfo is UTC


def test_a_token_keeps_the_csms_s_spelling_both_ways() -> None:
    told = {"idToken": "DeadBeef", "type": "eMAID"}
    assert wire.id_token_to_wire(wire.id_token_from_wire(told)) == told


@pytest.mark.parametrize("token", [IdToken("x" * 37), IdToken("x", "VIN"), IdToken("x", "DirectPayment")])
def test_a_token_of_2_1_has_no_spelling_in_2_0_1(token: IdToken) -> None:
    assert wire.id_token_to_wire(token) is None


def test_a_verdict_is_read_with_everything_the_station_needs() -> None:
    info = {
        "status": "Accepted",
        "cacheExpiryDateTime": "2026-01-01T12:00:00Z",
        "groupIdToken": {"idToken": "G", "type": "Central"},
        "evseId": [1, 3],
        "language1": "en",
    }
    expected = IdTokenInfo(AuthorizationStatus.ACCEPTED, NOON, IdToken("G", "Central"), (1, 3))
    assert wire.id_token_info_from_wire(info) == expected


def _sample(*values: SampledValue) -> MeterSample:
    return MeterSample(NOON, ReadingContext.SAMPLE_PERIODIC, values)


def test_a_sampled_value_names_its_measurand_context_location_and_unit() -> None:
    sample = _sample(SampledValue(Measurand.POWER_IMPORT, 230.00000001, "W", "L1-N"))
    assert wire.meter_values_to_wire([sample], evse_id=1) == [
        {
            "timestamp": "2026-01-01T12:00:00Z",
            "sampledValue": [
                {
                    "value": 230.0,
                    "context": "Sample.Periodic",
                    "measurand": "Power.Active.Import",
                    "location": "Outlet",
                    "phase": "L1-N",
                    "unitOfMeasure": {"unit": "W"},
                }
            ],
        }
    ]


def test_the_main_meter_is_at_the_inlet_j01_fr_04() -> None:
    sample = _sample(SampledValue(Measurand.ENERGY_IMPORT_REGISTER, 1.0, "Wh"))
    assert wire.meter_values_to_wire([sample], evse_id=0)[0]["sampledValue"][0]["location"] == "Inlet"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_sample_with_nothing_that_can_be_said_is_left_out(value: float) -> None:
    silent = _sample(SampledValue(Measurand.TEMPERATURE, 30.0, "Celsius"), SampledValue(Measurand.VOLTAGE, value, "V"))
    assert wire.meter_values_to_wire([silent], evse_id=1) == []


def test_a_refusal_names_its_reason_within_the_schema_s_lengths() -> None:
    refused = wire.answer("Rejected", "r" * 30, "i" * 600)
    assert refused == {"status": "Rejected", "statusInfo": {"reasonCode": "r" * 20, "additionalInfo": "i" * 512}}


@pytest.mark.parametrize("reason", [None, ""])
def test_without_a_reason_code_there_is_no_status_info(reason: str | None) -> None:
    assert wire.answer("Rejected", reason, "some words") == {"status": "Rejected"}
