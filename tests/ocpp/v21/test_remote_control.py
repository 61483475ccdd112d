from stationd.ocpp.v21 import remote_control
from stationd.station.ports import Verdict
from tests.fakes.station import FakeStation
from tests.ocpp.v201.support import context, on_the_wire


async def test_a_known_transaction_is_stopped_f03_fr_07() -> None:
    station = FakeStation()
    response = await remote_control.stop(context(station), {"transactionId": "T1"})
    assert on_the_wire("v21", "RequestStopTransactionResponse", response) == {"status": "Accepted"}
    assert station.calls == [("request_stop", {"transaction_id": "T1"})]


async def test_an_unknown_transaction_is_rejected_in_2_1_s_words_f03_fr_08() -> None:
    station = FakeStation(stop=Verdict(False, "TxNotFound"))
    response = await remote_control.stop(context(station), {"transactionId": "T1"})
    told = on_the_wire("v21", "RequestStopTransactionResponse", response)
    assert told == {"status": "Rejected", "statusInfo": {"reasonCode": "TxNotFound"}}
