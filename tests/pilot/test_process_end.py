"""The end of the process by a defect of its own: what is half done is brought to an end that harms no vehicle."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stationd.pilot import process
from stationd.pilot.machine import Pins
from tests.pilot.small_plant import SmallPlant
from tests.pilot.station import Station


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[SmallPlant]:
    with SmallPlant(tmp_path) as plant:
        yield plant


class Defect(Exception):
    """Something in the loop that nobody expected."""


@pytest.mark.parametrize("parted", [True, False])
def test_a_loop_that_breaks_off_while_the_pilot_is_parted_joins_it_only_when_the_switch_must_be_at_rest(
    plant: SmallPlant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parted: bool
) -> None:
    told: list[bytes] = []
    broke_s: list[float] = []

    def run(arguments: object, profile: object, channels: list[Any], *rest: object) -> int:
        for _ in range(500):
            now_ms = time.monotonic_ns() // 1_000_000
            channels[0].read(now_ms)
            channels[0].write(Pins(closed=False, phases=1, cp_connected=not parted), now_ms, lambda: False)
            time.sleep(0.01)
            if plant.pins and plant.pins["cp"] is not parted:
                break
        broke_s.append(time.monotonic())
        raise Defect

    monkeypatch.setattr(process, "_run", run)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "1000000")
        before = plant.pins_seen
        with pytest.raises(Defect):
            process.main(Station(tmp_path).command()[4:])
        took_s = time.monotonic() - broke_s[0]
        while True:
            try:
                told.append(notify.recv(1_000))
            except BlockingIOError:
                break
    assert (took_s >= 2.0) is parted
    assert told == [b"WATCHDOG_USEC=60000000"] * parted  # or the watchdog would end the wait
    assert not any(plant.commands)
    assert plant.pins_seen - before >= 100 * parted
    assert plant.pins["cp"] is not parted  # the driver's end joins it, not an order before
    assert not os.path.exists(tmp_path / "pilot.sock")
