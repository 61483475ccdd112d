"""Cards and remote starts on a whole station."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from stationd.domain.auth_list import ListEntry, ListUpdate, UpdateKind, UpdateStatus
from stationd.domain.events import LocalListConflict
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
        assert BERT.key not in b.cache.entries  # C15.FR.01


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


async def test_a_master_pass_stops_everything_and_starts_nothing_c16_fr_02_c16_fr_03_c16_fr_08() -> None:
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


async def put_on_list(b: Bench, *tokens: IdToken, **info: Any) -> None:
    values = {"status": AuthorizationStatus.ACCEPTED, **info}
    entries = tuple(ListEntry(token, IdTokenInfo(**values)) for token in tokens)
    version = b.auth_list.version + 1
    outcome = await b.station.update_local_list(ListUpdate(version, UpdateKind.DIFFERENTIAL, entries))
    assert outcome.status is UpdateStatus.ACCEPTED


async def test_a_listed_token_charges_offline_and_after_a_restart_c13_fr_02_d01_fr_10() -> None:
    """TC_C_21, TC_008_1."""
    b = Bench()
    await b.start()
    await put_on_list(b, ANNA)
    b.csms.online = False
    await b.stop()
    await b.start(registered=True)
    assert (await b.swipe(BERT)).reason == "InvalidIdToken"
    await b.charge()
    assert b.closed()
    assert b.events[0].offline
    await b.swipe()
    assert b.ended.stop_token == ANNA, "the same token ends it offline (C01.FR.03)"
    assert b.csms.asked == []
    await b.kill()


@pytest.mark.parametrize("status", [s for s in AuthorizationStatus if s is not AuthorizationStatus.ACCEPTED])
async def test_a_listed_token_that_is_not_accepted_is_refused_offline_and_asked_about_online(
    status: AuthorizationStatus,
) -> None:
    """TC_C_22 to TC_C_24 (C13.FR.02), TC_C_28 to TC_C_31 (C14.FR.03)."""
    async with bench(settings={LOCAL_PRE_AUTHORIZE: "true", OFFLINE_TX_FOR_UNKNOWN_ID: "true"}) as b:
        await put_on_list(b, ANNA, status=status)
        await b.plug_in()
        b.csms.online = False
        assert not (await b.swipe()).accepted
        assert not b.permitted()
        assert (b.told(), b.csms.asked) == ([], [])
        b.csms.online = True
        assert (await b.swipe()).accepted
        assert [token for token, _ in b.csms.asked] == ["ANNA"]
        assert b.closed()


async def test_a_listed_token_starts_without_a_question_where_pre_authorization_is_on_c14_fr_02() -> None:
    """TC_C_27."""
    async with bench(settings={LOCAL_PRE_AUTHORIZE: "true"}) as b:
        await put_on_list(b, ANNA)
        await b.charge()
        assert b.closed()
        assert b.csms.asked == []


async def test_a_remote_start_is_checked_by_the_list_too_f01_fr_01() -> None:
    """TC_008_2."""
    async with bench(settings={LOCAL_PRE_AUTHORIZE: "true", AUTHORIZE_REMOTE_START: "true"}) as b:
        await put_on_list(b, ANNA)
        await b.plug_in()
        assert (await b.remote_start()).accepted
        assert b.closed()
        assert b.csms.asked == []


@pytest.mark.parametrize("online", [True, False])
async def test_another_listed_token_of_the_group_ends_the_transaction_without_a_question_c09_fr_07(
    online: bool,
) -> None:
    """TC_C_40; offline E08."""
    async with bench(settings={LOCAL_PRE_AUTHORIZE: "true"}) as b:
        await put_on_list(b, ANNA, BERT, group=IdToken("FLEET", "Central"))
        b.csms.online = online
        await b.charge()
        assert (await b.swipe(BERT)).accepted
        assert b.ended.stop_token == BERT
        assert b.csms.asked == []


async def test_a_listed_token_of_the_group_that_is_blocked_ends_nothing_c09_fr_11() -> None:
    """TC_C_43."""
    group = IdToken("FLEET", "Central")
    async with bench(settings={LOCAL_PRE_AUTHORIZE: "true"}) as b:
        await put_on_list(b, ANNA, group=group)
        await put_on_list(b, BERT, group=group, status=AuthorizationStatus.BLOCKED)
        b.csms.answers["BERT"] = IdTokenInfo(AuthorizationStatus.BLOCKED, group=group)
        await b.charge()
        assert (await b.swipe(BERT)).reason == "TxInProgress"
        assert [token for token, _ in b.csms.asked] == ["BERT"]
        b.csms.online = False
        assert (await b.swipe(BERT)).reason == "TxInProgress"
        assert b.closed()


async def test_a_listed_master_pass_stops_everything_offline_and_starts_nothing_c16_fr_05() -> None:
    async with bench(2, settings={MASTER_PASS_GROUP_ID: "BOSS"}) as b:
        await put_on_list(b, IdToken("MASTER"), group=IdToken("boss", "Central"))
        await b.charge(1)
        b.csms.online = False
        await b.plug_in(2)
        assert (await b.swipe(IdToken("MASTER"))).accepted
        assert [row.stop_reason for row in b.store.rows.values()] == [StopReason.MASTER_PASS]
        assert not b.permitted(2)


async def test_a_listed_token_charges_at_its_evses_only_c01_fr_21() -> None:
    async with bench(2) as b:
        await put_on_list(b, ANNA, evse_ids=(2,))
        b.csms.online = False
        await b.plug_in(1)
        assert (await b.swipe(ANNA, 1)).reason == "InvalidIdToken"
        await b.plug_in(2)
        assert (await b.swipe(ANNA, 2)).accepted
        assert (b.closed(1), b.closed(2)) == (False, True)


async def test_a_csms_that_refuses_a_listed_token_later_ends_the_transaction_and_hears_of_the_contradiction() -> None:
    """C15.FR.04, and OCPP 1.6 section 3.5.2."""
    async with bench() as b:
        b.csms.listed_tokens_are_cached = False
        await put_on_list(b, ANNA)
        b.csms.online = False
        await b.charge()
        b.csms.online = True
        await b.answer_event(b.events[0], INVALID)
        await b.wait(10)
        assert b.ended.stop_reason is StopReason.DE_AUTHORIZED
        assert not b.permitted()
        assert any(isinstance(event, LocalListConflict) for event in b.csms.published)
        assert b.cache.entries == {}
        assert b.auth_list.entries[ANNA.key].accepted, "D01.FR.09: the list changes by the CSMS's update alone"


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
