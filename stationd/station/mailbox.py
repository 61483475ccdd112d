"""One queue of jobs with one worker: everything that changes one EVSE happens in it, one job after the other."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")
Job = Callable[[], Awaitable[Any]]

LIMIT = 1000
"""Far more than a healthy EVSE ever has waiting; pilot statuses are thinned before they come here."""


class MailboxFullError(Exception):
    """So much waits that something hangs; better to restart than to go on blindly."""


class Mailbox:
    """Jobs of one EVSE. An error in a posted job ends `run` (and so the process: it recovers from the disk)."""

    def __init__(self) -> None:
        self._jobs: deque[tuple[Job, asyncio.Future[Any] | None, Job | None]] = deque()
        self._arrived = asyncio.Event()
        self._busy = False

    @property
    def idle(self) -> bool:
        """True while nothing runs and nothing waits."""
        return not self._busy and not self._jobs

    def post(self, job: Job) -> None:
        """Let a job run after those that wait already."""
        self._add(job, None, None)

    async def ask(self, job: Callable[[], Awaitable[T]], then: Job | None = None) -> T:
        """Run a job in its turn and return its result, or raise its error here. Never call it inside a job.

        `then` runs in the same turn, but the asker does not wait for it.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._add(job, answer, then)
        return await answer

    def _add(self, job: Job, answer: asyncio.Future[Any] | None, then: Job | None) -> None:
        if len(self._jobs) >= LIMIT:
            raise MailboxFullError(f"cannot queue a job: {LIMIT} wait already")
        self._jobs.append((job, answer, then))
        self._arrived.set()

    async def run(self) -> None:
        """Run jobs until cancelled."""
        try:
            while True:
                while self._jobs:
                    await self._next()
                self._arrived.clear()
                await self._arrived.wait()
        finally:
            for _, answer, _ in self._jobs:
                if answer is not None:
                    answer.cancel()
            self._jobs.clear()

    async def _next(self) -> None:
        job, answer, then = self._jobs.popleft()
        self._busy = True
        try:
            await self._do(job, answer)
            if then is not None:
                await then()
        finally:
            self._busy = False

    async def _do(self, job: Job, answer: asyncio.Future[Any] | None) -> None:
        try:
            result = await job()
        except Exception as error:
            if answer is None:
                raise
            if answer.cancelled():
                log.exception("job failed after its asker left")
            else:
                answer.set_exception(error)
        except asyncio.CancelledError:
            if answer is not None:
                answer.cancel()
            raise
        else:
            if answer is not None and not answer.done():
                answer.set_result(result)
