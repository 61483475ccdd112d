"""One EVSE: its safety process, faults, offer, status and jobs. How transactions go is `flow`'s."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol, TypeVar

from stationd.domain.events import ConnectorSnapshot, ConnectorStatusChanged, MeterValuesTaken
from stationd.domain.faults import Fault, FaultCode, is_pilots
from stationd.domain.id_token import IdToken
from stationd.domain.measurands import MeterSample, ReadingContext
from stationd.domain.pilot import LockState, PilotStatus
from stationd.domain.states import ChargingState, TriggerReason
from stationd.domain.transaction import Transaction
from stationd.domain.variable_table import (
    ALIGNED_MEASURANDS,
    AUTH_ENABLED,
    EV_CONNECTION_TIMEOUT,
    SAMPLED_UPDATED_MEASURANDS,
    TX_BEFORE_ACCEPTED,
)
from stationd.hal.interfaces import MeterReading
from stationd.station import over_current
from stationd.station import transactions as rules
from stationd.station.authorization import NO_TOKEN
from stationd.station.availability import Availability, connector_status
from stationd.station.faults import Findings, blocking, ending, evse_faults
from stationd.station.flow import Flow
from stationd.station.flow_base import CONNECTOR_ID, Grant
from stationd.station.limits import Situation
from stationd.station.mailbox import Mailbox
from stationd.station.metering import EvseMeter, Offered, sample_of
from stationd.station.offering import Offering
from stationd.station.over_current import OverCurrent
from stationd.station.parts import EvseProfile, Parts
from stationd.station.pilot_watch import PilotWatch, connected_phases
from stationd.station.sampling import Sampler
from stationd.station.selection import EvseView

log = logging.getLogger(__name__)

T = TypeVar("T")

_TRIGGERS = {
    ReadingContext.SAMPLE_CLOCK: TriggerReason.METER_VALUE_CLOCK,
    ReadingContext.TRIGGER: TriggerReason.TRIGGER,
}


class Claims(Protocol):
    """Tokens that wait at another EVSE although their driver may plug in anywhere."""

    def __call__(self, evse_id: int) -> Grant | None:
        """Take such a token away from there."""
        ...


class Evse:
    """One EVSE. `snapshot`, `view` and the like may be read at any time; changes are jobs."""

    def __init__(
        self,
        profile: EvseProfile,
        parts: Parts,
        meter: EvseMeter,
        availability: Availability,
        claim: Claims,
        idle: Callable[[], None],
    ) -> None:
        self.profile = profile
        self.mailbox = Mailbox()
        self.meter = meter
        self._parts = parts
        self._availability = availability
        self._claim = claim
        self._idle = idle
        self._looking = False
        self._published: ConnectorSnapshot | None = None
        self._changed_at = parts.timing.clock.now()
        self.asked_for: IdToken | None = None
        """Token of a remote start that was accepted and is not decided yet: nobody else may start."""
        self.watch = PilotWatch(parts.timing, lambda: self.mailbox.post(self._take_status))
        self.offering = Offering(profile.evse_id, parts.pilot, parts.timing, self._situation)
        self.sampler = Sampler(parts.settings, parts.timing, meter, self._offered, self._post_sampling, self._sampled)
        self.flow = Flow(profile, parts, meter, self.watch, self.offering, self.sampler, self)
        meter.lost_changed = self.look_again
        meter.taken = self._measured
        self._over_current = OverCurrent()
        self.idle = asyncio.Event()
        """Set while no transaction runs."""

    def start(self, status: PilotStatus | None) -> None:
        """Begin with the pilot's present status; call it in the event loop."""
        self.watch.start(status)
        self._learn_offer(status)
        self.sampler.start()
        self.look_again()

    # --- jobs ---------------------------------------------------------------------------------------------------------

    def on_pilot_status(self, status: PilotStatus | None) -> None:
        """Take a status from the link. A permit that must go goes at once, whatever the jobs are doing."""
        self.watch.see(status)
        self._learn_offer(status)
        self._note_faults()
        self.offering.apply()

    def _learn_offer(self, status: PilotStatus | None) -> None:
        offered_a = 0.0 if status is None else status.offered_a
        now_s = self._parts.timing.clock.monotonic()
        self._over_current = over_current.offered(self._over_current, offered_a, now_s)

    def _measured(self, reading: MeterReading) -> None:
        if self.profile.measures_current:
            return
        before = self._over_current
        self._over_current = over_current.measured(before, reading.current_a, reading.taken_at_s)
        if self._over_current.found and not before.found:
            self.look_again()

    def forgive_over_current(self) -> bool:
        """Forget an over-current that the meter showed; False if there is none."""
        found = self._over_current.found
        self._over_current = over_current.unplugged(self._over_current)
        if found:
            self.look_again()
        return found

    def look_again(self) -> None:
        """Post a job that looks at everything that may have become due; one at a time."""
        self._note_faults()
        self.offering.apply()
        if not self._looking:
            self._looking = True
            self.mailbox.post(self._look)

    async def ask(self, job: Callable[[], Awaitable[T]]) -> T:
        """Run something that changes this EVSE in its turn; what follows from it may come after the answer."""
        return await self.mailbox.ask(job, self._settle)

    def post(self, job: Callable[[], Awaitable[object]]) -> None:
        """Let something that changes this EVSE happen in its turn."""

        async def run() -> None:
            await job()
            await self._settle()

        self.mailbox.post(run)

    def _post_sampling(self, job: Callable[[], Awaitable[None]]) -> None:
        self.post(job)

    async def _look(self) -> None:
        self._looking = False
        await self._settle()

    async def _take_status(self) -> None:
        if self.watch.take():
            self.offering.apply()
            if self.watch.cable:
                await self.flow.plugged()
            else:
                self._over_current = over_current.unplugged(self._over_current)
                await self.flow.unplugged()
        await self._settle()

    async def _settle(self) -> None:
        self.offering.apply()
        if (fault := ending(self.faults())) is not None:
            await self.flow.stop(rules.stopped_by_fault(fault.code))
        if self.flow.waiting is not None and not self.operative:
            self.flow.drop_waiting("unavailable")
        await self.flow.settle()
        if not self.watch.cable and not self._cable_in_socket:
            self.flow.cable_left = False
        self.offering.apply()
        self.publish()
        if self.flow.session is None:
            self.idle.set()
            self._idle()
        else:
            self.idle.clear()

    # --- state --------------------------------------------------------------------------------------------------------

    @property
    def transaction(self) -> Transaction | None:
        """The running transaction."""
        return None if self.flow.session is None else self.flow.session.tx

    @property
    def _cable_in_socket(self) -> bool:
        """True while a plug is in the socket, whether or not a car is at the other end."""
        status = self.watch.newest
        return self.profile.outlet and status is not None and status.cable_max_a is not None

    @property
    def has_lock(self) -> bool:
        """True if the cable can be locked here."""
        status = self.watch.newest
        return self.profile.outlet and (status is None or status.lock is not LockState.NONE)

    @property
    def operative(self) -> bool:
        """False if it was made inoperative; while a transaction runs such a change waits (G03.FR.05)."""
        if self.flow.session is not None:
            return True
        available = self._availability.connector(self.profile.evse_id)
        return available and self._registered and not self._parts.shared.resetting

    @property
    def _registered(self) -> bool:
        return self._parts.shared.registered or self._parts.settings.boolean(TX_BEFORE_ACCEPTED)

    def faults(self) -> tuple[Fault, ...]:
        """Return the faults of this EVSE in force."""
        status = self.watch.newest
        found = Findings(
            pilot_lost=self.watch.lost,
            meter_lost=self.meter.lost,
            metered_transaction=self.flow.session is not None,
            storage_failed=self._parts.shared.storage_failed,
            over_current=self._over_current.found,
        )
        if status is None:
            return evse_faults(self.profile.evse_id, (), found)
        return evse_faults(self.profile.evse_id, status.faults, found, status.warnings)

    def _note_faults(self) -> None:
        """Tell the journal what is in force; what the whole station has is the station's to tell."""
        unknown: set[FaultCode] = set() if self.watch.newest is not None else set(filter(is_pilots, FaultCode))
        if self.meter.exists and self.meter.last is None:
            unknown.add(FaultCode.METER_LOST)
        faults = [fault for fault in self.faults() if fault.code is not FaultCode.STORAGE_FAILED]
        tx_id = None if self.transaction is None else self.transaction.transaction_id
        self._parts.journal.see(self.profile.evse_id, faults, transaction_id=tx_id, unknown=unknown)

    def refusal(self) -> str | None:
        """Return why no transaction can start now, as a reasonCode; None if one can."""
        if not self._registered:
            return "CSNotAccepted"
        if blocking(self.faults()) is not None:
            return "Faulted"
        if self._parts.shared.resetting or not self._availability.connector(self.profile.evse_id):
            return "Unavailable"
        return None

    def fresh_grant(self) -> Grant | None:
        """Return the authorisation that a cable just plugged in brings along: one that waited, or none needed."""
        if (grant := self._claim(self.profile.evse_id)) is not None:
            return grant
        if self._parts.settings.boolean(AUTH_ENABLED):
            return None
        return Grant(id_token=NO_TOKEN, deadline_s=self._parts.timing.clock.monotonic())

    def cable_deadline(self) -> float:
        """Return until when a token accepted now waits for the cable."""
        return self._parts.timing.clock.monotonic() + self._parts.settings.integer(EV_CONNECTION_TIMEOUT)

    def view(self) -> EvseView:
        """Return what the choice of an EVSE for a token depends on."""
        flow, tx = self.flow, self.transaction
        stoppable = flow.ending is None and flow.session is not None and flow.session.authorized_fact
        return EvseView(
            evse_id=self.profile.evse_id,
            refusal=self.refusal(),
            taken=not flow.accepts_token or self.asked_for is not None,
            cable=self.watch.cable,
            plugged_at_s=flow.plugged_at_s,
            finishing=flow.finishing,
            holder=tx.id_token if tx is not None and stoppable else None,
            waiting=None if flow.waiting is None else flow.waiting.id_token,
            kept_for=flow.kept_for,
        )

    def snapshot(self) -> ConnectorSnapshot:
        """Return everything from which any version's connector status follows."""
        tx, faults = self.transaction, self.faults()
        cable, in_socket = self.watch.cable, self._cable_in_socket
        left_here = self.flow.cable_left and in_socket and self.flow.waiting is None
        idle = ChargingState.EV_CONNECTED if cable else ChargingState.IDLE
        return ConnectorSnapshot(
            evse_id=self.profile.evse_id,
            connector_id=CONNECTOR_ID,
            status=connector_status(
                faulted=blocking(faults) is not None, operative=self.operative, occupied=cable or in_socket
            ),
            operative=self.operative,
            changed_at=self._changed_at,
            cable_connected=cable,
            charging_state=idle if tx is None else tx.charging_state,
            transaction_id=None if tx is None else tx.transaction_id,
            authorized=self.flow.waiting is not None or (tx is not None and tx.authorized),
            finishing=self.flow.finishing or left_here,
            faults=faults,
        )

    def publish(self) -> None:
        """Tell the status if it is another than last told."""
        self._note_faults()
        now = self.snapshot()
        if now == self._published:
            return
        self._changed_at = self._parts.timing.clock.now()
        self._published = replace(now, changed_at=self._changed_at)
        self._parts.csms.publish(ConnectorStatusChanged(self._published))

    def _offered(self) -> Offered:
        """Return what a meter sample tells as offered: on the phases that the phase switch connects."""
        return replace(self.offering.offered, phases=connected_phases(self.watch.newest, self.profile.phases))

    def _situation(self) -> Situation:
        status, fault = self.watch.newest, blocking(self.faults())
        return Situation(
            profile_max_a=self.profile.max_a,
            phases=self.profile.phases,
            pilot_max_a=None if status is None else status.max_a,
            cable_max_a=None if status is None else status.cable_max_a,
            cable=self.watch.cable and not self.watch.behind,
            authorized=self.flow.authorized,
            operative=self.operative,
            registered=self._registered or self.flow.session is not None,
            blocked_by=None if fault is None else fault.code,
        )

    # --- meter values -------------------------------------------------------------------------------------------------

    async def _sampled(self, sample: MeterSample) -> None:
        if self.flow.session is not None:
            trigger = _TRIGGERS.get(sample.context, TriggerReason.METER_VALUE_PERIODIC)
            await self.flow.tell_sample(trigger, sample)
        elif sample.context is ReadingContext.SAMPLE_CLOCK:
            self._parts.csms.publish(MeterValuesTaken(evse_id=self.profile.evse_id, samples=(sample,)))

    async def tell_meter_values(self) -> None:
        """Publish meter values that a CSMS triggered.

        2.x wants the aligned measurands (F06.FR.06), 1.6 the sampled ones: one message with both satisfies either.
        """
        settings, tx = self._parts.settings, self.transaction
        wanted = {*settings.members(ALIGNED_MEASURANDS), *settings.members(SAMPLED_UPDATED_MEASURANDS)}
        reading = await self.sampler.reading()
        sample = sample_of(reading, wanted, ReadingContext.TRIGGER, self._offered(), self._parts.timing.clock)
        if sample is not None:
            tx_id = None if tx is None else tx.transaction_id
            self._parts.csms.publish(
                MeterValuesTaken(evse_id=self.profile.evse_id, samples=(sample,), transaction_id=tx_id)
            )

    async def tell_transaction(self) -> None:
        """Tell the state of the running transaction as a CSMS triggered it (F06.FR.07)."""
        reading = await self.sampler.reading()
        sample = self.sampler.sample(reading, SAMPLED_UPDATED_MEASURANDS, ReadingContext.TRIGGER)
        await self.flow.tell_sample(TriggerReason.TRIGGER, sample)
