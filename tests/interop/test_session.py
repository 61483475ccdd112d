"""Charging sessions: by card and remotely, their meter values and their bill."""

import itertools
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.interop.bench import CARD, Bench
from tests.interop.words import Ended, Sample, Started, Words2, samples_of

REMOTE_TOKEN = "REMOTE-0001"
STRANGER = "04FFEEDDCCBB80"


@pytest.fixture(autouse=True)
def lenient_csms(bench: Bench) -> Iterator[None]:
    yield
    bench.peer.policy(tokens={}, transactionTokens={})


def billed(version: str, meter_wh: float) -> float:
    """Return what the meter's register is on the bill: whole Wh in 1.6, mWh in 2.x."""
    return round(meter_wh) if version == "1.6" else round(meter_wh, 3)


def check_bill(bench: Bench, begun: float, started: Started, ended: Ended) -> None:
    """Compare the CSMS's two readings with the plant's own, to the Wh."""
    assert ended.transaction_id == started.transaction_id
    assert started.meter_wh == billed(bench.version, begun)
    assert ended.meter_wh == billed(bench.version, bench.meter_wh())
    assert ended.meter_wh - started.meter_wh > 100


def check_numbers(bench: Bench, since: int) -> None:
    """2.x: seqNo without gap from 0 on, one transactionId, and nothing after the end."""
    if bench.version == "1.6":
        return
    assert isinstance(bench.words, Words2)
    events = bench.words.events(since=since)
    assert [event["seqNo"] for event in events] == list(range(len(events)))
    assert len({event["transactionInfo"]["transactionId"] for event in events}) == 1
    assert [event["eventType"] for event in events].count("Started") == 1
    assert events[0]["eventType"] == "Started"
    assert events[-1]["eventType"] == "Ended"
    stamps = [event["timestamp"] for event in events]
    assert stamps == sorted(stamps)
    assert not any(event.get("offline") for event in events)


def plugged_out(bench: Bench) -> None:
    since = bench.peer.mark()
    bench.plug_out()
    bench.words.wait_status(1, "Available", since=since)


def test_a_driver_charges_by_card_and_pays_what_the_meter_measured(bench: Bench, version: str) -> None:
    words, since, begun = bench.words, bench.peer.mark(), bench.meter_wh()
    bench.plug_in()
    words.wait_occupied(since=since)
    assert not bench.world()["contactor"]["closed"]
    bench.present()
    words.wait_authorize(CARD, since=since)
    started = words.wait_started(since=since)
    assert (started.token, started.evse_id) == (CARD, 1)
    words.wait_charging(since=since)
    assert bench.world()["contactor"]["closed"]
    assert bench.world()["lock"] == "locked"
    bench.wait_energy()
    bench.present()
    ended = words.wait_ended(since=since)
    assert (ended.reason, ended.token) == ("Local", CARD)
    bench.wait_open()
    check_bill(bench, begun, started, ended)
    check_numbers(bench, since)
    check_readings(bench, since, started, ended)
    assert words.authorized(since=since) == [CARD]
    if version == "1.6":
        words.wait_status(1, "Finishing", since=since)
    plugged_out(bench)


def test_a_card_before_the_cable_charges_too(bench: Bench, version: str) -> None:
    words, since, begun = bench.words, bench.peer.mark(), bench.meter_wh()
    bench.present()
    words.wait_authorize(CARD, since=since)
    if version == "1.6":
        words.wait_status(1, "Preparing", since=since)
    assert words.started(since=since) == 0
    bench.plug_in()
    started = words.wait_started(since=since)
    assert started.token == CARD
    words.wait_charging(since=since)
    bench.wait_energy()
    bench.present()
    ended = words.wait_ended(since=since)
    check_bill(bench, begun, started, ended)
    check_numbers(bench, since)
    plugged_out(bench)


def test_a_card_that_the_csms_refuses_gets_no_energy(bench: Bench, version: str) -> None:
    words, since = bench.words, bench.peer.mark()
    bench.plug_in()
    words.wait_occupied(since=since)
    for number, verdict in enumerate(("Invalid", "Blocked", "Expired", "ConcurrentTx")):
        stranger = f"04FFEEDDCCBB{number:02}"
        bench.peer.policy(tokens={stranger: verdict})
        bench.present(stranger)
        words.wait_authorize(stranger, since=since)
    words.get("OCPPCommCtrlr.HeartbeatInterval")  # by its answer the station has read the verdicts
    assert bench.status()["evses"][0]["transaction"] is None
    assert words.started(since=since) == 0
    assert not bench.world()["contactor"]["closed"]
    plugged_out(bench)


