"""The charging station: all EVSEs, what is common to them, and the tasks they run in."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from stationd.domain.answers import TransactionAnswer
from stationd.domain.auth_list import ListSummary, ListUpdate, UpdateOutcome
from stationd.domain.errors import StorageError
from stationd.domain.events import ConnectorSnapshot, ConnectorStatusChanged, TransactionEvent
from stationd.domain.faults import BRAIN_FAULTS, Fault, FaultCode, FaultInForce
from stationd.domain.id_token import IdToken
from stationd.domain.pilot import PilotStatus
from stationd.domain.states import OperationalStatus, ResetKind
from stationd.domain.transaction import Transaction
from stationd.domain.variables import VariableReport
from stationd.fault_table import Ends
from stationd.hal.interfaces import Meter, MeterReading, TokenReader
from stationd.station import transactions as rules
from stationd.station.authorization import Authorizer
from stationd.station.availability import Availability, connector_status
from stationd.station.computed_settings import compute_rows, compute_token_rows
from stationd.station.evse import Evse
from stationd.station.fault_journal import FaultJournal
from stationd.station.faults import blocking
from stationd.station.local_auth_list import LocalAuthList
from stationd.station.metering import EvseMeter
from stationd.station.parts import CsmsSeat, EvseProfile, Parts, Shared
from stationd.station.ports import (
    AuthListStore,
    ChangeOutcome,
    Clock,
    CsmsPort,
    FaultStore,
    Lifecycle,
    PilotPort,
    SettingsPort,
    StateStore,
    TokenStore,
    TransactionStatus,
    TransactionStore,
    Trigger,
    UnlockOutcome,
    Verdict,
)
from stationd.station.recover import Recovery
from stationd.station.reset import Resetter
from stationd.station.timing import LoopScheduler, Scheduler, Timing
from stationd.station.tokens import Tokens
from stationd.station.triggers import Triggers

log = logging.getLogger(__name__)

WATCH_S = 5.0
LAST_WRITE_S = 1.0
UNLOCK_ANSWER_S = 9.0
"""When a request to unlock is answered at the latest, whatever car, contactor and lock do: a CSMS's CALL gets 10 s."""
ACCEPTED_ONCE = "registration.accepted"
PROBE = "storage.probe"


