"""Timers of the station: one small scheduler, so that tests move time by hand. Decides nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from stationd.station.ports import Clock

T = TypeVar("T")


class Timer(Protocol):
    """One call that waits for its time."""

    def cancel(self) -> None:
        """Forget the call; harmless when it happened already."""
        ...


class Scheduler(Protocol):
    """Calls functions when monotonic time comes."""

    def call_at(self, when_s: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` in the event loop once `Clock.monotonic` has reached `when_s`; at once if it has."""
        ...


class LoopScheduler:
    """Implements `Scheduler` with the running event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def call_at(self, when_s: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once the clock has reached `when_s`."""
        return asyncio.get_running_loop().call_later(max(0.0, when_s - self._clock.monotonic()), callback)


class Timing:
    """A clock with its scheduler: what everything in the station that waits is given."""

    def __init__(self, clock: Clock, scheduler: Scheduler) -> None:
        self.clock = clock
        self._scheduler = scheduler

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` in so many seconds."""
        return self.at(self.clock.monotonic() + seconds, callback)

    def at(self, when_s: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` at this monotonic time."""
        return self._scheduler.call_at(when_s, callback)

    async def sleep(self, seconds: float, *, wake: asyncio.Event | None = None) -> None:
        """Wait so long, or until `wake` is set."""
        done = asyncio.Event() if wake is None else wake
        timer = self.after(seconds, done.set)
        try:
            await done.wait()
        finally:
            timer.cancel()

    async def within(self, seconds: float, awaitable: Awaitable[T]) -> T | None:
        """Return the result, or None (and cancel it) if it takes longer."""
        task = asyncio.ensure_future(awaitable)
        expired = False

        def expire() -> None:
            nonlocal expired
            expired = task.cancel()

        timer = self.after(seconds, expire)
        try:
            result = await task
        except asyncio.CancelledError:
            if not expired or _cancelling():
                task.cancel()
                raise
            return None
        finally:
            timer.cancel()
        if _cancelling():
            raise asyncio.CancelledError  # libraries lose one that comes together with their answer (asyncio.wait_for)
        return result


def _cancelling() -> bool:
    """Tell whether the running task was asked to end, even if what it waited for did not pass that on."""
    current = asyncio.current_task()
    return current is not None and current.cancelling() > 0
