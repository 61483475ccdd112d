"""The brain's hardware layer against the real safety process and the real plant."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stationd import hwprofile
from stationd.domain.pilot import CpState, PilotStatus
from stationd.hal.bus import BusPool, BusTimings
from stationd.hal.interfaces import Meter, MeterReading
from stationd.hal.pilot_link import PilotLink
from stationd.hal.registry import create_meter, create_reader
from stationd.hwprofile import DriverSpec
from stationd.sandbox.launch import Folders, Sandbox, StationOptions
from tests.sandbox.plant.bench import running as plant_running
from tests.sandbox.plant.bench import short_folder

PATIENCE_S = 30.0


@pytest.fixture
def board() -> Iterator[Sandbox]:
    """A plant with a stationd-pilot and no brain."""
    with short_folder() as folder, Sandbox(Folders.below(folder), StationOptions(evses=2)) as sandbox:
        sandbox.start_plant()
        sandbox.start_pilot()
        yield sandbox


class Brain:
    """A link that can be waited for."""

    def __init__(self, board: Sandbox, **options: Any) -> None:
        self.link = PilotLink(board.folders.runtime_dir / "pilot.sock", evse_ids=(1, 2), **options)
        self.lost = 0
        self._changed = asyncio.Event()
        self.link.subscribe(self._hear)

    def _hear(self, _: int, status: PilotStatus | None) -> None:
        self.lost += status is None
        self._changed.set()

    async def until(self, condition: Callable[[PilotStatus], bool], evse_id: int = 1) -> PilotStatus:
        async with asyncio.timeout(PATIENCE_S):
            while (status := self.link.status(evse_id)) is None or not condition(status):
                self._changed.clear()
                await self._changed.wait()
        return status

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Brain"]:
        task = asyncio.create_task(self.link.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait([task])


async def plant(board: Sandbox, method: str, **params: Any) -> None:
    def call() -> None:
        with board.plant() as client:
            client.call(method, **params)

    await asyncio.to_thread(call)


async def test_a_car_is_charged_and_let_go(board: Sandbox) -> None:
    async with Brain(board).running() as brain:
        await brain.until(lambda s: s.cp is CpState.A)
        await plant(board, "plug_in", evse_id=1, cable_a=20)
        plugged = await brain.until(lambda s: s.cp is CpState.B)
        assert plugged.cable_connected
        assert not plugged.commanded_closed
        brain.link.offer(1, amps=12.0, phases=3, permit=True)
        charging = await brain.until(lambda s: s.sensed_closed)
        assert (charging.cp, charging.offered_a, charging.cable_max_a) == (CpState.C, 12.0, 20.0)
        assert charging.max_a == 16.0, "the installer's limit is below the cable's"
        assert brain.link.error is None
        assert await brain.link.unlock(1) is False, "a closed contactor keeps the lock"
        assert "contactor is closed" in str(await brain.link.set_available(1, available=False))
        brain.link.offer(1, amps=0.0, phases=3, permit=False)
        await brain.until(lambda s: not s.sensed_closed)
        assert await brain.link.unlock(1) is True
        await plant(board, "plug_out", evse_id=1)
        await brain.until(lambda s: s.cp is CpState.A)
        assert brain.link.status(2) is not None
        assert "not in force" in str(await brain.link.reset_fault(1, "rcd_trip"))


async def test_a_killed_safety_process_is_found_again_and_charging_goes_on(board: Sandbox) -> None:
    async with Brain(board).running() as brain:
        await plant(board, "plug_in", evse_id=1)
        brain.link.offer(1, amps=16.0, phases=3, permit=True)
        before = await brain.until(lambda s: s.sensed_closed)
        await asyncio.to_thread(board.kill, "stationd-pilot")
        async with asyncio.timeout(PATIENCE_S):
            while brain.link.error is None:
                await asyncio.sleep(0.01)
        assert brain.link.status(1) is None
        assert brain.lost == 2
        assert "stationd-pilot" in str(brain.link.error)
        await asyncio.to_thread(board.start_pilot)
        after = await brain.until(lambda s: s.sensed_closed)
        assert after.boot_id != before.boot_id
        assert brain.link.error is None


async def test_a_safety_process_that_hangs_counts_as_lost_and_comes_back(board: Sandbox) -> None:
    async with Brain(board, silence_s=2.0).running() as brain:
        await brain.until(lambda s: s.cp is CpState.A)
        board.signal("stationd-pilot", signal.SIGSTOP)
        async with asyncio.timeout(PATIENCE_S):
            while not brain.lost:
                await asyncio.sleep(0.01)
        assert "it said nothing for 2 s" in str(brain.link.error)
        board.signal("stationd-pilot", signal.SIGCONT)
        await brain.until(lambda s: s.cp is CpState.A)


async def test_a_second_brain_is_refused_until_the_first_is_gone(board: Sandbox) -> None:
    first, second = Brain(board), Brain(board)
    async with AsyncExitStack() as only_first:
        await only_first.enter_async_context(first.running())
        await first.until(lambda s: s.cp is CpState.A)
        async with second.running():
            async with asyncio.timeout(PATIENCE_S):
                while "cannot hold the permit" not in str(second.link.error):
                    await asyncio.sleep(0.01)
            second.link.offer(1, amps=16.0, phases=3, permit=True)
            await plant(board, "plug_in", evse_id=1)
            status = await first.until(lambda s: s.cp is CpState.B)
            assert not status.commanded_closed
            assert (first.link.error, second.link.status(1)) == (None, None)
            await only_first.aclose()
            await second.until(lambda s: s.sensed_closed)
            assert second.link.error is None


async def test_a_card_held_to_the_reader_becomes_a_token(board: Sandbox) -> None:
    reader = create_reader(DriverSpec("rfid/mock", {}), runtime_dir=board.folders.runtime_dir)
    tokens = reader.tokens()
    for card in ("04A2B3C4D5E680", "04A2B3C4D5E680"):
        first = asyncio.create_task(anext(tokens))
        await plant(board, "present_card", token=card)  # answered when the driver acknowledged it
        assert (await first).value == card
    first = asyncio.create_task(anext(tokens))
    await plant(board, "set_fault", name="reader_silent")
    async with asyncio.timeout(PATIENCE_S):
        while reader.error is None:
            await asyncio.sleep(0.01)
    await plant(board, "clear_fault", name="reader_silent")
    await plant(board, "present_card", token="0011")
    assert (await first).value == "0011"
    await reader.close()
    with pytest.raises(StopAsyncIteration):
        await anext(tokens)


def meter_of(evse_id: int, buses: BusPool, **changed: Any) -> Meter:
    """Return the meter of an EVSE as the mock profile names it."""
    spec = hwprofile.load("mock", evse_count=2).evses[evse_id - 1].meter
    assert spec is not None
    return create_meter(DriverSpec(spec.driver, {**spec.options, **changed}), evse_id=evse_id, buses=buses)


async def read_until(meter: Meter, condition: Callable[[MeterReading], bool]) -> MeterReading:
    async with asyncio.timeout(PATIENCE_S):
        while not condition(reading := await meter.read()):
            await asyncio.sleep(0.02)
    return reading


async def test_the_plants_meters_are_read_over_tcp_and_over_a_serial_line() -> None:
    with short_folder() as folder, plant_running(folder, "--evses", "2", "--modbus-rtu") as bench:
        buses = BusPool(timings=BusTimings(backoff_first_s=0.05, late_factor=0.2))
        port = bench.ready["modbus_port"]
        first, second = (meter_of(n, buses, port=port) for n in (1, 2))
        serial_options = {"transport": "rtu", "device": str(Path(bench.ready["meter_tty"])), "unit": 2}
        serial = create_meter(DriverSpec("meter/eastron_sdm630", serial_options), evse_id=2, buses=buses)
        readings = await asyncio.gather(*(meter.read() for meter in (first, second, serial)))
        for reading in readings:
            assert reading.error is None
            assert reading.energy_import_wh == pytest.approx(1_234_567, abs=1)
            assert (reading.energy_export_wh, reading.power_w, reading.power_factor) == (0.0, 0.0, 1.0)
            assert reading.voltage_v == (230.0, 230.0, 230.0)
            assert reading.frequency_hz == 50.0
        await asyncio.to_thread(partial(bench.client.set_fault, "meter_silent", 2))
        results = await asyncio.gather(*(meter.read() for meter in (first, second, serial)))
        assert [result.stale for result in results] == [False, True, True]
        assert {result.energy_import_wh for result in results[1:]} == {None}
        await asyncio.to_thread(partial(bench.client.clear_fault, "meter_silent", 2))
        for meter in (second, serial):
            assert (await read_until(meter, lambda r: r.error is None)).energy_import_wh is not None
        await buses.close()


async def test_a_register_that_is_written_back_is_doubted_and_then_believed() -> None:
    with short_folder() as folder, plant_running(folder) as bench:
        buses = BusPool()
        meter = meter_of(1, buses, port=bench.ready["modbus_port"])
        await meter.read()
        await asyncio.to_thread(partial(bench.client.set_meter, 1, energy_wh=1000))
        readings = [await meter.read() for _ in range(3)]
        assert [reading.energy_import_wh for reading in readings] == [None, None, 1000.0]
        assert "energy_import fell from 1234567 to 1000 Wh" in str(readings[0].error)
        await buses.close()
