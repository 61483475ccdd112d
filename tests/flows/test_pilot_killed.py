"""The safety process dies, ends or is molested while a car charges."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable

import pytest

from tests.flows.support import CARD, LEASE_MS, OPEN_MS, Flow, Json, measured, wait_for

Make = Callable[..., Flow]
RELAY_MS = 50.0
"""From the coil that drops to the contacts that part, with a margin for the plant's own clock."""


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
        flow.until(lambda s: not s["pilot"]["connected"], "the brain misses the pilot")
        energy = flow.meter_wh()
        flow.sandbox.start_pilot()
        flow.until(lambda s: s["pilot"]["connected"], "the brain has found the pilot again")
        wait_for(lambda: flow.meter_wh() > energy + 30, "the car charges again")
        return reaction

    assert measured(kill)["opened_after_ms"] <= LEASE_MS + RELAY_MS
    assert flow.until_charging()["transaction_id"] == transaction
    assert flow.pid() == pid
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=before)


def test_a_pilot_that_ends_opens_the_contactor_and_comes_back(make: Make) -> None:
    flow = make()
    flow.errors_allowed = ("pilot_lost",)
    before = flow.charge()
    status, seconds = flow.end("stationd-pilot")
    assert status == 0
    assert seconds <= 3
    assert not flow.contactor_closed()
    flow.until(lambda s: {f["code"] for f in s["faults"]} == {"pilot_lost"}, "the brain calls it a fault")
    wait_for(lambda: flow.connector_statuses()[-1] == "Faulted", "the CSMS knows")
    flow.sandbox.start_pilot()
    flow.until_plant(lambda e: e["contactor"]["closed"])
    flow.until_charging()
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=before)


GARBAGE = (
    b"\x00\xff\xfe" * 1000 + b"\n",
    b"[" * 5000 + b"\n",
    b'{"type": "offer", "evse_id": 1, "amps": 1e999, "phases": 3, "permit": true, "lease_ms": 5000, "seq": 1}\n',
    b"x" * 100_000,
    json.dumps({"type": "hello", "v": 999, "role": "brain"}).encode() + b"\n",
)


def test_garbage_and_floods_on_its_socket_leave_the_pilot_alone(make: Make) -> None:
    flow = make()
    path = str(flow.sandbox.folders.runtime_dir / "pilot.sock")
    over = threading.Event()

    def molest(number: int) -> None:
        hello = json.dumps({"type": "hello", "v": 1, "role": ("reader", "brain")[number % 2]}).encode() + b"\n"
        offer = {"type": "offer", "evse_id": 1, "amps": 32, "phases": 3, "permit": False, "lease_ms": 5000, "seq": 1}
        line = json.dumps(offer).encode() + b"\n"
        while not over.is_set():
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as link:
                link.settimeout(0.5)
                link.connect(path)
                if number < 2:
                    link.sendall(GARBAGE[int(time.monotonic() * 10) % len(GARBAGE)])
                else:
                    link.sendall(hello + line * 500)  # the permit is the real brain's; nobody else may take it away
            time.sleep(0.001)

    def pull(index: int) -> Json:
        before = flow.charge(token=CARD)
        over.clear()
        threads = [threading.Thread(target=molest, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        try:
            flow.until_flowed(300)
            assert flow.status()["pilot"]["connected"]
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
