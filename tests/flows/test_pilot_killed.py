"""The safety process dies, hangs or ends while a car charges."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.flows.hostile import Holder, offer
from tests.flows.support import LEASE_MS, ROOT, Flow, Json, measured, wait_for
from tests.flows.watching import PilotReader, PlantWatch

Make = Callable[..., Flow]
RELAY_MS = 20.0 + 20.0
"""From the coil that drops to the contacts that part; and what the plant may be late without calling itself stalled."""
ROUNDS = 3
"""Five unexpected ends in ten minutes are a fault of their own."""


def safe_off(flow: Flow) -> int:
    """Do what the service manager does after the end of stationd-pilot; return the exit status."""
    program = ROOT / "stationd" / "pilot" / "safe_off.py"
    return subprocess.run(
        [sys.executable, "-I", "-S", program, "--profile", flow.sandbox.options.hw_profile, "--evses",
         str(flow.sandbox.options.evses), "--runtime-dir", flow.sandbox.folders.runtime_dir], check=False, timeout=30,
    ).returncode  # fmt: skip


@pytest.mark.parametrize("version", ["1.6", "2.1"])
def test_a_killed_pilot_drops_the_coil_and_the_session_goes_on_after_its_restart(make: Make, version: str) -> None:
    flow = make(version=version)
    flow.errors_allowed = ("pilot_lost",)
    before = flow.charge()
    transaction = flow.evse()["transaction"]["transaction_id"]
    pid = flow.pid()

    def kill(index: int) -> Json:
        flow.sandbox.kill("stationd-pilot")
        reaction = flow.reaction("driver_silent", after=index)
        assert reaction["commanded_after_ms"] is None  # no software did it
        assert flow.plant.evse()["pins"]["duty"] < 100  # as a real PWM, it outlives its process
        assert safe_off(flow) == 0
        pins = flow.until_plant(lambda e: e["pins"]["duty"] == 100.0)
        assert (pins["contactor"]["closed"], pins["lock"]) == (False, "locked")
        flow.until(lambda s: not s["pilot"]["connected"], "the brain misses the pilot")
        energy = flow.meter_wh()
        flow.sandbox.start_pilot()
        flow.until(lambda s: s["pilot"]["connected"], "the brain has found the pilot again")
        wait_for(lambda: flow.meter_wh() > energy + 30, "the car charges again")
        return reaction

    assert measured(kill, ROUNDS)["opened_after_ms"] <= LEASE_MS + RELAY_MS
    assert flow.until_charging()["transaction_id"] == transaction
    assert flow.pid() == pid
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=before)


HANG_S = 3.2
"""Longer than the 2.5 s after which stationd-pilot distrusts its connections, shorter than a lease."""
REST_S = 0.9
"""Of the second that a contactor rests before it closes again, what a late look leaves."""


@pytest.mark.slow
def test_a_pilot_that_hangs_drops_the_coil_and_goes_on_with_fresh_connections(make: Make) -> None:
    flow = make()
    flow.errors_allowed = ("pilot_lost",)
    before = flow.charge()
    transaction = flow.evse()["transaction"]["transaction_id"]

    def hang(index: int) -> Json:
        with PlantWatch(flow) as watch, PilotReader(flow.sandbox.folders.runtime_dir) as reader:
            flow.sandbox.signal("stationd-pilot", signal.SIGSTOP)
            stopped_s = time.monotonic()
            reaction = flow.reaction("driver_silent", after=index)
            assert reaction["commanded_after_ms"] is None
            time.sleep(HANG_S)
            goes_on_s = time.monotonic()
            flow.sandbox.signal("stationd-pilot", signal.SIGCONT)
            wait_for(lambda: reader.ended, "the connection is dropped")
            assert "the loop stood still for" in reader.last_notice
            closed = watch.wait(lambda look: look.closed, "it closes again", after_s=goes_on_s)
            assert closed.t_s - goes_on_s >= REST_S
            meanwhile = watch.between(stopped_s + 0.4, closed.t_s - 0.1)
            assert not any(look.closed for look in meanwhile)
            assert {look.lock for look in meanwhile} == {"locked"}
        flow.until_flowed(50)
        return reaction

    assert measured(hang)["opened_after_ms"] <= LEASE_MS + RELAY_MS
    assert flow.until_charging()["transaction_id"] == transaction
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=before)


LEASE_S = 3.0


@pytest.mark.slow
def test_offers_that_waited_while_the_pilot_hung_permit_nothing(make: Make) -> None:
    flow = make()
    before = flow.charge()
    transaction = flow.evse()["transaction"]["transaction_id"]
    with PilotReader(flow.sandbox.folders.runtime_dir) as reader:
        cycles = reader.newest()["cycles"]
    flow.kill_brain()
    brain = Holder(flow)
    assert brain.ask(offer(lease_ms=int(LEASE_S * 1000)), 7)["error"] is None
    hung_s = time.monotonic()
    flow.sandbox.signal("stationd-pilot", signal.SIGSTOP)
    brain.link.sendall(offer() * 3)  # they wait in the socket, and their sender lives
    time.sleep(max(0.0, hung_s + LEASE_S + 0.1 - time.monotonic()))  # the lease of what was read before is over
    flow.sandbox.signal("stationd-pilot", signal.SIGCONT)
    with PilotReader(flow.sandbox.folders.runtime_dir) as reader, PlantWatch(flow) as watch:
        time.sleep(1.4)  # longer than a contactor rests
        assert not any(s["permit"] or s["commanded_closed"] for s in reader.statuses)
        assert {(s["brain_lost"], s["cycles"]) for s in reader.statuses} == {(True, cycles)}
        assert not any(look.closed for look in watch.looks)
    assert brain.reply(7) == {}  # the connection was closed, and nothing answered
    brain.close()
    flow.sandbox.start_station()
    flow.until_flowed_again(100)
    flow.ready()
    assert flow.until_charging()["transaction_id"] == transaction
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=before)
    assert len(flow.sessions()) == 1


def test_a_pilot_that_ends_opens_the_contactor_and_comes_back(make: Make) -> None:
    flow = make()
    flow.errors_allowed = ("pilot_lost",)
    before = flow.charge()
    status, seconds = flow.end("stationd-pilot")
    assert status == 0
    assert seconds <= 3
    left = flow.plant.evse()
    assert (left["contactor"]["closed"], left["pins"]["close"], left["pins"]["duty"]) == (False, False, 100.0)
    assert left["lock"] == "locked"
    assert flow.plant.evse()["reactions"] == []  # it was ordered: nothing had to drop by itself
    flow.until(lambda s: {f["code"] for f in s["faults"]} == {"pilot_lost"}, "the brain calls it a fault")
    wait_for(lambda: flow.connector_statuses()[-1] == "Faulted", "the CSMS knows")
    flow.sandbox.start_pilot()
    flow.until_plant(lambda e: e["contactor"]["closed"])
    flow.until_charging()
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=before)


@pytest.mark.parametrize("pilot", ["hangs", "is gone"])
def test_a_brain_that_waits_for_the_pilot_at_its_start_still_ends_when_told_to(make: Make, pilot: str) -> None:
    flow = make()
    flow.errors_allowed = ("pilot_lost",)
    flow.charge()  # a transaction to recover: what becomes of it depends on the cable, which the pilot sees
    flow.kill_brain()
    if pilot == "hangs":
        flow.sandbox.signal("stationd-pilot", signal.SIGSTOP)
    else:
        flow.sandbox.kill("stationd-pilot")
    lines = len(flow.log_lines())
    flow.sandbox.start_station()
    status, seconds = flow.end("stationd")
    told = flow.log_lines()[lines:]
    assert (status, any("ending signal=SIGTERM" in line for line in told)) == (0, True), told
    assert seconds <= 2
    assert not any(word in line for line in told for word in ("started identity", "found open")), told  # it waited
    assert len(flow.sessions()) == 1
    assert flow.sessions()[0]["ended_at"] is None
