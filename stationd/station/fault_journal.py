"""What faults were in force before and are now: one log line and one durable event for each that begins and ends."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from stationd.domain.errors import StorageError
from stationd.domain.events import FaultEvent
from stationd.domain.fault_components import place_of, problems
from stationd.domain.faults import Fault, FaultCode, FaultInForce, row_of
from stationd.station.ports import FaultStore
from stationd.station.timing import Timing

log = logging.getLogger(__name__)

RETRY_S = 5.0
"""Until what the disk refused is tried again."""
MAX_WAITING = 500
"""Events kept in memory while the disk takes none; the oldest go."""


@dataclass(frozen=True, slots=True)
class _Held:
    held: FaultInForce
    since_s: float | None
    """Monotonic; None where it began before the start of this process."""


class FaultJournal:
    """The one of the station. `see` may be called at any time in the event loop; `run` writes what it found.

    Writing has a task of its own: what stops energy never waits for the disk.
    """

    def __init__(self, timing: Timing, store: FaultStore, stored: Callable[[], None]) -> None:
        """`stored` is called after each event that is on the disk."""
        self._timing = timing
        self._store = store
        self._stored = stored
        self._held: dict[tuple[int, FaultCode], _Held] = {}
        self._waiting: deque[tuple[FaultEvent, tuple[FaultInForce, ...]]] = deque()
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()

    async def load(self) -> None:
        """Begin with what was in force when this process, or the one before, last wrote.

        Its end is told even if it came while nothing ran (OCPP 2.0.1 N07.FR.14), and what goes on is not told twice.

        Raises:
            StorageError: the disk cannot be read.
        """
        for held in await self._store.in_force():
            self._held[held.fault.evse_id, held.fault.code] = _Held(held, None)

    def since(self, fault: Fault) -> datetime | None:
        """Return when a fault in force was first seen."""
        held = self._held.get((fault.evse_id, fault.code))
        return None if held is None else held.held.since

    def see(
        self,
        evse_id: int,
        faults: Iterable[Fault],
        *,
        transaction_id: str | None = None,
        unknown: Collection[FaultCode] = (),
    ) -> None:
        """Take the faults of one EVSE in force now (0: of the station). Of `unknown` ones nobody can say it now."""
        now = {(fault.evse_id, fault.code): fault for fault in faults}
        for key, held in list(self._held.items()):
            if key[0] == evse_id and key not in now and key[1] not in unknown:
                self._clear(held, transaction_id)
        for key, fault in now.items():
            if (before := self._held.get(key)) is None:
                self._raise(fault, transaction_id)
            elif before.held.fault != fault:  # a warning became a fault, or the other way round
                self._held[key] = replace(before, held=replace(before.held, fault=fault))

    def _raise(self, fault: Fault, transaction_id: str | None) -> None:
        at = self._timing.clock.now()
        self._held[fault.evse_id, fault.code] = _Held(FaultInForce(fault, at), self._timing.clock.monotonic())
        log.warning(
            "fault raised evse_id=%d code=%s mrec=%s transaction_id=%s",
            fault.evse_id, fault.code, row_of(fault.code).mrec, transaction_id,
        )  # fmt: skip
        self._tell(fault, at, transaction_id, cleared=False)

    def _clear(self, held: _Held, transaction_id: str | None) -> None:
        fault, at = held.held.fault, self._timing.clock.now()
        del self._held[fault.evse_id, fault.code]
        if held.since_s is not None:
            lasted_s = self._timing.clock.monotonic() - held.since_s
        else:
            lasted_s = max(0.0, (at - held.held.since).total_seconds())
        log.info(
            "fault cleared evse_id=%d code=%s mrec=%s transaction_id=%s lasted_s=%.1f",
            fault.evse_id, fault.code, row_of(fault.code).mrec, transaction_id, lasted_s,
        )  # fmt: skip
        self._tell(fault, at, transaction_id, cleared=True)

    def _tell(self, fault: Fault, at: datetime, transaction_id: str | None, *, cleared: bool) -> None:
        in_force = tuple(one.held for one in self._held.values())
        event = FaultEvent(
            code=fault.code,
            evse_id=fault.evse_id,
            timestamp=at,
            cleared=cleared,
            problem=place_of(fault.code, fault.evse_id) in problems(one.fault for one in in_force),
            blocking=fault.blocking,
            transaction_id=transaction_id,
        )
        if len(self._waiting) >= MAX_WAITING:
            lost, _ = self._waiting.popleft()
            log.warning("fault message dropped evse_id=%d code=%s cleared=%s", lost.evse_id, lost.code, lost.cleared)
        self._waiting.append((event, in_force))
        self._wake.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self.flush()
            except StorageError as error:
                log.warning("fault not stored queued=%d error=%s", len(self._waiting), error)
                await self._timing.sleep(RETRY_S)
                continue
            await self._wake.wait()

    async def flush(self) -> None:
        """Write everything that waits, oldest first.

        Raises:
            StorageError: the disk takes no more; the rest waits on.
        """
        async with self._writing:
            while self._waiting:
                waiting = self._waiting[0]
                await self._store.put(*waiting)
                if self._waiting and self._waiting[0] is waiting:
                    self._waiting.popleft()
                self._stored()
