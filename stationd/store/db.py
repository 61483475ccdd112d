"""The one door to SQLite: a connection that lives in a thread of its own, and jobs that run there.

Writes that wait at the same time share one commit. The event loop never waits for the disk, and nobody who asked for a
write hears of its success before the data is on the disk (write-ahead log, `synchronous=FULL`).
"""

import asyncio
import logging
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from stationd.domain.errors import StorageError

log = logging.getLogger(__name__)

T = TypeVar("T")
Connection = sqlite3.Connection

MOST_IN_ONE_COMMIT = 64
_BUSY_MS = 5_000  # somebody looks into the file with another tool
_WAL_LIMIT = 1 << 20  # bytes that the write-ahead log keeps after a checkpoint


class DamagedError(StorageError):
    """The file is no database, or not a consistent one."""


class DiskFullError(StorageError):
    """There is no room for a write; removing something makes some."""


def connect(path: Path) -> Connection:
    """Open (or create, readable by its owner alone) a database file and check it.

    Raises:
        DamagedError: it must be set aside.
        StorageError: it cannot be used, but is not known to be damaged.
    """
    connection: Connection | None = None
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # it holds passwords
        connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_MS / 1000)
        _configure(connection, path)
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, sqlite3.Error):
            raise translated(error, path) from error
        if isinstance(error, OSError):
            raise StorageError(f"cannot open {path}: {error.strerror}") from error
        raise
    return connection


def _configure(connection: Connection, path: Path) -> None:
    for pragma in ("foreign_keys = ON", "synchronous = FULL", "trusted_schema = OFF", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StorageError(f"cannot use {path}: its file system allows no write-ahead log; use a local disk")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT}")
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise DamagedError(f"cannot use {path}: it is damaged ({verdict})")


def copy_to(connection: Connection, path: Path) -> None:
    """Write a consistent copy of the whole database to a new file, replacing an older copy."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(sqlite3.connect(partial)) as target:
        connection.backup(target)
    partial.replace(path)


def translated(error: sqlite3.Error, path: Path) -> StorageError:
    """Return our error for SQLite's, as one sentence."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return DiskFullError(f"cannot write to {path}: the disk is full; free some space on it")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return DamagedError(f"cannot use {path}: it is damaged ({error}); a restart of stationd sets it aside")
    reason = {
        sqlite3.SQLITE_READONLY: "it is read-only; check its owner and how its file system is mounted",
        sqlite3.SQLITE_IOERR: f"the disk reports an error ({error}); check the disk",
        sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check its directory's owner and free space",
        sqlite3.SQLITE_BUSY: "another program keeps it locked; close that program",
        sqlite3.SQLITE_LOCKED: "another program keeps it locked; close that program",
    }.get(code, str(error))
    return StorageError(f"cannot use {path}: {reason}")


@dataclass(slots=True)
class _Job:
    run: Callable[[Connection], Any]
    writes: bool
    frees: bool = False
    done: "Future[Any]" = field(default_factory=Future)


