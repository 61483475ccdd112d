"""What happens on one connection: register, tell the states, drain the outbox, keep the heartbeat; until it is gone."""

import asyncio
import logging
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from stationd.domain.answers import Answer, BootAnswer, HeartbeatAnswer
from stationd.domain.errors import StationError
from stationd.domain.events import ConnectorSnapshot, ConnectorStatusChanged, HeartbeatDue, LiveEvent, StationBooted
from stationd.domain.id_token import IdTokenInfo
from stationd.domain.states import BootReason, RegistrationStatus
from stationd.domain.variable_table import HEARTBEAT_INTERVAL, MESSAGE_TIMEOUT, OFFLINE_THRESHOLD
from stationd.domain.variables import Origin, SetOutcome
from stationd.ocpp.dispatch import Dispatcher
from stationd.ocpp.link import LIVE, URGENT, Link, OwnMessageError
from stationd.ocpp.live import LiveQueue
from stationd.ocpp.registration import Registration, Way
from stationd.ocpp.rpc.channel import CallError, Reply
from stationd.ocpp.rpc.session import CallReceived
from stationd.ocpp.sender import Sender
from stationd.ocpp.version import Json
from stationd.station.ports import Clock, SettingsPort, StationPort

logger = logging.getLogger(__name__)

DAY_S = 86_400.0  # a heartbeat at least that often, whatever else is sent: it sets the clock (G02, 1.6 section 4.6)

FORGETFUL = frozenset({"ocpp1.6"})
"""Versions in which a CSMS that restarted can tell nobody: it may ask for one boot notification per reconnection (1.6
errata: rejected only "until the next reset/reboot/reconnect"), and hears every state on each."""

_solicited: ContextVar[bool] = ContextVar("solicited", default=False)
"""True in everything that a CALL of the CSMS sets off: while Pending only that may be sent (B02.FR.02)."""


@dataclass(slots=True)
class Memory:
    """What one connection leaves to the next."""

    registration: Registration
    sender: Sender
    told: dict[tuple[int, int], Json] = field(default_factory=dict)
    """The status of each connector in the words that the CSMS last acknowledged, without the time."""
    accepted: bool | None = None
    """What the station was last told; nothing before the first verdict, so that a refusal is told too."""
    last_heartbeat_at: float | None = None


