"""Everything that can happen around one start, in every order: what must hold in all of them."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Awaitable, Callable

import pytest

from stationd.domain.events import TransactionEvent, TransactionEventType
from stationd.domain.variable_table import (
    AUTHORIZE_REMOTE_START,
    EV_CONNECTION_TIMEOUT,
    TX_START_POINT,
    TX_STOP_POINT,
)
from stationd.domain.variables import VariableSpec
from stationd.station.ports import Trigger
from tests.station.harness import ANNA, BERT, Bench, bench

POINTS: list[dict[VariableSpec, str]] = [
    {},
    {TX_START_POINT: "EVConnected", TX_STOP_POINT: "EVConnected"},
    {TX_START_POINT: "Authorized", TX_STOP_POINT: "Authorized"},
    {TX_START_POINT: "EVConnected,Authorized", TX_STOP_POINT: "PowerPathClosed"},
]


class Watcher:
    """Checks at every single offer that a permit has an authorised transaction on the disk behind it."""

    def __init__(self, b: Bench) -> None:
        self.b = b
        self.wrong: list[str] = []
        b.pilot.on_offer = self.offered

    def offered(self, evse_id: int, permit: bool) -> None:
        rows = [r for r in self.b.store.rows.values() if r.evse_id == evse_id and r.ended_at is None]
        if permit and not any(row.authorized for row in rows):
            self.wrong.append(f"permit at EVSE {evse_id} without an authorised transaction on the disk: {rows}")
        if permit and not self.b.pilot.outlets[evse_id].plugged:
            self.wrong.append("permit without a cable")


def check_stream(events: list[TransactionEvent]) -> None:
    """One Started first, one Ended last, no gap, time and meter never back, told once."""
    by_id: dict[str, list[TransactionEvent]] = defaultdict(list)
    for event in events:
        by_id[event.transaction_id].append(event)
    for stream in by_id.values():
        assert [e.seq_no for e in stream] == list(range(len(stream)))
        assert stream[0].event_type is TransactionEventType.STARTED
        kinds = [e.event_type for e in stream]
        assert kinds.count(TransactionEventType.STARTED) == 1
        assert kinds.count(TransactionEventType.ENDED) <= 1
        assert TransactionEventType.ENDED not in kinds[:-1]
        assert all(a.meter_wh <= b.meter_wh and a.timestamp <= b.timestamp for a, b in itertools.pairwise(stream))
        assert sum(e.tell_evse for e in stream) <= 1
        assert sum(e.remote_start_id is not None for e in stream) <= 1
        assert all(sample.values for e in stream for sample in e.samples)
        assert stream[-1].event_type is not TransactionEventType.ENDED or stream[-1].stop_reason is not None


Step = Callable[[Bench, list["asyncio.Task[object]"]], Awaitable[None]]


async def plug(b: Bench, tasks: list["asyncio.Task[object]"]) -> None:
    b.pilot.plug_in()


async def unplug(b: Bench, tasks: list["asyncio.Task[object]"]) -> None:
    b.pilot.plug_out()


async def swipe(b: Bench, tasks: list["asyncio.Task[object]"]) -> None:
    tasks.append(asyncio.create_task(b.station.present_token(ANNA)))


async def answer(b: Bench, tasks: list["asyncio.Task[object]"]) -> None:
    b.csms.answer()


async def remote(b: Bench, tasks: list["asyncio.Task[object]"]) -> None:
    await b.station.request_start(evse_id=1, id_token=BERT, remote_start_id=9)


async def time_out(b: Bench, tasks: list["asyncio.Task[object]"]) -> None:
    await b.wait(31)


STEPS: dict[str, Step] = {
    "plug": plug,
    "swipe": swipe,
    "answer": answer,
    "remote": remote,
    "time_out": time_out,
    "unplug": unplug,
}


async def play(order: tuple[str, ...], points: dict[VariableSpec, str], *, settle_between: bool) -> None:
    async with bench(settings={EV_CONNECTION_TIMEOUT: "30", **points}) as b:
        b.csms.hold = True
        watcher = Watcher(b)
        start_wh = b.pilot.flowed_wh()
        tasks: list[asyncio.Task[object]] = []
        for name in order:
            await STEPS[name](b, tasks)
            if settle_between:
                await b.wait(2)
        await b.wait(2)
        b.csms.hold = False
        b.csms.answer()
        await b.plug_out()
        await b.wait(45)  # past every time-out: nothing may stay open now
        assert watcher.wrong == []
        check_stream(b.events)
        assert all(row.ended_at is not None for row in b.store.rows.values()), b.told()
        assert not b.permitted()
        assert all(task.done() for task in tasks)
        billed = sum(row.energy_wh for row in b.store.rows.values())
        assert billed == pytest.approx(b.pilot.flowed_wh() - start_wh)
        for row in b.store.rows.values():
            assert row.energy_wh == 0 or row.id_token is not None
        assert not b.snapshot().authorized


async def checked(order: tuple[str, ...], points: dict[VariableSpec, str], *, settle_between: bool) -> None:
    try:
        await play(order, points, settle_between=settle_between)
    except AssertionError as error:
        raise AssertionError(f"in the order {' '.join(order)}: {error}") from error


@pytest.mark.parametrize("points", POINTS, ids=lambda points: "-".join(points.values()) or "defaults")
async def test_every_order_of_events_keeps_the_invariants(points: dict[VariableSpec, str]) -> None:
    for order in itertools.permutations(STEPS):
        await checked(order, points, settle_between=True)


async def test_every_order_of_events_at_one_instant_keeps_the_invariants() -> None:
    for order, points in zip(itertools.permutations(STEPS), itertools.cycle(POINTS), strict=False):
        await checked(order, points, settle_between=False)


async def test_an_answer_after_the_cable_was_pulled_authorises_nobody() -> None:
    async with bench() as b:
        b.csms.hold = True
        await b.plug_in()
        swipe = await b.swiping()
        await b.plug_out()
        b.csms.answer()
        await b.settle()
        assert swipe.result().reason == "NoCable"
        await b.plug_in()
        assert b.told() == []
        assert not b.permitted()


async def test_an_answer_after_another_car_was_plugged_in_authorises_nobody() -> None:
    async with bench() as b:
        b.csms.hold = True
        await b.plug_in()
        swipe = await b.swiping()
        await b.plug_out()
        await b.plug_in()
        b.csms.answer()
        await b.settle()
        assert swipe.result().reason == "NoCable"
        assert not b.permitted()


async def test_of_two_tokens_in_question_the_first_answered_gets_the_cable() -> None:
    async with bench() as b:
        b.csms.hold = True
        await b.plug_in()
        first, second = await b.swiping(ANNA), await b.swiping(BERT)
        b.csms.answer()
        await b.settle()
        verdicts = [first.result(), second.result()]
        assert [v.accepted for v in verdicts] == [True, False]
        assert [e.id_token for e in b.events] == [ANNA, ANNA]


async def test_an_answer_after_a_fault_starts_nothing() -> None:
    async with bench() as b:
        b.csms.hold = True
        await b.plug_in()
        swipe = await b.swiping()
        await b.change(faults=("rcd_trip",))
        b.csms.answer()
        await b.settle()
        assert swipe.result().reason == "Faulted"
        await b.change(faults=())
        assert b.told() == []


async def test_the_same_card_shown_again_while_it_is_checked_does_not_count_twice() -> None:
    async with bench() as b:
        b.csms.hold = True
        await b.plug_in()
        first = await b.swiping()
        again = await b.swipe()
        assert again.reason == "InProgress"
        b.csms.answer()
        await b.settle()
        assert first.result().accepted
        assert len(b.csms.asked) == 1


async def test_a_driver_may_plug_in_while_the_card_is_checked() -> None:
    async with bench() as b:
        b.csms.hold = True
        swipe = await b.swiping()
        await b.plug_in()
        b.csms.answer()
        await b.settle()
        assert swipe.result().accepted
        assert b.closed()


async def test_a_cable_pulled_before_the_answer_gets_its_turn_authorises_nobody() -> None:
    """The answer finds the EVSE busy; the unplugging was there first."""
    async with bench(settings={TX_START_POINT: "EVConnected", TX_STOP_POINT: "EVConnected"}) as b:
        b.csms.hold = True
        await b.plug_in()
        swipe = await b.swiping()
        gate = b.store.gate = asyncio.Event()
        b.station.trigger(Trigger.TRANSACTION_EVENT)
        await b.settle()
        await b.plug_out()
        await b.plug_in()
        b.csms.answer()
        await b.settle()
        gate.set()
        await b.settle()
        assert swipe.result().reason == "NoCable"
        assert not b.permitted()


async def test_a_remote_start_for_a_car_that_left_meanwhile_starts_nothing() -> None:
    async with bench(settings={AUTHORIZE_REMOTE_START: "true"}) as b:
        b.csms.hold = True
        await b.plug_in()
        assert (await b.remote_start()).accepted
        await b.plug_out()
        await b.plug_in()
        b.csms.answer()
        await b.settle()
        assert not b.permitted()
        assert b.told() == []


async def test_a_permit_goes_at_once_whatever_the_jobs_are_doing() -> None:
    for trouble in ("fault", "unplug"):
        async with bench() as b:
            await b.charge()
            b.store.gate = asyncio.Event()
            b.station.trigger(Trigger.TRANSACTION_EVENT)
            await b.settle()
            assert b.permitted()
            if trouble == "fault":
                await b.change(faults=("rcd_trip",))
            else:
                await b.plug_out()
            assert not b.permitted()
            b.store.gate.set()


async def test_a_permit_goes_before_the_disk_is_waited_for() -> None:
    async with bench() as b:
        await b.charge()
        b.store.gate = asyncio.Event()
        swipe = await b.swiping()
        assert not b.permitted()
        assert not swipe.done()
        b.store.gate.set()
        await b.settle()
        assert swipe.result().accepted
