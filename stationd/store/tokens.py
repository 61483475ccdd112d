"""The authorization cache (OCPP block C), durable."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from stationd.domain.errors import StorageError
from stationd.domain.id_token import IdToken, IdTokenInfo
from stationd.store.codec import decode, encode
from stationd.store.db import Connection, Database

log = logging.getLogger(__name__)

MOST_ENTRIES = 500

_MAKE_ROOM = """
DELETE FROM tokens WHERE (value, type) IN (
    SELECT value, type FROM tokens WHERE NOT (value = ?1 AND type = ?2) ORDER BY accepted, number
    LIMIT max(0, (SELECT count(*) FROM tokens WHERE NOT (value = ?1 AND type = ?2)) - ?3)
)
"""
_PUT = """
INSERT INTO tokens (value, type, number, accepted, body)
VALUES (?, ?, (SELECT coalesce(max(number), 0) + 1 FROM tokens), ?, ?)
ON CONFLICT (value, type) DO UPDATE SET number = excluded.number, accepted = excluded.accepted, body = excluded.body
"""


class TokenStore:
    """Implements `station.ports.TokenStore`. Tokens are compared as `IdToken.same_as` does."""

    def __init__(self, database: Database, *, life_time_s: Callable[[], int], most_entries: int = MOST_ENTRIES) -> None:
        """`life_time_s` is asked at each `put` (AuthCacheCtrlr.LifeTime)."""
        self._database, self._most_entries = database, most_entries
        self._life_time_s = life_time_s

    async def get(self, id_token: IdToken) -> IdTokenInfo | None:
        """Return the stored verdict, expired or not; `expires_at` is set for every entry."""
        query = "SELECT body FROM tokens WHERE value = ? AND type = ?"
        row = await self._database.read(lambda connection: connection.execute(query, _key(id_token)).fetchone())
        if row is None:
            return None
        try:
            return decode(IdTokenInfo, row[0])
        except StorageError as error:
            log.error("cached verdict not readable reason=%s", error)  # noqa: TRY400 - the CSMS will be asked instead
            return None

    async def put(self, id_token: IdToken, info: IdTokenInfo, now: datetime) -> None:
        """Store or replace a verdict; one that has expired on arrival only removes the old one.

        Without an expiry date it lives for LifeTime from now (OCPP 2.0.1 C10.FR.10). A full cache drops what was not
        accepted first, then the oldest (C10.FR.07).
        """
        expires_at = info.expires_at or now + timedelta(seconds=self._life_time_s())
        body = encode(replace(info, expires_at=expires_at))
        key = _key(id_token)

        def job(connection: Connection) -> None:
            if expires_at <= now:
                connection.execute("DELETE FROM tokens WHERE value = ? AND type = ?", key)
                return
            connection.execute(_MAKE_ROOM, (*key, self._most_entries - 1))
            connection.execute(_PUT, (*key, info.accepted, body))

        await self._database.write(job)

    async def clear(self) -> None:
        """Forget every entry."""
        await self._database.write(lambda connection: connection.execute("DELETE FROM tokens").rowcount, frees=True)


def _key(id_token: IdToken) -> tuple[str, str]:
    return id_token.value.casefold(), str(id_token.type)