class Station:
    """Implements `station.ports.StationPort`. Order of calls: `connect_csms`, `start`, `run`, `stop`."""

    def __init__(
        self,
        *,
        profiles: Sequence[EvseProfile],
        settings: SettingsPort,
        clock: Clock,
        pilot: PilotPort,
        transactions: TransactionStore,
        tokens: TokenStore,
        auth_list: AuthListStore,
        state: StateStore,
        faults: FaultStore,
        lifecycle: Lifecycle,
        meters: Mapping[int, Meter],
        readers: Sequence[TokenReader] = (),
        machine_boot_id: str,
        csms: CsmsPort | None = None,
        scheduler: Scheduler | None = None,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._state = state
        self._readers = readers
        self._shared = Shared()
        timing = Timing(clock, scheduler or LoopScheduler(clock))
        seat = CsmsSeat(csms)
        self._journal = FaultJournal(timing, faults, seat.wake)
        self._parts = Parts(settings, timing, pilot, seat, transactions, self._journal, self._shared, new_id)
        self._availability = Availability(state)
        self._auth_list = LocalAuthList(settings, auth_list)
        authorizer = Authorizer(settings, clock, self._parts.csms, tokens, self._auth_list)
        compute_token_rows(settings, tokens, auth_list)
        self._authorizer = authorizer
        self._evses: dict[int, Evse] = {}
        self._tokens = Tokens(self._evses, authorizer, settings, self._spawn)
        for profile in profiles:
            meter = EvseMeter(profile.evse_id, meters.get(profile.evse_id), self._parts.timing)
            self._evses[profile.evse_id] = Evse(
                profile, self._parts, meter, self._availability, self._tokens.claim, self._became_idle
            )
        self._resetter = Resetter(self._parts, tuple(self._evses.values()), lifecycle)
        self._triggers = Triggers(self._parts, self._evses, self.station_snapshot)
        self._recovery = Recovery(self._parts, self._evses, state, machine_boot_id)
        self._background: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._changed_at = clock.now()
        self._published: ConnectorSnapshot | None = None
        self._accepted_once = False
        self._shared.changed = self._look_everywhere

    # --- life ---------------------------------------------------------------------------------------------------------

    def connect_csms(self, csms: CsmsPort) -> None:
        """Give the connection to the CSMS, where it could not be given to the constructor."""
        self._parts.csms.csms = csms

    async def start(self) -> None:
        """Read what was stored, decide on open transactions, begin to listen to the pilot. Call once, before `run`.

        Raises:
            StorageError: the state cannot be read.
        """
        await self._availability.load(tuple(self._evses))
        self._accepted_once = self._shared.registered = await self._state.get(ACCEPTED_ONCE) == "true"
        compute_rows(self._parts, self.connectors, self.station_snapshot, self.faults)
        await self._journal.load()
        await self._recovery.run()
        self._parts.pilot.subscribe(self._on_pilot_status)
        for evse in self._evses.values():
            evse.start(self._parts.pilot.status(evse.profile.evse_id))

    async def run(self) -> None:
        """Work until `stop` is called or the task is cancelled; an error ends it, and the process should end too."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(job) for job in self._jobs()]
                await self._stopping.wait()
                for task in tasks:
                    task.cancel()
        finally:
            await self._end_background()

    async def stop(self) -> None:
        """End the brain's work within a second or so: transactions stay open, and offers are left to their lease."""
        for evse in self._evses.values():
            evse.sampler.stop()
        try:
            async with asyncio.timeout(LAST_WRITE_S):
                await asyncio.gather(*(evse.mailbox.ask(evse.flow.store_register) for evse in self._evses.values()))
                await self._journal.flush()
        except TimeoutError:
            log.warning("meter registers not stored at the end reason=time-out")
        except StorageError as error:
            log.warning("faults not stored at the end error=%s", error)
        self._stopping.set()

    def _jobs(self) -> list[Coroutine[Any, Any, None]]:
        jobs: list[Coroutine[Any, Any, None]] = [self._resetter.run(), self._watch(), self._journal.run()]
        for evse in self._evses.values():
            jobs += [evse.mailbox.run(), evse.meter.run()]
        jobs += [self._read(reader) for reader in self._readers]
        return jobs

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._background.add(task)
        task.add_done_callback(self._spawned_ended)

    def _spawned_ended(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background task failed", exc_info=error)

    async def _end_background(self) -> None:
        tasks = tuple(self._background)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, reader: TokenReader) -> None:
        async for token in reader.tokens():
            self._spawn(self._present(token))  # the next driver must not wait for this one's answer

    async def _present(self, token: IdToken) -> None:
        await self.present_token(token)

    async def _watch(self) -> None:
        """Look now and then at what tells nobody when it changes."""
        while True:
            await self._parts.timing.sleep(WATCH_S)
            if self._shared.storage_failed:
                await self._probe_storage()
            for evse in self._evses.values():
                if evse.transaction is not None:
                    evse.look_again()  # its register is stored now and then
            self._publish_station()

    async def _probe_storage(self) -> None:
        try:
            await self._state.put(PROBE, self._parts.timing.clock.now().isoformat())
        except StorageError:
            return
        self._shared.storage(failed=False)

    def _on_pilot_status(self, evse_id: int, status: PilotStatus | None) -> None:
        if (evse := self._evses.get(evse_id)) is not None and not self._stopping.is_set():
            evse.on_pilot_status(status)

    def _look_everywhere(self) -> None:
        for evse in self._evses.values():
            evse.look_again()
        self._publish_station()

    def _became_idle(self) -> None:
        self._resetter.became_idle()

    # --- state --------------------------------------------------------------------------------------------------------

    def connectors(self) -> tuple[ConnectorSnapshot, ...]:
        """Return the present state of every connector, by EVSE."""
        return tuple(self._evses[evse_id].snapshot() for evse_id in sorted(self._evses))

    def station_snapshot(self) -> ConnectorSnapshot:
        """Return the station itself as 1.6's connector 0."""
        faults = self._station_faults()
        operative = self._availability.station and self._shared.registered and not self._shared.resetting
        status = connector_status(faulted=blocking(faults) is not None, operative=operative, occupied=False)
        return ConnectorSnapshot(
            evse_id=0,
            connector_id=0,
            status=status,
            operative=operative,
            changed_at=self._changed_at,
            made_inoperative=not self._availability.station,
            faults=faults,
        )

    def _publish_station(self) -> None:
        now = self.station_snapshot()
        self._journal.see(0, now.faults)
        if now != self._published:
            self._changed_at = self._parts.timing.clock.now()
            self._published = self.station_snapshot()
            self._parts.csms.publish(ConnectorStatusChanged(self._published))

    def faults(self) -> tuple[Fault, ...]:
        """Return every fault in force; what concerns the whole station once, with EVSE 0."""
        found = list(self._station_faults())
        for evse in self._evses.values():
            found += [fault for fault in evse.faults() if fault.code is not FaultCode.STORAGE_FAILED]
        return tuple(found)

    def faults_in_force(self) -> tuple[FaultInForce, ...]:
        """Return the same with the time at which each was first seen."""
        now = self._parts.timing.clock.now()
        return tuple(FaultInForce(fault, self._journal.since(fault) or now) for fault in self.faults())

    async def reset_fault(self, evse_id: int, code: str) -> str | None:
        """Clear a latched fault whose cause is gone. Returns why not, in words."""
        evse = self._evses.get(evse_id)
        if evse is None or code in BRAIN_FAULTS:
            return f"cannot reset {code}: it ends by itself {Ends.CAUSE}"
        if code == FaultCode.OVER_CURRENT and evse.forgive_over_current():
            return None
        return await self._parts.pilot.reset_fault(evse_id, code)

    async def test_rcd(self, evse_id: int) -> str | None:
        """Begin a test of the residual current device. Returns why not, in words."""
        return await self._parts.pilot.self_test(evse_id)

    def _station_faults(self) -> tuple[Fault, ...]:
        found = [Fault(FaultCode.STORAGE_FAILED, 0)] if self._shared.storage_failed else []
        if any(reader.error is not None for reader in self._readers):
            found.append(Fault(FaultCode.READER_LOST, 0, blocking=False))
        return tuple(found)

    def active_transaction(self, evse_id: int) -> Transaction | None:
        """Return the transaction running on this EVSE."""
        evse = self._evses.get(evse_id)
        return None if evse is None else evse.transaction

    def reading(self, evse_id: int) -> MeterReading | None:
        """Return the newest reading of an EVSE's meter, however old; one with an error while the meter is lost."""
        evse = self._evses.get(evse_id)
        if evse is None or not evse.meter.exists:
            return None
        last = evse.meter.last
        if evse.meter.lost:
            since = self._parts.timing.clock.monotonic() if last is None else last.taken_at_s
            return MeterReading(taken_at_s=since, error="the meter does not answer")
        return last

    def why(self, evse_id: int) -> list[tuple[str, float]]:
        """Return every limit of the current in force, as (name, amperes); the least wins."""
        evse = self._evses.get(evse_id)
        return [] if evse is None else [(limit.name, limit.amps) for limit in evse.offering.why()]

    # --- requests -----------------------------------------------------------------------------------------------------

    async def present_token(self, id_token: IdToken, evse_id: int | None = None) -> Verdict:
        """Handle a card held to the reader. Waits for the CSMS's answer where it must be asked."""
        verdict = await self._tokens.present(id_token, evse_id)
        log.info("token presented accepted=%s reason=%s info=%s", verdict.accepted, verdict.reason, verdict.info)
        return verdict

    async def request_start(
        self, *, evse_id: int | None, id_token: IdToken, remote_start_id: int | None, group: IdToken | None = None
    ) -> Verdict:
        """Start remotely (OCPP 2.0.1 F01, F02); it happens after the answer."""
        return self._tokens.request_start(evse_id, id_token, remote_start_id, group)

    async def request_stop(self, transaction_id: str) -> Verdict:
        """Stop remotely (OCPP 2.0.1 F03); it happens after the answer."""
        for evse in self._evses.values():
            if (tx := evse.transaction) is not None and tx.transaction_id == transaction_id:
                evse.post(evse.flow.stop_remotely)
                return Verdict(accepted=True, transaction_id=transaction_id)
        return Verdict(accepted=False, reason="TxNotFound")

    async def request_unlock(self, evse_id: int, connector_id: int, *, end_transaction: bool) -> UnlockOutcome:
        """Unlock a connector; the answer comes when it is unlocked or stayed locked."""
        evse = self._evses.get(evse_id)
        if evse is None or connector_id != 1:
            return UnlockOutcome.UNKNOWN_CONNECTOR
        if not evse.has_lock:
            return UnlockOutcome.NOT_SUPPORTED
        if (tx := evse.transaction) is not None and tx.authorized and not end_transaction:
            return UnlockOutcome.ONGOING_AUTHORIZED_TRANSACTION  # F05.FR.02
        unlocking = self._unlock(evse, end_first=tx is not None and end_transaction)
        unlocked = await self._parts.timing.within(UNLOCK_ANSWER_S, unlocking)
        return UnlockOutcome.UNLOCKED if unlocked else UnlockOutcome.UNLOCK_FAILED

    async def _unlock(self, evse: Evse, *, end_first: bool) -> bool:
        if end_first:
            await evse.ask(lambda: evse.flow.stop(rules.UNLOCKED))
            await evse.idle.wait()
        return await evse.ask(evse.flow.unlock)

    async def request_reset(self, kind: ResetKind, evse_id: int | None = None) -> ChangeOutcome:
        """Decide on a reset; it happens after the answer has left."""
        return self._resetter.request(kind, evse_id)

    async def change_availability(
        self, status: OperationalStatus, *, evse_id: int | None = None, connector_id: int | None = None
    ) -> ChangeOutcome:
        """Change and store availability (OCPP 2.0.1 G03, G04); a running transaction defers it."""
        if (evse_id is not None and evse_id not in self._evses) or connector_id not in (None, 1):
            return ChangeOutcome.REJECTED
        try:
            await self._availability.change(status, evse_id, connector_id)
        except StorageError as error:
            log.warning("availability not changed error=%s", error)
            return ChangeOutcome.REJECTED
        targets = [evse for evse in self._evses.values() if evse_id in (None, evse.profile.evse_id)]
        self._look_everywhere()
        busy = any(evse.transaction is not None for evse in targets)
        deferred = busy and status is OperationalStatus.INOPERATIVE
        return ChangeOutcome.SCHEDULED if deferred else ChangeOutcome.ACCEPTED

    async def clear_cache(self) -> bool:
        """Empty the authorization cache."""
        return await self._authorizer.clear()

    def local_list(self) -> ListSummary | None:
        """Return what the local authorization list holds; None while it is disabled."""
        return self._auth_list.summary()

    async def update_local_list(self, update: ListUpdate) -> UpdateOutcome:
        """Change the local authorization list."""
        return await self._auth_list.update(update)

    def trigger(self, what: Trigger, evse_id: int | None = None) -> bool:
        """Publish what TriggerMessage asks for, after the answer."""
        return self._triggers.trigger(what, evse_id)

    def report(self, request_id: int, entries: Sequence[VariableReport]) -> None:
        """Publish a device-model report in parts."""
        self._triggers.report(request_id, entries)

    async def transaction_status(self, transaction_id: str | None) -> TransactionStatus:
        """Tell what is still to be sent (OCPP 2.0.1 E14)."""
        queued = await self._parts.store.queued(transaction_id) > 0
        if transaction_id is None:
            return TransactionStatus(None, queued)
        running = (evse.transaction for evse in self._evses.values())
        return TransactionStatus(any(tx is not None and tx.transaction_id == transaction_id for tx in running), queued)

    async def transaction_answered(self, event: TransactionEvent, answer: TransactionAnswer) -> None:
        """Take the CSMS's answer to a transaction event."""
        await self._tokens.answered(event, answer)

    def registration_changed(self, *, accepted: bool) -> None:
        """Learn the CSMS's verdict on the station. A lost connection is no verdict."""
        self._triggers.registered = accepted
        self._shared.registered = accepted
        if accepted and not self._accepted_once:
            self._accepted_once = True
            self._spawn(self._store_acceptance())
        self._look_everywhere()

    async def _store_acceptance(self) -> None:
        try:
            await self._state.put(ACCEPTED_ONCE, "true")
        except StorageError as error:
            self._accepted_once = False
            log.warning("acceptance not stored error=%s", error)
