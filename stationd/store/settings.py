"""Settings that were written at run time, durable. What they mean is `station.settings`' business."""

import logging

from stationd.domain.variables import Origin
from stationd.store.db import Connection, Database

log = logging.getLogger(__name__)

_PUT = """
INSERT INTO settings (name, value, origin) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET name = excluded.name, value = excluded.value, origin = excluded.origin
"""


class SettingsStore:
    """Implements `station.ports.SettingsStore`."""

    def __init__(self, database: Database) -> None:
        """Use an open database."""
        self._database = database

    async def load(self) -> list[tuple[str, str, Origin]]:
        """Return (name, value, who wrote it) of every stored row."""
        query = "SELECT name, value, origin FROM settings ORDER BY name"
        rows = await self._database.read(lambda connection: connection.execute(query).fetchall())
        known = {origin.value: origin for origin in Origin}
        for name, _, origin in rows:
            if origin not in known:
                log.warning("stored setting ignored name=%s reason=origin %s is unknown", name, origin)
        return [(name, value, known[origin]) for name, value, origin in rows if origin in known]

    async def put(self, name: str, value: str, origin: Origin) -> None:
        """Store or replace one row; return when it is on the disk."""

        def job(connection: Connection) -> None:
            connection.execute(_PUT, (name, value, origin.value))

        await self._database.write(job)
