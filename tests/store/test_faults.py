"""Faults on the disk: messages in the queue, what is in force, and the numbers of events."""

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stationd.domain.errors import StorageError
from stationd.domain.events import FaultEvent, TransactionEvent
from stationd.domain.faults import Fault, FaultCode, FaultInForce
from stationd.station.ports import FaultStore as Port
from stationd.store.faults import FaultStore
from stationd.store.store import Store
from tests.store.samples import NOON, ended, event, transaction

HELD = (FaultInForce(Fault(FaultCode.TILT, 1), NOON),)


def fault(code: FaultCode = FaultCode.TILT, **changes: Any) -> FaultEvent:
    values: dict[str, Any] = {
        "code": code, "evse_id": 1, "timestamp": NOON, "cleared": False, "problem": True, "blocking": True,
    }  # fmt: skip
    return FaultEvent(**{**values, **changes})


async def drained(store: Store) -> list[TransactionEvent | FaultEvent]:
    found = []
    while (row := await store.outbox.head()) is not None:
        found.append(row.event)
        await store.outbox.delivered(row.row_id)
    return found


async def test_begin_and_end_wait_in_order_between_the_messages_of_a_transaction(store: Store) -> None:
    port: Port = store.faults
    await store.transactions.commit(transaction(), [event(0)])
    await port.put(fault(transaction_id="t1"), HELD)
    await store.transactions.commit(transaction(next_seq_no=2), [event(1)])
    await port.put(fault(cleared=True, problem=False), ())
    assert await drained(store) == [
        event(0), fault(transaction_id="t1", event_id=1), event(1), fault(cleared=True, problem=False, event_id=2),
    ]  # fmt: skip


async def test_numbers_of_events_rise_over_restarts_and_deliveries(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        store = await Store.open(tmp_path)
        await store.faults.put(fault(), ())
        assert await drained(store) == [fault(event_id=number)]
        await store.close()


async def test_what_is_in_force_is_known_after_a_restart(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)
    assert await store.faults.in_force() == ()
    await store.faults.put(fault(), HELD)
    await store.close()
    store = await Store.open(tmp_path)
    assert await store.faults.in_force() == HELD
    await store.faults.put(fault(cleared=True), ())
    assert await store.faults.in_force() == ()
    await store.close()


async def test_faults_in_force_that_cannot_be_read_are_forgotten(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await store.state.put("faults.in_force", '{"faults":[{"fault":{"code":"of_the_future","evse_id":1}}]}')
    assert await store.faults.in_force() == ()
    assert "faults in force not readable" in caplog.text


@pytest.mark.parametrize("broken", ["", "-3", "many"])
async def test_a_number_that_cannot_be_read_starts_anew(store: Store, broken: str) -> None:
    await store.state.put("faults.event_id", broken)
    await store.faults.put(fault(), ())
    assert await drained(store) == [fault(event_id=1)]


async def test_of_too_many_messages_the_oldest_go_and_transactions_keep_theirs(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    few = FaultStore(store._database, store.transactions.next_row_id, max_queued=3)
    await few.put(fault(), ())
    await store.transactions.commit(transaction(), [event(0)])
    for _ in range(4):
        await few.put(fault(), ())
    left = await drained(store)
    assert left[0] == event(0)
    assert left[1:] == [fault(event_id=number) for number in (3, 4, 5)]
    assert "fault messages dropped count=1" in caplog.text


async def test_messages_on_faults_are_none_of_a_transaction(store: Store) -> None:
    await store.transactions.commit(transaction(), [event(0)])
    await store.faults.put(fault(transaction_id="t1"), ())
    assert await store.transactions.queued() == 1
    assert await store.transactions.queued("t1") == 1


async def test_a_queued_fault_keeps_no_old_transaction(store: Store) -> None:
    store.transactions._kept_ended = 0
    await store.faults.put(fault(), ())
    await store.transactions.commit(*ended("a"))
    row = await store.outbox.head()
    assert row is not None
    await store.outbox.delivered(row.row_id)
    row = await store.outbox.head()
    assert row is not None
    await store.outbox.delivered(row.row_id)
    await store.faults.put(fault(), ())
    await store.transactions.commit(*ended("b"))
    assert [one.transaction_id for one in await store.transactions.recent(9)] == ["b"]


async def test_a_lost_line_changes_nothing_in_a_fault(store: Store) -> None:
    await store.faults.put(fault(), ())
    await store.outbox.mark_offline()
    assert await drained(store) == [fault(event_id=1)]


async def test_a_fault_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)
    await store.faults.put(fault(), ())
    await store.faults.put(fault(), ())
    await store.close()
    file = sqlite3.connect(tmp_path / "stationd.db")
    file.execute("UPDATE outbox SET body = 'no JSON' WHERE row_id = 1")
    file.commit()
    file.close()
    store = await Store.open(tmp_path)
    assert await drained(store) == [fault(event_id=2)]
    await store.close()


async def test_nothing_is_stored_of_what_cannot_be_stored(store: Store) -> None:
    with pytest.raises(StorageError):
        await store.faults.put(replace(fault(), timestamp=NOON.replace(tzinfo=None)), HELD)
    assert await store.outbox.head() is None
    assert await store.faults.in_force() == ()
