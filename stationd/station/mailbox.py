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
        self._jobs: deque[tuple[Job, asyncio.Future[Any] | None]] = deque()
        self._arrived = asyncio.Event()
        self._busy = False

    @property
    def idle(self) -> bool:
        """True while nothing runs and nothing waits."""
        return not self._busy and not self._jobs

    def post(self, job: Job) -> None:
        """Let a job run after those that wait already."""
        self._add(job, None)

    async def ask(self, job: Callable[[], Awaitable[T]]) -> T:
        """Run a job in its turn and return its result, or raise its error here. Never call it inside a job."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._add(job, answer)
        return await answer

    def _add(self, job: Job, answer: asyncio.Future[Any] | None) -> None:
        if len(self._jobs) >= LIMIT:
            raise MailboxFullError(f"cannot queue a job: {LIMIT} wait already")
        self._jobs.append((job, answer))
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
            for _, answer in self._jobs:
                if answer is not None:
                    answer.cancel()
            self._jobs.clear()

    async def _next(self) -> None:
        job, answer = self._jobs.popleft()
        self._busy = True
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
        finally:
            self._busy = False
