"""Authorisation on a whole station, as the official test cases of OCPP 2.0.1 and 2.1 play it (block C)."""

import logging
from collections.abc import Mapping
from datetime import timedelta

import pytest

from stationd.domain.auth_list import ListEntry, ListUpdate, UpdateKind
from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo
from stationd.domain.states import StopReason
from stationd.domain.variable_table import (
    AUTH_CACHE_DISABLE_POST_AUTHORIZE,
    AUTH_CACHE_LIFETIME,
    AUTH_ENABLED,
    EV_CONNECTION_TIMEOUT,
    LOCAL_PRE_AUTHORIZE,
    MASTER_PASS_GROUP_ID,
    OFFLINE_TX_FOR_UNKNOWN_ID,
    STOP_TX_ON_INVALID_ID,
    TX_START_POINT,
    TX_STOP_POINT,
)
from stationd.domain.variables import VariableSpec
from stationd.station.authorization import NO_TOKEN
from tests.station.harness import ANNA, BERT, Bench, bench

GROUP = IdToken("FLEET", "Central")
ACCEPTED = IdTokenInfo(AuthorizationStatus.ACCEPTED)
INVALID = IdTokenInfo(AuthorizationStatus.INVALID)
BAD = [status for status in AuthorizationStatus if status is not AuthorizationStatus.ACCEPTED]
PRE: Mapping[VariableSpec, str] = {LOCAL_PRE_AUTHORIZE: "true"}
"""What the cases with a cache all set."""


async def cache(b: Bench, token: IdToken = ANNA, info: IdTokenInfo = ACCEPTED) -> None:
    """Let the CSMS say something of a token as in an earlier session."""
    await b.station._authorizer.learn(token, info)


def asked(b: Bench) -> list[str]:
    return [token for token, _ in b.csms.asked]


# --- cache ------------------------------------------------------------------------------------------------------------


async def test_a_cached_token_charges_without_a_question_c12_fr_02_c12_fr_04() -> None:
    """TC_C_08."""
    async with bench(settings=PRE) as b:
        await cache(b)
        await b.charge()
        assert (asked(b), b.closed()) == ([], True)
        assert b.events[0].id_token == ANNA


@pytest.mark.parametrize("status", BAD)
async def test_a_cached_token_that_was_refused_is_asked_about_again_c10_fr_03_c12_fr_05(
    status: AuthorizationStatus,
) -> None:
    """TC_C_09 to TC_C_12."""
    async with bench(settings=PRE) as b:
        await cache(b, info=IdTokenInfo(status))
        b.csms.answers["ANNA"] = IdTokenInfo(status)
        await b.plug_in()
        assert (await b.swipe()).reason == "InvalidIdToken"
        assert (asked(b), b.permitted(), b.told()) == (["ANNA"], False, [])
        b.csms.answers["ANNA"] = ACCEPTED
        assert (await b.swipe()).accepted
        assert b.closed()


async def test_a_cached_token_starts_the_transaction_before_the_cable_where_that_is_the_start_point() -> None:
    """TC_C_13 (C12.FR.02)."""
    async with bench(settings={**PRE, TX_START_POINT: "Authorized"}) as b:
        await cache(b)
        await b.swipe()
        assert b.told() == [("Started", "Authorized", "Idle")]
        assert asked(b) == []


async def test_a_cached_master_pass_stops_all_and_starts_nothing_c12_fr_09_c16_fr_03_c16_fr_04() -> None:
    """TC_C_14."""
    async with bench(2, settings={**PRE, MASTER_PASS_GROUP_ID: "BOSS"}) as b:
        master = IdToken("MASTER")
        await cache(b)
        await cache(b, master, IdTokenInfo(AuthorizationStatus.ACCEPTED, group=IdToken("boss", "Central")))
        assert (await b.swipe(master)).accepted
        assert not b.snapshot(1).authorized
        await b.charge(1)
        await b.plug_in(2)
        assert (await b.swipe(master)).accepted
        assert (b.ended.stop_reason, b.ended.stop_token) == (StopReason.MASTER_PASS, master)
        assert not b.permitted(2)
        assert asked(b) == []


async def test_a_refused_cached_token_is_not_asked_about_where_post_authorization_is_disabled() -> None:
    """TC_C_57."""
    async with bench(settings={**PRE, AUTH_CACHE_DISABLE_POST_AUTHORIZE: "true"}) as b:
        await cache(b, info=INVALID)
        await b.plug_in()
        assert (await b.swipe()).reason == "InvalidIdToken"
        assert (asked(b), b.permitted()) == ([], False)


