"""Drain the outbox: oldest first, one at a time, each until it is delivered or given up (OCPP 2.0.1 E13, 1.6 3.7.1)."""

import asyncio
import logging
from dataclasses import dataclass

from stationd.domain.answers import Answer, TransactionAnswer
from stationd.domain.errors import StorageError
from stationd.domain.events import DurableEvent, TransactionEvent
from stationd.domain.variable_table import MESSAGE_ATTEMPT_INTERVAL, MESSAGE_ATTEMPTS
from stationd.ocpp.link import QUEUED, Link, OwnMessageError, UnusableAnswerError
from stationd.ocpp.rpc.channel import CallError, CallRefusedByCsmsError
from stationd.ocpp.version import Outgoing, RpcError
from stationd.station.ports import Clock, Outbox, OutboxRow, SettingsPort, StationPort

logger = logging.getLogger(__name__)

STORAGE_RETRY_S = 5.0

METER_VALUES = "MeterValues"  # 1.6: samples between the two messages that are billed, which must not wait for them
METER_VALUES_REFUSED = 2  # attempts of those that the CSMS answers with CALLERROR
NOTIFY_EVENT = "NotifyEvent"  # 2.x: a fault came or went; what is billed must not wait for it either
NOTIFY_EVENT_ATTEMPTS = 2
NEVER_TAKEN = frozenset({RpcError.NOT_IMPLEMENTED, RpcError.NOT_SUPPORTED})


@dataclass(slots=True)
class _Pause:
    """The head may be sent again from then on; survives a reconnection."""

    row_id: int
    until: float
    failures: int
    """Counted here too: a disk that fails must not make the attempts endless."""


@dataclass(slots=True)
class _Over:
    """A row that was answered or given up: it must never be sent again, only removed; survives a reconnection."""

    row: OutboxRow
    alias: int | None = None
    answer: TransactionAnswer | None = None
    """What the station is to learn, until it has."""
    removal: asyncio.Task[None] | None = None
    """Not cut short with the connection: nobody could tell whether the alias was stored."""


