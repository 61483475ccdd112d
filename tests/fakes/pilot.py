"""A safety process with a car and a meter, all driven by the test's clock."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from stationd.domain.pilot import CpState, LockState, PilotStatus
from stationd.hal.interfaces import MeterReading
from tests.fakes.clock import FakeClock
from tests.fakes.scheduler import FakeScheduler


@dataclass
class Outlet:
    """One EVSE's hardware and the car in front of it."""

    evse_id: int
    plugged: bool = False
    wants_power: bool = True
    cable_a: float = 32.0
    max_a: float = 32.0
    lock: LockState = LockState.UNLOCKED
    lock_jammed: bool = False
    faults: tuple[str, ...] = ()
    cp: CpState | None = None
    """Set to force a state."""
    open_delay_s: float = 0.0
    """What the car takes to open its switch when the offer goes."""
    welded: bool = False
    boot_id: str = "pilot-1"
    unplugs: int = 0
    warnings: tuple[str, ...] = ()
    phases: int = 3
    resets: list[str] = field(default_factory=list)
    """Codes that a technician asked to reset."""
    refuses: str | None = None
    """Why resets and self-tests are refused."""
    amps: float = 0.0
    permit: bool = False
    closed: bool = False
    register_wh: float = 1_000_000.0
    counted_at: float = 0.0
    meter_dead: bool = False
    meter_hangs: bool = False
    draws_a: float = 10.0
    offers: list[tuple[float, float, bool]] = field(default_factory=list)