class Database:
    """Runs jobs on a connection in its own thread, in the order in which they were asked for."""

    def __init__(self, path: Path, *, make_room: Callable[[], bool] = lambda: False) -> None:
        """`make_room` is called (in the thread) when a job that frees space finds none; True if it made some."""
        self._path = path
        self._make_room = make_room
        self._waiting: deque[_Job] = deque()
        self._state = threading.Condition()
        self._closing = False
        self._opened: Future[Any] = Future()
        self._thread = threading.Thread(target=lambda: None)

    async def open(self, prepare: Callable[[], tuple[Connection, T]]) -> T:
        """Start the thread; `prepare` runs in it and returns the connection and what `open` returns.

        Raises:
            StorageError: as `prepare`.
        """
        self._thread = threading.Thread(target=self._main, args=(prepare,), name="store", daemon=True)
        self._thread.start()
        result: T = await asyncio.wrap_future(self._opened)
        return result

    async def read(self, job: Callable[[Connection], T]) -> T:
        """Run a job that changes nothing."""
        result: T = await self._submit(_Job(job, writes=False))
        return result

    async def write(self, job: Callable[[Connection], T], *, frees: bool = False) -> T:
        """Run a job in a transaction; return when it is on the disk. The job may run twice, and must not mind.

        `frees`: the job only removes or marks rows, so it may use the last reserve of space.

        Raises:
            StorageError: nothing of the job is in the file.
        """
        result: T = await self._submit(_Job(job, writes=True, frees=frees))
        return result

    async def close(self, *, patience_s: float | None = None) -> bool:
        """Finish what waits, bring the file up to date and close it; False if the disk did not let it in that time.

        The thread goes on then; what it was writing is on the disk as a whole or not at all.
        """
        with self._state:
            self._closing = True
            self._state.notify()
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join, patience_s)
        return not self._thread.is_alive()

    async def _submit(self, job: _Job) -> Any:
        with self._state:
            if self._closing:
                raise StorageError(f"cannot use {self._path}: it is closed")
            self._waiting.append(job)
            self._state.notify()
        return await asyncio.wrap_future(job.done)

    def _main(self, prepare: Callable[[], tuple[Connection, Any]]) -> None:
        try:
            connection, result = prepare()
        except BaseException as error:  # handed to whoever opens
            self._opened.set_exception(translated(error, self._path) if isinstance(error, sqlite3.Error) else error)
            return
        self._opened.set_result(result)
        while jobs := self._next():
            if jobs[0].writes:
                self._commit(connection, jobs)
            else:
                self._read(connection, jobs[0])
        self._finish(connection)

    def _next(self) -> list[_Job]:
        """Wait for and return the next read, or all writes up to the next read; [] to end."""
        with self._state:
            while True:
                if jobs := self._take():
                    return jobs
                if self._closing and not self._waiting:
                    return []
                if not self._waiting:
                    self._state.wait()

    def _take(self) -> list[_Job]:
        jobs: list[_Job] = []
        while self._waiting and len(jobs) < MOST_IN_ONE_COMMIT:
            if jobs and not (jobs[0].writes and self._waiting[0].writes):
                break
            job = self._waiting.popleft()
            if job.done.set_running_or_notify_cancel():  # whoever asked may have been cancelled meanwhile
                jobs.append(job)
        return jobs

    def _read(self, connection: Connection, job: _Job) -> None:
        try:
            job.done.set_result(job.run(connection))
        except Exception as error:  # handed to whoever asked
            job.done.set_exception(self._translated(error))

    def _commit(self, connection: Connection, jobs: list[_Job]) -> None:
        """Run the jobs in one transaction; if that fails, each in one of its own."""
        try:
            results = self._attempt(connection, jobs)
        except Exception as error:  # handed to whoever asked
            if len(jobs) > 1:
                for job in jobs:
                    self._commit(connection, [job])
                return
            if isinstance(self._translated(error), DiskFullError) and jobs[0].frees and self._make_room():
                self._commit(connection, jobs)
                return
            jobs[0].done.set_exception(self._translated(error))
            return
        for job, result in zip(jobs, results, strict=True):
            job.done.set_result(result)

    def _attempt(self, connection: Connection, jobs: list[_Job]) -> list[Any]:
        try:
            connection.execute("BEGIN IMMEDIATE")
            results = [job.run(connection) for job in jobs]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # some errors have rolled back already
                connection.rollback()
            raise
        return results

    def _translated(self, error: Exception) -> Exception:
        if isinstance(error, sqlite3.Error):
            return translated(error, self._path)
        if isinstance(error, UnicodeEncodeError | OverflowError):
            return StorageError(f"cannot store a value in {self._path}: {error}")
        return error

    def _finish(self, connection: Connection) -> None:
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:  # everything is in the log already
            log.warning("database not brought up to date path=%s reason=%s", self._path, error)
        connection.close()
