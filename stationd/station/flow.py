"""How a transaction of one EVSE begins, goes on and ends (block E). Called from the EVSE's jobs only.

Ending takes three steps: the permit goes, the contactor is seen open, and only then the meter is read for the bill.
"""

import logging
from dataclasses import dataclass, replace
from typing import Protocol

from stationd.domain.errors import StorageError
from stationd.domain.events import TransactionEventType
from stationd.domain.id_token import IdToken
from stationd.domain.measurands import MeterSample
from stationd.domain.pilot import CpState, LockState
from stationd.domain.states import ChargingState, StopReason, TriggerReason
from stationd.domain.transaction import Transaction
from stationd.domain.variable_table import (
    EV_CONNECTION_TIMEOUT,
    STOP_TX_ON_EV_SIDE_DISCONNECT,
    STOP_TX_ON_INVALID_ID,
    TX_START_POINT,
    TX_STOP_POINT,
    UNLOCK_ON_EV_SIDE_DISCONNECT,
)
from stationd.domain.variables import Origin
from stationd.station import transactions as rules
from stationd.station.metering import EvseMeter
from stationd.station.offering import Offering
from stationd.station.parts import EvseProfile, Parts
from stationd.station.pilot_watch import PilotWatch, contactor_open
from stationd.station.recovery import End
from stationd.station.sampling import Sampler
from stationd.station.session import Session
from stationd.station.transactions import Cause, Facts, Record

log = logging.getLogger(__name__)

