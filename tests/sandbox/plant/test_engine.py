"""The plant's clock, in the test's own event loop with a clock that the test moves."""

import asyncio
import time

from stationd.sandbox.plant.car import Car
from stationd.sandbox.plant.engine import STALL_NS, Engine
from stationd.sandbox.plant.evse import Evse, Pins
from stationd.sandbox.plant.plant import Plant

MS = 1_000_000


class Port:
    """Counts what is sent; `waiting` is what drain applies."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.pushed: list[tuple[int, bool]] = []
        self.waiting: Pins | None = None
        self.pushes = asyncio.Event()
        self.clock = time.monotonic_ns

    def drain(self) -> None:
        if self.waiting is not None:
            self.plant.evses[1].drive(self.waiting, self.clock())

    def push(self, evse_id: int) -> None:
        self.pushed.append((evse_id, self.plant.evses[evse_id].contactor.closed))
        self.pushes.set()


async def test_change_is_sent_when_it_settles_and_states_go_on_without_change() -> None:
    plant = Plant([Evse(1, time.monotonic_ns())])
    engine, port = Engine(plant), Port(plant)
    engine.start(port)
    try:
        count = len(port.pushed)
        plant.evses[1].plug_in(Car(16, 3, 32, wants=True), engine.now())
        engine.settle(engine.now())
        assert len(port.pushed) == count + 1
        for _ in range(3):
            port.pushes.clear()
            async with asyncio.timeout(10):
                await port.pushes.wait()
    finally:
        engine.stop()


async def test_contacts_close_on_time_without_any_other_event() -> None:
    plant = Plant([Evse(1, time.monotonic_ns())])
    engine, port = Engine(plant), Port(plant)
    port.waiting = Pins(26.7, close=True)
    engine.start(port)
    try:
        async with asyncio.timeout(10):
            while (1, True) not in port.pushed:
                port.pushes.clear()
                await port.pushes.wait()
    finally:
        engine.stop()


async def test_socket_is_drained_before_silence_is_judged() -> None:
    now_ns = 10**9
    plant = Plant([Evse(1, now_ns)])
    engine, port = Engine(plant, lambda: now_ns), Port(plant)
    port.clock = lambda: now_ns
    evse = plant.evses[1]
    evse.drive(Pins(26.7, close=True), now_ns)
    evse.advance(now_ns + 25 * MS)
    port.waiting = evse.pins
    now_ns += 2000 * MS  # the plant was late by two seconds; pins were sent meanwhile
    engine.start(port)
    engine.stop()
    assert evse.contactor.closed


async def test_late_plant_marks_the_reactions_that_were_pending() -> None:
    now_ns = 10**9
    plant = Plant([Evse(1, now_ns)])
    engine, port = Engine(plant, lambda: now_ns), Port(plant)
    engine.start(port)
    evse = plant.evses[1]
    evse.drive(Pins(26.7, close=True), engine.now())
    now_ns += 20 * MS
    evse.drive(evse.pins, engine.now())
    engine.settle(engine.now())
    evse.set_fault("tilt", engine.now())
    engine.settle(engine.now())
    assert "stalled" not in evse.reactions.view()[0]
    now_ns += 2 * STALL_NS
    engine.now()
    engine.stop()
    assert evse.reactions.view()[0]["stalled"] is True
