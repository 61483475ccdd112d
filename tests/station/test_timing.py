"""Timers, sleeping and bounded waits."""

import asyncio

import pytest

from stationd.station.timekeeper import Timekeeper
from stationd.station.timing import LoopScheduler, Timing
from tests.fakes.clock import FakeClock
from tests.fakes.scheduler import FakeScheduler


def made() -> tuple[Timing, FakeScheduler]:
    clock = FakeClock()
    scheduler = FakeScheduler(clock)
    return Timing(clock, scheduler), scheduler


async def test_a_call_comes_at_its_time_and_a_cancelled_one_never() -> None:
    timing, scheduler = made()
    calls: list[str] = []
    timing.after(2, lambda: calls.append("two"))
    timing.after(1, lambda: calls.append("one")).cancel()
    await scheduler.advance(1.9)
    assert calls == []
    await scheduler.advance(0.2)
    assert calls == ["two"]


async def test_a_sleep_may_be_cut_short() -> None:
    timing, scheduler = made()
    wake = asyncio.Event()
    task = asyncio.create_task(timing.sleep(10, wake=wake))
    await scheduler.advance(1)
    assert not task.done()
    wake.set()
    await scheduler.settle()
    assert task.done()


async def test_what_takes_too_long_is_cancelled_and_gives_nothing() -> None:
    timing, scheduler = made()
    cancelled: list[bool] = []

    async def slow() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        return 1

    async def quick() -> int:
        return 2

    assert await timing.within(1, quick()) == 2
    task = asyncio.create_task(timing.within(1, slow()))
    await scheduler.advance(1.1)
    assert await task is None
    assert cancelled == [True]


async def test_a_cancelled_wait_cancels_what_it_waits_for() -> None:
    timing, scheduler = made()
    inner = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(timing.within(10, inner))
    await scheduler.settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert inner.cancelled()


async def test_a_cancellation_that_the_awaited_swallows_is_not_lost() -> None:
    """As `asyncio.wait_for` of Python 3.11 does when the answer and the cancellation come together."""
    timing, scheduler = made()

    async def deaf() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return 1
        return 2

    task = asyncio.create_task(timing.within(10, deaf()))
    await scheduler.settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_an_error_within_a_bounded_wait_comes_through() -> None:
    timing, _ = made()

    async def broken() -> int:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await timing.within(1, broken())


async def test_the_loop_scheduler_calls_in_real_time() -> None:
    clock = Timekeeper()
    called = asyncio.Event()
    LoopScheduler(clock).call_at(clock.monotonic() + 0.01, called.set)
    LoopScheduler(clock).call_at(clock.monotonic() + 0.005, lambda: pytest.fail("was cancelled")).cancel()
    async with asyncio.timeout(10):
        await called.wait()
