"""Transactions and their messages, in real files."""

import asyncio
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from stationd.domain.errors import StorageError
from stationd.station.ports import TransactionStore as Port
from stationd.store.store import Store
from stationd.store.transactions import TransactionStore
from tests.store.samples import NOON, ended, event, transaction


async def test_a_transaction_and_its_events_come_back_as_they_were(store: Store) -> None:
    port: Port = store.transactions
    given, events = transaction(next_seq_no=2), [event(0), event(1, offline=True)]
    await port.commit(given, events)
    assert await port.open_transactions() == [given]
    assert await port.find("t1") == given
    assert await port.find("t2") is None
    first = await store.outbox.head()
    assert first is not None
    assert (first.event, first.attempts) == (events[0], 0)
    await store.outbox.delivered(first.row_id)
    second = await store.outbox.head()
    assert second is not None
    assert second.event == events[1]


async def test_they_survive_a_restart(tmp_path: Path) -> None:
    first = await Store.open(tmp_path)
    await first.transactions.commit(transaction(), [event(0)])
    await first.close()
    second = await Store.open(tmp_path)
    assert await second.transactions.open_transactions() == [transaction()]
    head = await second.outbox.head()
    assert head is not None
    assert head.event == event(0)
    assert second.notices == []
    await second.close()


async def test_an_ended_transaction_is_recent_but_not_open(store: Store) -> None:
    await store.transactions.commit(transaction("a"), [event(0, "a")])
    await store.transactions.commit(*ended("b"))
    await store.transactions.commit(transaction("c"), [event(0, "c")])
    assert [one.transaction_id for one in await store.transactions.open_transactions()] == ["a", "c"]
    assert [one.transaction_id for one in await store.transactions.recent(2)] == ["c", "b"]
    assert await store.transactions.recent(0) == []
    assert await store.transactions.recent(-1) == []


async def test_messages_are_counted_in_all_and_by_transaction(store: Store) -> None:
    await store.transactions.commit(transaction("a", next_seq_no=2), [event(0, "a"), event(1, "a")])
    await store.transactions.commit(transaction("b"), [event(0, "b")])
    counts = [await store.transactions.queued(ident) for ident in (None, "a", "b", "c")]
    assert counts == [3, 2, 1, 0]


async def test_a_transaction_can_be_stored_without_events(store: Store) -> None:
    await store.transactions.commit(transaction(), [event(0)])
    later = replace(transaction(), last_wh=1234.0, last_sample_at=NOON + timedelta(minutes=1))
    await store.transactions.commit(later, [])
    assert await store.transactions.find("t1") == later
    assert await store.transactions.queued() == 1


async def test_a_number_is_used_once_even_after_its_message_was_delivered(store: Store) -> None:
    await store.transactions.commit(transaction(), [event(0)])
    head = await store.outbox.head()
    assert head is not None
    await store.outbox.delivered(head.row_id)
    with pytest.raises(StorageError, match="the number 0 was used before, the next is 1"):
        await store.transactions.commit(transaction(), [event(0)])
    assert await store.transactions.queued() == 0


@pytest.mark.parametrize(
    ("next_seq_no", "numbers", "reason"),
    [(1, (1,), "is not from 1 to 0"), (3, (1, 0), "is not from 2 to 2"), (3, (1, 1), "is not from 2 to 2")],
)
async def test_events_out_of_order_are_refused(
    store: Store, next_seq_no: int, numbers: tuple[int, ...], reason: str
) -> None:
    with pytest.raises(StorageError, match=reason):
        await store.transactions.commit(transaction(next_seq_no=next_seq_no), [event(number) for number in numbers])
    assert await store.transactions.find("t1") is None


async def test_an_event_of_another_transaction_is_refused(store: Store) -> None:
    with pytest.raises(StorageError, match="cannot store t1: one of its events is of t2"):
        await store.transactions.commit(transaction(), [event(0, "t2")])


async def test_an_old_copy_does_not_open_an_ended_transaction_again(store: Store) -> None:
    await store.transactions.commit(*ended("t1"))
    with pytest.raises(StorageError, match="it has ended and cannot be opened again"):
        await store.transactions.commit(transaction(), [])
    found = await store.transactions.find("t1")
    assert found is not None
    assert found.ended_at is not None


async def test_nothing_is_stored_of_a_commit_that_fails(store: Store) -> None:
    await store.transactions.commit(transaction(), [event(0)])
    with pytest.raises(StorageError):
        await store.transactions.commit(transaction(next_seq_no=2**64), [event(1)])
    assert await store.transactions.find("t1") == transaction()
    assert await store.transactions.queued() == 1


async def test_commits_at_the_same_time_are_all_stored_in_order(store: Store) -> None:
    commits = [store.transactions.commit(transaction(next_seq_no=number + 1), [event(number)]) for number in range(150)]
    await asyncio.gather(*commits)
    numbers = []
    while (row := await store.outbox.head()) is not None:
        numbers.append(row.event.seq_no)
        await store.outbox.delivered(row.row_id)
    assert numbers == list(range(150))


async def test_a_bad_commit_among_others_fails_alone(store: Store) -> None:
    results = await asyncio.gather(
        store.transactions.commit(transaction("a"), [event(0, "a")]),
        store.transactions.commit(transaction("a"), [event(0, "a")]),
        store.transactions.commit(transaction("b"), [event(0, "b")]),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), StorageError, type(None)]
    assert await store.transactions.queued() == 2


async def test_the_newest_ended_transactions_are_kept_and_older_ones_go_when_delivered(store: Store) -> None:
    small = TransactionStore(store._database, store.outbox._aliases, last_row_id=0, kept_ended=3)
    await small.commit(transaction("open"), [event(0, "open")])
    for number in range(5):
        await small.commit(*ended(f"t{number}"))
    kept = [one.transaction_id for one in await small.recent(100)]
    assert kept == ["t4", "t3", "t2", "t1", "t0", "open"], "their messages are not delivered yet"
    while (row := await store.outbox.head()) is not None:
        await store.outbox.delivered(row.row_id, alias=row.row_id)
    await small.commit(*ended("t5"))
    assert [one.transaction_id for one in await small.recent(100)] == ["t5", "t4", "t3", "open"]
    assert store.outbox.alias("t0") is None
    assert store.outbox.transaction_of(store.outbox.alias("t4") or 0) == "t4"


async def test_a_row_that_cannot_be_read_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = await Store.open(tmp_path)
    await store.transactions.commit(transaction("a"), [event(0, "a")])
    await store.transactions.commit(transaction("b"), [event(0, "b")])
    await store.close()
    file = sqlite3.connect(tmp_path / "stationd.db")
    file.execute("""UPDATE transactions SET body = '{"evse_id": "one"}' WHERE transaction_id = 'a'""")
    file.commit()
    file.close()
    store = await Store.open(tmp_path)
    assert [one.transaction_id for one in await store.transactions.open_transactions()] == ["b"]
    assert "transaction not readable transaction_id=a" in caplog.text
    await store.close()