class Conversation:
    """One connection, from the open WebSocket to its end."""

    def __init__(
        self,
        *,
        link: Callable[["Conversation"], Link],
        dispatcher: Dispatcher,
        way: Way,
        memory: Memory,
        station: StationPort,
        settings: SettingsPort,
        clock: Clock,
        offline_s: float | None,
    ) -> None:
        """`offline_s`: how long there was no connection; None for the first of the process."""
        self._dispatcher = dispatcher
        self._way = way
        self._memory = memory
        self._station = station
        self._settings = settings
        self._clock = clock
        self._offline_s = offline_s
        self._live = LiveQueue()
        self._live_wake = asyncio.Event()
        self._live_empty = asyncio.Event()
        self._ready = asyncio.Event()
        self._boot_asked: BootReason | None = None
        self._boot_wake = asyncio.Event()
        self._heartbeat_changed = asyncio.Event()
        self._introduced = False
        self._boot_granted = False
        self.accepted = False
        if memory.registration.status is RegistrationStatus.REJECTED:
            dispatcher.registration = RegistrationStatus.REJECTED  # until the CSMS says otherwise
        self.link = link(self)

    # --- for the station ----------------------------------------------------------------------------------------------

    def publish(self, event: LiveEvent) -> None:
        """Queue a live event, if it may be sent."""
        if isinstance(event, StationBooted):
            self._boot_granted = True
            self._ask_boot(event.reason)
        elif self.accepted or (self._pending and _solicited.get()):
            self._live.put(event)
            self._live_empty.clear()
            self._live_wake.set()

    async def authorize(self, event: LiveEvent) -> IdTokenInfo | None:
        """Ask about a token before everything else that waits."""
        try:
            answer = await self.link.ask(event, URGENT)
        except StationError as error:
            logger.warning("authorization_not_answered reason=%s", error)
            return None
        return answer if isinstance(answer, IdTokenInfo) else None

    async def answer(self, call: CallReceived) -> Reply:
        """Answer a CALL of the CSMS."""
        token = _solicited.set(True)
        try:
            return await self._dispatcher.handle(call)
        finally:
            _solicited.reset(token)

    @property
    def boot_may_be_repeated(self) -> bool:
        """True if the CSMS, which accepted an earlier connection, may ask for an introduction on this one."""
        return self._way.subprotocol in FORGETFUL and not (self._introduced or self._boot_granted)

    def heartbeat_changed(self) -> None:
        """Use the new heartbeat interval from now on."""
        self._heartbeat_changed.set()

    def forgotten(self) -> None:
        """Introduce the station again: the CSMS refuses it although it reconnected (a CSMS that lost its memory)."""
        if self.accepted and not self._introduced:
            logger.warning("registration_lost reason=SecurityError")
            self._memory.registration.forgotten()
            self._ask_boot(self._memory.registration.reason)

    @property
    def _pending(self) -> bool:
        return self._dispatcher.registration is RegistrationStatus.PENDING

    def _ask_boot(self, reason: BootReason) -> None:
        self._boot_asked = reason
        self._boot_wake.set()

    # --- running ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve the connection; ends by raising what the channel raises, or with the task."""
        reason: StationError | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.link.channel.run())
                tasks.create_task(self._register())
                tasks.create_task(self._tell())
                tasks.create_task(self._keep_heartbeat())
                tasks.create_task(self._memory.sender.run(self.link, self._station, self._ready))
        except* StationError as group:
            # who had a call under way may have heard of the end, and ended all this, before the channel could say why
            reason = self.link.channel.lost or _first(group)
        finally:
            self.accepted = False
        if reason is not None:
            raise reason

    async def _register(self) -> None:
        registration = self._memory.registration
        reason: BootReason | None = None
        if registration.holds_for(self._way):
            self._dispatcher.registration = RegistrationStatus.ACCEPTED
            await self._enter()
        else:
            reason = registration.reason
        while True:
            await self._until_boot_is_due(asked_only=reason is None)
            if self._boot_asked is not None:
                reason, self._boot_asked = self._boot_asked, None
            assert reason is not None  # noqa: S101 - either of its own or asked for
            if await self._introduce(reason):
                reason = None

    async def _until_boot_is_due(self, *, asked_only: bool) -> None:
        """Wait for the interval to be over, or until the CSMS asks for a boot notification."""
        wait = None if asked_only else max(0.0, self._memory.registration.not_before - self._clock.monotonic())
        try:
            async with asyncio.timeout(wait):
                await self._boot_wake.wait()
        except TimeoutError:
            return
        self._boot_wake.clear()

    async def _introduce(self, reason: BootReason) -> bool:
        """Send one boot notification; True if it settled the matter."""
        registration = self._memory.registration
        try:
            answer = await self.link.ask(StationBooted(reason), URGENT)
        except (CallError, OwnMessageError) as error:
            registration.failed(self._clock.monotonic(), str(error))
            logger.warning("boot_not_answered layer=OCPP reason=%s", error)
            return False
        if not isinstance(answer, BootAnswer):
            problem = f"{self._way.subprotocol} has no boot notification"
            registration.failed(self._clock.monotonic(), problem)
            logger.error("boot_not_possible version=%s", self._way.subprotocol)
            return False
        registration.answered(answer, self._way, self._clock.monotonic())
        self._dispatcher.registration = answer.status
        logger.info("registered status=%s interval_s=%d reason=%s", answer.status, answer.interval_s, reason)
        self._learn_time(answer)
        if answer.status is not RegistrationStatus.ACCEPTED:
            self._leave()
            return False
        self._introduced = True
        await self._take_interval(answer.interval_s)
        await self._enter()
        return True

    async def _take_interval(self, interval_s: int) -> None:
        """Adopt the CSMS's heartbeat interval (B01.FR.04); 0 leaves ours."""
        if interval_s <= 0 or interval_s == self._settings.integer(HEARTBEAT_INTERVAL):
            return
        try:
            outcome = await self._settings.write(HEARTBEAT_INTERVAL, str(interval_s), Origin.CSMS)
        except StationError:
            logger.exception("heartbeat_interval_not_stored interval_s=%d", interval_s)
            return
        if outcome is SetOutcome.REJECTED:
            logger.warning("heartbeat_interval_refused interval_s=%d", interval_s)

    async def _enter(self) -> None:
        """Go online: first the states, then the queue (B01.FR.05, 1.6 section 4.2)."""
        self.accepted = True
        self._tell_station(accepted=True)
        for snapshot in self._statuses():
            self.publish(ConnectorStatusChanged(snapshot))
        if len(self._live):
            try:
                async with asyncio.timeout(2 * self._settings.integer(MESSAGE_TIMEOUT)):
                    await self._live_empty.wait()
            except TimeoutError:
                logger.warning("statuses_not_answered queued=%d", len(self._live))
        self._ready.set()

    def _leave(self) -> None:
        self.accepted = False
        self._ready.clear()
        self._live.clear()
        self._tell_station(accepted=False)

    def _tell_station(self, *, accepted: bool) -> None:
        if self._memory.accepted != accepted:
            self._memory.accepted = accepted
            self._station.registration_changed(accepted=accepted)

    def _statuses(self) -> list[ConnectorSnapshot]:
        """Return all states. After a boot or a long absence each is told, else those that changed (B04.FR.01/02).

        1.6 knows no such limit, and its CSMS may have restarted in the shortest absence: each is told.
        """
        snapshots = list(self._station.connectors())
        if self.link.version.has_station_status:
            snapshots.insert(0, self._station.station_snapshot())
        long = self._offline_s is None or self._offline_s > self._settings.integer(OFFLINE_THRESHOLD)
        if self._introduced or long or self._way.subprotocol in FORGETFUL:
            self._memory.told.clear()
        return snapshots

    # --- live events --------------------------------------------------------------------------------------------------

    async def _tell(self) -> None:
        while True:
            event = self._live.take()
            if event is None:
                self._live_empty.set()
                self._live_wake.clear()
                await self._live_wake.wait()
                continue
            try:
                if isinstance(event, ConnectorStatusChanged):
                    await self._tell_status(event)
                else:
                    self._told(event, await self.link.ask(event, LIVE))
            except (CallError, OwnMessageError) as error:
                logger.warning("live_event_not_delivered type=%s reason=%s", type(event).__name__, error)

    async def _tell_status(self, event: ConnectorStatusChanged) -> None:
        """Send a status, unless this version has the same words for it as for the last one (B04.FR.02)."""
        outgoing = self.link.translate(event)
        if outgoing is None:
            return
        place = (event.snapshot.evse_id, event.snapshot.connector_id)
        words = {name: value for name, value in outgoing.payload.items() if name != "timestamp"}
        if words == self._memory.told.get(place) and not event.asked_for:
            return
        self._memory.told.pop(place, None)  # until it is acknowledged nobody knows what the CSMS knows
        await self.link.deliver(outgoing, LIVE)
        self._memory.told[place] = words

    def _told(self, event: LiveEvent, answer: Answer | None) -> None:
        if isinstance(event, HeartbeatDue):
            self._memory.last_heartbeat_at = self._clock.monotonic()
            self._learn_time(answer)

    def _learn_time(self, answer: Answer | None) -> None:
        if isinstance(answer, BootAnswer | HeartbeatAnswer) and answer.current_time is not None:
            self._clock.csms_time(answer.current_time)

    # --- heartbeat ----------------------------------------------------------------------------------------------------

    async def _keep_heartbeat(self) -> None:
        """Send a heartbeat after `HEARTBEAT_INTERVAL` without any other message of ours, and once a day in any case."""
        begun = self._clock.monotonic()
        tried_at = begun
        while True:
            await self._ready.wait()
            self._heartbeat_changed.clear()
            interval = float(self._settings.integer(HEARTBEAT_INTERVAL))
            last = self._memory.last_heartbeat_at if self._memory.last_heartbeat_at is not None else begun
            due = max(self.link.channel.last_call_at, tried_at) + interval
            wait = min(due, max(last + DAY_S, tried_at + interval)) - self._clock.monotonic()
            if wait > 0:
                try:
                    async with asyncio.timeout(wait):
                        await self._heartbeat_changed.wait()
                except TimeoutError:
                    pass
                continue
            tried_at = self._clock.monotonic()
            await self._heartbeat()

    async def _heartbeat(self) -> None:
        try:
            answer = await self.link.ask(HeartbeatDue(), LIVE)
        except (CallError, OwnMessageError) as error:
            logger.warning("heartbeat_not_answered reason=%s", error)
        else:
            self._told(HeartbeatDue(), answer)


def _first(group: BaseExceptionGroup[StationError]) -> StationError:
    """Return why the connection ended: the channel's reason, not that of the calls it took along."""
    found: list[StationError] = []
    todo: list[BaseException] = [group]
    while todo:
        one = todo.pop()
        if isinstance(one, BaseExceptionGroup):
            todo += one.exceptions
        elif isinstance(one, StationError):
            found.append(one)
    return min(found, key=lambda error: type(error).__name__ == "ConnectionLostError")
