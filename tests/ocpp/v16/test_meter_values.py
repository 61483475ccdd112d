from stationd.domain.answers import Acknowledged
from stationd.domain.events import MeterValuesTaken
from stationd.domain.measurands import MeterSample, ReadingContext
from stationd.ocpp.v16.meter_values import to_wire
from tests.ocpp.v16.support import NOON, context, sample, sent

CLOCK = sample(reason=ReadingContext.SAMPLE_CLOCK)


def test_idle_values_name_no_transaction():
    outgoing = to_wire(context(), MeterValuesTaken(evse_id=2, samples=(CLOCK,)))
    payload = sent(outgoing)
    assert payload["connectorId"] == 2
    assert payload["meterValue"][0]["sampledValue"][0]["context"] == "Sample.Clock"
    assert "transactionId" not in payload
    assert outgoing is not None
    assert outgoing.action == "MeterValues"
    assert outgoing.read({}) == Acknowledged()


def test_values_of_a_running_transaction_name_it_even_if_its_id_is_zero():
    event = MeterValuesTaken(evse_id=1, samples=(CLOCK,), transaction_id="tx-1")
    assert sent(to_wire(context(aliases={"tx-1": 0}), event))["transactionId"] == 0


def test_before_the_csms_gave_an_id_none_is_invented():
    event = MeterValuesTaken(evse_id=1, samples=(CLOCK,), transaction_id="tx-1")
    assert "transactionId" not in sent(to_wire(context(), event))


def test_the_main_meter_names_no_transaction():
    event = MeterValuesTaken(evse_id=0, samples=(CLOCK,), transaction_id="tx-1")
    payload = sent(to_wire(context(aliases={"tx-1": 4}), event))
    assert payload["connectorId"] == 0
    assert "transactionId" not in payload


def test_nothing_measured_is_nothing_sent():
    assert to_wire(context(), MeterValuesTaken(evse_id=1, samples=())) is None
    empty = MeterSample(NOON, ReadingContext.TRIGGER, ())
    assert to_wire(context(), MeterValuesTaken(evse_id=1, samples=(empty,))) is None