async def test_the_cache_is_there_after_a_restart_c10_fr_02() -> None:
    """TC_C_32."""
    b = Bench(settings=PRE)
    await b.start()
    await cache(b)
    await b.stop()
    await b.start()
    await b.charge()
    assert (asked(b), b.closed()) == ([], True)
    await b.kill()


async def test_the_answer_to_an_event_is_remembered_c10_fr_05_c12_fr_06() -> None:
    """TC_C_34."""
    async with bench(settings=PRE) as b:
        await cache(b)
        await b.charge()
        await b.answer_event(b.events[0], INVALID)
        await b.swipe()  # releases the cable
        await b.plug_out()
        b.csms.answers["ANNA"] = INVALID
        await b.plug_in()
        assert not (await b.swipe()).accepted
        assert asked(b) == ["ANNA"]


async def test_without_pre_authorization_a_cached_token_is_asked_about() -> None:
    """TC_C_36."""
    async with bench() as b:
        await cache(b)
        await b.charge()
        assert asked(b) == ["ANNA"]


async def test_a_cleared_cache_knows_nobody_c11_fr_01_c11_fr_03() -> None:
    """TC_C_37."""
    async with bench(settings=PRE) as b:
        await cache(b)
        assert await b.station.clear_cache()
        await b.charge()
        assert asked(b) == ["ANNA"]


async def test_a_cached_token_is_forgotten_after_its_life_time_c10_fr_10() -> None:
    """TC_C_46."""
    async with bench(settings={**PRE, AUTH_CACHE_LIFETIME: "60"}) as b:
        await cache(b)
        await b.wait(61)
        await b.charge()
        assert asked(b) == ["ANNA"]


async def test_a_cached_token_is_expired_after_the_date_that_the_csms_gave_c10_fr_13() -> None:
    async with bench(settings={**PRE, OFFLINE_TX_FOR_UNKNOWN_ID: "true"}) as b:
        ends = b.clock.now() + timedelta(seconds=60)
        await cache(b, info=IdTokenInfo(AuthorizationStatus.ACCEPTED, expires_at=ends))
        await b.wait(61)
        b.csms.online = False
        await b.plug_in()
        assert (await b.swipe()).info == "the token is Expired"
        assert not b.permitted()


# --- groups -----------------------------------------------------------------------------------------------------------


async def test_a_token_of_the_group_ends_the_transaction_after_a_question_c09_fr_03_c09_fr_05() -> None:
    """TC_C_39."""
    async with bench() as b:
        b.csms.answers |= {name: IdTokenInfo(AuthorizationStatus.ACCEPTED, group=GROUP) for name in ("ANNA", "BERT")}
        await b.charge()
        assert (await b.swipe(BERT)).accepted
        assert asked(b) == ["ANNA", "BERT"]
        assert (b.told()[-1][1], b.ended.stop_token) == ("StopAuthorized", BERT)


async def test_a_cached_token_of_the_group_ends_it_without_a_question_c09_fr_07() -> None:
    """TC_C_41."""
    async with bench(settings=PRE) as b:
        for token in (ANNA, BERT):
            await cache(b, token, IdTokenInfo(AuthorizationStatus.ACCEPTED, group=GROUP))
        await b.charge()
        assert (await b.swipe(BERT)).accepted
        assert (asked(b), b.ended.stop_token) == ([], BERT)


@pytest.mark.parametrize(
    "answer",
    [
        IdTokenInfo(AuthorizationStatus.BLOCKED, group=GROUP),  # TC_C_42, TC_C_44 (C09.FR.11)
        IdTokenInfo(AuthorizationStatus.ACCEPTED, group=IdToken("OTHERS", "Central")),
        ACCEPTED,  # in no group
        None,  # no answer
    ],
)
@pytest.mark.parametrize("cached", [True, False])
async def test_a_token_that_is_not_a_good_one_of_the_group_ends_nothing(
    answer: IdTokenInfo | None, cached: bool
) -> None:
    async with bench(settings=PRE) as b:
        await cache(b, info=IdTokenInfo(AuthorizationStatus.ACCEPTED, group=GROUP))
        if cached:
            await cache(b, BERT, IdTokenInfo(AuthorizationStatus.BLOCKED, group=GROUP))
        b.csms.answers["BERT"] = answer
        await b.charge()
        assert (await b.swipe(BERT)).reason == "TxInProgress"
        assert asked(b) == ["BERT"]
        assert b.closed()


