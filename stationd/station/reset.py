"""Resets (B11, B12): running transactions end first, what they told goes out if it can, then the process restarts."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from stationd.domain.states import BootReason, ResetKind
from stationd.domain.variable_table import RESET_DELAY
from stationd.station import transactions as rules
from stationd.station.evse import Evse
from stationd.station.parts import Parts
from stationd.station.ports import ChangeOutcome, Lifecycle

log = logging.getLogger(__name__)

END_WAIT_S = 15.0
"""More than an end takes: the EV's time to open its switch, the meter, the disk."""
DELIVERY_WAIT_S = 5.0
"""How long Ended messages may take to leave; later ones wait in the outbox (B12.FR.05)."""
POLL_S = 0.2


class Resetter:
    """Decides on resets and carries one out. `run` is a task of the station."""

    def __init__(self, parts: Parts, evses: Sequence[Evse], lifecycle: Lifecycle) -> None:
        self._parts = parts
        self._evses = evses
        self._lifecycle = lifecycle
        self._accepted: ResetKind | None = None
        self._scheduled = False
        self._changed = asyncio.Event()

    def request(self, kind: ResetKind, evse_id: int | None) -> ChangeOutcome:
        """Decide. A single EVSE cannot be reset: AllowReset is not offered (B11.FR.09)."""
        if evse_id is not None or self._accepted is not None:
            return ChangeOutcome.REJECTED
        if kind is ResetKind.ON_IDLE and not self._idle():
            self._scheduled = True
            outcome = ChangeOutcome.SCHEDULED
        else:
            self._accepted = kind
            outcome = ChangeOutcome.ACCEPTED
        log.info("reset requested kind=%s outcome=%s", kind, outcome)
        self._parts.shared.resetting = True
        self._parts.shared.changed()
        self._changed.set()
        return outcome

    def became_idle(self) -> None:
        """Learn that an EVSE has no transaction (any more)."""
        if self._scheduled:
            self._changed.set()

    def _idle(self) -> bool:
        return all(evse.transaction is None for evse in self._evses)

    async def run(self) -> None:
        """Wait for a reset and do it; ends when the restart was asked for."""
        while self._accepted is None and not (self._scheduled and self._idle()):
            self._changed.clear()
            await self._changed.wait()
        for evse in self._evses:
            evse.post(self._ender(evse))
        await self._until(self._idle, END_WAIT_S)
        await self._delivered()
        await self._parts.timing.sleep(self._parts.settings.number(RESET_DELAY))
        reason = BootReason.REMOTE_RESET if self._accepted is not None else BootReason.SCHEDULED_RESET
        self._lifecycle.restart(reason, hard=self._accepted is ResetKind.HARD)

    def _ender(self, evse: Evse) -> Callable[[], Awaitable[None]]:
        async def end() -> None:
            evse.flow.drop_waiting("reset")
            await evse.flow.stop(rules.HARD_RESET if self._accepted is ResetKind.HARD else rules.RESET)

        return end

    async def _delivered(self) -> None:
        deadline_s = self._parts.timing.clock.monotonic() + DELIVERY_WAIT_S
        while self._parts.csms.online and self._parts.timing.clock.monotonic() < deadline_s:
            if not await self._parts.store.queued():
                return
            await self._parts.timing.sleep(POLL_S)

    async def _until(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline_s = self._parts.timing.clock.monotonic() + seconds
        while not condition() and self._parts.timing.clock.monotonic() < deadline_s:
            await self._parts.timing.sleep(POLL_S)
