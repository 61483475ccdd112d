"""One EVSE of a bench: what its brain wants, what its safety process said, what really was, and what must never be."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stationd.pilot.protocol import DEFAULT_LEASE_MS, Message, Offer, ResetFault, Unlock
from stationd.sandbox.plant.client import PlantClient
from stationd.sandbox.plant.errors import PlantError

if TYPE_CHECKING:
    from tests.pilot.fault_rows.bench import Bench

Json = dict[str, Any]
PATIENCE_S = 20.0
PWM_SETTLED_MS = 700
"""A diode is judged once PWM had its time."""
RESETTABLE = (
    "contactor_failed", "contactor_welded", "lock_failed", "over_current", "phase_switch", "rcd_self_test", "rcd_trip",
    "restart_loop",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Truth:
    """What really was at one moment, by the plant."""

    at_ms: float
    coil: bool
    closed: bool
    lock: str
    close_pin: bool
    lock_pin: bool
    phases: int
    destroyed: bool
    plugged: bool
    amps: float

    @classmethod
    def of(cls, t_ns: int, evse: Json) -> Truth:
        car, pins, contactor = evse["car"], evse["pins"], evse["contactor"]
        return cls(
            t_ns / 1e6, contactor["coil"], contactor["closed"], evse["lock"], pins["close"], pins["lock"],
            evse["phase_switch"]["phases"], car is not None and car["destroyed"], car is not None,
            max(evse["current_a"]),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """One status, and when it arrived here."""

    status: Json
    came_ms: float


class Place:
    """One EVSE. For one thread of a test, beside the bench's own."""

    def __init__(self, bench: Bench, evse_id: int, plant: PlantClient) -> None:
        self.bench = bench
        self.evse_id = evse_id
        self.plant = plant
        self.told: list[Told] = []
        self.truths: list[Truth] = []
        self.violations: list[str] = []
        self._starts_ms: dict[str, float] = {}
        self._wanted: tuple[float, int, bool] | None = None

    # --- what the bench's threads bring ---

    def take(self, status: Json, now_ms: float) -> None:
        """Keep a status. The fastest one of a start tells best when that start was, and never too early."""
        boot, start_ms = status["boot_id"], now_ms - status["uptime_ms"]
        self._starts_ms[boot] = min(self._starts_ms.get(boot, start_ms), start_ms)
        self.told.append(Told(status, now_ms))
        if status["faults"] and status["commanded_closed"]:
            self.violations.append(f"closed with faults: {status}")

    def look(self, truth: Truth) -> None:
        self.truths.append(truth)
        if truth.closed and not (truth.lock == "locked" and truth.lock_pin):
            self.violations.append(f"not locked under closed contacts: {truth}")
        if truth.destroyed:
            self.violations.append(f"a vehicle was destroyed: {truth}")

    def renew(self) -> None:
        wanted = self._wanted
        if wanted is not None:
            amps, phases, permit = wanted
            self.bench.send(Offer(self.evse_id, amps, phases, permit, DEFAULT_LEASE_MS, 0))

    # --- the brain ---

    def offer(self, amps: float = 16.0, *, phases: int = 3, permit: bool = True) -> None:
        """Offer so much, and go on doing so."""
        self._wanted = (amps, phases, permit)
        self.renew()

    def fall_silent(self) -> None:
        """Renew no offer any more."""
        self._wanted = None

    def ask(self, make: Callable[[int, int], Message]) -> str | None:
        """Send a message and return the error of its answer, None if it was accepted."""
        number = self.bench.number()
        self.bench.send(make(self.evse_id, number))
        with self.bench.changed:
            assert self.bench.changed.wait_for(lambda: number in self.bench.replies, PATIENCE_S), "no answer"
        return self.bench.replies[number]

    def reset(self, code: str) -> str | None:
        return self.ask(lambda evse_id, number: ResetFault(evse_id, number, code))

    def unlock(self) -> str | None:
        return self.ask(Unlock)

    # --- what was told ---

    def mark(self) -> int:
        """Return where the next status will be."""
        return len(self.told)

    @property
    def status(self) -> Json:
        return self.told[-1].status

    def since(self, mark: int) -> list[Json]:
        return [told.status for told in self.told[mark:]]

    def at_ms(self, status: Json) -> float:
        """Return when the tick began in which the safety process said it."""
        return self._starts_ms[status["boot_id"]] + float(status["uptime_ms"])

    def wait(self, what: Callable[[Json], bool], *, after: int | None = None, patience_s: float = PATIENCE_S) -> Json:
        """Return the first status from the mark on (or from the present one on) for which this is true."""
        index = max(len(self.told) - 1, 0) if after is None else after
        end = time.monotonic() + patience_s
        with self.bench.changed:
            while True:
                while index < len(self.told):
                    if what(self.told[index].status):
                        return self.told[index].status
                    index += 1
                left_s = end - time.monotonic()
                if left_s <= 0 or not self.bench.changed.wait(left_s):
                    raise AssertionError(f"never came; last {self.told[-2:]}; {self.plant.evse(self.evse_id)}")

    def until(self, after: int | None = None, patience_s: float = PATIENCE_S, **wanted: Any) -> Json:
        """Return the first status with these values."""
        return self.wait(lambda s: all(s[k] == v for k, v in wanted.items()), after=after, patience_s=patience_s)

    # --- the plant ---

    def evse(self) -> Json:
        return self.plant.evse(self.evse_id)

    def set_fault(self, name: str) -> None:
        self.plant.set_fault(name, self.evse_id)

    def clear_fault(self, name: str) -> None:
        self.plant.clear_fault(name, self.evse_id)

    def wants(self, wants: bool) -> None:
        self.plant.wants_power(wants, self.evse_id)

    def plug_in(self, model: str = "three_phase", **more: Any) -> None:
        self.plant.plug_in(self.evse_id, model=model, **more)

    def plug_out(self, *, force: bool = True) -> None:
        self.plant.plug_out(self.evse_id, force=force)

    def see(self, what: Callable[[Json], bool], patience_s: float = PATIENCE_S) -> Json:
        """Return the plant's state once this is true of it."""
        return self.plant.wait_until(what, patience_s, evse_id=self.evse_id, interval_s=0.005)

    def cause(self, what: Callable[[Json], bool], patience_s: float = PATIENCE_S) -> float:
        """Return a moment just before this became true in the plant."""
        end = time.monotonic() + patience_s
        before_ms = time.monotonic() * 1e3
        while True:
            asked_ms = time.monotonic() * 1e3
            if what(self.evse()):
                return before_ms
            before_ms = asked_ms
            assert time.monotonic() < end, f"never came: {self.evse()}"
            time.sleep(0.002)

    def reactions(self) -> list[Json]:
        found: list[Json] = self.evse()["reactions"]
        return found

    # --- whole ways ---

    def charge(self, model: str = "three_phase", *, settled: bool = False, **more: Any) -> None:
        """Bring it to charging, whatever was before; `settled`: PWM runs long enough for every check."""
        self.mend()
        if self.evse()["car"] is None:
            self.come(model, **more)
        self.offer()
        self.wants(True)
        self.until(commanded_closed=True, sensed_closed=True)
        mark = self.mark()
        self.see(lambda evse: evse["current_a"][0] > 0)
        if settled:
            steady = max(i for i, told in enumerate(self.told[:mark]) if not 0 < told.status["duty"] < 100)
            begun_ms = self.at_ms(self.told[steady + 1].status)
            time.sleep(max(0.0, (begun_ms + PWM_SETTLED_MS) / 1e3 - time.monotonic()))
        assert self.status["commanded_closed"], self.status

    def come(self, model: str = "three_phase", **more: Any) -> None:
        """Plug in, after the socket of the one before was unlocked."""
        self.offer(permit=False)
        self.see(lambda evse: evse["lock"] == "unlocked")
        self.plug_in(model, **more)
        self.wait(lambda s: s["cp"] != "A")

    def leave(self) -> None:
        """Pull the plug, as after a session."""
        self.offer(permit=False)
        self.plug_out()
        self.until(cp="A")

    def mend(self) -> None:
        """Clear all faults of the plant, unplug if faults of the station remain, and reset what must be reset."""
        for name in self.evse()["faults"]:
            self.clear_fault(name)
        self.plant.set_temperature(None, self.evse_id)
        if not self.status["faults"]:
            return
        with contextlib.suppress(AssertionError):
            self.wait(lambda s: not s["faults"], patience_s=1.5)
            return
        self.empty()

    def empty(self) -> None:
        """Leave the place without vehicle and without faults."""
        self.offer(permit=False)
        with contextlib.suppress(PlantError):
            self.plug_out()
        end = time.monotonic() + PATIENCE_S
        while (left := self.status["faults"]) or self.status["cp"] != "A":
            for code in set(left) & set(RESETTABLE):
                self.reset(code)
            assert time.monotonic() < end, self.status
            time.sleep(0.05)

    def stays_open(self, seconds: float, mark: int) -> None:
        """Assert that for so long neither safety process nor plant shows anything but an open contactor."""
        first, begun_ms = self.mark(), time.monotonic() * 1e3
        time.sleep(seconds)
        assert not any(status["commanded_closed"] for status in self.since(first)), self.since(mark)
        truths = [truth for truth in self.truths if truth.at_ms >= begun_ms]
        assert truths, "the plant said nothing"
        assert not any(truth.close_pin or truth.coil or truth.closed for truth in truths), truths

    def judge(self) -> None:
        """Assert that nothing that must never be was seen."""
        violations, self.violations = self.violations, []
        assert violations == []
        switch = self.evse()["phase_switch"]
        assert (switch["moved_under_load"], switch["moved_with_pilot"]) == (0, 0)
