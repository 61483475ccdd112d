"""Kill the writer at any moment: what was acknowledged is there, and rows and messages agree."""

import random
import subprocess
import sys
from pathlib import Path

from stationd.store.store import Store

KILLS = 15
ROOT = Path(__file__).parents[2]


def _write_and_kill(state_dir: Path, run: int, after_lines: int) -> list[list[str]]:
    """Return what the writer acknowledged, the last words before its death included."""
    command = [sys.executable, "-m", "tests.store.crash_writer", str(state_dir), f"run{run}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(after_lines)]
        writer.kill()
        lines += writer.stdout.readlines()
    return [line.split() for line in lines if line.endswith("\n")]


async def _agreement(state_dir: Path, acknowledged: list[list[str]]) -> int:
    """Check the file against what was acknowledged; return how many messages waited."""
    store = await Store.open(state_dir)
    assert store.notices == []
    queued: dict[str, list[int]] = {}
    while (row := await store.outbox.head()) is not None:
        queued.setdefault(row.event.transaction_id, []).append(row.event.seq_no)
        await store.outbox.delivered(row.row_id)
    stored = {(ident, int(number)) for what, ident, number in acknowledged if what == "e"}
    removed = {(ident, int(number)) for what, ident, number in acknowledged if what == "d"}
    waiting = {(ident, number) for ident, numbers in queued.items() for number in numbers}
    assert not removed & waiting, "a removed message is back"
    assert len(stored - removed - waiting) <= 1, "only one removal can have gone unsaid"
    for ident, number in stored:
        transaction = await store.transactions.find(ident)
        assert transaction is not None, ident
        assert transaction.next_seq_no > number, "an acknowledged event is ahead of its row"
    for ident, numbers in queued.items():
        transaction = await store.transactions.find(ident)
        assert transaction is not None
        assert numbers == list(range(numbers[0], transaction.next_seq_no)), "messages and row disagree"
        assert transaction.last_wh == float(transaction.next_seq_no - 1)
        assert (transaction.ended_at is not None) == (transaction.next_seq_no == 7)
    assert all(store.outbox.alias(ident) is not None for ident, _ in removed)
    await store.close()
    return len(waiting)


async def test_no_kill_loses_or_tears_what_was_acknowledged(tmp_path: Path) -> None:
    generator = random.Random(1)
    waited = 0
    for run in range(KILLS):
        least = generator.randint(1, 60)
        acknowledged = _write_and_kill(tmp_path, run, after_lines=least)
        assert len(acknowledged) >= least
        waited += await _agreement(tmp_path, acknowledged)
    assert waited > 0, "no kill came while a message was waiting: this test proves nothing"
