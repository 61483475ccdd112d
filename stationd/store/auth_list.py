"""The local authorization list (OCPP block D), durable: an update is on the disk as a whole or not at all."""

import logging

from stationd.domain.auth_list import ListSummary, ListUpdate, UpdateKind
from stationd.domain.id_token import IdToken, IdTokenInfo
from stationd.store.codec import decode, encode
from stationd.store.db import Connection, Database

log = logging.getLogger(__name__)

_PUT = """
INSERT INTO auth_list (value, type, body) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET body = excluded.body WHERE body <> excluded.body
"""
_REMOVE = "DELETE FROM auth_list WHERE value = ?1 AND (type IN (?2, '') OR ?2 = '')"
_REMOVE_OTHERS = "DELETE FROM auth_list WHERE value = ?1 AND type <> ?2 AND (type = '' OR ?2 = '')"
"""The entry without a type (`domain.auth_list.ANY_TYPE`) of a value is in the way of those with one, and they of it."""
_FIND = "SELECT body FROM auth_list WHERE value = ? AND type IN (?, '') ORDER BY type DESC LIMIT 1"
_VERSION = "INSERT INTO auth_list_version VALUES (1, ?) ON CONFLICT DO UPDATE SET version = excluded.version"
_SUMMARY = """
SELECT (SELECT coalesce(max(version), 0) FROM auth_list_version), count(*),
    coalesce(sum(length(CAST(value AS BLOB)) + length(CAST(type AS BLOB)) + length(CAST(body AS BLOB))), 0)
FROM auth_list
"""


class AuthListStore:
    """Implements `station.ports.AuthListStore`."""

    def __init__(self, database: Database) -> None:
        """Use an open database; call `load` before anything else."""
        self._database = database
        self._summary = ListSummary()

    async def load(self) -> None:
        """Read what is stored in all.

        Raises:
            StorageError: it cannot be read.
        """
        self._summary = await self._database.read(_summary)

    @property
    def summary(self) -> ListSummary:
        """Return what is stored in all; from memory."""
        return self._summary

    async def get(self, id_token: IdToken) -> IdTokenInfo | None:
        """Return the entry of a token, else the one without a type, expired or not.

        Raises:
            StorageError: it cannot be read.
        """
        row = await self._database.read(lambda connection: connection.execute(_FIND, id_token.key).fetchone())
        return None if row is None else decode(IdTokenInfo, row[0])

    async def apply(self, update: ListUpdate, *, most_entries: int, most_bytes: int) -> bool:
        """Change the list and its version in one commit; False: it would become larger than that, nothing changed.

        Raises:
            StorageError: nothing changed.
        """

        def job(connection: Connection) -> ListSummary | None:
            connection.execute("SAVEPOINT auth_list")  # other writes share the commit
            _change(connection, update)
            after = _summary(connection)
            fits = after.entries <= most_entries and after.size_bytes <= most_bytes
            if not fits:
                connection.execute("ROLLBACK TO auth_list")
            connection.execute("RELEASE auth_list")
            return after if fits else None

        only_removes = all(entry.info is None for entry in update.entries)
        summary = await self._database.write(job, frees=only_removes)
        if summary is None:
            return False
        self._summary = summary
        log.info(
            "local list stored version=%d entries=%d bytes=%d", summary.version, summary.entries, summary.size_bytes
        )
        return True


def _change(connection: Connection, update: ListUpdate) -> None:
    """Write what differs only: a CSMS that sends the same list each night costs the disk no more than its version.

    An entry with a type and one without never stand side by side, so that a list survives a change of the version.
    """
    put = {entry.id_token.key: encode(entry.info) for entry in update.entries if entry.info is not None}
    if update.kind is UpdateKind.FULL:
        stored = connection.execute("SELECT value, type FROM auth_list").fetchall()
        gone = [key for key in stored if key not in put]
    else:
        gone = [entry.id_token.key for entry in update.entries if entry.info is None]
        connection.executemany(_REMOVE_OTHERS, list(put))
    connection.executemany(_REMOVE, gone)
    connection.executemany(_PUT, [(*key, body) for key, body in put.items()])
    connection.execute(_VERSION, (update.version,))


def _summary(connection: Connection) -> ListSummary:
    return ListSummary(*connection.execute(_SUMMARY).fetchone())
