"""Cards and remote starts on a whole station."""

import asyncio
from collections.abc import AsyncIterator

from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo
from stationd.domain.states import StopReason
from stationd.domain.variable_table import (
    AUTHORIZE_REMOTE_START,
    LOCAL_PRE_AUTHORIZE,
    MASTER_PASS_GROUP_ID,
    OFFLINE_TX_FOR_UNKNOWN_ID,
    TX_START_POINT,
)
from tests.station.harness import ANNA, BERT, Bench, bench
from tests.station.test_flow import INVALID


async def test_a_token_that_the_csms_refuses_starts_nothing() -> None:
    async with bench() as b:
        b.csms.answers["ANNA"] = INVALID
        await b.plug_in()
        verdict = await b.swipe()
        assert verdict.reason == "InvalidIdToken"
        assert not b.permitted()
        assert b.told() == []


async def test_offline_a_known_token_starts_and_an_unknown_one_does_not() -> None:
    async with bench() as b:
        await b.charge()
        await b.swipe()
        b.csms.online = False
        assert (await b.swipe(BERT)).reason == "InvalidIdToken"
        assert (await b.swipe(ANNA)).accepted
        assert b.events[-2].offline
        await b.swipe(ANNA)
        await b.set(OFFLINE_TX_FOR_UNKNOWN_ID, "true")
        assert (await b.swipe(BERT)).accepted
        assert len(b.csms.asked) == 1
        assert ("bert", BERT.type) not in b.cache.entries  # C15.FR.01


async def test_a_known_token_starts_without_a_question_where_pre_authorization_is_on() -> None:
    async with bench(settings={LOCAL_PRE_AUTHORIZE: "true"}) as b:
        await b.charge()
        await b.swipe()
        assert (await b.swipe()).accepted
        assert len(b.csms.asked) == 1


async def test_the_second_presentation_of_a_waiting_token_takes_it_back() -> None:
    async with bench() as b:
        await b.swipe()
        assert (await b.swipe()).accepted
        assert not b.snapshot().authorized
        await b.plug_in()
        assert b.told() == []


async def test_a_driver_may_plug_in_at_another_evse_than_expected() -> None:
    async with bench(2) as b:
        await b.swipe()
        assert b.snapshot(1).authorized
        await b.plug_in(2)
        assert not b.snapshot(1).authorized
        assert b.closed(2)
        assert b.store.rows["tx-1"].evse_id == 2


async def test_a_reader_of_one_evse_binds_the_token_to_it() -> None:
    async with bench(2) as b:
        await b.swipe(ANNA, 1)
        await b.plug_in(2)
        assert not b.permitted(2)
        await b.plug_in(1)
        assert b.closed(1)


async def test_one_card_may_run_two_cars_and_stops_the_last_plugged_first() -> None:
    async with bench(2) as b:
        await b.plug_in(1)
        await b.swipe()
        await b.wait(5)
        await b.plug_in(2)
        await b.swipe()
        assert b.closed(1)
        assert b.closed(2)
        await b.swipe()
        assert b.ended.evse_id == 2
        await b.plug_out(2)
        await b.swipe()
        assert b.ended.evse_id == 1


async def test_a_remote_start_is_refused_where_another_runs_or_waits() -> None:
    async with bench() as b:
        assert (await b.remote_start(9)).reason == "UnknownEvse"
        await b.remote_start()
        assert (await b.remote_start(token=BERT)).reason == "TxInProgress"
        await b.plug_in()
        assert (await b.remote_start(token=BERT)).reason == "TxInProgress"


async def test_two_remote_starts_at_once_give_one_transaction() -> None:
    async with bench() as b:
        await b.plug_in()
        first, second = await asyncio.gather(
            b.station.request_start(evse_id=1, id_token=ANNA, remote_start_id=1),
            b.station.request_start(evse_id=1, id_token=BERT, remote_start_id=2),
        )
        await b.settle()
        assert [first.accepted, second.accepted] == [True, False]
        assert {e.transaction_id for e in b.events} == {"tx-1"}


async def test_a_remote_start_is_answered_before_its_token_is_checked() -> None:
    async with bench(settings={AUTHORIZE_REMOTE_START: "true"}) as b:
        b.csms.hold = True
        await b.plug_in()
        assert (await b.remote_start()).accepted
        assert b.told() == []
        assert not (await b.remote_start(token=BERT)).accepted
        b.csms.answer(INVALID)
        await b.settle()
        assert not b.permitted()
        assert (await b.remote_start()).accepted
        b.csms.answer()
        await b.settle()
        assert b.closed()


async def test_a_remote_start_authorises_a_transaction_that_the_cable_started() -> None:
    async with bench(settings={TX_START_POINT: "EVConnected"}) as b:
        await b.plug_in()
        verdict = await b.remote_start(number=5)
        assert verdict.transaction_id == "tx-1"
        assert b.told()[1] == ("Updated", "RemoteStart", "EVConnected")
        assert b.events[1].remote_start_id == 5
        assert b.closed()


async def test_a_master_pass_stops_everything_and_starts_nothing() -> None:
    async with bench(3, settings={MASTER_PASS_GROUP_ID: "BOSS"}) as b:
        b.csms.answers["MASTER"] = IdTokenInfo(AuthorizationStatus.ACCEPTED, group=IdToken("boss"))
        await b.charge(1)
        await b.charge(2)
        await b.plug_in(3)
        assert (await b.swipe(IdToken("MASTER"))).accepted
        assert [row.stop_reason for row in b.store.rows.values()] == [StopReason.MASTER_PASS] * 2
        assert not b.permitted(3)
        assert b.ended.stop_token == IdToken("MASTER")


async def test_an_answer_that_accepts_gives_the_transaction_its_group() -> None:
    async with bench() as b:
        group = IdToken("FLEET")
        await b.charge()
        await b.answer_event(b.events[0], IdTokenInfo(AuthorizationStatus.ACCEPTED, group=group))
        b.csms.answers["BERT"] = IdTokenInfo(AuthorizationStatus.ACCEPTED, group=group)
        assert (await b.swipe(BERT)).accepted
        assert b.told()[-1][0] == "Ended"


class ListReader:
    """A card reader with a queue of cards."""

    def __init__(self) -> None:
        self.cards: asyncio.Queue[IdToken] = asyncio.Queue()
        self.error: str | None = None

    async def tokens(self) -> AsyncIterator[IdToken]:
        while True:
            yield await self.cards.get()

    async def close(self) -> None:
        pass


async def test_cards_of_a_reader_are_handled_side_by_side() -> None:
    b = Bench(2)
    reader = ListReader()
    b.readers = (reader,)
    await b.start()
    b.csms.hold = True
    await b.plug_in(1)
    reader.cards.put_nowait(ANNA)
    await b.wait(1)
    await b.plug_in(2)
    reader.cards.put_nowait(BERT)
    await b.settle()
    assert [token for token, _ in b.csms.asked] == ["ANNA", "BERT"]
    b.csms.answer()
    await b.settle()
    assert {row.evse_id: row.id_token for row in b.store.rows.values()} == {1: ANNA, 2: BERT}
    await b.kill()


async def test_a_lost_reader_is_a_warning_of_the_station() -> None:
    b = Bench()
    reader = ListReader()
    b.readers = (reader,)
    await b.start()
    reader.error = "cannot open the reader"
    await b.wait(6)
    assert [(f.code, f.evse_id, f.blocking) for f in b.station.faults()] == [("reader_lost", 0, False)]
    assert (await b.remote_start()).accepted
    await b.kill()
