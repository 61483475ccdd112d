"""How a transaction ends: the permit goes, the contactor is seen open, and only then the meter is read for the bill."""

import logging

from stationd.domain.events import TransactionEventType
from stationd.domain.id_token import IdToken
from stationd.domain.pilot import LockState
from stationd.domain.states import StopReason
from stationd.domain.variable_table import UNLOCK_ON_EV_SIDE_DISCONNECT
from stationd.station import transactions as rules
from stationd.station.flow_base import RETRY_S, Ending, FlowBase
from stationd.station.pilot_watch import contactor_open
from stationd.station.transactions import Cause, Facts

log = logging.getLogger(__name__)

OPEN_WAIT_S = 9.0
"""6 s for the EV to open its switch (IEC 61851-1 sequence 10.2), and a margin."""
UNLOCK_WAIT_S = 4.0


class Endings(FlowBase):
    """The part of a flow that ends things."""

    async def stop(self, cause: Cause, before: Facts | None = None) -> None:
        """Begin the end of the authorisation, and of the transaction if a stop point says so."""
        session = self.session
        if session is None or self.ending is not None:
            return
        before = before or session.facts(cable=self._watch.cable)
        after = Facts(cable=self._watch.cable, authorized=False)
        ends = cause.forced or rules.ends(session.record.stop_points, before, after)
        self.ending = Ending(cause, ends, self.plug_count, self._now() + OPEN_WAIT_S)
        self._offering.apply()
        self._wake_at(self.ending.deadline_s)
        log.info(
            "transaction stopping evse_id=%d transaction_id=%s reason=%s",
            self._profile.evse_id,
            session.tx.transaction_id,
            cause.reason,
        )
        await self._save(session, rules.stopping(session.record, cause))

    def _opened(self) -> bool:
        """True once stationd-pilot has followed: no PWM, and the contactor seen open."""
        status = self._watch.newest
        return contactor_open(status) and status is not None and status.offered_a <= 0

    async def _complete(self, ending: Ending) -> None:
        """Read the meter, now that nothing flows, and tell the end; tried again later if the disk refuses it."""
        session = self.session
        if session is None:
            return
        reading = await self._meter.read_now()
        told_wh = None if reading is None else reading.energy_import_wh
        if told_wh is None or told_wh < session.meter_wh():
            reading = None  # no register, or another meter's: the last known value counts
        samples = self._sampler.ended(reading, session.measured()) if ending.ends else ()
        kind = TransactionEventType.ENDED if ending.ends else TransactionEventType.UPDATED
        if not await self._tell(ending.cause.trigger, self._resting_state(), kind, samples=samples):
            self._retry_s = self._now() + RETRY_S
            self._wake_at(self._retry_s)
            return
        self.ending = None
        if ending.ends:
            self.session = None
            self._cable_due_s = None
            self._meter.active = False
            self._sampler.cancel()
            same_plug = self.plug_count == ending.plug_count
            self.finishing, self.cable_left = self._watch.cable and same_plug, same_plug
        await self._release_cable(ending.cause, session.tx.id_token)
        self._around.look_again()
        if self.session is None and self._watch.cable and not self.finishing:
            await self._fresh_cable()  # the next driver was quick

    async def _release_cable(self, cause: Cause, token: IdToken | None) -> None:
        """Unlock at the end (E07.FR.07); after a deauthorisation only once the token is shown again (E05.FR.11)."""
        if cause.reason is StopReason.DE_AUTHORIZED:
            self.kept_for = token if self._watch.cable else None
            return
        if cause is rules.UNPLUGGED and not self._parts.settings.boolean(UNLOCK_ON_EV_SIDE_DISCONNECT):
            return
        await self.unlock()

    async def release(self) -> None:
        """Unlock a cable that was kept after a deauthorisation, as its token was shown."""
        self.kept_for = None
        await self.unlock()

    async def unlock(self) -> bool:
        """Unlock the driver's own cable; False if it stays locked."""
        status = self._watch.newest
        if not self._profile.outlet or status is None or status.lock is LockState.NONE:
            return False
        unlocked = await self._parts.timing.within(UNLOCK_WAIT_S, self._parts.pilot.unlock(self._profile.evse_id))
        if not unlocked:
            log.warning("connector not unlocked evse_id=%d", self._profile.evse_id)
        return bool(unlocked)
