"""The brain's end of the socket to `stationd-pilot`: status in, offers out, for ever reconnecting.

Everything here is state, not deltas: after a restart of either side the first messages make both agree again. An offer
stays wanted until it is changed; a task of its own renews its lease each second, so nothing slow can let one run out.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from stationd.domain.errors import ConfigurationError
from stationd.domain.pilot import CpState, LockState, PilotStatus
from stationd.pilot import protocol

_log = logging.getLogger(__name__)

LEASE_MS = protocol.DEFAULT_LEASE_MS
RENEW_S = 1.0
SILENCE_S = 5.0
"""stationd-pilot sends every status once a second; without one for so long it hangs, and the link counts as lost."""
HELLO_S = 5.0
REPLY_S = 3.0
UNLOCK_S = 3.0
RETRY_FIRST_S = 0.1
RETRY_MAX_S = 1.0
MAX_SOCKET_PATH = 107
MAX_UNSENT_BYTES = 65_536
MAX_OPEN_OFFERS = 256

Listener = Callable[[int, PilotStatus | None], None]


@dataclass(frozen=True, slots=True)
class _Wanted:
    amps: float
    phases: int
    permit: bool


class _LinkError(Exception):
    """The connection cannot go on; the text is for `PilotLink.error`."""


class PilotLink:
    """Implements `station.ports.PilotPort`. `run` must run as a task; all else is called in the same event loop."""

    def __init__(
        self,
        path: Path,
        *,
        evse_ids: Sequence[int],
        monotonic: Callable[[], float] = time.monotonic,
        silence_s: float = SILENCE_S,
    ) -> None:
        if len(bytes(path)) > MAX_SOCKET_PATH:
            raise ConfigurationError(
                f"cannot use pilot socket {path}: longer than {MAX_SOCKET_PATH} bytes; use a shorter runtime directory"
            )
        self._path = path
        self._evse_ids = tuple(evse_ids)
        self._monotonic = monotonic
        self._silence_s = silence_s
        self._listeners: list[Listener] = []
        self._statuses: dict[int, PilotStatus] = {}
        self._wanted: dict[int, _Wanted] = {}
        self._writer: asyncio.StreamWriter | None = None
        """Set while messages may be sent: after both sides said hello."""
        self._seq = 0
        self._replies: dict[int, asyncio.Future[str | None]] = {}
        self._unlocked: dict[int, set[asyncio.Event]] = {}
        self._error: str | None = f"not connected to stationd-pilot at {path} yet"
        self._refusals: dict[int, str] = {}
        """Why an EVSE's newest offer was refused."""
        self._offers: dict[int, int] = {}
        """seq -> EVSE of offers without a reply yet, oldest first."""

    # --- what the station asks ----------------------------------------------------------------------------------------

    @property
    def error(self) -> str | None:
        """What is wrong with the link, in words; None while statuses come and offers are taken."""
        if self._error is not None:
            return self._error
        return next(
            (f"offer to EVSE {evse_id} refused: {why}" for evse_id, why in sorted(self._refusals.items())), None
        )

    def status(self, evse_id: int) -> PilotStatus | None:
        """Return the last status; None while there is no connection to stationd-pilot."""
        return self._statuses.get(evse_id)

    def subscribe(self, listener: Listener) -> None:
        """Call `listener(evse_id, status)` in the event loop at each change; status None when the link is lost.

        Volts and uptime move all the time: a status that differs in nothing else is no change.
        """
        self._listeners.append(listener)

    def offer(self, evse_id: int, *, amps: float, phases: int, permit: bool) -> None:
        """Offer current from now on, at once and renewed each second. Without `permit` that is what is repeated.

        Raises:
            ValueError: not an EVSE, a current or a number of phases; nothing was changed.
        """
        if evse_id not in self._evse_ids or not 0 <= amps <= 1000 or phases not in (1, 2, 3):
            raise ValueError(f"cannot offer {amps} A on {phases} phases to EVSE {evse_id}")
        wanted = _Wanted(amps, phases, permit)
        if self._wanted.get(evse_id) != wanted:
            self._wanted[evse_id] = wanted
            self._send_offer(evse_id)

    async def unlock(self, evse_id: int) -> bool:
        """Unlock the connector; True when it is seen unlocked, False if it stayed locked for 3 s or was refused."""
        seen = asyncio.Event()
        self._unlocked.setdefault(evse_id, set()).add(seen)
        try:
            async with asyncio.timeout(UNLOCK_S):
                if await self._ask(lambda seq: protocol.Unlock(evse_id, seq)) is not None:
                    return False
                status = self._statuses.get(evse_id)
                if status is None or status.lock is not LockState.UNLOCKED:
                    await seen.wait()
                return True
        except TimeoutError:
            return False
        finally:
            self._unlocked[evse_id].discard(seen)

    async def reset_fault(self, evse_id: int, code: str) -> str | None:
        """Clear a latched fault whose cause is gone. Returns why not, in words; None if it was cleared."""
        return await self._ask(lambda seq: protocol.ResetFault(evse_id, seq, code))

    async def self_test(self, evse_id: int) -> str | None:
        """Test the residual current device. Returns why not, in words; None if it began: watch `rcd_test`."""
        return await self._ask(lambda seq: protocol.SelfTest(evse_id, seq))

    async def set_available(self, evse_id: int, *, available: bool) -> str | None:
        """Show the EV that this EVSE can be used, or not (state F). Returns why not, in words; None if it was done."""
        return await self._ask(lambda seq: protocol.SetAvailable(evse_id, seq, available))

    # --- the connection -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the link up until cancelled."""
        retry_s = RETRY_FIRST_S
        while True:
            connected_at = self._monotonic()
            try:
                await self._connect_once()
            except _LinkError as error:
                self._fail(str(error))
                self._forget()
            if self._monotonic() - connected_at > RETRY_MAX_S:
                retry_s = RETRY_FIRST_S  # it was up for a while
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, RETRY_MAX_S)

    async def _connect_once(self) -> None:
        try:
            reader, writer = await asyncio.open_unix_connection(self._path, limit=protocol.MAX_LINE_BYTES)
        except OSError as error:
            raise _LinkError(
                f"cannot reach stationd-pilot at {self._path}: {error.strerror or error}; is stationd-pilot running?"
            ) from None
        try:
            writer.write(protocol.encode(protocol.Hello(protocol.VERSION, "brain")))
            try:
                self._check_hello(await self._receive(reader, HELLO_S))
            except protocol.UnknownTypeError as error:
                raise _LinkError(f"cannot follow stationd-pilot at {self._path}: {error}") from None
            self._writer = writer
            await self._serve(reader)
        finally:
            self._writer = None
            writer.transport.abort()  # a close would wait for a process that reads nothing
            with suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader) -> None:
        for evse_id in self._wanted:
            self._send_offer(evse_id)
        tasks = [asyncio.create_task(self._renew()), asyncio.create_task(self._listen(reader))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            for evse_id in self._wanted:
                self._send_offer(evse_id)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                message = await self._receive(reader, self._silence_s)
            except protocol.UnknownTypeError:
                continue  # a newer stationd-pilot tells more than this program knows
            match message:
                case protocol.Status() as status:
                    self._on_status(status)
                case protocol.Reply(seq=seq, error=error):
                    self._on_reply(seq, error)
                case other:
                    raise _LinkError(f"cannot follow stationd-pilot at {self._path}: it sent a {type(other).__name__}")

    async def _receive(self, reader: asyncio.StreamReader, within_s: float) -> protocol.Message:
        try:
            async with asyncio.timeout(within_s):
                line = await reader.readline()
            if not line.endswith(b"\n"):
                raise _LinkError(f"lost stationd-pilot at {self._path}: it hung up")
            return protocol.decode(line)
        except TimeoutError:
            raise _LinkError(f"lost stationd-pilot at {self._path}: it said nothing for {within_s:g} s") from None
        except OSError as error:
            raise _LinkError(f"lost stationd-pilot at {self._path}: {error.strerror or error}") from None
        except ValueError:
            raise _LinkError(f"cannot follow stationd-pilot at {self._path}: it sent too long a line") from None
        except protocol.UnknownTypeError:
            raise
        except protocol.ProtocolError as error:
            raise _LinkError(f"cannot follow stationd-pilot at {self._path}: {error}") from None

    def _check_hello(self, message: protocol.Message) -> None:
        match message:
            case protocol.Reply(error=str(error)):
                raise _LinkError(f"stationd-pilot at {self._path} refused this connection: {error}")
            case protocol.Hello(v=v, evses=evses):
                # a newer pilot speaks the version before its own too
                if not protocol.OLDEST_VERSION <= v <= protocol.VERSION + 1:
                    raise _LinkError(
                        f"cannot talk to stationd-pilot at {self._path}: it speaks protocol {v}, this program "
                        f"{protocol.OLDEST_VERSION} to {protocol.VERSION}; install the same release of both"
                    )
                if missing := sorted(set(self._evse_ids) - set(evses)):
                    raise _LinkError(
                        f"cannot use stationd-pilot at {self._path}: it has EVSEs {_listed(evses)}, this program needs "
                        f"{_listed(missing)} too; give both the same hw-profile"
                    )
            case other:
                raise _LinkError(
                    f"cannot follow stationd-pilot at {self._path}: it began with a {type(other).__name__}"
                )

    # --- messages -----------------------------------------------------------------------------------------------------

    def _on_status(self, message: protocol.Status) -> None:
        if message.evse_id not in self._evse_ids:
            return
        try:
            status = status_of(message)
        except ValueError as error:
            raise _LinkError(f"cannot follow stationd-pilot at {self._path}: {error}") from None
        before = self._statuses.get(status.evse_id)
        self._statuses[status.evse_id] = status
        if len(self._statuses) == len(self._evse_ids) and self._error is not None:
            self._error = None
            _log.info("pilot_connected path=%s boot_id=%s", self._path, status.boot_id)
        if status.lock is LockState.UNLOCKED:
            for seen in self._unlocked.get(status.evse_id, ()):
                seen.set()
        if before is None or _same_but_for_time(status, before) != before:
            self._tell(status.evse_id, status)

    def _on_reply(self, seq: int, error: str | None) -> None:
        waiting = self._replies.pop(seq, None)
        if waiting is not None:
            if not waiting.done():
                waiting.set_result(error)
            return
        if (evse_id := self._offers.pop(seq, None)) is not None:
            self._on_offer_reply(evse_id, error)
        elif error is not None and not 0 < seq <= self._seq:  # an answer to none of ours: to our hello
            raise _LinkError(f"stationd-pilot at {self._path} refused this connection: {error}")

    def _on_offer_reply(self, evse_id: int, error: str | None) -> None:
        if error is None:
            self._refusals.pop(evse_id, None)
        elif self._refusals.get(evse_id) != error:
            self._refusals[evse_id] = error
            _log.error("offer_refused evse_id=%d reason=%r", evse_id, error)

    def _send_offer(self, evse_id: int) -> None:
        wanted = self._wanted[evse_id]
        seq = self._next_seq()
        offer = protocol.Offer(evse_id, wanted.amps, wanted.phases, wanted.permit, LEASE_MS, seq)
        if self._send(offer):
            self._offers[seq] = evse_id
            while len(self._offers) > MAX_OPEN_OFFERS:
                del self._offers[next(iter(self._offers))]

    async def _ask(self, message_of: Callable[[int], protocol.Message]) -> str | None:
        """Send a message and return the error of its reply, or why there was none."""
        seq = self._next_seq()
        reply: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._replies[seq] = reply
        try:
            if not self._send(message_of(seq)):
                return self._error or "not connected to stationd-pilot"
            async with asyncio.timeout(REPLY_S):
                return await reply
        except TimeoutError:
            return f"stationd-pilot did not answer within {REPLY_S:g} s"
        finally:
            self._replies.pop(seq, None)

    def _send(self, message: protocol.Message) -> bool:
        writer = self._writer
        if writer is None or writer.is_closing():
            return False
        if writer.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            writer.transport.abort()  # it reads nothing any more: `_listen` sees the end and the link starts again
            return False
        writer.write(protocol.encode(message))
        return True

    def _next_seq(self) -> int:
        self._seq += 1
        return self._seq

    # --- up and down --------------------------------------------------------------------------------------------------

    def _fail(self, reason: str) -> None:
        if reason != self._error:
            _log.error("pilot_lost reason=%r", reason)
        self._error = reason

    def _forget(self) -> None:
        """Forget everything that the lost connection said, and tell."""
        self._refusals.clear()
        self._offers.clear()
        for reply in self._replies.values():
            if not reply.done():
                reply.set_result("the connection to stationd-pilot was lost")
        lost = list(self._statuses)
        self._statuses.clear()
        for evse_id in lost:
            self._tell(evse_id, None)

    def _tell(self, evse_id: int, status: PilotStatus | None) -> None:
        for listener in tuple(self._listeners):
            listener(evse_id, status)


def _same_but_for_time(status: PilotStatus, before: PilotStatus) -> PilotStatus:
    """Return the status with those values of the one before that move all the time."""
    return replace(status, volts=before.volts, low_v=before.low_v, uptime_ms=before.uptime_ms)


def status_of(message: protocol.Status) -> PilotStatus:
    """Return a Status in the words of the domain.

    Raises:
        ValueError: it holds a state that this program does not know.
    """
    return PilotStatus(
        evse_id=message.evse_id,
        cp=CpState(message.cp),
        volts=message.volts,
        duty_percent=message.duty,
        commanded_closed=message.commanded_closed,
        sensed_closed=message.sensed_closed,
        lock=LockState(message.lock),
        cable_max_a=message.pp_amps,
        max_a=message.max_amps,
        offered_a=message.offered_amps,
        faults=message.faults,
        uptime_ms=message.uptime_ms,
        boot_id=message.boot_id,
        unplugs=message.unplugs,
        warnings=message.warnings,
        waits_for=message.waits_for,
        phases=message.phases,
        temperature_c=message.temperature_c,
        low_v=message.low_v,
        rcd_test=message.rcd_test,
        cycles=message.cycles,
        hot_openings=message.hot_openings,
        slow_openings=message.slow_openings,
        failed_closings=message.failed_closings,
    )


def _listed(evse_ids: Sequence[int]) -> str:
    return ", ".join(str(evse_id) for evse_id in evse_ids) or "none"
