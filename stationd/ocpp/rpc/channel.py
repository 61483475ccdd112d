"""One open connection: a WebSocket and its session, with calls that can be awaited and incoming ones handed on.

Bounds what a CSMS can cost: so many frames and handled CALLs a second, so many CALLs waiting, so long per handler.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from stationd.domain.errors import StationError
from stationd.ocpp.rpc import session as rpc
from stationd.ocpp.rpc.frame import EncodingError
from stationd.ocpp.version import Json, RpcError
from stationd.station.ports import Clock

logger = logging.getLogger(__name__)

HANDLER_S = 10.0  # a CALL of the CSMS is answered within this, whatever its handler does
HANDLERS_AT_ONCE = 4  # a lock that jams for 9 s must not keep the CSMS from stopping a transaction
COURTESY_S = 2.0  # so long our CALLs wait for the answer to one of the CSMS; then they go
MAX_CALLS_WAITING = 16  # a CSMS that keeps the rules has one
FRAMES_PER_S, FRAME_BURST = 2000.0, 4000.0
REFUSALS_PER_S, REFUSAL_BURST = 50.0, 100.0  # CALLs too many are refused; beyond this pace they are dropped unread
FLOOD_S = 10.0  # beyond that pace for so long, answers to us drown in what the network has stored: cut and dial again
CALLS_PER_S, CALL_BURST = 100.0, 200.0
PROBE_S = 10.0  # after an unanswered CALL: how long the CSMS has to show that it is alive


_A_CALL = re.compile(r"\s*\[\s*2\s*,")


class CallError(StationError):
    """A CALL of ours failed; the connection may be well."""


class CallTimeoutError(CallError):
    """No answer in time."""


class CallRefusedByCsmsError(CallError):
    """The CSMS answered with CALLERROR, or with what is no answer."""

    def __init__(self, action: str, code: str, description: str) -> None:
        words = "".join(c for c in f"{code}: {description}" if c.isprintable())[:120]
        super().__init__(f"cannot deliver {action}: the CSMS answered {words}")
        self.code = code


class ConnectionLostError(StationError):
    """The connection went away before the answer came."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler says to a CALL."""

    payload: Json


@dataclass(frozen=True, slots=True)
class Refusal:
    """A CALLERROR; the description must not repeat what was received."""

    code: RpcError
    description: str


Reply = Answer | Refusal | None
"""None: no answer at all."""
Handler = Callable[[rpc.CallReceived], Awaitable[Reply]]


class Socket(Protocol):
    """The part of `transport.WebSocket` that is used here."""

    sign_of_life: int

    async def receive(self) -> str | bytes: ...  # noqa: D102 - see transport.WebSocket

    def send(self, text: str) -> None: ...  # noqa: D102

    def ping(self) -> None: ...  # noqa: D102

    def abort(self, reason: str) -> None: ...  # noqa: D102


