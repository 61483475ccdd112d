"""Everything durable of one station, behind one lock, in one file of its state directory."""

import asyncio
import logging
from pathlib import Path

from stationd.domain.errors import StorageError
from stationd.store.aliases import Aliases
from stationd.store.auth_list import AuthListStore
from stationd.store.ballast import Ballast
from stationd.store.db import Connection, Database
from stationd.store.faults import FaultStore
from stationd.store.lock import StateLock
from stationd.store.migrate import SHIPPED, scripts
from stationd.store.opening import open_file
from stationd.store.outbox import Outbox
from stationd.store.settings import SettingsStore
from stationd.store.state import StateStore
from stationd.store.tokens import TokenStore
from stationd.store.transactions import TransactionStore

log = logging.getLogger(__name__)

FILE_NAME = "stationd.db"
CLOSE_S = 1.5  # a stalled disk delays the end of the process by no more than this


class Store:
    """Made by `open` only. Every write is on the disk when its call returns."""

    def __init__(self, lock: StateLock, database: Database, notices: list[str]) -> None:
        """Take what `open` made; it adds the tables."""
        self._lock, self._database = lock, database
        self.notices = notices
        """What a person should know about the file: one sentence each, empty when all is well."""
        self.settings = SettingsStore(database)
        self.state = StateStore(database)
        self.tokens = TokenStore(database)
        self.auth_list = AuthListStore(database)
        self.transactions: TransactionStore
        self.outbox: Outbox
        self.faults: FaultStore

    @classmethod
    async def open(cls, state_dir: Path, *, migrations: Path = SHIPPED) -> "Store":
        """Open the state directory, creating it if need be; a damaged file is set aside and told in `notices`.

        Raises:
            StorageError: another process uses it, it cannot be written, or a newer release wrote it.
        """
        lock = await asyncio.to_thread(_claim, state_dir)
        ballast = Ballast(state_dir)
        database = Database(state_dir / FILE_NAME, make_room=ballast.drop)
        steps = scripts(migrations)
        try:
            notices = await database.open(lambda: open_file(state_dir / FILE_NAME, steps))
            store = cls(lock, database, notices)
            await store._fill()
        except BaseException:
            await database.close()
            lock.release()
            raise
        if not await asyncio.to_thread(ballast.lay):
            notices.append(f"the disk of {state_dir} is almost full; free some space on it")
        for notice in notices:
            log.warning("store opened with a notice text=%s", notice)
        return store

    async def _fill(self) -> None:
        def job(connection: Connection) -> tuple[int, list[tuple[str, str]]]:
            last = connection.execute("SELECT coalesce(max(row_id), 0) FROM outbox").fetchone()[0]
            query = "SELECT transaction_id, alias FROM transactions WHERE alias IS NOT NULL ORDER BY number"
            return last, connection.execute(query).fetchall()

        last_row_id, pairs = await self._database.read(job)
        aliases = Aliases((transaction_id, int(alias)) for transaction_id, alias in pairs)
        self.transactions = TransactionStore(self._database, aliases, last_row_id=last_row_id)
        self.outbox = Outbox(self._database, aliases)
        self.faults = FaultStore(self._database, self.transactions.next_row_id)
        await self.tokens.load()
        await self.auth_list.load()

    async def close(self) -> None:
        """Finish what waits, close the file and give the directory back.

        Where the disk stalls the end of the process gives it back, so that nobody else uses it before our last write.
        """
        if await self._database.close(patience_s=CLOSE_S):
            self._lock.release()
        else:
            log.warning("database not closed waited_s=%.1f reason=the disk or another program holds it up", CLOSE_S)


def _claim(state_dir: Path) -> StateLock:
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make the state directory {state_dir}: {error.strerror}") from None
    return StateLock(state_dir)
