"""From every older schema to today's."""

import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stationd.domain.auth_list import ListSummary
from stationd.domain.errors import StorageError
from stationd.domain.events import FaultEvent, TransactionEvent, TransactionEventType
from stationd.domain.faults import FaultCode
from stationd.domain.id_token import IdToken
from stationd.domain.variables import Origin
from stationd.store.db import connect
from stationd.store.migrate import SHIPPED, backup_path, migrate, scripts
from stationd.store.store import Store

DUMPS = sorted((Path(__file__).parent / "databases").glob("*.sql"))
NEXT_SQL = "ALTER TABLE state ADD COLUMN set_at TEXT;\nUPDATE state SET set_at = 'never';\n"


def _restored(dump: Path, path: Path) -> Path:
    file = sqlite3.connect(path)
    file.executescript(dump.read_text())
    file.close()
    return path


def _layout(path: Path) -> list[str]:
    """The schema without comments and blanks."""
    file = sqlite3.connect(path)
    texts = [row[0] for row in file.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")]
    file.close()
    return ["".join("".join(line.partition("--")[0] for line in text.splitlines()).split()) for text in texts]


def test_every_schema_that_was_ever_shipped_has_a_dump_and_the_numbers_have_no_gap() -> None:
    assert [int(dump.stem) for dump in DUMPS] == list(scripts())
    assert list(scripts()) == list(range(1, len(DUMPS) + 1))


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: dump.stem)
async def test_the_content_of_an_older_file_is_all_there_today(dump: Path, tmp_path: Path) -> None:
    _restored(dump, tmp_path / "stationd.db")
    store = await Store.open(tmp_path)
    (running,) = await store.transactions.open_transactions()
    assert (running.transaction_id, running.last_wh, running.id_token) == ("running-1", 7200.5, IdToken("04A1B2C3"))
    assert [one.transaction_id for one in await store.transactions.recent(9)] == ["running-1", "ended-1"]
    assert store.outbox.alias("ended-1") == 17
    head = await store.outbox.head()
    assert head is not None
    assert isinstance(head.event, TransactionEvent)
    assert (head.attempts, head.event.event_type, head.event.offline) == (2, TransactionEventType.ENDED, True)
    assert head.event.samples[0].values[0].value == 7100.0
    cached = await store.tokens.get(IdToken("04A1B2C3"))
    assert cached is not None
    assert cached.info.accepted
    assert await store.settings.load() == [("OCPPCommCtrlr.HeartbeatInterval", "60", Origin.CSMS)]
    assert await store.state.get("boot_reason") == "RemoteReset"
    await store.close()


async def test_a_queued_fault_is_still_there_today(tmp_path: Path) -> None:
    _restored(Path(__file__).parent / "databases" / "0002.sql", tmp_path / "stationd.db")
    store = await Store.open(tmp_path)
    await store.outbox.delivered(8)
    row = await store.outbox.head()
    assert row is not None
    assert isinstance(row.event, FaultEvent)
    assert (row.row_id, row.event.code, row.event.event_id) == (9, FaultCode.LOCK_FAILED, 3)
    assert [held.fault.code for held in await store.faults.in_force()] == [FaultCode.LOCK_FAILED]
    await store.close()


async def test_a_cached_verdict_of_an_older_file_keeps_the_end_that_it_was_given(tmp_path: Path) -> None:
    _restored(Path(__file__).parent / "databases" / "0002.sql", tmp_path / "stationd.db")
    store = await Store.open(tmp_path)
    cached = await store.tokens.get(IdToken("04A1B2C3"))
    assert cached is not None
    assert (cached.info.expires_at, cached.learned_at) == (datetime(2026, 2, 1, 12, tzinfo=UTC), None)
    assert store.auth_list.summary == ListSummary(0, 0, 0)
    await store.close()


async def test_a_local_list_is_still_there_today(tmp_path: Path) -> None:
    _restored(Path(__file__).parent / "databases" / "0003.sql", tmp_path / "stationd.db")
    store = await Store.open(tmp_path)
    assert (store.auth_list.summary.version, store.auth_list.summary.entries) == (12, 2)
    listed = await store.auth_list.get(IdToken("04A1B2C3"))
    assert listed is not None
    assert (listed.accepted, listed.group) == (True, IdToken("FLEET", "Central"))
    await store.close()


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: dump.stem)
async def test_an_older_file_ends_with_the_layout_of_a_new_one(dump: Path, tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    _restored(dump, tmp_path / "old" / "stationd.db")
    for name in ("old", "new"):
        await (await Store.open(tmp_path / name)).close()
    assert _layout(tmp_path / "old" / "stationd.db") == _layout(tmp_path / "new" / "stationd.db")


def _folder(tmp_path: Path, *more: str) -> Path:
    """Today's migrations and some to come."""
    folder = tmp_path / "migrations"
    shutil.copytree(SHIPPED, folder)
    for number, sql in enumerate(more, start=max(scripts()) + 1):
        (folder / f"{number:04}_next.sql").write_text(sql)
    return folder


async def test_a_copy_is_kept_before_an_older_file_is_changed(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "state")
    await store.state.put("a", "1")
    await store.close()
    newest = max(scripts())
    store = await Store.open(tmp_path / "state", migrations=_folder(tmp_path, NEXT_SQL))
    path = tmp_path / "state" / "stationd.db"
    backup = backup_path(path, newest + 1)
    (notice,) = store.notices
    assert notice == f"{path} was brought from schema {newest} to {newest + 1}; a copy of the old one is {backup}"
    assert await store.state.get("a") == "1"
    await store.close()
    old = sqlite3.connect(backup)
    assert old.execute("SELECT * FROM state").fetchall() == [("a", "1")]
    assert old.execute("PRAGMA user_version").fetchone()[0] == newest
    old.close()


async def test_a_file_of_a_newer_release_is_refused_and_not_touched(tmp_path: Path) -> None:
    await (await Store.open(tmp_path / "state", migrations=_folder(tmp_path, NEXT_SQL))).close()
    path = tmp_path / "state" / "stationd.db"
    before, newest = path.read_bytes(), max(scripts())
    told = rf"a newer stationd wrote it \(schema {newest + 1}, this one knows {newest}\); install that release again"
    with pytest.raises(StorageError, match=told):
        await Store.open(tmp_path / "state")
    assert path.read_bytes() == before


async def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "state")
    await store.state.put("a", "1")
    await store.close()
    broken = _folder(tmp_path, NEXT_SQL, "CREATE TABLE more (a);\nINSERT INTO nowhere VALUES (1);\n")
    with pytest.raises(StorageError, match="no such table: nowhere"):
        await Store.open(tmp_path / "state", migrations=broken)
    file = sqlite3.connect(tmp_path / "state" / "stationd.db")
    assert file.execute("PRAGMA user_version").fetchone()[0] == max(scripts()) + 1, "the one before it counts"
    assert file.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'more'").fetchone()[0] == 0
    file.close()


def test_a_file_of_today_is_left_alone(tmp_path: Path) -> None:
    connection = connect(tmp_path / "x.db")
    assert migrate(connection, tmp_path / "x.db", scripts()) is None
    assert migrate(connection, tmp_path / "x.db", scripts()) is None
    connection.close()
    assert [path.name for path in tmp_path.iterdir()] == ["x.db"]