def test_a_session_is_started_and_stopped_remotely(bench: Bench, version: str) -> None:
    words, since, begun = bench.words, bench.peer.mark(), bench.meter_wh()
    bench.plug_in()
    words.wait_occupied(since=since)
    assert words.start(REMOTE_TOKEN, remote_start_id=4711) == "Accepted"
    started = words.wait_started(since=since)
    assert started.token == REMOTE_TOKEN
    assert started.remote_start_id == (None if version == "1.6" else 4711)
    words.wait_charging(since=since)
    bench.wait_energy()
    assert words.start(REMOTE_TOKEN, 1) == "Rejected"  # it is taken
    assert words.start(REMOTE_TOKEN, 7) == "Rejected"  # there is none
    assert words.stop("no-such-transaction" if version != "1.6" else 999_999) == "Rejected"
    assert words.stop(started.transaction_id) == "Accepted"
    ended = words.wait_ended(since=since)
    assert (ended.reason, ended.token) == ("Remote", None)
    bench.wait_open()
    check_bill(bench, begun, started, ended)
    check_numbers(bench, since)
    if version != "1.6":
        assert isinstance(words, Words2)
        events = words.events(since=since)
        assert events[0]["triggerReason"] == "RemoteStart"
        assert events[-1]["triggerReason"] == "RemoteStop"
        assert [("remoteStartId" in event["transactionInfo"]) for event in events].count(True) == 1
    assert words.stop(started.transaction_id) == "Rejected"
    assert words.started(since=since) == 1
    assert words.authorized(since=since) == []  # AuthorizeRemoteStart is false
    plugged_out(bench)


def test_a_remote_start_asks_first_where_it_is_told_to(bench: Bench, version: str) -> None:
    words, since = bench.words, bench.peer.mark()
    assert words.put("AuthCtrlr.AuthorizeRemoteStart", "true") == "Accepted"
    bench.peer.policy(tokens={STRANGER: "Invalid"})
    bench.plug_in()
    words.wait_occupied(since=since)
    assert words.start(STRANGER) == "Accepted"
    words.wait_authorize(STRANGER, since=since)
    bench.wait(lambda: words.start(REMOTE_TOKEN, None, remote_start_id=2) == "Accepted")  # once the first is decided
    words.wait_authorize(REMOTE_TOKEN, since=since)
    started = words.wait_started(since=since)
    assert started.token == REMOTE_TOKEN
    words.wait_charging(since=since)
    assert words.started(since=since) == 1
    assert words.put("AuthCtrlr.AuthorizeRemoteStart", "false") == "Accepted"
    bench.leave(REMOTE_TOKEN)


def test_a_pulled_cable_ends_the_session_and_the_bill_is_right(bench: Bench, version: str) -> None:
    words, since, begun = bench.words, bench.peer.mark(), bench.meter_wh()
    bench.plug_in()
    bench.present()
    started = words.wait_started(since=since)
    words.wait_charging(since=since)
    bench.wait_energy()
    bench.tear_out()
    ended = words.wait_ended(since=since)
    assert (ended.reason, ended.token) == ("EVDisconnected", None)
    bench.wait_open()
    check_bill(bench, begun, started, ended)
    check_numbers(bench, since)
    words.wait_status(1, "Available", since=since)


def test_a_token_that_the_csms_refuses_once_it_charges_ends_the_session(bench: Bench, version: str) -> None:
    words, since = bench.words, bench.peer.mark()
    bench.peer.policy(transactionTokens={CARD: "Blocked"})
    bench.plug_in()
    bench.present()
    started = words.wait_started(since=since)
    ended = words.wait_ended(since=since)
    assert (ended.transaction_id, ended.reason) == (started.transaction_id, "DeAuthorized")
    bench.wait_open()
    check_numbers(bench, since)
    bench.peer.policy(transactionTokens={})
    bench.present()  # the cable stays locked until its driver shows the card again
    plugged_out(bench)