class Sender:
    """Delivers durable events; one for the life of the process, given each connection in turn."""

    def __init__(self, *, outbox: Outbox, settings: SettingsPort, clock: Clock) -> None:
        self._outbox = outbox
        self._settings = settings
        self._clock = clock
        self._pause: _Pause | None = None
        self._over: _Over | None = None
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Learn that the outbox has a new row."""
        self._wake.set()

    async def run(self, link: Link, station: StationPort, ready: asyncio.Event) -> None:
        """Deliver over this connection, while `ready` is set, until cancelled or the connection is gone.

        Raises:
            ConnectionLostError: the connection is gone; nothing was counted as a failure.
        """
        while True:
            try:
                await self._finish(station)
                await ready.wait()
                self._wake.clear()
                row = await self._outbox.head()
                if row is None:
                    await self._wake.wait()
                else:
                    await self._handle(link, row, ready)
            except StorageError:
                logger.exception("outbox_failed retry_s=%g", STORAGE_RETRY_S)
                await asyncio.sleep(STORAGE_RETRY_S)

    async def _handle(self, link: Link, row: OutboxRow, ready: asyncio.Event) -> None:
        await self._wait_for_turn(row)
        if not ready.is_set():
            return
        outgoing: Outgoing | None = None
        try:
            outgoing = link.translate(row.event)
            if outgoing is None:
                self._over = _Over(row)  # this version has nothing to say about it
                return
            answer = await link.deliver(outgoing, QUEUED)
        except UnusableAnswerError as error:
            if not link.version.extended_frames:
                await self._failed(row, outgoing, error)
                return
            # a CALLRESULTERROR was sent; the request counts as answered and is not repeated (OCPP 2.1 part 4)
            answer = TransactionAnswer()
        except (CallError, OwnMessageError) as error:
            await self._failed(row, outgoing, error)
            return
        self._delivered(row, answer)

    async def _wait_for_turn(self, row: OutboxRow) -> None:
        """Wait out the pause after a failure. Later rows wait too: their order is the transaction's story."""
        if self._pause is None or self._pause.row_id != row.row_id:
            return
        wait = self._pause.until - self._clock.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)

    def _delivered(self, row: OutboxRow, answer: Answer) -> None:
        told = answer if isinstance(answer, TransactionAnswer) else TransactionAnswer()
        self._over = _Over(row, told.csms_transaction_id, told)
        logger.info("event_delivered %s attempts=%d", _named(row.event), row.attempts + 1)

    async def _finish(self, station: StationPort) -> None:
        """Remove the row that is over and tell the station its answer, which does not depend on the disk."""
        over = self._over
        if over is None:
            return
        failure: StorageError | None = None
        try:
            await self._remove(over)
            self._over = None
        except StorageError as error:
            failure = error
        answer, over.answer = over.answer, None
        if answer is not None and isinstance(over.row.event, TransactionEvent):
            await _tell(station, over.row.event, answer)
        if failure is not None:
            raise failure

    async def _remove(self, over: _Over) -> None:
        if over.removal is None:
            over.removal = asyncio.create_task(self._outbox.delivered(over.row.row_id, over.alias))
        try:
            await asyncio.shield(over.removal)
        except Exception:
            over.removal = None  # to be tried again
            raise

    async def _failed(self, row: OutboxRow, outgoing: Outgoing | None, error: Exception) -> None:
        """Count a failure; after the last one give the message up, so that it cannot block the queue for ever."""
        event = row.event
        failures = self._failures(row) + 1
        allowed = _attempts(outgoing, error, self._settings.integer(MESSAGE_ATTEMPTS))
        if failures < allowed:
            pause_s = float(self._settings.integer(MESSAGE_ATTEMPT_INTERVAL) * failures)
            self._pause = _Pause(row.row_id, self._clock.monotonic() + pause_s, failures)
            logger.warning(
                "event_not_delivered %s attempt=%d of=%d next_in_s=%g reason=%s",
                _named(event), failures, allowed, pause_s, error,
            )  # fmt: skip
            await self._outbox.failed(row.row_id)
            return
        self._over = _Over(row, _assumed_alias(None if outgoing is None else outgoing.if_abandoned))
        # the last trace of it: with this line an operator can still bill by hand
        logger.error(
            "event_abandoned %s timestamp=%s evse_id=%d %saction=%s attempts=%d reason=%s",
            _named(event), event.timestamp.isoformat(), event.evse_id, _billed(event),
            "none" if outgoing is None else outgoing.action, failures, error,
        )  # fmt: skip

    def _failures(self, row: OutboxRow) -> int:
        """Return how often it failed, as the disk knows it or, if that cannot count, the memory."""
        known = self._pause.failures if self._pause is not None and self._pause.row_id == row.row_id else 0
        return max(row.attempts, known)


def _attempts(outgoing: Outgoing | None, error: Exception, allowed: int) -> int:
    """Return how many attempts there are. What is billed gets all that OCPP 2.0.1 E13 and 1.6 section 3.7.1 grant."""
    if isinstance(error, OwnMessageError):
        return 1  # the same words again would be as broken
    if outgoing is not None and outgoing.action == NOTIFY_EVENT:
        never = isinstance(error, CallRefusedByCsmsError) and error.code in NEVER_TAKEN
        return 1 if never else min(allowed, NOTIFY_EVENT_ATTEMPTS)
    if outgoing is None or outgoing.action != METER_VALUES or not isinstance(error, CallRefusedByCsmsError):
        return allowed
    return 1 if error.code in NEVER_TAKEN else min(allowed, METER_VALUES_REFUSED)


def _named(event: DurableEvent) -> str:
    """Return what tells one event from all others, as words of a log line."""
    if isinstance(event, TransactionEvent):
        return f"transaction_id={event.transaction_id} seq_no={event.seq_no} type={event.event_type}"
    kind = "FaultCleared" if event.cleared else "FaultRaised"
    return f"transaction_id={event.transaction_id} event_id={event.event_id} type={kind} code={event.code}"


def _billed(event: DurableEvent) -> str:
    if not isinstance(event, TransactionEvent):
        return ""
    return f"meter_wh={event.meter_wh:.1f} id_token={'none' if event.id_token is None else 'present'} "


async def _tell(station: StationPort, event: TransactionEvent, answer: TransactionAnswer) -> None:
    try:
        await station.transaction_answered(event, answer)
    except Exception:
        logger.exception("answer_not_taken transaction_id=%s seq_no=%d", event.transaction_id, event.seq_no)


def _assumed_alias(assumed: Answer | None) -> int | None:
    """Return what later messages of the transaction must carry (1.6: -1 where no id was ever learnt)."""
    return assumed.csms_transaction_id if isinstance(assumed, TransactionAnswer) else None
