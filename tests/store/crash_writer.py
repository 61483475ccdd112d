"""Writes to a store until it is killed, and says on standard output what was acknowledged.

`e <transaction> <seq_no>`: an event is stored; `d <transaction> <seq_no>`: one is removed.
"""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from stationd.store.store import Store
from tests.store.samples import NOON, event, transaction


async def one_transaction(store: Store, ident: str) -> None:
    row = transaction(ident)
    for seq_no in range(7):
        row = replace(row, next_seq_no=seq_no + 1, last_wh=float(seq_no), ended_at=NOON if seq_no == 6 else None)
        await store.transactions.commit(row, [event(seq_no, ident, meter_wh=float(seq_no))])
        print("e", ident, seq_no, flush=True)


async def deliver(store: Store) -> None:
    while True:
        head = await store.outbox.head()
        if head is None:
            await asyncio.sleep(0)
            continue
        await store.outbox.delivered(head.row_id, alias=head.row_id)
        print("d", head.event.transaction_id, head.event.seq_no, flush=True)


async def main() -> None:
    store = await Store.open(Path(sys.argv[1]))
    delivering = asyncio.create_task(deliver(store))
    for number in range(10_000):
        await asyncio.gather(*(one_transaction(store, f"{sys.argv[2]}-{number}-{lane}") for lane in range(2)))
        if delivering.done():
            delivering.result()


asyncio.run(main())
