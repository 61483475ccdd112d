"""The running transaction of one EVSE: its record, its commits and its charging time. Only for the EVSE's jobs."""

import logging
from dataclasses import replace
from datetime import datetime

from stationd.domain.events import TransactionEvent, TransactionEventType
from stationd.domain.measurands import MeterSample
from stationd.domain.states import ChargingState, TriggerReason
from stationd.domain.transaction import Transaction
from stationd.station.metering import EvseMeter
from stationd.station.parts import Parts
from stationd.station.transactions import Facts, Moment, Record, add_event

log = logging.getLogger(__name__)


def stored_register(tx: Transaction) -> tuple[float, datetime]:
    """Return the newest register value on the disk and when the meter gave it."""
    if tx.last_wh is None:
        return tx.meter_start_wh, tx.started_at
    return tx.last_wh, tx.last_sample_at or tx.started_at


class Session:
    """A transaction between its start and its end. A record is adopted only after its commit returned."""

    def __init__(self, record: Record, parts: Parts, meter: EvseMeter, *, resumed: bool = False) -> None:
        self.record = record
        self._parts = parts
        self._meter = meter
        self._charging_since: float | None = None
        self._charged_s: float | None = None if resumed else 0.0
        """None after a restart: how long it charged before is not known."""
        self._committed_at = parts.timing.clock.monotonic()

    @property
    def tx(self) -> Transaction:
        """The transaction as it is on the disk."""
        return self.record.tx

    @property
    def authorized_fact(self) -> bool:
        """True while the authorisation lasts; also while the CSMS refused the token but did not end it (E05.FR.02)."""
        return self.tx.authorized or self.record.suspended

    def facts(self, *, cable: bool) -> Facts:
        """Return what the stop points speak of, as last told."""
        return Facts(cable, self.authorized_fact, self.tx.charging_state is ChargingState.CHARGING)

    def meter_wh(self) -> float:
        """Return the register's last good value; never less than told before."""
        return self.register()[0]

    def register(self) -> tuple[float, datetime]:
        """Return that value and when the meter gave it."""
        stored = stored_register(self.tx)
        read = self._meter.register()
        return stored if read is None or read[0] < stored[0] else read

    def measured(self) -> tuple[float, datetime] | None:
        """Return the same, or None if no meter ever gave a value."""
        known = self.register()
        return known if known[0] > 0 or self._meter.register_wh is not None else None

    async def tell(
        self,
        kind: TransactionEventType,
        trigger: TriggerReason,
        state: ChargingState,
        *,
        cable: bool,
        record: Record | None = None,
        samples: tuple[MeterSample, ...] = (),
        phases_used: int | None = None,
        cable_max_a: float | None = None,
    ) -> TransactionEvent:
        """Commit one event, with a changed record if given.

        Raises:
            StorageError: nothing happened; the record is as before and the seqNo unused.
        """
        self._count_charging(state)
        meter_wh, meter_at = self.register()
        moment = Moment(
            at=self._parts.timing.clock.now(),
            meter_wh=meter_wh,
            meter_at=meter_at,
            offline=not self._parts.csms.online,
            facts=Facts(cable, authorized=True),
            state=state,
            samples=samples,
            phases_used=phases_used,
            cable_max_a=cable_max_a,
            time_spent_charging_s=self._time_spent(),
        )
        told, event = add_event(record or self.record, moment, kind, trigger)
        await self._commit(told, (event,))
        self._parts.csms.wake()
        log.info(
            "transaction event stored evse_id=%d transaction_id=%s seq_no=%d type=%s trigger=%s state=%s meter_wh=%.1f",
            event.evse_id,
            event.transaction_id,
            event.seq_no,
            kind,
            event.trigger,
            state,
            event.meter_wh,
        )
        return event

    async def save(self, record: Record) -> None:
        """Commit a changed record without telling anything.

        Raises:
            StorageError: the record is as before.
        """
        await self._commit(record, ())

    async def checkpoint(self, interval_s: float) -> None:
        """Commit the meter's register if nothing was committed for so long.

        Raises:
            StorageError: the disk does not take it.
        """
        if self._parts.timing.clock.monotonic() - self._committed_at < interval_s:
            return
        meter_wh, meter_at = self.register()
        tx = replace(self.tx, last_wh=meter_wh, last_sample_at=meter_at)
        await self.save(replace(self.record, tx=tx))

    async def _commit(self, record: Record, events: tuple[TransactionEvent, ...]) -> None:
        pilot = self._parts.pilot.status(record.tx.evse_id)
        if pilot is not None:
            record = replace(record, tx=replace(record.tx, pilot_boot_id=pilot.boot_id, unplugs=pilot.unplugs))
        await self._parts.store.commit(record.tx, events)
        self.record = record
        self._committed_at = self._parts.timing.clock.monotonic()

    def _count_charging(self, state: ChargingState) -> None:
        now = self._parts.timing.clock.monotonic()
        if self._charging_since is not None and self._charged_s is not None:
            self._charged_s += now - self._charging_since
        self._charging_since = now if state is ChargingState.CHARGING else None

    def _time_spent(self) -> int | None:
        return None if self._charged_s is None else int(self._charged_s)
