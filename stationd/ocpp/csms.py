"""The connection to the CSMS: dial, back off, dial again; everything the station asks of whatever CSMS is there."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from stationd.domain.errors import ConfigurationError, StationError
from stationd.domain.events import AuthorizationRequested, LiveEvent
from stationd.domain.id_token import IdToken, IdTokenInfo
from stationd.domain.states import BootReason, RegistrationStatus
from stationd.domain.variable_table import HEARTBEAT_INTERVAL, PING_INTERVAL, PROFILE_SWITCH_DELAY
from stationd.ocpp.back_off import BackOff, Uniform
from stationd.ocpp.connection_view import CsmsState, Phase
from stationd.ocpp.conversation import Conversation, Memory
from stationd.ocpp.dispatch import Dispatcher
from stationd.ocpp.link import Link
from stationd.ocpp.password_trial import PasswordTrial
from stationd.ocpp.registration import Registration, Way
from stationd.ocpp.rpc import transport
from stationd.ocpp.rpc.channel import Channel
from stationd.ocpp.rpc.connection_settings import ConnectionSettings
from stationd.ocpp.rpc.dial import Dial, connect
from stationd.ocpp.rpc.findings import Findings
from stationd.ocpp.rpc.session import Session
from stationd.ocpp.sender import Sender
from stationd.ocpp.version import Context
from stationd.ocpp.versions import VERSIONS, Loader
from stationd.station.ports import Clock, Outbox, SettingsPort, StateStore, StationPort

logger = logging.getLogger(__name__)

CLOSE_S = 1.5  # a mute CSMS delays the end of the process by no more than this
LASTING_S = (
    30.0  # a connection that held so long was a success; a CSMS that cuts each one early is dialled less and less
)
DIAL_FLOOR_S, BOOT_FLOOR_S = 0.2, 1.0
RETRY_AFTER_LIMIT_S = 3600.0  # a CSMS may ask for patience, but not for ever
UNAUTHORISED = frozenset({401, 403})
WITHOUT_THE_PASSWORD = frozenset({200, 404, 429, 503})  # statuses that say nothing about it; redirects are others


WITHOUT_UNREADABLE_ID = frozenset({"ocpp1.6"})
"""Versions without the message id "-1" for frames that cannot be read."""
SILENT_WHEN_REJECTED = frozenset({"ocpp1.6"})
"""Versions in which a rejected station does not even answer (1.6 section 4.2)."""

LISTED_NOT_CACHED = frozenset({"ocpp1.6"})
"""Versions in which a token of the local list is kept out of the cache (1.6 section 3.5.3)."""


class Csms:
    """Implements `station.ports.CsmsPort`; `run` is its one task."""

    def __init__(
        self,
        *,
        connection: Callable[[], ConnectionSettings],
        settings: SettingsPort,
        clock: Clock,
        outbox: Outbox,
        boot_reason: BootReason,
        state: StateStore | None = None,
        versions: Mapping[str, Loader] = VERSIONS,
        uniform: Uniform = random.uniform,
        dial: Dial = connect,
        lasting_s: float = LASTING_S,
    ) -> None:
        """`connection` is asked at each dial; `boot_reason` is told in the first boot notification.

        `state` keeps the password that worked until a new one does.
        """
        self._connection = connection
        self._dial = dial
        self._lasting_s = lasting_s
        self._trial = PasswordTrial(state)
        self._settled = False
        self._settings = settings
        self._clock = clock
        self._outbox = outbox
        self._versions = versions
        self._dial_back_off = BackOff(settings, uniform, floor_s=DIAL_FLOOR_S)
        registration = Registration(boot_reason, BackOff(settings, uniform, floor_s=BOOT_FLOOR_S))
        self._memory = Memory(registration, Sender(outbox=outbox, settings=settings, clock=clock))
        self._conversation: Conversation | None = None
        self._findings: Findings | None = None
        self._failed_layer: transport.Layer | None = None
        self._failed_at: datetime | None = None
        self._failures = 0
        self._warned_of: str | None = None
        self._dialling: ConnectionSettings | None = None
        self._connected_since: datetime | None = None
        self._lost_at: float | None = None
        self._last_error: str | None = None
        self._dial_at: float | None = None
        self._at_once = boot_reason is not BootReason.POWER_UP  # its neighbours have power again too
        self._first = True
        self._asked_wait_s = 0.0
        self._stay_offline = False
        self._closing = False
        self._changed = asyncio.Event()
        self._interrupt = asyncio.Event()
        self._ended = asyncio.Event()
        self._running = False
        self._later: asyncio.TimerHandle | None = None
        settings.on_change(PING_INTERVAL, self._ping_changed)
        settings.on_change(HEARTBEAT_INTERVAL, self._heartbeat_changed)

    # --- CsmsPort -----------------------------------------------------------------------------------------------------

    @property
    def online(self) -> bool:
        """True while connected and accepted."""
        return self._conversation is not None and self._conversation.accepted

    @property
    def boot_may_be_repeated(self) -> bool:
        """True while an accepted station may introduce itself again if the CSMS wants it to."""
        return self._conversation is not None and self._conversation.boot_may_be_repeated

    @property
    def listed_tokens_are_cached(self) -> bool:
        """False if a token of the local list is kept out of the cache."""
        conversation = self._conversation
        return conversation is None or conversation.link.version.subprotocol not in LISTED_NOT_CACHED

    async def authorize(self, id_token: IdToken, evse_id: int | None) -> IdTokenInfo | None:
        """Ask about a token; None if the CSMS could not be asked or did not answer in time."""
        conversation = self._conversation
        if conversation is None or not conversation.accepted:
            return None
        return await conversation.authorize(AuthorizationRequested(id_token, evse_id))

    def publish(self, event: LiveEvent) -> None:
        """Send soon, if online, in order; else drop."""
        if self._conversation is not None:
            self._conversation.publish(event)

    def wake(self) -> None:
        """Learn that the outbox has a new row."""
        self._memory.sender.wake()

    # --- for the application and the local API ------------------------------------------------------------------------

    @property
    def state(self) -> CsmsState:
        """Return what the connection is doing, for people."""
        settings = self._dialling
        waiting = None
        if self._dial_at is not None and not self._stay_offline:
            waiting = self._dial_at - self._clock.monotonic()
        return CsmsState(
            phase=self._phase(),
            url=None if settings is None else settings.url,
            identity=None if settings is None else settings.identity,
            subprotocol=None if self._conversation is None else self._conversation.link.version.subprotocol,
            registration=self._memory.registration.status,
            connected_since=self._connected_since,
            last_error=self._last_error,
            next_dial_at=None if waiting is None else self._clock.now() + timedelta(seconds=max(0.0, waiting)),
            security_profile=None if settings is None else settings.security_profile,
            exposed=settings is not None and settings.exposed,
            former_password=self._trial.uses_former,
            failed_layer=self._failed_layer,
            failed_at=self._failed_at,
            failures=self._failures,
            boot_problem=self._memory.registration.problem,
            findings=self._findings,
        )

    def _phase(self) -> Phase:
        if self._conversation is not None:
            return Phase.ONLINE if self._conversation.accepted else Phase.REGISTERING
        if self._stay_offline:
            return Phase.OFFLINE
        return Phase.CONNECTING if self._dial_at is None else Phase.WAITING

    def go_offline(self) -> None:
        """Close the connection and stay away until `go_online`; everything else goes on."""
        self._stay_offline = True
        self._stop_current()
        logger.info("csms_offline reason=requested")

    def go_online(self) -> None:
        """Dial again, at once."""
        if self._stay_offline:
            self._stay_offline = False
            self._dial_now()

    def reconnect(self, reason: str) -> None:
        """Connect anew with the settings as they are then, after `PROFILE_SWITCH_DELAY`; a running answer gets out."""
        logger.info("csms_reconnect_planned reason=%s", reason)
        if self._later is not None:
            self._later.cancel()
        delay = self._settings.number(PROFILE_SWITCH_DELAY)
        self._later = asyncio.get_running_loop().call_later(delay, self._reconnect_now)

    def _reconnect_now(self) -> None:
        self._later = None
        self._stop_current()
        self._dial_now()

    async def close(self) -> None:
        """Close the connection and end `run`, within about 2 s."""
        self._closing = True
        if self._later is not None:
            self._later.cancel()
        self._stop_current()
        if self._running:
            await self._ended.wait()

    def _dial_now(self) -> None:
        self._at_once = True
        self._changed.set()

    def _stop_current(self) -> None:
        self._interrupt.set()
        self._changed.set()

    def _ping_changed(self, value: str) -> None:
        if self._conversation is not None:
            self._conversation.link.channel.ping_interval_changed()

    def _heartbeat_changed(self, value: str) -> None:
        if self._conversation is not None:
            self._conversation.heartbeat_changed()

    # --- the loop -----------------------------------------------------------------------------------------------------

    async def run(self, station: StationPort) -> None:
        """Keep the station connected until `close`."""
        self._running = True
        try:
            await self._trial.load()
            await self._mark_offline()  # what was queued when the last process ended could not be sent then
            while not self._closing:
                await self._wait_to_dial()
                if not self._closing:
                    await self._connect_once(station)
        finally:
            self._running = False
            self._ended.set()

    async def _wait_to_dial(self) -> None:
        self._dial_at = self._clock.monotonic() + (0.0 if self._at_once else self._next_wait_s())
        while not self._closing:
            self._changed.clear()
            remaining = None
            if not self._stay_offline:
                remaining = 0.0 if self._at_once else self._dial_at - self._clock.monotonic()
                if remaining <= 0:
                    self._at_once = False
                    break
            try:
                async with asyncio.timeout(remaining):
                    await self._changed.wait()
            except TimeoutError:
                pass
        self._dial_at = None

    def _next_wait_s(self) -> float:
        if self._first:
            return self._dial_back_off.first_wait_s()
        wait_s = max(self._dial_back_off.next_wait_s(), self._asked_wait_s)
        registration = self._memory.registration
        if registration.status is RegistrationStatus.REJECTED:  # nothing may be said before, so there is no hurry
            wait_s = max(wait_s, registration.not_before - self._clock.monotonic())
        return wait_s

    async def _connect_once(self, station: StationPort) -> None:
        """Dial and serve until the connection is gone or is interrupted."""
        self._interrupt.clear()
        self._first = False
        work = asyncio.create_task(self._serve(station))
        stop = asyncio.create_task(self._interrupt.wait())
        try:
            await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            work.cancel()
            (result, _) = await asyncio.gather(work, stop, return_exceptions=True)
            was_connected = self._conversation is not None
            self._conversation = None
            self._connected_since = None
        self._asked_wait_s = 0.0
        if isinstance(result, Exception):
            self._note_failure(result, was_connected=was_connected)
        if was_connected:
            await self._mark_offline()

    def _note_failure(self, error: Exception, *, was_connected: bool) -> None:
        self._failures += 1
        self._failed_at = self._clock.now()
        self._failed_layer = None
        if not isinstance(error, StationError):
            self._last_error = f"internal error: {type(error).__name__}"
            logger.error("csms_connection_failed", exc_info=error)
            return
        self._last_error = str(error)
        status = None
        if isinstance(error, transport.TransportError):
            self._failed_layer, status = error.layer, error.status
            self._asked_wait_s = min(error.retry_after_s or 0.0, RETRY_AFTER_LIMIT_S)
        elif isinstance(error, ConfigurationError):
            self._failed_layer = transport.Layer.CONFIGURATION
        logger.warning("csms_not_connected layer=%s failures=%d reason=%s", self._failed_layer, self._failures, error)
        refused_at_http = self._failed_layer is transport.Layer.HTTP and not was_connected
        if refused_at_http and status not in WITHOUT_THE_PASSWORD and not 300 <= (status or 0) < 400:
            self._trial.failed(refused=status in UNAUTHORISED)
        elif was_connected and not self._settled:
            self._trial.failed(refused=False)

    async def _serve(self, station: StationPort) -> None:
        self._findings = Findings()
        self._settled = False
        self._dialling = self._trial.choose(self._connection())
        self._warn_of_clear_text(self._dialling)
        socket = await self._dial(self._dialling, self._findings)
        begun = self._clock.monotonic()
        settling: asyncio.Task[None] | None = None
        try:
            self._conversation = self._conversation_over(socket, self._dialling, station)
            self._connected_since = self._clock.now()
            logger.info(
                "csms_connected url=%s address=%s tls=%s version=%s",
                self._dialling.url, self._findings.address, self._findings.tls_version, socket.subprotocol,
            )  # fmt: skip
            settling = asyncio.create_task(self._settle(self._conversation.link.channel))
            await self._conversation.run()
        finally:
            if settling is not None:
                settling.cancel()
            self._lost_at = self._clock.monotonic()
            if self._lost_at - begun >= self._lasting_s:
                self._dial_back_off.reset()
                self._failures = 0
            await socket.close(timeout_s=CLOSE_S)

    async def _settle(self, channel: Channel) -> None:
        """Trust the password once the CSMS has answered a call, or has let the connection be for long enough."""
        try:
            async with asyncio.timeout(self._lasting_s):
                await channel.answered.wait()
        except TimeoutError:
            pass
        self._settled = True
        await self._trial.succeeded()

    def _warn_of_clear_text(self, settings: ConnectionSettings) -> None:
        if settings.exposed and self._warned_of != settings.url:
            self._warned_of = settings.url
            logger.warning("csms_in_clear_text url=%s security_profile=%d", settings.url, settings.security_profile)

    def _conversation_over(
        self, socket: transport.WebSocket, settings: ConnectionSettings, station: StationPort
    ) -> Conversation:
        name = socket.subprotocol
        version = self._versions[name]()
        context = Context(station=station, settings=self._settings, clock=self._clock, aliases=self._outbox)
        session = Session(
            extended=version.extended_frames,
            answer_unreadable=name not in WITHOUT_UNREADABLE_ID,
            error_spelling=version.error_spelling,
        )

        def link(conversation: Conversation) -> Link:
            channel = Channel(
                socket,
                session,
                handler=conversation.answer,
                clock=self._clock,
                ping_interval_s=lambda: float(self._settings.integer(PING_INTERVAL)),
            )
            return Link(version, context, channel, on_security_error=conversation.forgotten)

        return Conversation(
            link=link,
            dispatcher=Dispatcher(version, context, silent_when_rejected=name in SILENT_WHEN_REJECTED),
            way=Way(settings.url, settings.identity, name),
            memory=self._memory,
            station=station,
            settings=self._settings,
            clock=self._clock,
            offline_s=None if self._lost_at is None else self._clock.monotonic() - self._lost_at,
        )

    async def _mark_offline(self) -> None:
        """Flag what is queued: it was not sent while there was a connection (OCPP 2.0.1 E11.FR.07)."""
        try:
            await self._outbox.mark_offline()
        except StationError:
            logger.exception("outbox_not_marked_offline")