class FakePilot:
    """Implements `station.ports.PilotPort`. Statuses come in the next turn of the loop, as from a socket."""

    def __init__(self, clock: FakeClock, scheduler: FakeScheduler, evse_ids: tuple[int, ...] = (1,)) -> None:
        self.clock = clock
        self._scheduler = scheduler
        self.outlets = {evse_id: Outlet(evse_id, counted_at=clock.mono) for evse_id in evse_ids}
        self.connected = True
        self.unlocked: list[int] = []
        self.on_offer: Callable[[int, bool], None] = lambda evse_id, permit: None
        self._listeners: list[Callable[[int, PilotStatus | None], None]] = []

    # --- port ---

    def status(self, evse_id: int) -> PilotStatus | None:
        if not self.connected:
            return None
        o = self.outlets[evse_id]
        return PilotStatus(
            evse_id=evse_id,
            cp=self._cp(o),
            volts=9.0,
            duty_percent=o.amps / 0.6 if self._pwm(o) else 100.0,
            commanded_closed=o.closed and not o.welded,
            sensed_closed=o.closed,
            lock=o.lock,
            cable_max_a=o.cable_a if o.plugged else None,
            max_a=min(o.max_a, o.cable_a) if o.plugged else o.max_a,
            offered_a=o.amps if self._pwm(o) else 0.0,
            faults=o.faults,
            uptime_ms=int(self.clock.mono * 1000),
            boot_id=o.boot_id,
            unplugs=o.unplugs,
            warnings=o.warnings,
            phases=o.phases,
        )

    def offer(self, evse_id: int, *, amps: float, phases: int, permit: bool) -> None:
        o = self.outlets[evse_id]
        o.offers.append((self.clock.mono, amps, permit))
        self.on_offer(evse_id, permit)
        self._count(o)
        o.amps, o.permit = amps, permit
        self._move(o)

    async def unlock(self, evse_id: int) -> bool:
        o = self.outlets[evse_id]
        self.unlocked.append(evse_id)
        if o.lock_jammed:
            return False
        o.lock = LockState.UNLOCKED
        return True

    async def reset_fault(self, evse_id: int, code: str) -> str | None:
        o = self.outlets[evse_id]
        o.resets.append(code)
        if o.refuses is None:
            self.change(evse_id, faults=tuple(other for other in o.faults if other != code))
        return o.refuses

    async def self_test(self, evse_id: int) -> str | None:
        return self.outlets[evse_id].refuses

    def subscribe(self, listener: Callable[[int, PilotStatus | None], None]) -> None:
        self._listeners.append(listener)

    # --- the test's hands ---

    def plug_in(self, evse_id: int = 1, *, wants_power: bool = True) -> None:
        o = self.outlets[evse_id]
        self._count(o)
        o.plugged, o.wants_power = True, wants_power
        o.lock = LockState.LOCKED if o.lock is not LockState.NONE else o.lock
        self._move(o)

    def plug_out(self, evse_id: int = 1) -> None:
        o = self.outlets[evse_id]
        self._count(o)
        o.unplugs += o.plugged
        o.plugged, o.closed = False, o.welded and o.closed
        o.lock = LockState.UNLOCKED if o.lock is not LockState.NONE else o.lock
        self.send(evse_id)

    def change(self, evse_id: int = 1, **values: object) -> None:
        o = self.outlets[evse_id]
        self._count(o)
        for name, value in values.items():
            setattr(o, name, value)
        self._move(o)

    def lose_link(self) -> None:
        self.connected = False
        for evse_id in self.outlets:
            self.send(evse_id)

    def restore_link(self, boot_id: str = "pilot-2") -> None:
        self.connected = True
        for evse_id in self.outlets:
            self.change(evse_id, boot_id=boot_id)

    def send(self, evse_id: int) -> None:
        status = self.status(evse_id)
        for listener in self._listeners:
            asyncio.get_running_loop().call_soon(listener, evse_id, status)

    def flowed_wh(self, evse_id: int = 1) -> float:
        self._count(self.outlets[evse_id])
        return self.outlets[evse_id].register_wh

    # --- physics ---

    def _pwm(self, o: Outlet) -> bool:
        return o.permit and o.amps >= 6 and o.plugged and not o.faults

    def _cp(self, o: Outlet) -> CpState:
        if o.cp is not None:
            return o.cp
        if not o.plugged:
            return CpState.A
        return CpState.C if (self._pwm(o) and o.wants_power) or o.closed else CpState.B

    def _move(self, o: Outlet) -> None:
        """Close at once, open when the car has followed."""
        if self._pwm(o) and o.wants_power and o.cp is None:
            o.closed = True
        elif o.closed and not o.welded:
            if o.open_delay_s and not o.faults:
                self._scheduler.call_at(self.clock.mono + o.open_delay_s, lambda: self._opened(o))
            else:
                o.closed = False
        self.send(o.evse_id)

    def _opened(self, o: Outlet) -> None:
        self._count(o)
        if not (self._pwm(o) and o.wants_power):
            o.closed = False
            self.send(o.evse_id)

    def _count(self, o: Outlet) -> None:
        """7.2 kW while closed: 2 Wh a second."""
        if o.closed:
            o.register_wh += 2.0 * (self.clock.mono - o.counted_at)
        o.counted_at = self.clock.mono


class FakeMeter:
    """Implements `hal.interfaces.Meter` on the energy that the fake pilot let flow."""

    def __init__(self, pilot: FakePilot, evse_id: int = 1) -> None:
        self._pilot = pilot
        self._evse_id = evse_id
        self.reads = 0
        self.closed = False

    async def read(self) -> MeterReading:
        outlet = self._pilot.outlets[self._evse_id]
        self.reads += 1
        await asyncio.sleep(0)
        if outlet.meter_hangs:
            await asyncio.Event().wait()
        reading = MeterReading(taken_at_s=self._pilot.clock.mono)
        if outlet.meter_dead:
            return replace(reading, error="no answer")
        current = (outlet.draws_a,) * 3 if outlet.closed else (0.0, 0.0, 0.0)
        return replace(
            reading,
            energy_import_wh=self._pilot.flowed_wh(self._evse_id),
            power_w=7200.0 if outlet.closed else 0.0,
            current_a=current,
            voltage_v=(230.0, 231.0, 229.0),
            frequency_hz=50.0,
        )

    async def close(self) -> None:
        self.closed = True
