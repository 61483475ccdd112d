"""Small durable facts by name."""

from stationd.store.db import Connection, Database

_PUT = """
INSERT INTO state (name, value) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value <> excluded.value
"""


class StateStore:
    """Implements `station.ports.StateStore`."""

    def __init__(self, database: Database) -> None:
        """Use an open database."""
        self._database = database

    async def get(self, name: str) -> str | None:
        """Return a fact."""
        query = "SELECT value FROM state WHERE name = ?"
        row = await self._database.read(lambda connection: connection.execute(query, (name,)).fetchone())
        return None if row is None else str(row[0])

    async def put(self, name: str, value: str | None) -> None:
        """Store a fact durably; None removes it. What is stored already costs no write."""

        def job(connection: Connection) -> None:
            if value is None:
                connection.execute("DELETE FROM state WHERE name = ?", (name,))
            else:
                connection.execute(_PUT, (name, value))

        await self._database.write(job)
