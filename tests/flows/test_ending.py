"""SIGTERM ends each process within 3 s and in good order, whatever it is doing."""

import signal
import time
from collections.abc import Callable

import pytest

from tests.flows.support import Flow, wait_for

Make = Callable[..., Flow]
DEADLINE_S = 3.0


def ends_in_time(flow: Flow, name: str = "stationd") -> None:
    status, seconds = flow.end(name)
    assert status == 0
    assert seconds <= DEADLINE_S


@pytest.mark.parametrize("version", ["1.6", "2.1"])
def test_a_station_that_charges_ends_and_comes_back_to_its_transaction(make: Make, version: str) -> None:
    flow = make(version=version)
    before = flow.charge()
    ends_in_time(flow)
    flow.until_flowed(50)  # ending the brain ends no session
    flow.sandbox.start_station()
    flow.ready()
    flow.until_charging()
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=before)
    if version == "2.1":
        assert flow.told("BootNotification")[-1]["reason"] == "LocalReset"
    ends_in_time(flow)
    ends_in_time(flow, "stationd-pilot")


def test_a_csms_that_answers_nothing_delays_the_end_no_longer(make: Make) -> None:
    flow = make()
    flow.plant.plug_in()
    wait_for(lambda: flow.connector_statuses()[-1] == "Occupied", "the CSMS knows of the cable")
    flow.csms("set_policy", mute=True)
    flow.swipe()
    wait_for(lambda: "Authorize" in flow.told_actions(), "the station waits for an answer")
    ends_in_time(flow)
    flow.sandbox.start_station()  # and before it was ever registered
    wait_for(lambda: flow.told_actions().count("BootNotification") == 2, "the station waits to be registered")
    ends_in_time(flow)
    ends_in_time(flow, "stationd-pilot")


def test_a_csms_that_takes_no_bytes_delays_the_end_no_longer(make: Make) -> None:
    flow = make()
    flow.sandbox.signal("sandbox CSMS", signal.SIGSTOP)
    try:
        flow.plant.plug_in()
        flow.until_evse(lambda e: e["cable_connected"], "the cable is seen")
        ends_in_time(flow)
    finally:
        flow.sandbox.signal("sandbox CSMS", signal.SIGCONT)


def test_a_csms_that_is_away_delays_the_end_no_longer(make: Make) -> None:
    flow = make()
    flow.charge()
    flow.csms("set_reachable", reachable=False)
    flow.until(lambda s: s["connection"]["state"] != "connected", "the connection is lost")
    ends_in_time(flow)
    flow.sandbox.start_station()
    ends_in_time(flow)
    ends_in_time(flow, "stationd-pilot")


def test_a_safety_process_that_is_away_delays_the_end_no_longer(make: Make) -> None:
    flow = make()
    flow.errors_allowed = ("pilot_lost",)
    before = flow.charge()
    flow.kill_brain()
    flow.sandbox.kill("stationd-pilot")
    flow.sandbox.start_station()  # it has an open transaction, and waits for the safety process to decide on it
    ends_in_time(flow)
    flow.sandbox.start_pilot()
    flow.sandbox.start_station()
    flow.ready()
    flow.until_charging()
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=before)


def test_an_interrupt_ends_it_as_well(make: Make) -> None:
    flow = make()
    process = flow.sandbox.processes.pop("stationd")
    began = time.monotonic()
    process.signal(signal.SIGINT)
    wait_for(lambda: process.status is not None, "it ended")
    assert process.end() == 0
    assert time.monotonic() - began <= DEADLINE_S
