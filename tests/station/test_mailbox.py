"""Jobs one after the other."""

import asyncio

import pytest

from stationd.station.mailbox import LIMIT, Mailbox, MailboxFullError


async def run_and_cancel(mailbox: Mailbox, body: "asyncio.Future[None] | None" = None) -> None:
    task = asyncio.create_task(mailbox.run())
    await asyncio.sleep(0)
    if body is not None:
        await body
    while not mailbox.idle:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_jobs_run_in_order_and_never_at_once() -> None:
    mailbox = Mailbox()
    seen: list[str] = []

    async def job(name: str) -> str:
        seen.append(f"{name} begins")
        await asyncio.sleep(0)
        seen.append(f"{name} ends")
        return name

    mailbox.post(lambda: job("a"))
    mailbox.post(lambda: job("b"))
    task = asyncio.create_task(mailbox.run())
    assert await mailbox.ask(lambda: job("c")) == "c"
    assert seen == ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]
    task.cancel()


async def test_the_asker_does_not_wait_for_what_follows_but_the_next_job_does() -> None:
    mailbox = Mailbox()
    follow, order = asyncio.Event(), []
    task = asyncio.create_task(mailbox.run())

    async def answer() -> int:
        return 1

    async def then() -> None:
        await follow.wait()
        order.append("followed")

    async def later() -> None:
        order.append("next")

    assert await mailbox.ask(answer, then) == 1
    mailbox.post(later)
    await asyncio.sleep(0)
    assert order == []
    follow.set()
    while not mailbox.idle:
        await asyncio.sleep(0)
    assert order == ["followed", "next"]
    task.cancel()


async def broken() -> None:
    raise ValueError("broken")


async def test_an_asked_jobs_error_goes_to_its_asker_and_a_posted_ones_ends_the_worker() -> None:
    mailbox = Mailbox()
    task = asyncio.create_task(mailbox.run())
    with pytest.raises(ValueError, match="broken"):
        await mailbox.ask(broken)
    assert not task.done()
    mailbox.post(broken)
    with pytest.raises(ValueError, match="broken"):
        await task


async def test_an_asker_that_left_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    mailbox = Mailbox()
    for job in (broken, asyncio.sleep):
        asker = asyncio.create_task(mailbox.ask(job if job is broken else lambda: asyncio.sleep(0)))
        await asyncio.sleep(0)
        asker.cancel()
    await run_and_cancel(mailbox)
    assert "after its asker left" in caplog.text


async def test_askers_are_released_when_the_worker_ends() -> None:
    mailbox = Mailbox()
    hanging = asyncio.create_task(mailbox.ask(asyncio.Event().wait))
    waiting = asyncio.create_task(mailbox.ask(lambda: asyncio.sleep(0)))
    task = asyncio.create_task(mailbox.run())
    await asyncio.sleep(0.001)
    task.cancel()
    results = await asyncio.gather(task, hanging, waiting, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)


async def test_a_queue_that_grows_without_end_is_an_error() -> None:
    mailbox = Mailbox()
    for _ in range(LIMIT):
        mailbox.post(broken)
    with pytest.raises(MailboxFullError):
        mailbox.post(broken)
