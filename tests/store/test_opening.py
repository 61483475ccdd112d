"""A damaged file is set aside, anything else is not."""

import sqlite3
from pathlib import Path

import pytest

from stationd.domain.errors import StorageError
from stationd.store.migrate import scripts
from stationd.store.opening import KEPT_DAMAGED, open_file
from stationd.store.store import Store
from tests.store.samples import event, transaction


async def _used(state_dir: Path) -> Path:
    store = await Store.open(state_dir)
    for number in range(40):
        ident = f"t{number}"
        await store.transactions.commit(transaction(ident), [event(0, ident)])
    await store.close()
    return state_dir / "stationd.db"


def _damaged(state_dir: Path) -> list[Path]:
    return sorted(state_dir.glob("stationd.db.damaged-*Z"))


async def test_a_damaged_file_is_kept_and_a_new_one_begun(tmp_path: Path) -> None:
    path = await _used(tmp_path)
    content = bytearray(path.read_bytes())
    content[4096 : len(content)] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    store = await Store.open(tmp_path)
    (kept,) = _damaged(tmp_path)
    assert kept.read_bytes() == bytes(content)
    (notice,) = store.notices
    assert notice.startswith("the database was damaged (")
    assert f"kept as {kept} and begun anew" in notice
    assert await store.transactions.recent(10) == []
    await store.transactions.commit(transaction(), [event(0)])
    await store.close()
    store = await Store.open(tmp_path)
    assert store.notices == []
    assert await store.transactions.queued() == 1
    await store.close()


@pytest.mark.parametrize("content", [b"\x00" * 8192, b"SQLite format 3\x00" + b"\xff" * 5000, b"rubbish" * 1000])
async def test_rubbish_in_its_place_does_not_stop_the_station(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "stationd.db").write_bytes(content)
    store = await Store.open(tmp_path)
    assert len(store.notices) == len(_damaged(tmp_path)) == 1
    await store.close()


async def test_a_log_full_of_rubbish_is_ignored_by_its_check_sums(tmp_path: Path) -> None:
    path = await _used(tmp_path)
    path.with_name("stationd.db-wal").write_bytes(b"\x5a" * 40_000)
    store = await Store.open(tmp_path)
    assert await store.transactions.queued() == 40
    await store.close()


def test_only_the_newest_damaged_copies_are_kept(tmp_path: Path) -> None:
    for number in range(KEPT_DAMAGED + 2):
        (tmp_path / "stationd.db").write_bytes(b"rubbish" * 1000 + bytes([number]))
        connection, notices = open_file(tmp_path / "stationd.db", scripts())
        connection.close()
        assert len(notices) == 1
    kept = [path.read_bytes()[-1] for path in _damaged(tmp_path)]
    assert kept == [2, 3, 4]


def test_a_file_that_somebody_else_keeps_locked_is_not_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "stationd.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("CREATE TABLE x (a)")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stationd.store.db._BUSY_MS", 10)
        with pytest.raises(StorageError, match="another program keeps it locked"):
            open_file(path, scripts())
    holder.close()
    assert _damaged(tmp_path) == []


def test_a_directory_in_its_place_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "stationd.db").mkdir()
    with pytest.raises(StorageError, match=r"cannot open .*stationd[.]db: Is a directory"):
        open_file(tmp_path / "stationd.db", scripts())
    assert _damaged(tmp_path) == []
