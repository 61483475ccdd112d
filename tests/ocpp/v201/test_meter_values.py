from datetime import UTC, datetime

from stationd.domain.answers import Acknowledged
from stationd.domain.events import MeterValuesTaken
from stationd.domain.measurands import Measurand, MeterSample, ReadingContext, SampledValue
from stationd.ocpp.v201 import meter_values
from tests.ocpp.v201.support import context, request

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ENERGY = SampledValue(Measurand.ENERGY_IMPORT_REGISTER, 1234.5, "Wh")
WARMTH = SampledValue(Measurand.TEMPERATURE, 30.0, "Celsius")


def _taken(*values: SampledValue) -> MeterValuesTaken:
    return MeterValuesTaken(evse_id=2, samples=(MeterSample(NOON, ReadingContext.SAMPLE_CLOCK, values),))


def test_clock_aligned_values_are_told_for_their_evse_j01_fr_14() -> None:
    outgoing = meter_values.to_wire(context(), _taken(ENERGY))
    assert outgoing is not None
    assert outgoing.action == "MeterValues"
    told = request("v201", outgoing)
    assert told["evseId"] == 2
    assert told["meterValue"][0]["timestamp"] == "2026-01-01T12:00:00Z"
    assert told["meterValue"][0]["sampledValue"][0]["context"] == "Sample.Clock"
    assert outgoing.read({}) == Acknowledged()


def test_a_measurand_without_a_word_in_2_x_is_left_out() -> None:
    told = request("v201", meter_values.to_wire(context(), _taken(ENERGY, WARMTH)))
    assert [value["measurand"] for value in told["meterValue"][0]["sampledValue"]] == ["Energy.Active.Import.Register"]


def test_nothing_is_sent_where_nothing_can_be_said() -> None:
    assert meter_values.to_wire(context(), _taken(WARMTH)) is None
