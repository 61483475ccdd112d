"""Carries out what `recovery` decides on transactions found open at the start."""

import logging
from collections.abc import Mapping

from stationd.domain.events import TransactionEventType
from stationd.domain.measurands import ReadingContext
from stationd.domain.transaction import Transaction
from stationd.domain.variable_table import RESUME_AFTER_POWER_LOSS
from stationd.station import transactions as rules
from stationd.station.evse import Evse
from stationd.station.metering import EvseMeter
from stationd.station.parts import Parts
from stationd.station.ports import StateStore
from stationd.station.recovery import BROKEN, Circumstances, End, Resume, decide
from stationd.station.sampling import register_sample
from stationd.station.session import Session
from stationd.station.transactions import Cause

log = logging.getLogger(__name__)

MACHINE_BOOT = "machine.boot_id"
PILOT_WAIT_S = 5.0
POLL_S = 0.1


class Recovery:
    """Runs once, before the jobs of the EVSEs do."""

    def __init__(self, parts: Parts, evses: Mapping[int, Evse], state: StateStore, machine_boot_id: str) -> None:
        self._parts = parts
        self._evses = evses
        self._state = state
        self._machine_boot_id = machine_boot_id

    async def run(self) -> None:
        """Decide on every open transaction.

        Raises:
            StorageError: the state cannot be read, or a transaction that no EVSE has cannot be ended.
        """
        before = await self._state.get(MACHINE_BOOT)
        board_restarted = before is not None and before != self._machine_boot_id
        open_transactions = await self._parts.store.open_transactions()
        if open_transactions:
            await self._await_pilot()
        newest = {tx.evse_id: tx.transaction_id for tx in open_transactions}
        for tx in open_transactions:
            evse = self._evses.get(tx.evse_id)
            if evse is None or newest[tx.evse_id] != tx.transaction_id:
                await self._end_orphan(tx)
                continue
            await self._decide(evse, tx, board_restarted=board_restarted)
        if before != self._machine_boot_id:
            await self._state.put(MACHINE_BOOT, self._machine_boot_id)

    async def _await_pilot(self) -> None:
        deadline_s = self._parts.timing.clock.monotonic() + PILOT_WAIT_S
        while any(self._parts.pilot.status(evse_id) is None for evse_id in self._evses):
            if self._parts.timing.clock.monotonic() >= deadline_s:
                return
            await self._parts.timing.sleep(POLL_S)

    async def _decide(self, evse: Evse, tx: Transaction, *, board_restarted: bool) -> None:
        reading = await evse.meter.read_now()
        decision = decide(
            tx,
            Circumstances(
                board_restarted=board_restarted,
                resume_after_power_loss=self._parts.settings.boolean(RESUME_AFTER_POWER_LOSS),
                evse_exists=True,
                status=self._parts.pilot.status(tx.evse_id),
                register_wh=None if reading is None else reading.energy_import_wh,
            ),
        )
        log.info(
            "transaction found open transaction_id=%s evse_id=%d decision=%s", tx.transaction_id, tx.evse_id, decision
        )
        evse.flow.adopt(tx)
        if isinstance(decision, End):
            await evse.flow.end_adopted(decision)
        elif isinstance(decision, Resume) and decision.tell:
            evse.post(evse.flow.tell_resumed)

    async def _end_orphan(self, tx: Transaction) -> None:
        """End a transaction that has no EVSE any more, or a newer one on it, at its last known register value."""
        log.warning("orphaned transaction ended transaction_id=%s evse_id=%d", tx.transaction_id, tx.evse_id)
        meter = EvseMeter(tx.evse_id, None, self._parts.timing)
        session = Session(rules.resume(tx, frozenset()), self._parts, meter, resumed=True)
        last = session.measured()
        sample = last and register_sample(self._parts.settings, last, ReadingContext.TRANSACTION_END)
        cause = Cause(BROKEN.trigger, tx.stop_reason or BROKEN.reason)
        await session.tell(
            TransactionEventType.ENDED,
            cause.trigger,
            tx.charging_state,
            cable=False,
            samples=() if sample is None else (sample,),
            record=rules.stopping(session.record, cause),
        )