CONNECTOR_ID = 1
REACTION_S = 5.0
"""An EV may take so long to follow a new offer; until then it is not called suspended."""
OPEN_WAIT_S = 9.0
"""6 s for the EV to open its switch (IEC 61851-1 sequence 10.2), and a margin."""
RETRY_S = 5.0
UNLOCK_WAIT_S = 4.0
CHECKPOINT_S = 60.0
"""How often the register is stored while no event does it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """An authorisation on its way to a transaction."""

    id_token: IdToken
    group: IdToken | None = None
    remote: bool = False
    remote_start_id: int | None = None
    deadline_s: float
    """Monotonic time until which the cable must be in; counted from the swipe or the request."""
    anywhere: bool = False
    """True: the driver may plug in at any EVSE."""


@dataclass(frozen=True, slots=True)
class Ending:
    """An end that waits for the contactor."""

    cause: Cause
    ends: bool
    """False: only the authorisation is over, the transaction goes on (no stop point listed)."""
    plug_count: int
    deadline_s: float


class Surroundings(Protocol):
    """What a flow asks of the EVSE and the station around it."""

    def refusal(self) -> str | None:
        """Return why no transaction can start now; None if one can."""
        ...

    def fresh_grant(self) -> Grant | None:
        """Return the authorisation that a cable just plugged in brings along: one that waited, or none needed."""
        ...

    def look_again(self) -> None:
        """Let a job look at everything that may have become due."""
        ...


class Flow:
    """Session, waiting token and end of one EVSE."""

    def __init__(
        self,
        profile: EvseProfile,
        parts: Parts,
        meter: EvseMeter,
        watch: PilotWatch,
        offering: Offering,
        sampler: Sampler,
        surroundings: Surroundings,
    ) -> None:
        self._profile = profile
        self._parts = parts
        self._meter = meter
        self._watch = watch
        self._offering = offering
        self._sampler = sampler
        self._around = surroundings
        self._cable_due_s: float | None = None
        self._starting = False
        self.session: Session | None = None
        self.ending: Ending | None = None
        self.waiting: Grant | None = None
        self.finishing = False
        self.kept_for: IdToken | None = None
        self.plug_count = 0
        self.plugged_at_s = 0.0

    # --- what others ask ----------------------------------------------------------------------------------------------

    @property
    def authorized(self) -> bool:
        """True while power may be offered: a committed transaction is authorised.

        With EnergyTransfer as the only start point the offer comes first, as only flowing energy starts it (E01.FR.06).
        """
        if self.ending is not None:
            return False
        if self.session is not None:
            return self.session.tx.authorized
        return self.waiting is not None and rules.starts_with_energy_only(self._start_points())

    @property
    def accepts_token(self) -> bool:
        """True if a token could start here, or authorise what runs without one."""
        if self.waiting is not None or self.ending is not None:
            return False
        return self.session is None or (self.session.tx.id_token is None and self.session.tx.stop_reason is None)

    # --- cable --------------------------------------------------------------------------------------------------------

    async def plugged(self) -> None:
        """Take note of a cable that came in."""
        self.plug_count += 1
        self.plugged_at_s = self._now()
        if self.ending is not None:
            return
        self._cable_due_s = None
        if self.session is not None:
            await self._tell(TriggerReason.CABLE_PLUGGED_IN, ChargingState.EV_CONNECTED)
        else:
            await self._fresh_cable()

    async def _fresh_cable(self) -> None:
        if self.waiting is None:
            self.waiting = self._around.fresh_grant()
        await self._start(TriggerReason.CABLE_PLUGGED_IN)

    async def unplugged(self) -> None:
        """Take note of a cable that went (E09, E10)."""
        if self.ending is not None and not self.ending.ends:
            await self._complete(self.ending)  # two things happened: two messages (E03.FR.12)
        self.finishing, self.kept_for = False, None
        if self.session is None:
            self.drop_waiting("unplugged")  # whoever swiped has left
            return
        if self.ending is not None:
            return
        before = self.session.facts(cable=True)
        gone = Facts(cable=False, authorized=before.authorized)
        stop = before.authorized and self._parts.settings.boolean(STOP_TX_ON_EV_SIDE_DISCONNECT)
        if stop or rules.ends(self.session.record.stop_points, before, gone):
            await self.stop(rules.UNPLUGGED, before)
            return
        await self._tell(TriggerReason.EV_COMMUNICATION_LOST, ChargingState.IDLE)
        if before.authorized:  # E10.FR.02
            self._await_cable(self._now() + self._parts.settings.integer(EV_CONNECTION_TIMEOUT))

    # --- start --------------------------------------------------------------------------------------------------------

    async def authorize(self, grant: Grant) -> bool:
        """Let an accepted token count: for what runs without one, or to start. False: too late, it is taken."""
        if not self.accepts_token or self._around.refusal() is not None:
            return False
        self.kept_for = None
        self._await_cable(grant.deadline_s)
        if self.session is None:
            self.waiting = grant
            await self._start(TriggerReason.AUTHORIZED)
            return self.waiting is not None or self.session is not None
        tx = replace(
            self.session.tx,
            id_token=grant.id_token,
            group=grant.group,
            authorized=True,
            remote_start_id=grant.remote_start_id,
        )
        record = replace(self.session.record, tx=tx, told_remote=not grant.remote)
        return await self._tell(TriggerReason.AUTHORIZED, self._resting_state(), record=record)

    async def _start(self, trigger: TriggerReason) -> None:
        """Start a transaction if a start point holds and nothing speaks against it."""
        facts = self._facts()
        wanted = rules.starts(self._start_points(), facts) and (facts.authorized or not self.finishing)
        if self.session is not None or self.ending is not None or not wanted or self._around.refusal() is not None:
            return
        self._starting = True
        try:
            await self._begin(trigger, facts)
        finally:
            self._starting = False

    async def _begin(self, trigger: TriggerReason, facts: Facts) -> None:
        """Read the meter and commit the start; only then the session counts and something can be permitted for it."""
        reading = None if self._meter.lost else await self._meter.read_now()
        if self._meter.exists and self._meter.register_wh is None:
            log.warning("transaction not started evse_id=%d reason=no_meter_register", self._profile.evse_id)
            self._wake_at(self._now() + RETRY_S)
            return
        remote = self.waiting is not None and self.waiting.remote
        record = rules.begin(self._new_transaction(self.waiting), self._stop_points(), remote=remote)
        session = Session(record, self._parts, self._meter)
        state = ChargingState.CHARGING if facts.energy else self._resting_state()
        self._meter.active = True
        samples = self._sampler.begin(reading)
        if await self._tell(trigger, state, TransactionEventType.STARTED, session=session, samples=samples):
            self.session, self.waiting, self.finishing = session, None, False
            return
        self._meter.active = False
        self._sampler.cancel()
        self.drop_waiting("storage_failed")

    def _new_transaction(self, grant: Grant | None) -> Transaction:
        return Transaction(
            transaction_id=self._parts.new_id(),
            evse_id=self._profile.evse_id,
            connector_id=CONNECTOR_ID,
            started_at=self._parts.timing.clock.now(),
            meter_start_wh=self._meter.register_wh or 0.0,
            id_token=None if grant is None else grant.id_token,
            group=None if grant is None else grant.group,
            authorized=grant is not None,
            remote_start_id=None if grant is None else grant.remote_start_id,
        )

    def give_away(self) -> Grant | None:
        """Hand over a token that waits for a cable which came in elsewhere; unless it starts something right now."""
        grant = self.waiting
        if grant is None or not grant.anywhere or self._watch.cable or self._starting:
            return None
        self.drop_waiting("plugged_in_elsewhere")
        return grant

    def drop_waiting(self, reason: str) -> None:
        """Forget a token that waits for the cable."""
        if self.waiting is not None:
            log.info("authorization dropped evse_id=%d reason=%s", self._profile.evse_id, reason)
            self.waiting = None
            self._cable_due_s = None

    # --- on the way ---------------------------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Do what has become due; called at the end of every job."""
        if self._cable_due_s is not None and not self._watch.cable and self._now() >= self._cable_due_s:
            self._cable_due_s = None
            self.drop_waiting("not_plugged_in")  # C01.FR.26
            if self.session is not None and self.session.authorized_fact:
                await self.stop(rules.NOT_PLUGGED_IN)
        if self.ending is not None:
            if self._opened() or self._now() >= self.ending.deadline_s:
                await self._complete(self.ending)
        elif self.session is not None:
            await self._follow(self.session)
        else:
            energy = self._facts().energy
            by_token = TriggerReason.AUTHORIZED if self.waiting is not None else TriggerReason.CABLE_PLUGGED_IN
            await self._start(TriggerReason.CHARGING_STATE_CHANGED if energy else by_token)

    async def _follow(self, session: Session) -> None:
        """Tell a new charging state; end the transaction if energy was its stop point (E06.FR.07)."""
        told = session.tx.charging_state
        state = self._state(session, told)
        if state is not told:
            if rules.ENERGY_TRANSFER in session.record.stop_points and told is ChargingState.CHARGING:
                by_ev = state is ChargingState.SUSPENDED_EV
                reason = StopReason.STOPPED_BY_EV if by_ev else StopReason.OTHER
                await self.stop(replace(rules.ENERGY_STOPPED, reason=reason))
                return
            await self._tell(TriggerReason.CHARGING_STATE_CHANGED, state)
        await self.store_register(CHECKPOINT_S)

    async def store_register(self, interval_s: float = 0.0) -> None:
        """Store the meter's register if nothing was stored for so long."""
        if self.session is None or self.ending is not None:
            return
        try:
            await self.session.checkpoint(interval_s)
        except StorageError as error:
            self._storage_failed(error)

    def _state(self, session: Session, told: ChargingState) -> ChargingState:
        facts = Facts(self._watch.cable, session.tx.authorized)
        offering = self._offering.permitted
        status = self._watch.newest
        state = rules.charging_state(status, facts, offering=offering, suspended=session.record.suspended)
        waiting_states = (ChargingState.EV_CONNECTED, ChargingState.SUSPENDED_EVSE, ChargingState.IDLE)
        suspends = state in (ChargingState.SUSPENDED_EV, ChargingState.SUSPENDED_EVSE)
        if suspends and offering and told in waiting_states:
            until_s = self._offering.since_s + REACTION_S
            if self._now() < until_s:
                self._wake_at(until_s)
                return told
        return state

    async def tell_sample(self, trigger: TriggerReason, sample: MeterSample | None) -> None:
        """Tell meter values of the running transaction; the end that comes has its own."""
        if self.session is not None and self.ending is None:
            samples = () if sample is None else (sample,)
            await self._tell(trigger, self.session.tx.charging_state, samples=samples)

    async def refuse_token(self) -> None:
        """Take note that the CSMS does not accept the token of the running transaction (E05, C15)."""
        session = self.session
        if session is None or self.ending is not None or not session.tx.authorized:
            return
        if self._parts.settings.boolean(STOP_TX_ON_INVALID_ID):
            listed = {rules.AUTHORIZED, rules.POWER_PATH_CLOSED, rules.ENERGY_TRANSFER} & session.record.stop_points
            await self.stop(replace(rules.DEAUTHORIZED, forced=bool(listed)))  # E05.FR.09, FR.10
            return
        record = replace(session.record, tx=replace(session.tx, authorized=False))  # E05.FR.02
        await self._save(session, record)

    def learn_group(self, group: IdToken | None) -> None:
        """Keep the group of the transaction's token; stored with the next event."""
        if self.session is not None and group is not None:
            record = self.session.record
            self.session.record = replace(record, tx=replace(record.tx, group=group))

    async def stop_remotely(self) -> None:
        """Stop by RequestStopTransaction (F03)."""
        if self.session is not None:
            listed = {rules.AUTHORIZED, rules.POWER_PATH_CLOSED} & self.session.record.stop_points
            await self.stop(replace(rules.REMOTE_STOP, forced=bool(listed)))

    # --- end ----------------------------------------------------------------------------------------------------------

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
        if reading is not None and (reading.energy_import_wh or 0.0) < session.meter_wh():
            reading = None  # another meter's register: the last known value counts
        samples = self._sampler.ended(reading) if ending.ends else ()
        kind = TransactionEventType.ENDED if ending.ends else TransactionEventType.UPDATED
        if not await self._tell(ending.cause.trigger, self._resting_state(), kind, samples=samples):
            self._wake_at(self._now() + RETRY_S)
            return
        self.ending = None
        if ending.ends:
            self.session = None
            self._cable_due_s = None
            self._meter.active = False
            self._sampler.cancel()
            self.finishing = self._watch.cable and self.plug_count == ending.plug_count
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

    # --- recovery -----------------------------------------------------------------------------------------------------

    def adopt(self, tx: Transaction) -> None:
        """Go on with a transaction read from the disk."""
        self._watch.assume_cable(tx.charging_state is not ChargingState.IDLE)
        self.session = Session(rules.resume(tx, self._stop_points()), self._parts, self._meter, resumed=True)
        self._meter.active = True
        self._sampler.resume(tx)
        if not self._watch.cable:
            self._await_cable(self._now() + self._parts.settings.integer(EV_CONNECTION_TIMEOUT))

    async def tell_resumed(self) -> None:
        """Tell that an interruption is over (OCPP 2.1 E17)."""
        if self.session is not None:
            await self._tell(TriggerReason.TX_RESUMED, self._resting_state())

    async def end_adopted(self, end: End) -> None:
        """End an adopted transaction as recovery decided."""
        if self.session is not None:
            self._cable_due_s = None
            await self.stop(Cause(end.trigger, end.reason, forced=True))

    # --- small things -------------------------------------------------------------------------------------------------

    async def _tell(
        self,
        trigger: TriggerReason,
        state: ChargingState,
        kind: TransactionEventType = TransactionEventType.UPDATED,
        *,
        session: Session | None = None,
        record: Record | None = None,
        samples: tuple[MeterSample, ...] = (),
    ) -> bool:
        session = session or self.session
        if session is None:
            return False
        begins = state is ChargingState.CHARGING and (
            session.tx.charging_state is not state or session.tx.next_seq_no == 0
        )
        status = self._watch.newest
        try:
            await session.tell(
                kind,
                trigger,
                state,
                cable=self._watch.cable,
                record=record,
                samples=samples,
                phases_used=self._profile.phases if begins else None,
                cable_max_a=None if status is None else status.cable_max_a,
            )
        except StorageError as error:
            self._storage_failed(error)
            return False
        self._parts.shared.storage(failed=False)
        return True

    async def _save(self, session: Session, record: Record) -> None:
        try:
            await session.save(record)
        except StorageError as error:
            session.record = record  # what must stop stops all the same
            self._storage_failed(error)

    def _storage_failed(self, error: StorageError) -> None:
        log.error("transaction not stored evse_id=%d error=%s", self._profile.evse_id, error)
        self._parts.shared.storage(failed=True)

    def _facts(self) -> Facts:
        status = self._watch.newest
        energy = status is not None and status.sensed_closed and status.cp in (CpState.C, CpState.D)
        return Facts(self._watch.cable, self.waiting is not None, energy and self.waiting is not None)

    def _resting_state(self) -> ChargingState:
        return ChargingState.EV_CONNECTED if self._watch.cable else ChargingState.IDLE

    def _start_points(self) -> tuple[str, ...]:
        return self._parts.settings.members(TX_START_POINT)

    def _stop_points(self) -> frozenset[str]:
        settings = self._parts.settings
        return rules.stop_points(
            settings.members(TX_STOP_POINT),
            chosen=settings.origin(TX_STOP_POINT) is not Origin.DEFAULT,
            stop_on_unplug=settings.boolean(STOP_TX_ON_EV_SIDE_DISCONNECT),
        )

    def _await_cable(self, deadline_s: float) -> None:
        if not self._watch.cable:
            self._cable_due_s = deadline_s
            self._wake_at(deadline_s)

    def _wake_at(self, when_s: float) -> None:
        self._parts.timing.at(when_s, self._around.look_again)

    def _now(self) -> float:
        return self._parts.timing.clock.monotonic()
