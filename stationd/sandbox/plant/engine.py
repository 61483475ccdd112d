"""The plant's clock: lets the physics happen on time and sends each change to the driver at once.

One timer, in the event loop. It fires at the next physical event or at the next beat, whichever comes first; the
driver's packets and the control's calls are handled between. Every time stamp comes from `now`.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from stationd.sandbox.plant.car import NS
from stationd.sandbox.plant.plant import Plant
from stationd.sandbox.plant.sensing import Signature

BEAT_NS = 18_000_000  # a state at least every 20 ms; timers of the event loop are up to 1 ms late
WATCHFUL_BEAT_NS = 5_000_000  # while a reaction is pending, so that a stall of the plant is seen
STALL_NS = 20_000_000


class PinsPort(Protocol):
    """The fast socket, as the clock uses it."""

    def drain(self) -> None:
        """Read everything that drivers sent and apply it."""
        ...

    def push(self, evse_id: int) -> None:
        """Send the EVSE's present state to its driver, if there is one."""
        ...


class Engine:
    """Runs a plant in real time. All methods belong to the event loop's thread."""

    def __init__(self, plant: Plant, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._plant = plant
        self._clock_ns = clock_ns
        self._pins: PinsPort | None = None
        self._pushed: dict[int, Signature] = {}
        self._pushed_at_ns = dict.fromkeys(plant.evses, 0)
        self._beat_ns = clock_ns()
        self._wake_ns = self._beat_ns
        self._timer: asyncio.TimerHandle | None = None

    def start(self, pins: PinsPort) -> None:
        """Start the clock."""
        self._pins = pins
        self._beat_ns = self._wake_ns = self._clock_ns()
        self._wake()

    def stop(self) -> None:
        """Stop the clock."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._pins = None

    def now(self) -> int:
        """Return the time; pending reactions are marked if the plant itself was late until now."""
        now_ns = self._clock_ns()
        if now_ns - self._wake_ns > STALL_NS:
            self._plant.stalled()
            self._wake_ns = now_ns
        return now_ns

    def settle(self, now_ns: int) -> None:
        """Advance the physics, send what changed, and set the timer; call after anything that changed the plant."""
        self._plant.advance(now_ns)
        if self._pins is None:
            return
        for evse in self._plant.evses.values():
            signature = evse.signature()
            if self._pushed.get(evse.evse_id) != signature:
                self._pushed[evse.evse_id] = signature
                self._push(evse.evse_id, now_ns)
        self._schedule()

    def _push(self, evse_id: int, now_ns: int) -> None:
        self._pushed_at_ns[evse_id] = now_ns
        if self._pins is not None:
            self._pins.push(evse_id)

    def _wake(self) -> None:
        self._timer = None
        if self._pins is None:
            return
        self._pins.drain()  # before silence is judged
        now_ns = self.now()
        beat = now_ns >= self._beat_ns
        if beat:
            self._beat_ns = max(self._beat_ns + BEAT_NS, now_ns + BEAT_NS // 2)
        self.settle(now_ns)
        if beat:
            for evse_id, at_ns in self._pushed_at_ns.items():
                if at_ns != now_ns:
                    self._push(evse_id, now_ns)

    def _schedule(self) -> None:
        wake_ns = self._beat_ns
        if (event_ns := self._plant.next_event_ns()) is not None:
            wake_ns = min(wake_ns, event_ns)
        if self._plant.reactions_pending():
            wake_ns = min(wake_ns, self._clock_ns() + WATCHFUL_BEAT_NS)
        if self._timer is not None:
            if wake_ns >= self._wake_ns:
                return
            self._timer.cancel()
        self._wake_ns = wake_ns
        self._timer = asyncio.get_running_loop().call_at(wake_ns / NS, self._wake)
