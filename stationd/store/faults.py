"""Faults, durable: what the CSMS is to be told of them, and which were in force last. Both in one commit."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from stationd.domain.errors import StorageError
from stationd.domain.events import FaultEvent
from stationd.domain.faults import FaultInForce
from stationd.store.codec import decode, encode
from stationd.store.db import Connection, Database

log = logging.getLogger(__name__)

MAX_QUEUED = 500
"""Messages on faults that wait at most; a fault that comes and goes for weeks must not fill the disk. The oldest go."""
EVENT_ID = "faults.event_id"
IN_FORCE = "faults.in_force"

_PUT_STATE = "INSERT INTO state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_QUEUE = "INSERT INTO outbox (row_id, kind, offline, body) VALUES (?, 'fault', 0, ?)"
_PRUNE = """
DELETE FROM outbox WHERE kind = 'fault' AND row_id <= (
    SELECT row_id FROM outbox WHERE kind = 'fault' ORDER BY row_id DESC LIMIT 1 OFFSET ?
)
"""


@dataclass(frozen=True, slots=True)
class _Stored:
    faults: tuple[FaultInForce, ...]


class FaultStore:
    """Implements `station.ports.FaultStore`."""

    def __init__(self, database: Database, next_row_id: Callable[[], int], *, max_queued: int = MAX_QUEUED) -> None:
        """`next_row_id` numbers the rows of the outbox; called in the database's thread only."""
        self._database, self._next_row_id, self._max_queued = database, next_row_id, max_queued

    async def put(self, event: FaultEvent, in_force: Sequence[FaultInForce]) -> None:
        """Queue an event under the next event id, and store what is in force since; return when both are on the disk.

        Raises:
            StorageError: nothing was stored.
        """
        held = encode(_Stored(tuple(in_force)))

        def job(connection: Connection) -> int:
            event_id = _number(connection) + 1
            body = encode(replace(event, event_id=event_id))
            connection.execute(_PUT_STATE, (EVENT_ID, str(event_id)))
            connection.execute(_PUT_STATE, (IN_FORCE, held))
            connection.execute(_QUEUE, (self._next_row_id(), body))
            return int(connection.execute(_PRUNE, (self._max_queued,)).rowcount)

        if (dropped := await self._database.write(job)) > 0:
            log.warning("fault messages dropped count=%d queued=%d", dropped, self._max_queued)

    async def in_force(self) -> tuple[FaultInForce, ...]:
        """Return what was in force when last stored; nothing if it cannot be read."""
        query = "SELECT value FROM state WHERE name = ?"
        row = await self._database.read(lambda connection: connection.execute(query, (IN_FORCE,)).fetchone())
        if row is None:
            return ()
        try:
            return decode(_Stored, row[0]).faults
        except StorageError as error:  # a fault of a newer release, say: those still there are found again
            log.warning("faults in force not readable reason=%s", error)
            return ()


def _number(connection: Connection) -> int:
    """Return the last event id; 0 before the first."""
    row = connection.execute("SELECT value FROM state WHERE name = ?", (EVENT_ID,)).fetchone()
    return int(row[0]) if row is not None and str(row[0]).isdecimal() else 0
