"""The queue of messages."""

import sqlite3
from pathlib import Path

import pytest

from stationd.station.ports import Outbox as Port
from stationd.station.ports import OutboxRow
from stationd.store.store import Store
from tests.store.samples import event, transaction


async def _queue(store: Store, ident: str = "t1") -> None:
    await store.transactions.commit(transaction(ident), [event(0, ident)])


async def _head(store: Store) -> OutboxRow:
    row = await store.outbox.head()
    assert row is not None
    return row


async def test_an_empty_queue_has_no_head(store: Store) -> None:
    port: Port = store.outbox
    assert await port.head() is None


async def test_a_row_stays_until_it_is_delivered(store: Store) -> None:
    await _queue(store)
    first = await _head(store)
    assert await _head(store) == first
    await store.outbox.delivered(first.row_id)
    assert await store.outbox.head() is None


async def test_failures_are_counted_over_a_restart(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)
    await _queue(store)
    row = await _head(store)
    await store.outbox.failed(row.row_id)
    await store.outbox.failed(row.row_id)
    await store.close()
    store = await Store.open(tmp_path)
    assert (await _head(store)).attempts == 2
    await store.close()


async def test_the_number_of_a_delivered_row_is_not_given_again(store: Store) -> None:
    await _queue(store, "a")
    first = (await _head(store)).row_id
    await store.outbox.delivered(first)
    await _queue(store, "b")
    await store.outbox.delivered(first)
    assert (await _head(store)).event.transaction_id == "b"


async def test_what_waits_when_the_line_drops_is_marked_offline_and_what_comes_later_is_not(store: Store) -> None:
    await _queue(store, "a")
    await store.outbox.mark_offline()
    await _queue(store, "b")
    row = await _head(store)
    assert row.event == event(0, "a", offline=True)
    await store.outbox.delivered(row.row_id)
    assert (await _head(store)).event.offline is False


async def test_the_integer_of_a_16_csms_is_known_both_ways_and_after_a_restart(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)
    await _queue(store)
    await store.outbox.delivered((await _head(store)).row_id, alias=42)
    for _ in range(2):
        assert store.outbox.alias("t1") == 42
        assert store.outbox.transaction_of(42) == "t1"
        assert store.outbox.alias("t2") is None
        assert store.outbox.transaction_of(43) is None
        await store.close()
        store = await Store.open(tmp_path)
    await store.close()


async def test_storing_the_transaction_again_keeps_its_integer(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)
    await _queue(store)
    await store.outbox.delivered((await _head(store)).row_id, alias=42)
    await store.transactions.commit(transaction(next_seq_no=2), [event(1)])
    await store.close()
    store = await Store.open(tmp_path)
    assert store.outbox.alias("t1") == 42
    await store.close()


@pytest.mark.parametrize("alias", [-1, 0, 2**31, 2**63, 10**40])
async def test_any_integer_can_be_kept(tmp_path: Path, alias: int) -> None:
    store = await Store.open(tmp_path)
    await _queue(store)
    await store.outbox.delivered((await _head(store)).row_id, alias=alias)
    await store.close()
    store = await Store.open(tmp_path)
    assert store.outbox.alias("t1") == alias
    assert store.outbox.transaction_of(alias) == "t1"
    await store.close()


async def test_of_two_transactions_with_one_integer_the_newer_is_found(store: Store) -> None:
    for ident in ("a", "b"):
        await _queue(store, ident)
        await store.outbox.delivered((await _head(store)).row_id, alias=7)
    assert store.outbox.transaction_of(7) == "b"
    assert store.outbox.alias("a") == 7


async def test_a_delivery_of_nothing_changes_nothing(store: Store) -> None:
    await _queue(store)
    await store.outbox.delivered(999, alias=5)
    assert store.outbox.transaction_of(5) is None
    assert await store.transactions.queued() == 1


async def test_a_message_that_cannot_be_read_does_not_stop_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = await Store.open(tmp_path)
    await _queue(store, "a")
    await _queue(store, "b")
    await store.close()
    file = sqlite3.connect(tmp_path / "stationd.db")
    file.execute("UPDATE outbox SET body = 'no JSON' WHERE transaction_id = 'a'")
    file.commit()
    file.close()
    store = await Store.open(tmp_path)
    assert (await _head(store)).event.transaction_id == "b"
    assert "queued message not readable row_id=1" in caplog.text
    assert await store.transactions.queued() == 1
    await store.close()
