"""Timers that the test fires by moving the clock."""

import asyncio
import heapq
import itertools
from collections.abc import Callable

from tests.fakes.clock import FakeClock

MOST_TURNS = 10_000
"""Turns of the loop after which something must be spinning."""


class FakeTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeScheduler:
    """Implements `station.timing.Scheduler` on a `FakeClock`."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._order = itertools.count()
        self._timers: list[tuple[float, int, FakeTimer]] = []

    def call_at(self, when_s: float, callback: Callable[[], None]) -> FakeTimer:
        timer = FakeTimer(callback)
        heapq.heappush(self._timers, (when_s, next(self._order), timer))
        return timer

    async def settle(self) -> None:
        """Fire what is due, and let every task run as far as it can without time passing."""
        loop = asyncio.get_running_loop()
        for _ in range(MOST_TURNS):
            due = False
            while self._timers and self._timers[0][0] <= self._clock.mono:
                self._fire()
                due = True
            await asyncio.sleep(0)
            if not due and not loop._ready:  # type: ignore[attr-defined]  # nobody else can run
                return
        raise AssertionError("the tasks never come to rest")

    async def advance(self, seconds: float) -> None:
        """Move the clock from timer to timer, settling at each."""
        end = self._clock.mono + seconds
        await self.settle()
        while self._timers and self._timers[0][0] <= end:
            self._clock.advance(max(0.0, self._timers[0][0] - self._clock.mono))
            await self.settle()
        self._clock.advance(end - self._clock.mono)
        await self.settle()

    def _fire(self) -> None:
        _, _, timer = heapq.heappop(self._timers)
        if timer.callback is not None:
            timer.callback()
