"""What a message costs: with its socket, out of the outbox, and without either."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stationd.domain.events import TransactionEvent, TransactionEventType
from stationd.domain.states import ChargingState, TriggerReason
from stationd.domain.transaction import Transaction
from stationd.store.store import Store
from tests.bench.figures import Goal, Of, Row, middle
from tests.bench.rig import ENV, OURS, THEIRS, Baseline, StationRig
from tests.bench.sender_process import event
from tests.bench.tiny_csms import WARM_UP
from tests.bench.world import World

NODE_CLIENT = Path(__file__).with_name("baseline_rpc.js")
NODE_PACKAGE = Path(__file__).resolve().parents[1] / "interop" / "node_modules" / "ocpp-rpc"
SOCKET_NOTE = (
    "Eight samples, checked against the schema by the sender, as is the answer; back to back. "
    "stationd's way (translate, validate, session, channel, transport) without its station."
)
OUTBOX_NOTE = (
    "The real brain empties a queue of TransactionEvents with eight samples; every one is read from and deleted in the "
    "database, with a commit to the disk. Beside the baseline's MeterValues, which it keeps nowhere."
)

PATH_NOTE = "Translate, validate, JSON and back. Beside the `ocpp` package with its thread pool switched off."
NODE_NOTE = "The npm package ocpp-rpc in strict mode on Node."
NO_NODE_NOTE = "Beside the npm package ocpp-rpc: needs Node and tests/interop/setup.sh."


def measure(world: World) -> list[Row]:
    """Let both sides send in turn."""
    count, rounds = world.pick(100, 500), world.pick(1, 7)
    live: list[float] = []
    queued: list[float] = []
    theirs: list[float] = []
    node: list[float] = []
    for number in range(1, rounds + 1):
        world.say(f"messages: round {number} of {rounds}")
        with Baseline(world.csms, world.folder, count=count + WARM_UP):
            theirs.append(_cpu_us(world, THEIRS, "MeterValues", count))
        live.append(_live(world, count))
        queued.append(_queued(world, count))
        if _has_node():
            node.append(_node(world, count))
    paths = [(_path("stationd", count * 5), _path("package", count)) for _ in range(rounds)]
    return _rows(live, queued, theirs, node, paths)


def _rows(
    live: list[float], queued: list[float], theirs: list[float], node: list[float], paths: list[tuple[float, float]]
) -> list[Row]:
    limit = (Goal(0.35, Of.RATIO),)
    rows = [
        Row(name="MeterValues with socket, CPU", unit="µs", ours=middle(live), baseline=middle(theirs), goals=limit,
            notes=(SOCKET_NOTE,)),
        Row(name="event out of the outbox, CPU", unit="µs", ours=middle(queued), baseline=middle(theirs), goals=limit,
            notes=(OUTBOX_NOTE,)),
        Row(name="message without socket, CPU", unit="µs", ours=middle([path[0] for path in paths]),
            baseline=middle([path[1] for path in paths]), goals=(Goal(0.15, Of.RATIO),),
            notes=(PATH_NOTE,)),
    ]  # fmt: skip
    beside_node = Row(
        name="MeterValues with socket, CPU, beside ocpp-rpc", unit="µs", ours=middle(live), baseline=middle(node),
        goals=(Goal(1.0, Of.RATIO),),
        notes=(SOCKET_NOTE, NODE_NOTE if node else NO_NODE_NOTE),
    )  # fmt: skip
    return [rows[0], beside_node, *rows[1:]]


def _cpu_us(world: World, identity: str, action: str, count: int) -> float:
    """Return the sender's CPU time from one message to the next, once it is warm."""
    noted = world.csms.wait(identity, action, count + WARM_UP, 120)
    return (noted["last_cpu_ns"] - noted["warm_cpu_ns"]) / 1000 / (noted["count"] - WARM_UP)


def _live(world: World, count: int) -> float:
    argv = [sys.executable, "-m", "tests.bench.sender_process", world.csms.url, OURS, count + WARM_UP]
    process, _ = world.csms.start(OURS, "the sender", argv, world.folder / "sender.log")
    try:
        return _cpu_us(world, OURS, "MeterValues", count)
    finally:
        process.end()


def _queued(world: World, count: int) -> float:
    with StationRig(world.csms) as rig:
        asyncio.run(_fill(rig.folders.state_dir, count + WARM_UP))
        rig.start_brain()
        return _cpu_us(world, OURS, "TransactionEvent", count)


async def _fill(state_dir: Path, count: int) -> None:
    """Store a transaction that has ended, with all its events still to be sent."""
    now = datetime.now(UTC)
    samples = event().samples
    events = [
        TransactionEvent(
            event_type=_kind(number, count), transaction_id="bench", seq_no=number, timestamp=now,
            trigger=TriggerReason.METER_VALUE_PERIODIC, evse_id=1, connector_id=1,
            charging_state=ChargingState.CHARGING, meter_wh=1_234_572.8, samples=samples,
        )
        for number in range(count)
    ]  # fmt: skip
    transaction = Transaction(
        transaction_id="bench", evse_id=1, connector_id=1, started_at=now, meter_start_wh=1_234_567.0,
        next_seq_no=count, ended_at=now, meter_stop_wh=1_234_572.8,
    )  # fmt: skip
    store = await Store.open(state_dir)
    try:
        await store.transactions.commit(transaction, events)
    finally:
        await store.close()


def _kind(number: int, count: int) -> TransactionEventType:
    if number == 0:
        return TransactionEventType.STARTED
    return TransactionEventType.ENDED if number == count - 1 else TransactionEventType.UPDATED


def _path(side: str, count: int) -> float:
    argv: Sequence[str] = [sys.executable, "-m", "tests.bench.message_path", side, str(count)]
    done = subprocess.run(argv, env={**os.environ, **ENV}, capture_output=True, check=True, text=True)
    spent: Any = json.loads(done.stdout)
    return float(spent)


def _has_node() -> bool:
    return shutil.which("node") is not None and NODE_PACKAGE.is_dir()


def _node(world: World, count: int) -> float:
    argv = ["node", NODE_CLIENT, NODE_PACKAGE, world.csms.url, "node", count + WARM_UP]
    process, _ = world.csms.start("node", "the ocpp-rpc client", argv, world.folder / "node.log")
    try:
        return _cpu_us(world, "node", "MeterValues", count)
    finally:
        process.end()
