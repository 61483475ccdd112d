"""The whole board loses power while a car charges: the outage is billed to nobody and the rest to the Wh."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.flows.support import VERSIONS, Flow, wait_for

Make = Callable[..., Flow]


def cut_power(flow: Flow) -> None:
    """Kill both processes as a power cut does, and let the next start find another boot id of the machine."""
    flow.kill_brain()
    flow.sandbox.kill("stationd-pilot")
    flow.until_plant(lambda e: not e["contactor"]["closed"])
    with closing(sqlite3.connect(flow.sandbox.folders.state_dir / "stationd.db")) as database, database:
        changed = database.execute(
            "UPDATE state SET value = 'before' WHERE name IN ('machine.boot_id', 'boot.running')"
        )
        assert changed.rowcount == 2


def restore_power(flow: Flow) -> None:
    flow.sandbox.start_pilot()
    flow.sandbox.start_station()
    flow.ready()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_transaction_interrupted_by_a_power_cut_is_ended_with_the_energy_that_flowed(
    make: Make, version: str
) -> None:
    flow = make(version=version)
    before = flow.charge()
    cut_power(flow)
    after = flow.meter_wh()
    restore_power(flow)
    flow.until_ended()
    flow.the_session(reason="PowerLoss", before_wh=before)
    assert flow.meter_wh() == after
    if version != "1.6":
        assert flow.told("BootNotification")[-1]["reason"] == "PowerUp"
    flow.plug_out()
    flow.until_free()


@pytest.mark.parametrize("version", ["1.6", "2.1"])
def test_a_station_that_may_resume_goes_on_with_the_same_transaction(make: Make, version: str) -> None:
    flow = make(version=version, variables={"StationdCtrlr.ResumeAfterPowerLoss": True})
    before = flow.charge()
    transaction = flow.evse()["transaction"]["transaction_id"]
    cut_power(flow)
    energy = flow.meter_wh()
    restore_power(flow)
    assert flow.until_charging()["transaction_id"] == transaction
    wait_for(lambda: flow.meter_wh() > energy + 50, "energy flows again")
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    session = flow.the_session(reason="Local", before_wh=before)
    assert len(flow.sessions()) == 1
    if version == "2.1":
        assert "TxResumed" in {event["triggerReason"] for event in flow.events(session["transaction_id"])}


def test_the_cable_pulled_while_there_is_no_power_ends_the_transaction(make: Make) -> None:
    flow = make(variables={"StationdCtrlr.ResumeAfterPowerLoss": True})
    before = flow.charge()
    cut_power(flow)
    flow.plant.plug_out(force=True)
    restore_power(flow)
    flow.until_ended()
    flow.the_session(reason="PowerLoss", before_wh=before)
    flow.until_free()
