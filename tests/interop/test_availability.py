"""Availability: inoperative and operative again, with a driver in between, and over a restart."""

from tests.interop.bench import Bench


def refuses_everybody(bench: Bench, since: int) -> None:
    """Neither a card nor the CSMS starts anything."""
    words = bench.words
    bench.present()
    assert words.start("REMOTE-0001") == "Rejected"
    bench.plug_in()
    assert bench.status()["evses"][0]["status"] == "Unavailable"
    bench.present()
    words.get("OCPPCommCtrlr.HeartbeatInterval")
    assert words.started(since=since) == 0
    assert bench.status()["evses"][0]["transaction"] is None
    assert not bench.world()["contactor"]["closed"]
    bench.plug_out()


def test_an_inoperative_connector_serves_nobody_until_it_is_operative_again(bench: Bench, version: str) -> None:
    words, since = bench.words, bench.peer.mark()
    assert words.availability("Inoperative") == "Accepted"
    words.wait_status(1, "Unavailable", since=since)
    assert words.availability("Inoperative") == "Accepted"
    refuses_everybody(bench, since)
    since = bench.peer.mark()
    assert words.availability("Operative") == "Accepted"
    words.wait_status(1, "Available", since=since)
    assert words.statuses(1, since=since) == ["Available"]


def test_the_whole_station_can_be_made_inoperative(bench: Bench, version: str) -> None:
    words, since = bench.words, bench.peer.mark()
    assert words.availability("Inoperative", 0) == "Accepted"
    words.wait_status(1, "Unavailable", since=since)
    if version == "1.6":
        words.wait_status(0, "Unavailable", since=since)
    since = bench.peer.mark()
    assert words.availability("Operative", 0) == "Accepted"
    words.wait_status(1, "Available", since=since)
    if version == "1.6":
        words.wait_status(0, "Available", since=since)


def test_a_connector_that_does_not_exist_cannot_be_changed(bench: Bench, version: str) -> None:
    assert bench.words.availability("Inoperative", 7) == "Rejected"
    assert bench.words.availability("Operative", 7) == "Rejected"


def test_a_change_during_a_transaction_waits_for_its_end(bench: Bench, version: str) -> None:
    words, since = bench.words, bench.peer.mark()
    bench.plug_in()
    bench.present()
    words.wait_started(since=since)
    words.wait_charging(since=since)
    assert words.availability("Inoperative") == "Scheduled"
    bench.wait_energy()
    assert bench.world()["contactor"]["closed"]
    assert "Unavailable" not in words.statuses(1, since=since)
    bench.plant.call("wants_power", wants=False)
    bench.present()
    words.wait_ended(since=since)
    words.wait_status(1, "Unavailable", since=since)
    bench.plug_out()
    bench.settle()
    since = bench.peer.mark()
    assert words.availability("Operative") == "Accepted"
    words.wait_status(1, "Available", since=since)


def test_a_scheduled_change_can_be_taken_back(bench: Bench, version: str) -> None:
    words, since = bench.words, bench.peer.mark()
    bench.plug_in()
    bench.present()
    words.wait_started(since=since)
    words.wait_charging(since=since)
    assert words.availability("Inoperative") == "Scheduled"
    assert words.availability("Operative") == "Accepted"
    bench.leave()
    assert "Unavailable" not in words.statuses(1, since=since)


def test_an_inoperative_connector_stays_so_over_a_restart(bench: Bench, version: str) -> None:
    words, since = bench.words, bench.peer.mark()
    assert words.availability("Inoperative") == "Accepted"
    words.wait_status(1, "Unavailable", since=since)
    since = bench.peer.mark()
    assert bench.sandbox.end("stationd") == 0
    bench.sandbox.start_station()
    boot = bench.peer.wait_call("BootNotification", since=since)
    assert version == "1.6" or boot["reason"] == "LocalReset"
    words.wait_status(1, since=since)
    assert words.statuses(1, since=since) == ["Unavailable"]
    since = bench.peer.mark()
    assert words.availability("Operative") == "Accepted"
    words.wait_status(1, "Available", since=since)
