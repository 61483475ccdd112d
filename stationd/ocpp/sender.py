"""Drain the outbox: oldest first, one at a time, each until it is delivered or given up (OCPP 2.0.1 E13, 1.6 3.7.1)."""

import asyncio
import logging
from dataclasses import dataclass

from stationd.domain.answers import Answer, TransactionAnswer
from stationd.domain.errors import StorageError
from stationd.domain.variable_table import MESSAGE_ATTEMPT_INTERVAL, MESSAGE_ATTEMPTS
from stationd.ocpp.link import QUEUED, Link, OwnMessageError, UnusableAnswerError
from stationd.ocpp.rpc.channel import CallError
from stationd.ocpp.version import Outgoing
from stationd.station.ports import Clock, Outbox, OutboxRow, SettingsPort, StationPort

logger = logging.getLogger(__name__)

STORAGE_RETRY_S = 5.0


@dataclass(slots=True)
class _Pause:
    """The head may be sent again from then on; survives a reconnection."""

    row_id: int
    until: float


class Sender:
    """Delivers durable events; one for the life of the process, given each connection in turn."""

    def __init__(self, *, outbox: Outbox, settings: SettingsPort, clock: Clock) -> None:
        self._outbox = outbox
        self._settings = settings
        self._clock = clock
        self._pause: _Pause | None = None
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
            await ready.wait()
            self._wake.clear()
            try:
                row = await self._outbox.head()
                if row is None:
                    await self._wake.wait()
                else:
                    await self._handle(link, station, row, ready)
            except StorageError:
                logger.exception("outbox_failed retry_s=%g", STORAGE_RETRY_S)
                await asyncio.sleep(STORAGE_RETRY_S)

    async def _handle(self, link: Link, station: StationPort, row: OutboxRow, ready: asyncio.Event) -> None:
        await self._wait_for_turn(row)
        if not ready.is_set():
            return
        outgoing: Outgoing | None = None
        try:
            outgoing = link.translate(row.event)
            if outgoing is None:
                await self._outbox.delivered(row.row_id)  # this version has nothing to say about it
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
        await self._delivered(row, answer, station)

    async def _wait_for_turn(self, row: OutboxRow) -> None:
        """Wait out the pause after a failure. Later rows wait too: their order is the transaction's story."""
        if self._pause is None or self._pause.row_id != row.row_id:
            return
        wait = self._pause.until - self._clock.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)

    async def _delivered(self, row: OutboxRow, answer: Answer, station: StationPort) -> None:
        told = answer if isinstance(answer, TransactionAnswer) else TransactionAnswer()
        await self._outbox.delivered(row.row_id, told.csms_transaction_id)
        event = row.event
        logger.info(
            "event_delivered transaction_id=%s seq_no=%d type=%s attempts=%d",
            event.transaction_id,
            event.seq_no,
            event.event_type,
            row.attempts + 1,
        )
        try:
            await station.transaction_answered(event, told)
        except Exception:
            logger.exception("answer_not_taken transaction_id=%s seq_no=%d", event.transaction_id, event.seq_no)

    async def _failed(self, row: OutboxRow, outgoing: Outgoing | None, error: Exception) -> None:
        """Count a failure; after the last one give the message up, so that it cannot block the queue for ever."""
        failures, allowed = row.attempts + 1, self._settings.integer(MESSAGE_ATTEMPTS)
        event = row.event
        if failures < allowed:
            pause_s = float(self._settings.integer(MESSAGE_ATTEMPT_INTERVAL) * failures)
            await self._outbox.failed(row.row_id)
            self._pause = _Pause(row.row_id, self._clock.monotonic() + pause_s)
            logger.warning(
                "event_not_delivered transaction_id=%s seq_no=%d attempt=%d of=%d next_in_s=%g reason=%s",
                event.transaction_id, event.seq_no, failures, allowed, pause_s, error,
            )  # fmt: skip
            return
        alias = _assumed_alias(None if outgoing is None else outgoing.if_abandoned)
        await self._outbox.delivered(row.row_id, alias)
        logger.error(
            "event_abandoned transaction_id=%s seq_no=%d type=%s attempts=%d reason=%s",
            event.transaction_id, event.seq_no, event.event_type, failures, error,
        )  # fmt: skip


def _assumed_alias(assumed: Answer | None) -> int | None:
    """Return what later messages of the transaction must carry (1.6: -1 where no id was ever learnt)."""
    return assumed.csms_transaction_id if isinstance(assumed, TransactionAnswer) else None
