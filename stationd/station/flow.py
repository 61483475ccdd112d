"""How a transaction of one EVSE begins and goes on (block E). Called from the EVSE's jobs only."""

import logging
from dataclasses import replace

from stationd.domain.errors import StorageError
from stationd.domain.events import TransactionEventType
from stationd.domain.id_token import IdToken
from stationd.domain.measurands import MeterSample
from stationd.domain.states import ChargingState, StopReason, TriggerReason
from stationd.domain.transaction import Transaction
from stationd.domain.variable_table import (
    EV_CONNECTION_TIMEOUT,
    STOP_TX_ON_EV_SIDE_DISCONNECT,
    STOP_TX_ON_INVALID_ID,
)
from stationd.station import transactions as rules
from stationd.station.endings import Endings
from stationd.station.flow_base import CONNECTOR_ID, RETRY_S, Grant
from stationd.station.recovery import End
from stationd.station.session import Session
from stationd.station.transactions import Cause, Facts

log = logging.getLogger(__name__)

REACTION_S = 5.0
"""An EV may take so long to follow a new offer; until then it is not called suspended."""
CHECKPOINT_S = 60.0
"""How often the register is stored while no event does it."""


class Flow(Endings):
    """What an EVSE does with cables and tokens."""

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
        self.cable_left = False
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
            self.session, self.waiting, self.finishing, self.cable_left = session, None, False, False
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
            due = self._opened() or self._now() >= self.ending.deadline_s
            if due and self._now() >= self._retry_s:
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
            listed = {rules.AUTHORIZED, rules.ENERGY_TRANSFER} & session.record.stop_points
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
            listed = rules.AUTHORIZED in self.session.record.stop_points
            await self.stop(replace(rules.REMOTE_STOP, forced=listed))

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
