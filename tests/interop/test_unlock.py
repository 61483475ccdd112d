"""Unlock: an idle connector, one in use, one that is stuck."""

import pytest

from tests.interop.bench import Bench


def test_an_idle_connector_is_unlocked(bench: Bench, version: str) -> None:
    assert bench.words.unlock() == "Unlocked"
    since = bench.peer.mark()
    bench.plug_in()
    bench.words.wait_occupied(since=since)
    assert bench.words.unlock() == "Unlocked"
    assert bench.world()["lock"] == "unlocked"
    since = bench.peer.mark()
    bench.plug_out()
    bench.words.wait_status(1, "Available", since=since)


def test_a_connector_that_does_not_exist_is_named_so(bench: Bench, version: str) -> None:
    assert bench.words.unlock(7) == ("NotSupported" if version == "1.6" else "UnknownConnector")


@pytest.mark.parametrize("version", ["1.6"])
def test_unlocking_ends_a_1_6_transaction_first(bench: Bench, version: str) -> None:
    words, since = bench.words, bench.peer.mark()
    bench.plug_in()
    bench.present()
    started = words.wait_started(since=since)
    words.wait_charging(since=since)
    assert words.unlock() == "Unlocked"
    ended = words.wait_ended(since=since)
    assert (ended.transaction_id, ended.reason) == (started.transaction_id, "UnlockCommand")
    assert not bench.world()["contactor"]["closed"]
    bench.plug_out()
    words.wait_status(1, "Available", since=since)


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_a_2_x_transaction_is_not_disturbed_by_unlocking(bench: Bench, version: str) -> None:
    words, since = bench.words, bench.peer.mark()
    bench.plug_in()
    bench.present()
    words.wait_started(since=since)
    words.wait_charging(since=since)
    assert words.unlock() == "OngoingAuthorizedTransaction"
    bench.wait_energy()
    assert bench.world()["lock"] == "locked"
    assert words.ended(since=since) == 0
    bench.leave()


@pytest.mark.parametrize("version", ["1.6", "2.1"])
def test_a_lock_that_is_stuck_is_told(bench: Bench, version: str) -> None:
    words, since = bench.words, bench.peer.mark()
    bench.plug_in()
    bench.present()
    words.wait_started(since=since)
    words.wait_charging(since=since)
    bench.plant.call("set_fault", name="lock_jammed")
    bench.plant.call("wants_power", wants=False)
    if version != "1.6":  # 1.6 ends the transaction itself
        bench.present()
        words.wait_ended(since=since)
    assert words.unlock() == "UnlockFailed"
    words.wait_ended(since=since)
    bench.plant.call("clear_fault", name="lock_jammed")
    bench.wait(lambda: words.unlock() == "Unlocked")
    since = bench.peer.mark()
    bench.plug_out()
    words.wait_status(1, "Available", since=since)
