"""Messages of transactions when the CSMS is mute, refuses, or is away: none is lost, repeated or out of order."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.interop.bench import Bench, Setup
from tests.interop.words import Words2

SETUP = Setup(
    timing={
        "message_timeout_s": 1, "message_attempts": 3, "message_attempt_interval_s": 1, "sampled_interval_s": 0,
        "ev_connection_timeout_s": 600,
    }
)  # fmt: skip
PAUSE = "OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]"


@pytest.fixture(autouse=True)
def obliging_csms(bench: Bench) -> Iterator[None]:
    yield
    bench.peer.policy(mute=[], fail=[])


def configure(bench: Bench, name: str, value: str) -> None:
    """Change a setting at the station itself."""
    with bench.sandbox.station() as client:
        client.call("config.set", name=name, value=value)


def deliveries(bench: Bench, action: str, since: int) -> list[dict[str, Any]]:
    """Return every transmission of an action, answered or not."""
    return [event for event in bench.peer.seen("call", since=since) if event["method"] == action]


def charge(bench: Bench) -> None:
    bench.plug_in()
    bench.present()
    bench.wait_status(lambda s: s["evses"][0]["charging_state"] == "Charging")
    bench.wait_energy()


def end(bench: Bench) -> None:
    bench.plant.call("wants_power", wants=False)
    bench.present()
    bench.wait_status(lambda s: s["evses"][0]["transaction"] is None)


def clear(bench: Bench) -> None:
    """Wait until all is told, and pull the cable."""
    bench.settle()
    since = bench.peer.mark()
    bench.plug_out()
    bench.words.wait_status(1, "Available", since=since)


def delivered(bench: Bench) -> None:
    bench.wait_status(lambda s: s["connection"]["queued"] == 0)


def gaps_s(events: list[dict[str, Any]]) -> list[float]:
    at = [event["at"] for event in events]
    return [(later - earlier) / 1000 for earlier, later in itertools.pairwise(at)]


def check_same_message(tries: list[dict[str, Any]]) -> None:
    """Every try says the same under an id of its own."""
    assert len({event["messageId"] for event in tries}) == len(tries)
    assert len({json.dumps(event["params"], sort_keys=True) for event in tries}) == 1


def numbers(bench: Bench, since: int) -> list[int]:
    assert isinstance(bench.words, Words2)
    return [event["seqNo"] for event in bench.words.events(since=since)]


def test_an_unanswered_transaction_message_is_sent_again_as_a_new_message(bench: Bench, version: str) -> None:
    words, peer, since = bench.words, bench.peer, bench.peer.mark()
    configure(bench, PAUSE, "0")
    peer.policy(mute=[words.START])
    charge(bench)
    peer.wait(lambda _: len(deliveries(bench, words.START, since)) >= 2)
    peer.policy(mute=[])
    peer.wait(lambda e: e["event"] == "call" and e["method"] == words.START and bool(e["result"]), since=since)
    tries = deliveries(bench, words.START, since)
    answered = next(number for number, event in enumerate(tries) if event["result"])
    assert answered >= 2
    check_same_message(tries[: answered + 1])
    assert all(gap >= 0.7 for gap in gaps_s(tries[: answered + 1]))  # the time-out; the CSMS may have been slow to look
    started = words.wait_started(since=since)
    end(bench)
    assert words.wait_ended(since=since).transaction_id == started.transaction_id
    clear(bench)
    assert words.ended(since=since) == 1
    if version != "1.6":
        assert numbers(bench, since) == list(range(len(numbers(bench, since))))
    configure(bench, PAUSE, "1")


def test_a_refused_transaction_message_is_tried_as_often_as_configured_and_then_given_up(
    bench: Bench, version: str
) -> None:
    words, peer, since = bench.words, bench.peer, bench.peer.mark()
    peer.policy(fail=[words.START])
    charge(bench)
    end(bench)
    peer.wait(lambda _: len(deliveries(bench, words.START, since)) >= 3)
    peer.policy(fail=[])
    tries = deliveries(bench, words.START, since)[:3]
    check_same_message(tries)
    first, second = gaps_s(tries)
    assert first >= 0.7
    assert second >= 1.7  # the pause grows with each attempt
    clear(bench)
    assert "event_abandoned" in bench.logs()
    if version == "1.6":
        assert len(deliveries(bench, "StartTransaction", since)) == 3
        (stop,) = peer.calls("StopTransaction", since=since)
        assert stop["transactionId"] == -1  # OCPP 1.6 errata: the energy is told all the same
    else:
        assert numbers(bench, since) == list(range(1, len(numbers(bench, since)) + 1))
        assert words.ended(since=since) >= 1


def test_a_refused_end_is_tried_again_until_it_is_taken(bench: Bench, version: str) -> None:
    words, peer = bench.words, bench.peer
    configure(bench, PAUSE, "0")
    charge(bench)
    delivered(bench)
    since = peer.mark()
    peer.policy(fail=[words.STOP], failWith="GenericError")
    bench.plant.call("wants_power", wants=False)
    bench.present()
    peer.wait(lambda _: len(deliveries(bench, words.STOP, since)) >= 1)
    peer.policy(fail=[])
    clear(bench)
    tries = [e for e in deliveries(bench, words.STOP, since) if e["params"].get("eventType", "Ended") == "Ended"]
    check_same_message(tries)
    assert [bool(event["error"]) for event in tries] == [True] * (len(tries) - 1) + [False]
    configure(bench, PAUSE, "1")


def test_a_session_without_a_csms_is_told_afterwards_in_order(bench: Bench, version: str) -> None:
    """The card is known, so the driver charges; the CSMS hears of it when it is back."""
    words, peer = bench.words, bench.peer
    bench.present_twice()
    begun = bench.meter_wh()
    with bench.sandbox.station() as client:
        client.call("connection.offline")
        since = peer.mark()
        charge(bench)
        end(bench)
        bench.wait_open()
        assert bench.status()["connection"]["queued"] >= 2
        client.call("connection.online")
    started, ended = words.wait_started(since=since), words.wait_ended(since=since)
    clear(bench)
    assert ended.transaction_id == started.transaction_id
    measured = [begun, bench.meter_wh()]
    exact = [round(wh) if version == "1.6" else round(wh, 3) for wh in measured]
    assert [started.meter_wh, ended.meter_wh] == exact
    assert peer.calls("BootNotification", since=since) == []
    assert (words.started(since=since), words.ended(since=since)) == (1, 1)
    if version != "1.6":
        assert isinstance(words, Words2)
        assert numbers(bench, since) == list(range(len(numbers(bench, since))))
        assert all(event.get("offline") is True for event in words.events(since=since))


@pytest.mark.parametrize("version", ["1.6", "2.1"])
def test_a_queue_survives_the_death_of_the_station(bench: Bench, version: str) -> None:
    words, peer = bench.words, bench.peer
    charge(bench)
    delivered(bench)
    peer.policy(mute=[words.STOP])
    since = peer.mark()
    end(bench)
    peer.wait_call(words.STOP, since=since)
    bench.sandbox.kill("stationd")
    peer.policy(mute=[])
    since = peer.mark()
    bench.sandbox.start_station()
    ended = words.wait_ended(since=since)
    assert ended.reason == "Local"
    clear(bench)
    assert words.ended(since=since) == 1


def test_a_question_about_a_card_that_is_not_answered_gives_no_energy(bench: Bench, version: str) -> None:
    words, peer, since = bench.words, bench.peer, bench.peer.mark()
    unknown = "04DEADBEEF0180"
    peer.policy(mute=["Authorize"])
    bench.plug_in()
    words.wait_occupied(since=since)
    bench.present(unknown)
    refused = "info=the token is Unknown"
    bench.wait(lambda: "authorization_not_answered" in bench.logs() and refused in bench.logs())
    assert words.started(since=since) == 0
    assert not bench.world()["contactor"]["closed"]
    peer.policy(mute=[])
    bench.present(unknown)
    assert words.wait_started(since=since).token == unknown
    words.wait_charging(since=since)
    bench.leave(unknown)