async def test_the_group_itself_is_no_token_of_the_group() -> None:
    """OCPP 1.6 section 3.4: a presented tag is never compared with a parentIdTag."""
    async with bench() as b:
        b.csms.answers["ANNA"] = IdTokenInfo(AuthorizationStatus.ACCEPTED, group=GROUP)
        await b.charge()
        assert not (await b.swipe(IdToken(GROUP.value))).accepted
        assert b.closed()


# --- unknown offline --------------------------------------------------------------------------------------------------


async def start_unknown_offline(b: Bench) -> None:
    b.csms.online = False
    await b.charge()
    assert b.closed()
    assert all(event.offline for event in b.events)
    assert b.cache.entries == {}, "C15.FR.01"
    b.csms.online = True


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, ("Ended", "Deauthorized", "EVConnected")),  # C15.FR.04
        ({TX_STOP_POINT: "PowerPathClosed"}, ("Ended", "Deauthorized", "EVConnected")),  # C15.FR.04
        ({TX_STOP_POINT: "EVConnected"}, ("Updated", "Deauthorized", "EVConnected")),  # C15.FR.03
        ({STOP_TX_ON_INVALID_ID: "false"}, ("Updated", "ChargingStateChanged", "SuspendedEVSE")),  # C15.FR.06
    ],
)
async def test_an_unknown_token_that_charged_offline_and_is_refused_later_gets_no_more_energy_c15_fr_08(
    settings: dict[VariableSpec, str], told: tuple[str, str, str]
) -> None:
    """TC_C_16, TC_C_17, TC_C_26; TC_037_2 and TC_037_3."""
    async with bench(settings={OFFLINE_TX_FOR_UNKNOWN_ID: "true", **settings}) as b:
        await start_unknown_offline(b)
        await b.answer_event(b.events[0], INVALID)
        await b.wait(10)
        assert b.told()[-1] == told
        assert not b.permitted()
        assert not b.closed()
        assert b.cache.entries[ANNA.key].info.status is AuthorizationStatus.INVALID


async def test_an_unknown_token_that_the_csms_accepts_later_goes_on_c15_fr_02() -> None:
    async with bench(settings={OFFLINE_TX_FOR_UNKNOWN_ID: "true"}) as b:
        await start_unknown_offline(b)
        await b.answer_event(b.events[0], ACCEPTED)
        assert b.closed()
        assert b.cache.entries[ANNA.key].info == ACCEPTED


async def test_an_unknown_token_is_refused_offline_where_that_is_not_allowed() -> None:
    async with bench() as b:
        b.csms.online = False
        await b.plug_in()
        assert (await b.swipe()).info == "the token is Unknown"
        assert (b.permitted(), b.told()) == (False, [])


async def test_a_listed_token_that_is_refused_offline_may_not_pass_as_unknown_c13_fr_04_c13_fr_06() -> None:
    """TC_C_25: list before cache, both before unknown."""
    async with bench(settings={OFFLINE_TX_FOR_UNKNOWN_ID: "true"}) as b:
        await cache(b)
        entries = (ListEntry(ANNA, INVALID),)
        await b.station.update_local_list(ListUpdate(1, UpdateKind.FULL, entries))
        b.csms.online = False
        await b.plug_in()
        assert (await b.swipe()).info == "the token is Invalid"
        assert (await b.swipe(BERT)).accepted
        assert b.events[0].id_token == BERT


async def test_a_cable_stays_locked_after_a_refusal_until_its_owner_shows_the_token_c15_fr_05() -> None:
    async with bench(settings={OFFLINE_TX_FOR_UNKNOWN_ID: "true"}) as b:
        await start_unknown_offline(b)
        await b.answer_event(b.events[0], INVALID)
        await b.wait(10)
        assert b.pilot.unlocked == []
        assert (await b.swipe()).info == "cable released"
        assert b.pilot.unlocked == [1]


# --- what the CSMS is asked, and told ---------------------------------------------------------------------------------


