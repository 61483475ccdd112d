"""The writer thread and what SQLite's errors become."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from stationd.domain.errors import StorageError
from stationd.store.db import Connection, DamagedError, Database, DiskFullError, connect, copy_to, translated


def _prepare(path: Path) -> tuple[Connection, None]:
    connection = connect(path)
    connection.execute("CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b TEXT)")
    return connection, None


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(tmp_path / "x.db")
    await made.open(lambda: _prepare(tmp_path / "x.db"))
    yield made
    await made.close()


def _insert(number: int, text: str = "") -> Callable[[Connection], int]:
    return lambda connection: connection.execute("INSERT INTO t VALUES (?, ?)", (number, text)).rowcount


def _count(connection: Connection) -> int:
    count: int = connection.execute("SELECT count(*) FROM t").fetchone()[0]
    return count


def test_a_new_file_is_readable_by_its_owner_alone_and_safe_against_power_cuts(tmp_path: Path) -> None:
    connection = connect(tmp_path / "x.db")
    connection.execute("CREATE TABLE t (a)")
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"x.db": 0o600, "x.db-wal": 0o600, "x.db-shm": 0o600}
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    connection.close()


async def test_jobs_run_in_one_thread_that_is_not_the_event_loops(database: Database) -> None:
    threads = await asyncio.gather(*(database.write(lambda _: threading.get_ident()) for _ in range(5)))
    threads.append(await database.read(lambda _: threading.get_ident()))
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


async def test_writes_that_wait_together_share_one_commit(database: Database, tmp_path: Path) -> None:
    running, go_on = threading.Event(), threading.Event()

    def block(_: Connection) -> None:
        running.set()
        assert go_on.wait(10)

    blocked = asyncio.create_task(database.write(block))
    assert await asyncio.to_thread(running.wait, 10)
    writes = [asyncio.create_task(database.write(_insert(number))) for number in range(40)]
    await asyncio.sleep(0)
    log = tmp_path / "x.db-wal"
    before = log.stat().st_size
    go_on.set()
    await asyncio.gather(blocked, *writes)
    assert log.stat().st_size - before < 40 * 4096 / 2, "40 commits of their own would write at least 40 pages"
    assert await database.read(_count) == 40


async def test_a_read_sees_the_writes_asked_for_before_it(database: Database) -> None:
    results = await asyncio.gather(database.write(_insert(1)), database.read(_count), database.write(_insert(2)))
    assert list(results) == [1, 1, 1]


async def test_of_writes_in_one_commit_only_the_bad_one_fails(database: Database) -> None:
    results = await asyncio.gather(*(database.write(_insert(n)) for n in (1, 2, 1, 3)), return_exceptions=True)
    assert [isinstance(result, StorageError) for result in results] == [False, False, True, False]
    assert await database.read(_count) == 3


async def test_a_bug_in_a_job_reaches_its_caller_and_the_thread_goes_on(database: Database) -> None:
    def bug(connection: Connection) -> None:
        connection.execute("INSERT INTO t VALUES (1, '')")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(bug)
    with pytest.raises(ZeroDivisionError):
        await database.read(bug)
    await database.write(lambda connection: connection.execute("DELETE FROM t").rowcount)
    assert await database.read(_count) == 0


async def test_a_job_whose_asker_gave_up_before_it_began_is_not_run(database: Database) -> None:
    running, go_on = threading.Event(), threading.Event()

    def block(_: Connection) -> None:
        running.set()
        assert go_on.wait(10)

    blocked = asyncio.create_task(database.write(block))
    assert await asyncio.to_thread(running.wait, 10)
    waiting = asyncio.create_task(database.write(_insert(1)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()
    await blocked
    assert await database.read(_count) == 0


async def test_closing_finishes_what_waits_and_refuses_what_comes_later(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.db")
    await database.open(lambda: _prepare(tmp_path / "x.db"))
    writes = [asyncio.create_task(database.write(_insert(number))) for number in range(100)]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*writes)
    with pytest.raises(StorageError, match="it is closed"):
        await database.read(_count)
    await database.close()
    assert not (tmp_path / "x.db-wal").exists()
    file = sqlite3.connect(tmp_path / "x.db")
    assert _count(file) == 100
    file.close()


async def test_a_database_that_cannot_be_opened_can_be_closed(tmp_path: Path) -> None:
    database = Database(tmp_path / "none" / "x.db")
    with pytest.raises(StorageError, match="No such file or directory"):
        await database.open(lambda: _prepare(tmp_path / "none" / "x.db"))
    await database.close()


async def _fill(database: Database) -> None:
    """Write until there is no room, which `max_page_count` simulates as the file's own end of disk."""

    def bound(connection: Connection) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 20}")

    await database.read(bound)
    for number in range(100):
        await database.write(_insert(number, "x" * 4000))


