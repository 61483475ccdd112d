"""Writes what must outlive this process, latched faults and counters, and only while every contactor is open.

A worn card may take seconds for a few bytes, so the watchdog is asked for patience meanwhile. What is latched is copied
to memory at once, whatever is closed. If the file has to wait for too long, a short pause of all EVSEs is asked for.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from stationd.pilot import counters, latches
from stationd.pilot.counters import CounterError
from stationd.pilot.cycles import Counters
from stationd.pilot.latches import LatchError, Latches
from stationd.pilot.runner import Runner

RETRY_MS = 10_000
PATIENCE_MS = 60_000
"""An abort in the middle of a write would lose a latch."""
SAVE_WITHIN_MS = 60_000
"""A latch that only the memory holds is lost with the power: after so long it is worth a pause."""
PAUSE_MS = 10_000
"""Every contactor opens within 6 s of a pause; one that does not must not cost the others more."""
PAUSE_AGAIN_MS = 600_000
"""After a pause that was in vain, or a write that failed, nobody's charging is interrupted for so long."""
COUNT_EVERY_MS = 600_000
"""Counters cost a write to a card that wears; what is lost with the power is worth less."""


class Watchdog(Protocol):
    """Whoever restarts this process if it hangs."""

    def alive(self, now_ms: int) -> None:
        """Learn that a whole tick was done."""
        ...

    def wait_longer(self, patience_ms: int) -> None:
        """Expect nothing for so long."""
        ...

    def wait_as_before(self) -> None:
        """Expect ticks again."""
        ...


class Keeper:
    """Knows what the files hold. What they say of EVSEs that are missing in this run is kept: they may come back."""

    def __init__(
        self,
        *,
        runners: Sequence[Runner],
        watchdog: Watchdog,
        latch_path: str,
        latched: Latches,
        copy_path: str,
        copied: Latches,
        counter_path: str,
        counted: Mapping[int, Counters],
        count: Callable[[Runner], Counters],
        now_ms: int,
        say: Callable[[str], None],
    ) -> None:
        here = {runner.evse_id for runner in runners}
        self._runners = tuple(runners)
        self._count = count
        self._watchdog = watchdog
        self._say = say
        self._latch_path = latch_path
        self._latched = latches.durable(latched)
        self._latch_after_ms = now_ms
        self._unsaved_ms: int | None = None
        """Since when a closed contactor keeps the file from being written."""
        self._paused_ms: int | None = None
        self._pause_after_ms = now_ms
        self._copy_path = copy_path
        self._copied = latches.durable(copied)
        self._copy_after_ms = now_ms
        known = latches.union(self._latched, self._copied)
        self._absent = {evse_id: codes for evse_id, codes in known.items() if evse_id not in here}
        self._counter_path = counter_path
        self._counted = dict(counted)
        self._uncounted = {evse_id: of for evse_id, of in counted.items() if evse_id not in here}
        self._count_after_ms = now_ms + COUNT_EVERY_MS

    def keep(self, now_ms: int, *, at_once: bool = False) -> bool:
        """Write what changed, if all is open and it is time, or at once at the end; tell whether it tried to."""
        wrote = self._keep_latches(now_ms, at_once=at_once)
        if now_ms >= self._count_after_ms or at_once:
            wrote = self._keep_counters(now_ms) or wrote
        return wrote

    def _keep_latches(self, now_ms: int, *, at_once: bool) -> bool:
        idle = self._unsaved_ms is None and not self._latched and not self._copied
        if idle and not self._any_latched():
            return False
        latched = latches.durable(self._absent | {runner.evse_id: runner.state.latched for runner in self._runners})
        if latched != self._copied and (now_ms >= self._copy_after_ms or at_once):
            self._copy(latched, now_ms)
        if latched == self._latched:
            self._end_wait()
            return False
        if not self._all_open():
            if any(codes - self._latched.get(evse_id, frozenset()) for evse_id, codes in latched.items()):
                self._wait(now_ms)  # a reset that is not written yet is worth nobody's pause
            return False
        if now_ms < self._latch_after_ms and not at_once:
            return False
        with self._patience():
            try:
                latches.write(self._latch_path, latched)
            except LatchError as error:
                self._latch_after_ms = now_ms + RETRY_MS
                self._pause_after_ms = now_ms + PAUSE_AGAIN_MS
                self._say(str(error))
            else:
                self._latched = latched
                if not self._counted:  # a folder with latches and no counters is one that lost them
                    self._count_after_ms = now_ms
        self._end_wait()
        return True

    def _wait(self, now_ms: int) -> None:
        """Wait for every contactor to be open; if that takes too long, ask for it."""
        if self._unsaved_ms is None:
            self._unsaved_ms = now_ms
        if self._paused_ms is not None:
            if now_ms - self._paused_ms >= PAUSE_MS:
                self._pause_after_ms = now_ms + PAUSE_AGAIN_MS
                self._pause(None)
        elif now_ms - self._unsaved_ms >= SAVE_WITHIN_MS and now_ms >= self._pause_after_ms:
            self._pause(now_ms)

    def _end_wait(self) -> None:
        self._unsaved_ms = None
        if self._paused_ms is not None:
            self._pause(None)

    def _pause(self, since_ms: int | None) -> None:
        self._paused_ms = since_ms
        for runner in self._runners:
            runner.pause(since_ms is not None)

    def _copy(self, latched: Latches, now_ms: int) -> None:
        try:
            latches.write(self._copy_path, latched, durable_file=False)
        except LatchError as error:
            self._copy_after_ms = now_ms + RETRY_MS
            self._say(str(error))
        else:
            self._copied = latched

    def _keep_counters(self, now_ms: int) -> bool:
        counted = self._uncounted | {runner.evse_id: self._count(runner) for runner in self._runners}
        if counted == self._counted:
            self._count_after_ms = now_ms + COUNT_EVERY_MS
            return False
        if not self._all_open():
            return False
        self._count_after_ms = now_ms + COUNT_EVERY_MS
        with self._patience():
            try:
                counters.write(self._counter_path, counted)
            except CounterError as error:
                self._say(str(error))
            else:
                self._counted = counted
        return True

    def _any_latched(self) -> bool:
        for runner in self._runners:  # noqa: SIM110 - asked in every tick, and a generator takes three times as long
            if runner.state.latched:
                return True
        return False

    def _all_open(self) -> bool:
        return all(runner.open for runner in self._runners)

    @contextlib.contextmanager
    def _patience(self) -> Iterator[None]:
        self._watchdog.wait_longer(PATIENCE_MS)
        try:
            yield
        finally:
            self._watchdog.wait_as_before()