def test_meter_values_come_at_their_interval_in_the_spelling_of_the_version(bench: Bench, version: str) -> None:
    words, since = bench.words, bench.peer.mark()
    bench.plug_in()
    bench.present()
    words.wait_charging(since=since)
    bench.wait_energy()
    started = words.wait_started(since=since)
    bench.wait_world(lambda view: view["current_a"][0] > 15.9)
    samples = check_pace(bench, bench.peer.mark())
    assert all(isinstance(sample.value, str) == (version == "1.6") for sample in samples)
    assert {sample.context for sample in samples} == {"Sample.Periodic"}
    units = {(sample.measurand, sample.phase): sample.unit for sample in samples}
    phases = ("L1", "L2", "L3")
    of_phases = {("Current.Import", phase): "A" for phase in phases}
    of_phases |= {("Voltage", f"{phase}-N"): "V" for phase in phases}
    totals = {("Energy.Active.Import.Register", None): "Wh", ("Power.Active.Import", None): "W"}
    assert units == totals | of_phases
    value = {(sample.measurand, sample.phase): float(sample.value) for sample in samples}
    assert value["Current.Import", "L1"] == pytest.approx(16, abs=0.5)
    assert value["Voltage", "L2-N"] == pytest.approx(228, abs=3)
    assert value["Power.Active.Import", None] == pytest.approx(10_960, rel=0.05)
    if version == "1.6":
        values = bench.peer.calls("MeterValues", since=since)
        assert {value["transactionId"] for value in values} == {started.transaction_id}
    bench.leave()


def check_pace(bench: Bench, since: int) -> list[Sample]:
    """Wait for three sets of values, whose times and registers rise; return the values of the last."""
    action = "MeterValues" if bench.version == "1.6" else "TransactionEvent"

    def told() -> list[dict[str, Any]]:
        calls = bench.peer.calls(action, since=since)
        return [call for call in calls if call.get("triggerReason", "MeterValuePeriodic") == "MeterValuePeriodic"]

    bench.peer.wait(lambda _: len(told()) >= 3)
    sets = [samples_of(call["meterValue"]) for call in told()]
    registers = [sample for one in sets for sample in one if sample.measurand == "Energy.Active.Import.Register"]
    values = [float(sample.value) for sample in registers]
    assert values == sorted(set(values))
    times = [datetime.fromisoformat(sample.at) for sample in registers]
    assert all(at.tzinfo is not None for at in times)
    gaps = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(times)]
    assert all(0 < gap < 10 for gap in gaps), gaps
    return sets[-1]


def check_readings(bench: Bench, since: int, started: Started, ended: Ended) -> None:
    """The end of a session brings its first and its last reading."""
    contexts = ["Transaction.Begin", "Transaction.End"]
    if bench.version == "1.6":
        (stop,) = bench.peer.calls("StopTransaction", since=since)
        samples = samples_of(stop["transactionData"])
        assert [sample.value for sample in samples] == [str(started.meter_wh), str(ended.meter_wh)]
    else:
        assert isinstance(bench.words, Words2)
        first, *_, last = bench.words.events(since=since)
        samples = samples_of(last["meterValue"])
        assert [sample.value for sample in samples] == [started.meter_wh, ended.meter_wh]
        assert [sample.context for sample in samples_of(first["meterValue"])] == contexts[:1]
        assert first["evse"] == {"id": 1, "connectorId": 1}
        assert last["transactionInfo"]["timeSpentCharging"] >= 0
    assert [sample.context for sample in samples] == contexts


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_the_csms_can_ask_how_a_transaction_stands(bench: Bench, version: str) -> None:
    words, peer, since = bench.words, bench.peer, bench.peer.mark()
    bench.plug_in()
    bench.present()
    started = words.wait_started(since=since)
    asked = {"transactionId": started.transaction_id}
    assert peer.call("GetTransactionStatus", asked)["ongoingIndicator"] is True
    bench.present()
    words.wait_ended(since=since)
    bench.settle()
    assert peer.call("GetTransactionStatus", asked) == {"ongoingIndicator": False, "messagesInQueue": False}
    assert peer.call("GetTransactionStatus", {}) == {"messagesInQueue": False}
    plugged_out(bench)
