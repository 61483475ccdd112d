"""The brain dies, hangs or is flooded while a car charges: nobody is hurt, nothing is lost, the bill is exact."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.support import OPEN_MS, VERSIONS, Flow, Json, board, measured, wait_for

Make = Callable[..., Flow]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_brain_killed_while_charging_goes_on_with_the_same_transaction(make: Make, version: str) -> None:
    flow = make(version=version)
    before = flow.charge()
    transaction = flow.evse()["transaction"]["transaction_id"]
    flow.kill_brain()
    flow.until_flowed(100)  # charging goes on without a brain
    flow.sandbox.start_station()
    flow.until_flowed(100)
    flow.ready()
    assert flow.until_charging(300)["transaction_id"] == transaction
    assert flow.plant.evse()["reactions"] == []
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=before)
    assert len(flow.sessions()) == 1
    boots = flow.told("BootNotification")
    if version != "1.6":
        assert [boot["reason"] for boot in boots] == ["PowerUp", "ApplicationReset"]
    assert len(boots) == 2


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_pulling_the_cable_while_the_brain_is_dead_opens_in_time_and_is_billed_afterwards(
    make: Make, version: str
) -> None:
    flow = make(version=version)

    def pull(index: int) -> Json:
        before = flow.charge()
        flow.kill_brain()
        flow.until_flowed(50)
        reaction = flow.pull_locked_cable()
        flow.until_plant(lambda e: not e["contactor"]["closed"])
        flow.sandbox.start_station()
        flow.ready()
        flow.until_ended()
        flow.the_session(reason="EVDisconnected", before_wh=before, index=index)
        flow.until_free()
        return reaction

    assert measured(pull)["opened_after_ms"] <= OPEN_MS


def test_pulling_the_cable_while_the_brain_hangs_opens_in_time(make: Make) -> None:
    flow = make()

    def pull(index: int) -> Json:
        before = flow.charge()
        with flow.stopped_brain():
            reaction = flow.pull_locked_cable()
            flow.until_plant(lambda e: not e["contactor"]["closed"])
        flow.until_ended()
        flow.the_session(reason="EVDisconnected", before_wh=before, index=index)
        flow.until_free()
        return reaction

    assert measured(pull)["opened_after_ms"] <= OPEN_MS


@pytest.mark.slow
def test_a_brain_that_hangs_is_held_for_a_while_and_then_the_contactor_opens(make: Make, tmp_path: Path) -> None:
    flow = make(hw_profile=str(board(tmp_path, hold_s=2)))
    flow.errors_allowed = ("pilot_lost",)  # the socket's other side does not wait for a brain that reads nothing
    before = flow.charge()
    transaction = flow.evse()["transaction"]["transaction_id"]
    with flow.stopped_brain():
        held = flow.until_plant(lambda e: 9 < e["pins"]["duty"] < 11)  # 6 A: the lease of 5 s is over
        assert held["contactor"]["closed"]
        paused = flow.until_plant(lambda e: e["pins"]["duty"] == 100.0)  # no offer any more: the hold is over
        assert paused["contactor"]["closed"]  # until the car has followed
        flow.until_plant(lambda e: not e["contactor"]["closed"])
        assert not flow.reactions("driver_silent")
        energy = flow.meter_wh()
    flow.until_plant(lambda e: e["contactor"]["closed"])  # it hears the brain again
    assert flow.evse()["transaction"]["transaction_id"] == transaction
    wait_for(lambda: flow.meter_wh() >= energy + 50, "energy flows again")
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=before)


def test_a_flooded_brain_does_not_delay_the_opening(make: Make) -> None:
    flow = make()
    over = threading.Event()

    def flood() -> None:
        while not over.is_set():
            with flow.sandbox.station() as client:
                for _ in range(50):
                    client.call("config.list")

    def pull(index: int) -> Json:
        before = flow.charge()
        over.clear()
        threads = [threading.Thread(target=flood) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            flow.until_flowed(100)
            reaction = flow.pull_locked_cable()
        finally:
            over.set()
            for thread in threads:
                thread.join()
        flow.until_ended()
        flow.the_session(reason="EVDisconnected", before_wh=before, index=index)
        flow.until_free()
        return reaction

    assert measured(pull)["opened_after_ms"] <= OPEN_MS


def test_another_car_that_came_while_the_brain_was_dead_charges_on_nobodys_account(make: Make) -> None:
    flow = make(version="2.0.1")
    before = flow.charge()
    flow.kill_brain()
    flow.pull_locked_cable()
    after = flow.meter_wh()
    flow.until_plant(lambda evse: evse["lock"] == "unlocked")
    flow.plant.plug_in()
    flow.until_plant(lambda evse: evse["pilot"]["cp_high_v"] < 10)
    flow.sandbox.start_station()
    flow.ready()
    flow.until_evse(lambda e: not e["transaction"] and e["cable_connected"], "the old transaction has ended")
    session = flow.sessions()[-1]
    assert (session["reason"], session["meter_start_wh"]) == ("EVDisconnected", round(before, 3))
    assert session["meter_stop_wh"] == pytest.approx(after, abs=0.1)
    assert not flow.evse()["pilot"]["closed"]
