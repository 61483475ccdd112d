"""What starting, following and ending a transaction share: the state of one EVSE's flow, and telling events."""

import logging
from dataclasses import dataclass
from typing import Protocol

from stationd.domain.errors import StorageError
from stationd.domain.events import TransactionEventType
from stationd.domain.id_token import IdToken
from stationd.domain.measurands import MeterSample
from stationd.domain.pilot import CpState
from stationd.domain.states import ChargingState, TriggerReason
from stationd.domain.variable_table import STOP_TX_ON_EV_SIDE_DISCONNECT, TX_START_POINT, TX_STOP_POINT
from stationd.domain.variables import Origin
from stationd.station import transactions as rules
from stationd.station.metering import EvseMeter
from stationd.station.offering import Offering
from stationd.station.parts import EvseProfile, Parts
from stationd.station.pilot_watch import PilotWatch, connected_phases
from stationd.station.sampling import Sampler
from stationd.station.session import Session
from stationd.station.transactions import Cause, Facts, Record

log = logging.getLogger(__name__)

CONNECTOR_ID = 1
RETRY_S = 5.0
"""Until what the disk or the meter refused is tried again."""


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


class FlowBase:
    """Session, waiting token and end of one EVSE. A session is set only once its start is on the disk."""

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
        self._retry_s = 0.0
        self.session: Session | None = None
        self.ending: Ending | None = None
        self.waiting: Grant | None = None
        self.finishing = False
        self.cable_left = False
        """A cable that is still in the socket is that of a transaction which is over; its car may have gone."""
        self.kept_for: IdToken | None = None
        self.plug_count = 0
        self.plugged_at_s = 0.0

    async def _fresh_cable(self) -> None:
        raise NotImplementedError

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
                phases_used=connected_phases(status, self._profile.phases) if begins else None,
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