async def test_the_csms_is_asked_about_tokens_to_charge_with_and_nothing_else_c01_fr_03_c01_fr_04_c06_fr_03() -> None:
    async with bench() as b:
        await b.charge()
        await b.wait(600)
        await b.answer_event(b.events[0], ACCEPTED)
        await b.swipe()  # the same token ends it
        await b.plug_out()
        await b.remote_start()
        await b.plug_in()
        await b.remote_stop("tx-2")
        assert [event.transaction_id for event in b.events][-1] == "tx-2"
        assert asked(b) == ["ANNA"]


async def test_an_authorization_is_over_when_nobody_plugs_in_c01_fr_26() -> None:
    """TC_C_100 of OCPP 2.1."""
    async with bench(settings={EV_CONNECTION_TIMEOUT: "30"}) as b:
        await b.swipe()
        assert b.snapshot().authorized
        await b.wait(31)
        assert not b.snapshot().authorized
        await b.plug_in()
        assert (b.permitted(), b.told()) == (False, [])


async def test_a_local_token_gets_no_energy_before_the_csms_said_yes_c06_fr_01_c06_fr_02() -> None:
    ticket = IdToken("TICKET-1", "Local")
    async with bench(settings=PRE) as b:
        await cache(b, ticket)
        b.csms.hold = True
        await b.plug_in()
        swiping = await b.swiping(ticket)
        await b.wait(5)
        assert (asked(b), b.permitted(), b.closed()) == (["TICKET-1"], False, False)
        b.csms.answer(ACCEPTED)
        await b.settle()
        assert (await swiping).accepted
        assert b.closed()


@pytest.mark.parametrize("kind", ["Central", "ISO14443"])
async def test_a_remote_start_is_told_with_its_number_and_its_token_c05_fr_03_c05_fr_05(kind: str) -> None:
    token = IdToken("APP-1", kind)
    async with bench() as b:
        await b.plug_in()
        assert (await b.remote_start(token=token, number=4711)).accepted
        first = b.events[0]
        assert (first.remote_start_id, first.id_token, first.tell_id_token) == (4711, token, True)
        assert [event.remote_start_id for event in b.events].count(4711) == 1
        assert asked(b) == []
        assert b.cache.entries == {}


async def test_a_prepaid_card_with_credit_charges_once_and_is_not_remembered_c17_fr_04() -> None:
    """TC_C_103 of OCPP 2.1: accepted, expiring at once."""
    async with bench(settings=PRE) as b:
        b.csms.answers["ANNA"] = IdTokenInfo(AuthorizationStatus.ACCEPTED, expires_at=b.clock.now())
        await b.charge()
        assert b.closed()
        assert b.cache.entries == {}


async def test_a_prepaid_card_without_credit_gets_no_energy_c17_fr_05() -> None:
    """TC_C_104 of OCPP 2.1."""
    async with bench() as b:
        b.csms.answers["ANNA"] = IdTokenInfo(AuthorizationStatus.NO_CREDIT, expires_at=b.clock.now())
        await b.plug_in()
        assert (await b.swipe()).info == "the token is NoCredit"
        assert (b.permitted(), b.told()) == (False, [])


# --- free vending, and what is never said -----------------------------------------------------------------------------


@pytest.mark.parametrize("online", [True, False])
async def test_without_authorization_a_cable_is_enough_and_the_csms_hears_of_no_token_c01_fr_01_c02_fr_01(
    online: bool,
) -> None:
    async with bench(settings={AUTH_ENABLED: "false"}) as b:
        b.csms.online = online
        await b.plug_in()
        assert b.closed()
        assert b.events[0].id_token == NO_TOKEN
        await b.answer_event(b.events[0], ACCEPTED)
        assert b.cache.entries == {}, "C02.FR.03"
        assert asked(b) == []


async def test_no_log_ever_shows_a_token_c04_fr_04(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    pin = IdToken("PIN-4711", "KeyCode")
    async with bench(settings={LOCAL_PRE_AUTHORIZE: "true"}) as b:
        entries = (ListEntry(pin, IdTokenInfo(AuthorizationStatus.BLOCKED, group=IdToken("GROUP-0815"))),)
        await b.station.update_local_list(ListUpdate(1, UpdateKind.FULL, entries))
        await b.charge()
        await b.swipe(pin)
        b.csms.online = False
        await b.swipe(pin)
        await b.answer_event(b.events[0], INVALID)
    assert caplog.text
    assert not any(secret in caplog.text for secret in ("4711", "0815", "ANNA"))