class Pace:
    """A token bucket: tells how long to wait so that not more than `rate` a second pass after a burst."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._at = burst, now

    def wait_s(self, now: float) -> float:
        """Take one and return how long to wait before using it."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate) - 1
        self._at = now
        return max(0.0, -self._tokens / self._rate)

    def take(self, now: float) -> bool:
        """Take one if there is one."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    @property
    def strained(self) -> bool:
        """True while next to nothing of the burst is left."""
        return self._tokens < 0.1 * self._burst


class Channel:
    """Runs one connection until it is gone."""

    def __init__(
        self,
        socket: Socket,
        session: rpc.Session,
        *,
        handler: Handler,
        clock: Clock,
        ping_interval_s: Callable[[], float],
        on_send: Callable[[str, Any], None] = lambda action, payload: None,
        handler_s: float = HANDLER_S,
    ) -> None:
        self._socket = socket
        self._session = session
        self._handler = handler
        self._clock = clock
        self._ping_interval_s = ping_interval_s
        self._on_send = on_send
        self._handler_s = handler_s
        self._futures: dict[rpc.OutgoingCall, asyncio.Future[Any]] = {}
        self._incoming: asyncio.Queue[rpc.CallReceived] = asyncio.Queue()
        self._timer_changed = asyncio.Event()
        self._ping_changed = asyncio.Event()
        self._probe: asyncio.Task[None] | None = None
        self._ended = False
        self._timed: rpc.OutgoingCall | None = None
        self.last_call_at = clock.monotonic()
        """When the last CALL of ours was written; monotonic."""
        self.answered = asyncio.Event()
        """Set once the CSMS has answered a call of ours, be it by a refusal."""
        self.lost: StationError | None = None
        """Why the connection is gone."""
        self.calls_dropped = 0
        self._refusals = Pace(REFUSALS_PER_S, REFUSAL_BURST, self.last_call_at)

    # --- for the station ----------------------------------------------------------------------------------------------

    async def call(
        self,
        action: str,
        payload: Json,
        *,
        timeout_s: float,
        priority: int = 0,
        check: Callable[[Any], None] = lambda answer: None,
    ) -> Any:
        """Send a CALL and return the payload of its answer, judged by `check`.

        Raises:
            CallError: refused, not answered in time, or the payload cannot be written.
            ConnectionLostError: the connection went away first.
            Exception: whatever `check` raises; the CSMS is told where the version can (CALLRESULTERROR).
        """
        call, answer = await self._exchange(action, payload, timeout_s, priority)
        try:
            check(answer)
        except Exception as error:
            code = getattr(error, "code", RpcError.INTERNAL_ERROR)
            self._session.dispute(call, code, "the answer does not follow its schema")
            self._flush()
            raise
        return answer

    def send(self, action: str, payload: Json) -> None:
        """Write a SEND (2.1). Raises EncodingError."""
        self._session.send(action, payload)
        self._flush()

    def ping_interval_changed(self) -> None:
        """Use the new interval from now on."""
        self._ping_changed.set()

    async def _exchange(
        self, action: str, payload: Json, timeout_s: float, priority: int
    ) -> tuple[rpc.OutgoingCall, Any]:
        if self._ended:
            raise ConnectionLostError(f"cannot send {action}: the connection is gone")
        call = rpc.OutgoingCall(action, payload, timeout_s, priority)
        try:
            self._session.submit(call)
        except EncodingError as error:
            raise CallError(f"cannot send {action}: {error}") from error
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._futures[call] = future
        self._flush()
        try:
            return call, await future
        finally:
            self._futures.pop(call, None)
            self._session.withdraw(call)

    # --- running ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve the connection; ends by raising.

        Raises:
            StationError: why the connection is gone (what `Socket.receive` raises).
        """
        pace = Pace(CALLS_PER_S, CALL_BURST, self._clock.monotonic())
        helpers = [asyncio.create_task(work()) for work in (self._keep_time, self._keep_alive)]
        helpers += [asyncio.create_task(self._answer_calls(pace)) for _ in range(HANDLERS_AT_ONCE)]
        try:
            await self._read()
        except StationError as error:
            self.lost = error
            raise
        finally:
            self._end()
            if self._probe is not None:
                helpers.append(self._probe)
            for task in helpers:
                task.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    def _end(self) -> None:
        """Tell everybody who waits; before anything is awaited, for this task may be cancelled then."""
        self._ended = True
        for call, future in list(self._futures.items()):
            if not future.done():
                future.set_exception(ConnectionLostError(f"cannot deliver {call.action}: the connection is gone"))

    async def _read(self) -> None:
        pace = Pace(FRAMES_PER_S, FRAME_BURST, self._clock.monotonic())
        calm_at = self._clock.monotonic()
        while True:
            message = await self._socket.receive()
            now = self._clock.monotonic()
            if isinstance(message, bytes):
                self._session.receive_binary()
            elif self._has_room(message, now):
                self._session.receive_text(message)
                self._process()
            wait_s = pace.wait_s(now)
            if not pace.strained:
                calm_at = now
            elif now - calm_at > FLOOD_S:
                self._socket.abort(f"the CSMS sent more than {FRAMES_PER_S:g} messages a second for {FLOOD_S:g} s")
            # waiting here lets TCP hold the CSMS back; a bare yield lets the others work between two frames
            await asyncio.sleep(wait_s)

    def _has_room(self, message: str, now: float) -> bool:
        """Tell whether to read a message: in a flood of CALLs only the answers to ours are worth the time."""
        if self._incoming.qsize() < MAX_CALLS_WAITING or not _A_CALL.match(message) or self._refusals.take(now):
            return True
        self.calls_dropped += 1
        return False

    def _process(self) -> None:
        for event in self._session.events_received():
            match event:
                case rpc.CallReceived() as received:
                    self._queue(received)
                case rpc.CallAnswered(call, payload):
                    self.answered.set()
                    self._resolve(call, payload)
                case rpc.CallRefused(call, code, description):
                    self.answered.set()
                    self._reject(call, CallRefusedByCsmsError(call.action, code, description))
                case rpc.CallTimedOut(call):
                    text = f"cannot deliver {call.action}: the CSMS did not answer within {call.timeout_s:g} s"
                    self._reject(call, CallTimeoutError(text))
                    self._probe_peer()
                case rpc.SendReceived(action, payload):
                    self._on_send(action, payload)
                case rpc.AnswerDisputed(message_id, code, _):
                    logger.warning("answer_disputed message_id=%r code=%r", message_id, code)
        self._flush()

    def _resolve(self, call: rpc.OutgoingCall, payload: Any) -> None:
        future = self._futures.get(call)
        if future is not None and not future.done():
            future.set_result(payload)

    def _reject(self, call: rpc.OutgoingCall, error: CallError) -> None:
        future = self._futures.get(call)
        if future is not None and not future.done():
            future.set_exception(error)

    def _queue(self, received: rpc.CallReceived) -> None:
        if self._incoming.qsize() >= MAX_CALLS_WAITING:
            self._session.refuse(received.message_id, RpcError.GENERIC_ERROR, "too many calls at once")
        else:
            self._incoming.put_nowait(received)

    def _flush(self) -> None:
        now = self._clock.monotonic()
        for text in self._session.text_to_send(now):
            self._socket.send(text)
        if self._session.in_flight is not self._timed:
            self._timed = self._session.in_flight
            if self._timed is not None:
                self.last_call_at = now
            self._timer_changed.set()

    # --- its tasks ----------------------------------------------------------------------------------------------------

    async def _answer_calls(self, pace: Pace) -> None:
        """Answer one CALL after the other; several of these run, and begin with the CALLs in their order."""
        while True:
            received = await self._incoming.get()
            if (wait := pace.wait_s(self._clock.monotonic())) > 0:
                await asyncio.sleep(wait)
            late = asyncio.get_running_loop().call_later(COURTESY_S, self._go_ahead, received.message_id)
            try:
                reply = await self._handled(received)
            finally:
                late.cancel()
            self._reply(received, reply)
            self._flush()

    def _go_ahead(self, message_id: str) -> None:
        """Send what waits for the answer to a CALL whose handler is slow."""
        self._session.overdue(message_id)
        self._flush()

    async def _handled(self, received: rpc.CallReceived) -> Reply:
        try:
            async with asyncio.timeout(self._handler_s):
                return await self._handler(received)
        except Exception:
            logger.exception("handler_failed action=%r limit_s=%g", received.action[:50], self._handler_s)
        return Refusal(RpcError.INTERNAL_ERROR, "the station failed on this call")

    def _reply(self, received: rpc.CallReceived, reply: Reply) -> None:
        match reply:
            case Answer(payload):
                try:
                    self._session.answer(received.message_id, payload)
                except EncodingError:
                    logger.exception("answer_not_written action=%r", received.action[:50])
                    self._session.refuse(received.message_id, RpcError.INTERNAL_ERROR, "the answer cannot be written")
            case Refusal(code, description):
                self._session.refuse(received.message_id, code, description)
            case None:
                self._session.drop(received.message_id)

    async def _keep_time(self) -> None:
        """Let calls time out, at their deadlines and not by polling."""
        while True:
            self._timer_changed.clear()
            deadline = self._session.deadline
            wait = None if deadline is None else max(0.0, deadline - self._clock.monotonic())
            try:
                async with asyncio.timeout(wait):
                    await self._timer_changed.wait()
            except TimeoutError:
                self._session.tick(self._clock.monotonic())
                self._process()

    async def _keep_alive(self) -> None:
        """Ping, and end a connection that has died without a word within two intervals."""
        asked: int | None = None
        while True:
            self._ping_changed.clear()
            interval = self._ping_interval_s()
            try:
                async with asyncio.timeout(interval if interval > 0 else None):
                    await self._ping_changed.wait()
                continue
            except TimeoutError:
                pass
            if asked == self._socket.sign_of_life:
                self._socket.abort(f"the CSMS did not answer a ping within {interval:g} s")
            else:
                asked = self._socket.sign_of_life
                self._socket.ping()

    def _probe_peer(self) -> None:
        """After an unanswered CALL find out whether anybody is there, even where pings are off (2.0.1 J 3.2)."""
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._probed())

    async def _probed(self) -> None:
        before = self._socket.sign_of_life
        self._socket.ping()
        await asyncio.sleep(PROBE_S)
        if self._socket.sign_of_life == before:
            self._socket.abort(f"the CSMS answered neither a call nor a ping within {PROBE_S:g} s")