async def test_a_full_disk_is_one_sentence_and_the_database_stays_usable(database: Database) -> None:
    with pytest.raises(DiskFullError, match=r"the disk is full; free some space on it"):
        await _fill(database)
    stored = await database.read(_count)
    assert 0 < stored < 100
    with pytest.raises(DiskFullError):
        await database.write(_insert(1000, "x" * 9000))
    await database.write(lambda connection: connection.execute("DELETE FROM t WHERE a < 5").rowcount)
    await database.write(_insert(1001, "x" * 4000))
    assert await database.read(_count) == stored - 4


async def test_a_full_disk_fails_only_the_write_that_does_not_fit(database: Database) -> None:
    with pytest.raises(DiskFullError):
        await _fill(database)
    results = await asyncio.gather(
        database.write(_insert(2000, "x" * 90_000)),
        database.write(lambda connection: connection.execute("UPDATE t SET b = 'small' WHERE a = 1").rowcount),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [DiskFullError, int]


async def test_room_is_made_once_and_only_for_a_job_that_frees_space(tmp_path: Path) -> None:
    asked: list[int] = []

    def make_room() -> bool:
        asked.append(threading.get_ident())
        return len(asked) == 1

    def full(_: Connection) -> None:
        raise DiskFullError("cannot write: the disk is full")

    database = Database(tmp_path / "x.db", make_room=make_room)
    await database.open(lambda: _prepare(tmp_path / "x.db"))
    with pytest.raises(DiskFullError):
        await database.write(full)
    assert asked == []
    with pytest.raises(DiskFullError):
        await database.write(full, frees=True)
    assert len(asked) == 2
    await database.close()


async def test_a_read_only_file_is_one_sentence(database: Database) -> None:
    await database.read(lambda connection: connection.execute("PRAGMA query_only = ON").fetchall())
    with pytest.raises(StorageError, match="it is read-only; check its owner"):
        await database.write(_insert(1))
    await database.read(lambda connection: connection.execute("PRAGMA query_only = OFF").fetchall())
    await database.write(_insert(1))


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(DamagedError, match="it is damaged"):
        connect(tmp_path / "x.db")


def test_a_file_with_a_broken_page_is_damaged(tmp_path: Path) -> None:
    connection, _ = _prepare(tmp_path / "x.db")
    connection.executemany("INSERT INTO t VALUES (?, ?)", [(number, "x" * 500) for number in range(200)])
    connection.close()
    content = bytearray((tmp_path / "x.db").read_bytes())
    content[8192:8192 + 64] = b"\xff" * 64  # fmt: skip
    (tmp_path / "x.db").write_bytes(content)
    with pytest.raises(DamagedError):
        connect(tmp_path / "x.db")


def test_a_copy_holds_what_is_still_in_the_log_and_replaces_an_older_copy(tmp_path: Path) -> None:
    connection, _ = _prepare(tmp_path / "x.db")
    for number in (1, 2):
        connection.execute("INSERT INTO t VALUES (?, '')", (number,))
        copy_to(connection, tmp_path / "copy.db")
        with sqlite3.connect(tmp_path / "copy.db") as copy:
            assert _count(copy) == number
        copy.close()
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    connection.close()


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (sqlite3.SQLITE_IOERR | 0x0A00, "the disk reports an error"),
        (sqlite3.SQLITE_CANTOPEN, "cannot be opened"),
        (sqlite3.SQLITE_BUSY, "another program keeps it locked"),
        (sqlite3.SQLITE_CORRUPT, "it is damaged"),
        (sqlite3.SQLITE_CONSTRAINT, "boom"),
    ],
)
def test_each_error_of_sqlite_is_a_sentence_with_the_file(code: int, sentence: str) -> None:
    error = sqlite3.OperationalError("boom")
    error.sqlite_errorcode = code
    text = str(translated(error, Path("/state/x.db")))
    assert sentence in text
    assert "/state/x.db" in text
