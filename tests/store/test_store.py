"""The whole store of one station."""

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest

from stationd.domain.errors import StorageError
from stationd.station import ports
from stationd.store.db import Connection
from stationd.store.store import Store
from tests.store.samples import event, transaction


async def test_the_store_fits_the_ports(store: Store) -> None:
    transactions: ports.TransactionStore = store.transactions
    outbox: ports.Outbox = store.outbox
    tokens: ports.TokenStore = store.tokens
    auth_list: ports.AuthListStore = store.auth_list
    state: ports.StateStore = store.state
    settings: ports.SettingsStore = store.settings
    assert None not in (transactions, outbox, tokens, auth_list, state, settings)
    assert store.notices == []


async def test_a_missing_state_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    state_dir = tmp_path / "a" / "b"
    store = await Store.open(state_dir)
    assert state_dir.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in state_dir.iterdir()} == {
        "ballast", "stationd.db", "stationd.db-shm", "stationd.db-wal", "stationd.lock",
    }  # fmt: skip
    await store.close()


async def test_two_stores_of_one_directory_are_refused_until_the_first_closes(tmp_path: Path) -> None:
    first = await Store.open(tmp_path)
    with pytest.raises(StorageError, match=f"process {os.getpid()} is using it"):
        await Store.open(tmp_path)
    await first.close()
    await (await Store.open(tmp_path)).close()


async def test_a_failed_opening_gives_the_directory_back(tmp_path: Path) -> None:
    (tmp_path / "stationd.db").mkdir()
    with pytest.raises(StorageError, match="Is a directory"):
        await Store.open(tmp_path)
    (tmp_path / "stationd.db").rmdir()
    await (await Store.open(tmp_path)).close()


async def test_a_file_in_place_of_the_state_directory_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StorageError, match=r"cannot make the state directory .*state: File exists"):
        await Store.open(tmp_path / "state")


async def test_a_full_disk_refuses_new_rows_but_lets_delivered_ones_go(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)

    def bound(connection: Connection) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 4}")

    await store._database.read(bound)
    stored = 0

    async def store_until_full() -> None:
        nonlocal stored
        for number in range(500):
            await store.transactions.commit(transaction(f"t{number}"), [event(0, f"t{number}")])
            stored = number + 1

    with pytest.raises(StorageError, match="the disk is full"):
        await store_until_full()
    assert stored > 0
    assert await store.transactions.queued() == stored
    assert await store.transactions.find(f"t{stored}") is None, "nothing is stored of what was refused"
    for number in range(stored):
        head = await store.outbox.head()
        assert head is not None
        assert head.event.transaction_id == f"t{number}"
        await store.outbox.delivered(head.row_id)
    await store.transactions.commit(transaction("t0", next_seq_no=2), [event(1, "t0")])
    await store.close()
    store = await Store.open(tmp_path)
    assert await store.transactions.queued() == 1
    await store.close()


async def test_a_locked_file_does_not_hold_up_the_end_and_keeps_the_directory_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("stationd.store.store.CLOSE_S", 0.05)
    store = await Store.open(tmp_path)
    other = sqlite3.connect(tmp_path / "stationd.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        write = asyncio.create_task(store.state.put("fact", "1"))
        await asyncio.sleep(0)  # it waits for the other program from here on
        await store.close()
        assert "database not closed" in caplog.text
        assert not write.done()
        with pytest.raises(StorageError, match="is using it"):
            await Store.open(tmp_path)
    finally:
        other.execute("ROLLBACK")
        other.close()
    await write
    monkeypatch.setattr("stationd.store.store.CLOSE_S", 20.0)
    await store.close()
    again = await Store.open(tmp_path)
    assert await again.state.get("fact") == "1"
    await again.close()
