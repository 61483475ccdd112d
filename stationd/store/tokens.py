"""The authorization cache (OCPP block C), durable."""

import logging
from collections.abc import Sequence
from datetime import datetime

from stationd.domain.errors import StorageError
from stationd.domain.id_token import CachedToken, CachePolicy, IdToken, IdTokenInfo
from stationd.store.codec import decode, encode
from stationd.store.db import Connection, Database

log = logging.getLogger(__name__)

MOST_ENTRIES = 500
MOST_BODY = 2_000  # characters of one verdict; a CSMS that says more is asked again instead

_PUT = """
INSERT INTO tokens (value, type, number, used, uses, accepted, learned_at, body)
VALUES (?, ?, (SELECT coalesce(max(number), 0) + 1 FROM tokens), ?, 1, ?, ?, ?)
ON CONFLICT (value, type) DO UPDATE SET used = excluded.used, uses = uses + 1, accepted = excluded.accepted,
    learned_at = excluded.learned_at, body = excluded.body
"""
_USE = "UPDATE tokens SET used = ?, uses = uses + 1 WHERE value = ? AND type = ?"
_MAKE_ROOM = """
DELETE FROM tokens WHERE (value, type) IN (
    SELECT value, type FROM tokens WHERE NOT (value = ?1 AND type = ?2) ORDER BY accepted, {order}
    LIMIT max(0, (SELECT count(*) FROM tokens WHERE NOT (value = ?1 AND type = ?2)) - ?3)
)
"""
_ORDER = {CachePolicy.LRU: "used", CachePolicy.LFU: "uses, used", CachePolicy.FIFO: "number"}
_SIZE = """
SELECT coalesce(sum(length(CAST(value AS BLOB)) + length(CAST(type AS BLOB)) + length(CAST(body AS BLOB))), 0)
FROM tokens
"""
_Key = tuple[str, str]


class TokenStore:
    """Implements `station.ports.TokenStore`. Tokens are compared as `IdToken.same_as` does."""

    def __init__(self, database: Database, *, most_entries: int = MOST_ENTRIES) -> None:
        """Use an open database; call `load` before anything else."""
        self._database, self._most_entries = database, most_entries
        self._last_use = 0
        self._size_bytes = 0
        self._uses: list[tuple[int, _Key]] = []

    async def load(self) -> None:
        """Read what is stored in all.

        Raises:
            StorageError: it cannot be read.
        """

        def job(connection: Connection) -> tuple[int, int]:
            last_use = connection.execute("SELECT coalesce(max(used), 0) FROM tokens").fetchone()[0]
            return last_use, _size(connection)

        self._last_use, self._size_bytes = await self._database.read(job)

    @property
    def size_bytes(self) -> int:
        """Return how much is stored; from memory."""
        return self._size_bytes

    async def get(self, id_token: IdToken) -> CachedToken | None:
        """Return the stored verdict, however old."""
        query = "SELECT learned_at, body FROM tokens WHERE value = ? AND type = ?"
        row = await self._database.read(lambda connection: connection.execute(query, id_token.key).fetchone())
        if row is None:
            return None
        try:
            learned_at = None if row[0] is None else datetime.fromisoformat(row[0])
            return CachedToken(decode(IdTokenInfo, row[1]), learned_at)
        except (StorageError, ValueError) as error:
            log.error("cached verdict not readable reason=%s", error)  # noqa: TRY400 - the CSMS will be asked instead
            return None

    def used(self, id_token: IdToken) -> None:
        """Note that a verdict was used; stored with the next `put`, so that a card costs no write of its own."""
        self._last_use += 1
        self._uses = [*self._uses[1 - self._most_entries :], (self._last_use, id_token.key)]

    async def put(self, id_token: IdToken, info: IdTokenInfo, now: datetime, policy: CachePolicy) -> None:
        """Store or replace a verdict; one that has expired on arrival only removes the old one.

        A full cache drops what was not accepted first, then what `policy` says (OCPP 2.0.1 C10.FR.07).

        Raises:
            StorageError: nothing was stored.
        """
        body, key = encode(info), id_token.key
        keep = len(body) <= MOST_BODY and (info.expires_at is None or info.expires_at > now)
        self._last_use += 1
        used, uses, self._uses = self._last_use, tuple(self._uses), []
        learned_at = now.isoformat()

        def job(connection: Connection) -> int:
            _note(connection, uses)
            if keep:
                connection.execute(_MAKE_ROOM.format(order=_ORDER[policy]), (*key, self._most_entries - 1))
                connection.execute(_PUT, (*key, used, info.accepted, learned_at, body))
            else:
                connection.execute("DELETE FROM tokens WHERE value = ? AND type = ?", key)
            return _size(connection)

        self._size_bytes = await self._database.write(job)

    async def clear(self) -> None:
        """Forget every entry.

        Raises:
            StorageError: every entry is still there.
        """
        await self._database.write(lambda connection: connection.execute("DELETE FROM tokens").rowcount, frees=True)
        self._size_bytes = 0


def _note(connection: Connection, uses: Sequence[tuple[int, _Key]]) -> None:
    connection.executemany(_USE, [(used, *key) for used, key in uses])


def _size(connection: Connection) -> int:
    size: int = connection.execute(_SIZE).fetchone()[0]
    return size
