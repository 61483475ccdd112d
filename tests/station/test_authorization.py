"""Token to verdict (block C): the decision table in full, and list, cache and CSMS around it."""

import itertools
from datetime import timedelta

import pytest

from stationd.domain.auth_list import ListEntry, ListUpdate, UpdateKind, UpdateStatus
from stationd.domain.events import LocalListConflict
from stationd.domain.id_token import AuthorizationStatus, CachePolicy, IdToken, IdTokenInfo
from stationd.domain.variable_table import (
    AUTH_CACHE_DISABLE_POST_AUTHORIZE,
    AUTH_CACHE_ENABLED,
    AUTH_CACHE_LIFETIME,
    AUTH_CACHE_POLICY,
    AUTHORIZE_REMOTE_START,
    DISABLE_REMOTE_AUTHORIZATION,
    LOCAL_LIST_DISABLE_POST_AUTHORIZE,
    LOCAL_LIST_ENABLED,
    LOCAL_PRE_AUTHORIZE,
    MASTER_PASS_GROUP_ID,
    OFFLINE_TX_FOR_UNKNOWN_ID,
    rows_for,
)
from stationd.domain.variables import Origin, VariableSpec
from stationd.station.authorization import ACCEPTED, UNKNOWN, Ask, Authorizer, Known, Policy, decide, needs_no_check
from stationd.station.local_auth_list import LocalAuthList
from stationd.station.settings import Settings
from tests.fakes.clock import FakeClock
from tests.fakes.csms import FakeCsms
from tests.fakes.stores import FakeAuthListStore, FakeTokenStore

CARD = IdToken("CARD")
GROUP = IdToken("FLEET", "Central")
GOOD = IdTokenInfo(AuthorizationStatus.ACCEPTED)
BAD = IdTokenInfo(AuthorizationStatus.BLOCKED)
EXPIRED = AuthorizationStatus.EXPIRED


# --- the decision table -----------------------------------------------------------------------------------------------

ENTRIES = (
    None,
    *(
        Known(IdTokenInfo(status), listed=listed, expired=expired)
        for status in AuthorizationStatus
        for listed in (True, False)
        for expired in (True, False)
    ),
)
POLICIES = tuple(Policy(True, *switches) for switches in itertools.product((False, True), repeat=6))
EVERY_CASE = tuple(itertools.product(ENTRIES, POLICIES, (True, False)))


def expected(known: Known | None, policy: Policy, *, online: bool) -> AuthorizationStatus | Ask:
    """The table of OCPP 2.0.1 C10 and C12 to C15 (with 1.6 section 3.5) once more, row by row, first match wins."""
    accepted = known is not None and known.info.status is AuthorizationStatus.ACCEPTED
    expired = known is not None and known.expired
    refuse_bad = known is not None and (policy.refuse_listed_bad if known.listed else policy.refuse_cached_bad)
    status = AuthorizationStatus.UNKNOWN if known is None else known.info.status
    shown = EXPIRED if accepted and expired else status
    table: list[tuple[bool, AuthorizationStatus | Ask]] = [
        # offline
        (
            not online and known is None and policy.offline_unknown,
            AuthorizationStatus.ACCEPTED,
        ),  # C13.FR.04/06, C15.FR.08
        (not online and known is None, AuthorizationStatus.UNKNOWN),  # C13.FR.02, C13.FR.05
        (not online and not accepted, status),  # C13.FR.02: listed but not Accepted is not unknown
        (not online and expired, EXPIRED),  # C13.FR.05, C13.FR.06
        (not online and not policy.offline_known, AuthorizationStatus.UNKNOWN),  # LocalAuthorizeOffline
        (not online, AuthorizationStatus.ACCEPTED),  # C13.FR.02
        # online, DisableRemoteAuthorization (TC_E_52): list and cache alone
        (policy.never_ask, shown),
        # online
        (known is None, Ask.CSMS),  # C01.FR.02
        (accepted and not expired and policy.pre_authorize, AuthorizationStatus.ACCEPTED),  # C12.FR.02, C14.FR.02/04
        (not accepted and not expired and refuse_bad, status),  # TC_C_57, TC_C_58: DisablePostAuthorize
        (True, Ask.CSMS),  # C10.FR.03, C12.FR.05, C14.FR.03, C14.FR.05
    ]
    return next(verdict for holds, verdict in table if holds)


def test_every_case_of_list_cache_connection_and_settings_is_as_tabled() -> None:
    assert len(EVERY_CASE) == 41 * 64 * 2
    for known, policy, online in EVERY_CASE:
        verdict = decide(CARD, known, policy, online=online)
        got = verdict if isinstance(verdict, Ask) else verdict.status
        assert got == expected(known, policy, online=online), (known, policy, online)


def test_only_a_token_that_is_accepted_somewhere_or_allowed_as_unknown_ever_charges_without_the_csms() -> None:
    for known, policy, online in EVERY_CASE:
        verdict = decide(CARD, known, policy, online=online)
        if isinstance(verdict, IdTokenInfo) and verdict.accepted:
            assert known is None or known.good
            assert known is not None or (policy.offline_unknown and not online)


@pytest.mark.parametrize("online", [True, False])
def test_without_authorization_everything_charges_c01_fr_01(online: bool) -> None:
    for known, policy, _ in EVERY_CASE:
        off = Policy(
            False, policy.pre_authorize, policy.offline_known, policy.offline_unknown, policy.refuse_cached_bad
        )
        assert decide(CARD, known, off, online=online) == ACCEPTED


def test_the_start_button_needs_nobody_c02_fr_01() -> None:
    for known, policy, online in EVERY_CASE:
        assert decide(IdToken("", "NoAuthorization"), known, policy, online=online) == ACCEPTED


def test_a_local_token_is_always_asked_about_while_that_is_possible_c06_fr_02() -> None:
    for known, policy, _ in EVERY_CASE:
        if not policy.never_ask:
            assert decide(IdToken("TICKET", "Local"), known, policy, online=True) is Ask.CSMS


def test_a_verdict_keeps_group_and_evses_of_the_entry() -> None:
    info = IdTokenInfo(AuthorizationStatus.ACCEPTED, group=GROUP, evse_ids=(2,))
    policy = Policy(True, pre_authorize=True, offline_known=True, offline_unknown=False, refuse_cached_bad=False)
    for online in (True, False):
        assert decide(CARD, Known(info, listed=True), policy, online=online) == info


# --- list, cache and CSMS ---------------------------------------------------------------------------------------------


class Desk:
    """An authorizer with everything it needs."""

    def __init__(self) -> None:
        self.settings = Settings(rows_for([(1, (1,))]))
        self.clock = FakeClock()
        self.csms = FakeCsms()
        self.cache = FakeTokenStore()
        self.list_store = FakeAuthListStore()
        self.auth_list = LocalAuthList(self.settings, self.list_store)
        self.authorizer = Authorizer(self.settings, self.clock, self.csms, self.cache, self.auth_list)

    async def set(self, spec: VariableSpec, value: str) -> None:
        await self.settings.write(spec, value, Origin.CSMS)

    async def put_on_list(self, info: IdTokenInfo | None, token: IdToken = CARD) -> None:
        version = self.list_store.version + 1
        update = ListUpdate(version, UpdateKind.DIFFERENTIAL, (ListEntry(token, info),))
        assert (await self.auth_list.update(update)).status is UpdateStatus.ACCEPTED

    async def status(self, token: IdToken = CARD, evse_id: int | None = 1) -> AuthorizationStatus:
        return (await self.authorizer.check(token, evse_id)).status

    @property
    def conflicts(self) -> int:
        return sum(isinstance(event, LocalListConflict) for event in self.csms.published)


async def test_an_answer_is_remembered_for_the_life_time_c10_fr_08_c10_fr_10() -> None:
    desk = Desk()
    await desk.set(AUTH_CACHE_LIFETIME, "100")
    await desk.authorizer.check(CARD, 1)
    desk.csms.online = False
    desk.clock.advance(99)
    assert (await desk.authorizer.check(CARD, 1)).accepted
    desk.clock.advance(1)
    assert not (await desk.authorizer.check(CARD, 1)).accepted
    await desk.set(AUTH_CACHE_LIFETIME, "200")
    assert (await desk.authorizer.check(CARD, 1)).accepted, "the life time in force counts"


async def test_a_verdict_older_than_the_life_time_is_unknown_and_one_past_its_date_is_expired_c10_fr_13() -> None:
    desk = Desk()
    await desk.set(OFFLINE_TX_FOR_UNKNOWN_ID, "true")
    await desk.set(AUTH_CACHE_LIFETIME, "100")
    ends = desk.clock.now() + timedelta(seconds=50)
    desk.csms.answers["DATED"] = IdTokenInfo(AuthorizationStatus.ACCEPTED, expires_at=ends)
    await desk.status(IdToken("DATED"))
    await desk.status(IdToken("UNDATED"))
    desk.csms.online = False
    desk.clock.advance(100)
    assert await desk.status(IdToken("UNDATED")) is AuthorizationStatus.ACCEPTED, "as any unknown token"
    assert await desk.status(IdToken("DATED")) is EXPIRED


async def test_a_date_of_the_csms_outlasts_the_life_time_c10_fr_08() -> None:
    desk = Desk()
    await desk.set(AUTH_CACHE_LIFETIME, "10")
    ends = desk.clock.now() + timedelta(seconds=50)
    desk.csms.answers["CARD"] = IdTokenInfo(AuthorizationStatus.ACCEPTED, expires_at=ends)
    await desk.status()
    desk.csms.online = False
    desk.clock.advance(49)
    assert await desk.status() is AuthorizationStatus.ACCEPTED


async def test_an_expired_entry_of_the_cache_is_asked_about_online_whatever_its_status() -> None:
    desk = Desk()
    await desk.set(LOCAL_PRE_AUTHORIZE, "true")
    await desk.set(AUTH_CACHE_DISABLE_POST_AUTHORIZE, "true")
    ends = desk.clock.now() + timedelta(seconds=5)
    for status in (AuthorizationStatus.ACCEPTED, AuthorizationStatus.BLOCKED):
        await desk.authorizer.learn(IdToken(status), IdTokenInfo(status, expires_at=ends))
    desk.clock.advance(5)
    for status in (AuthorizationStatus.ACCEPTED, AuthorizationStatus.BLOCKED):
        assert await desk.status(IdToken(status)) is AuthorizationStatus.ACCEPTED
    assert len(desk.csms.asked) == 2


async def test_a_verdict_that_is_past_on_arrival_forgets_the_old_one_c10_fr_13() -> None:
    desk = Desk()
    await desk.authorizer.check(CARD, 1)
    assert await desk.authorizer.known(CARD) is not None
    past = desk.clock.now() - timedelta(seconds=1)
    await desk.authorizer.learn(CARD, IdTokenInfo(AuthorizationStatus.ACCEPTED, expires_at=past))
    assert await desk.authorizer.known(CARD) is None


async def test_refusals_are_remembered_too_c10_fr_01() -> None:
    desk = Desk()
    desk.csms.answers["CARD"] = BAD
    assert not (await desk.authorizer.check(CARD, 1)).accepted
    desk.csms.online = False
    await desk.set(OFFLINE_TX_FOR_UNKNOWN_ID, "true")
    assert await desk.status() is AuthorizationStatus.BLOCKED
    assert (await desk.authorizer.check(IdToken("OTHER"), 1)).accepted
    assert IdToken("OTHER").key not in desk.cache.entries, "C15.FR.01"


async def test_an_answer_replaces_what_was_remembered_c10_fr_04_c12_fr_06() -> None:
    desk = Desk()
    await desk.set(LOCAL_PRE_AUTHORIZE, "true")
    desk.csms.answers["CARD"] = BAD
    await desk.status()
    desk.csms.answers["CARD"] = GOOD
    assert await desk.status() is AuthorizationStatus.ACCEPTED, "TC_C_12: asked again, and now accepted"
    assert await desk.status() is AuthorizationStatus.ACCEPTED
    assert len(desk.csms.asked) == 2


async def test_central_and_no_tokens_are_never_cached_c02_fr_03_c03_fr_02_c05_fr_02() -> None:
    desk = Desk()
    for kind in ("Central", "NoAuthorization"):
        await desk.authorizer.learn(IdToken("X", kind), GOOD)
    assert desk.cache.entries == {}


async def test_with_the_cache_disabled_nothing_is_read_or_written_but_its_content_stays_c10_fr_11_c11_fr_04() -> None:
    desk = Desk()
    await desk.set(LOCAL_PRE_AUTHORIZE, "true")
    await desk.authorizer.check(CARD, 1)
    await desk.set(AUTH_CACHE_ENABLED, "false")
    await desk.authorizer.check(CARD, 1)
    assert len(desk.csms.asked) == 2
    assert not await desk.authorizer.clear()
    await desk.set(AUTH_CACHE_ENABLED, "true")
    await desk.authorizer.check(CARD, 1)
    assert len(desk.csms.asked) == 2
    assert await desk.authorizer.clear()
    assert desk.cache.entries == {}


async def test_a_question_without_an_answer_is_decided_as_offline() -> None:
    desk = Desk()
    await desk.authorizer.check(CARD, 1)
    desk.csms.answers = {"CARD": None, "NEW": None}
    assert (await desk.authorizer.check(CARD, 1)).accepted
    assert await desk.authorizer.check(IdToken("NEW"), 1) == UNKNOWN


@pytest.mark.parametrize("listed", [True, False])
async def test_a_token_may_be_for_other_evses_only_c01_fr_21(listed: bool) -> None:
    desk = Desk()
    await desk.set(LOCAL_PRE_AUTHORIZE, "true")
    info = IdTokenInfo(AuthorizationStatus.ACCEPTED, evse_ids=(2,))
    desk.csms.answers["CARD"] = info
    if listed:
        await desk.put_on_list(info)
    for _ in range(2):
        assert await desk.status(evse_id=1) is AuthorizationStatus.NOT_ALLOWED_TYPE_EVSE
        assert await desk.status(evse_id=2) is AuthorizationStatus.ACCEPTED
    desk.csms.online = False
    assert await desk.status(evse_id=1) is AuthorizationStatus.NOT_ALLOWED_TYPE_EVSE
    assert len(desk.csms.asked) == (0 if listed else 1)


async def test_a_broken_disk_stops_nobody_online_c11_fr_05() -> None:
    desk = Desk()
    await desk.put_on_list(BAD)
    desk.cache.disk.broken = desk.list_store.disk.broken = True
    assert (await desk.authorizer.check(CARD, 1)).accepted
    assert not await desk.authorizer.clear()


async def test_a_full_cache_is_made_room_in_as_the_policy_says_c10_fr_07() -> None:
    desk = Desk()
    for policy in CachePolicy:
        await desk.set(AUTH_CACHE_POLICY, policy)
        await desk.status()
    assert desk.cache.policies == list(CachePolicy)


async def test_an_entry_counts_as_used_when_it_decides() -> None:
    desk = Desk()
    await desk.status()
    assert desk.cache.uses == []
    await desk.set(LOCAL_PRE_AUTHORIZE, "true")
    await desk.status()
    desk.csms.online = False
    await desk.status()
    await desk.status(IdToken("NEW"))
    await desk.put_on_list(GOOD)
    await desk.status()
    assert desk.cache.uses == ["CARD", "CARD"], "the list decided last"


# --- the list ---------------------------------------------------------------------------------------------------------


async def test_the_list_wins_over_the_cache_c13_fr_01_c14_fr_01() -> None:
    desk = Desk()
    await desk.set(LOCAL_PRE_AUTHORIZE, "true")
    await desk.status()
    await desk.put_on_list(BAD)
    desk.csms.online = False
    assert await desk.status() is AuthorizationStatus.BLOCKED
    desk.csms.online = True
    await desk.status()
    assert len(desk.csms.asked) == 2, "TC_C_28 to 31: listed, not Accepted, asked again"
    await desk.put_on_list(GOOD)
    await desk.authorizer.learn(CARD, BAD)
    desk.csms.online = False
    assert await desk.status() is AuthorizationStatus.ACCEPTED


async def test_a_disabled_list_does_not_count_and_keeps_its_content_d01_fr_13() -> None:
    desk = Desk()
    await desk.put_on_list(GOOD)
    desk.csms.online = False
    assert await desk.status() is AuthorizationStatus.ACCEPTED
    await desk.set(LOCAL_LIST_ENABLED, "false")
    assert await desk.status() is AuthorizationStatus.UNKNOWN
    await desk.set(LOCAL_LIST_ENABLED, "true")
    assert await desk.status() is AuthorizationStatus.ACCEPTED


async def test_an_expired_entry_of_the_list_is_asked_about_online_and_refused_offline_c13_fr_05_c14_fr_05() -> None:
    desk = Desk()
    await desk.set(LOCAL_PRE_AUTHORIZE, "true")
    await desk.set(LOCAL_LIST_DISABLE_POST_AUTHORIZE, "true")
    await desk.set(OFFLINE_TX_FOR_UNKNOWN_ID, "true")
    ends = desk.clock.now() + timedelta(seconds=10)
    await desk.put_on_list(IdTokenInfo(AuthorizationStatus.ACCEPTED, expires_at=ends))
    assert await desk.status() is AuthorizationStatus.ACCEPTED
    assert desk.csms.asked == []
    desk.clock.advance(10)
    assert await desk.status() is AuthorizationStatus.ACCEPTED
    assert len(desk.csms.asked) == 1
    desk.csms.online = False
    assert await desk.status() is EXPIRED


async def test_post_authorization_can_be_disabled_for_list_and_cache_apart_tc_c_57_tc_c_58() -> None:
    desk = Desk()
    await desk.put_on_list(BAD)
    await desk.authorizer.learn(IdToken("CACHED"), BAD)
    await desk.set(LOCAL_LIST_DISABLE_POST_AUTHORIZE, "true")
    assert await desk.status() is AuthorizationStatus.BLOCKED
    assert await desk.status(IdToken("CACHED")) is AuthorizationStatus.ACCEPTED
    await desk.authorizer.learn(IdToken("CACHED"), BAD)
    await desk.set(AUTH_CACHE_DISABLE_POST_AUTHORIZE, "true")
    assert await desk.status(IdToken("CACHED")) is AuthorizationStatus.BLOCKED
    assert [value for value, _ in desk.csms.asked] == ["CACHED"]


async def test_without_remote_authorization_nothing_is_ever_asked_tc_e_52() -> None:
    desk = Desk()
    await desk.set(DISABLE_REMOTE_AUTHORIZATION, "true")
    await desk.put_on_list(GOOD)
    assert await desk.status() is AuthorizationStatus.ACCEPTED
    assert await desk.status(IdToken("NEW")) is AuthorizationStatus.UNKNOWN
    assert await desk.authorizer.group_of(IdToken("NEW"), 1) is None
    assert desk.csms.asked == []


async def test_a_csms_that_contradicts_its_list_is_told_once_until_the_list_changes() -> None:
    """OCPP 1.6 section 3.5.2, LocalListConflict."""
    desk = Desk()
    await desk.put_on_list(BAD)
    await desk.status()
    await desk.status()
    assert desk.conflicts == 1
    await desk.put_on_list(GOOD)
    await desk.status()
    assert desk.conflicts == 1
    await desk.authorizer.learn(CARD, IdTokenInfo(AuthorizationStatus.CONCURRENT_TX))
    assert desk.conflicts == 1
    await desk.authorizer.learn(CARD, BAD)
    assert desk.conflicts == 2


@pytest.mark.parametrize(("cached_too", "known"), [(True, True), (False, False)])
async def test_16_keeps_listed_tokens_out_of_the_cache_and_2x_does_not(cached_too: bool, known: bool) -> None:
    """OCPP 1.6 section 3.5.3; OCPP 2.0.1 C10.FR.01."""
    desk = Desk()
    desk.csms.listed_tokens_are_cached = cached_too
    await desk.put_on_list(GOOD)
    await desk.status()
    await desk.put_on_list(None)
    assert (await desk.authorizer.known(CARD) is not None) is known
    await desk.status()
    assert await desk.authorizer.known(CARD) is not None


# --- groups, master passes, remote starts -----------------------------------------------------------------------------


async def test_a_group_is_looked_up_in_list_and_cache_before_the_csms_is_asked_c01_fr_03_c09_fr_05() -> None:
    desk = Desk()
    grouped = IdTokenInfo(AuthorizationStatus.ACCEPTED, group=GROUP)
    desk.csms.answers["CARD"] = grouped
    assert await desk.authorizer.group_of(CARD, 1) == GROUP
    assert await desk.authorizer.group_of(CARD, 1) == GROUP
    await desk.put_on_list(grouped, IdToken("LISTED"))
    assert await desk.authorizer.group_of(IdToken("LISTED"), 1) == GROUP
    assert len(desk.csms.asked) == 1
    desk.csms.online = False
    assert await desk.authorizer.group_of(IdToken("LISTED"), 1) == GROUP
    assert await desk.authorizer.group_of(IdToken("NEW"), 1) is None


async def test_a_token_of_the_group_that_is_not_accepted_has_no_group_c09_fr_11() -> None:
    desk = Desk()
    blocked = IdTokenInfo(AuthorizationStatus.BLOCKED, group=GROUP)
    desk.csms.answers["NEW"] = blocked
    assert await desk.authorizer.group_of(IdToken("NEW"), 1) is None
    desk.csms.answers["CARD"] = None
    await desk.put_on_list(blocked)
    assert await desk.authorizer.group_of(CARD, 1) is None
    assert len(desk.csms.asked) == 2, "TC_C_43: it is asked about"
    await desk.set(LOCAL_LIST_DISABLE_POST_AUTHORIZE, "true")
    assert await desk.authorizer.group_of(CARD, 1) is None
    assert len(desk.csms.asked) == 2


async def test_remote_starts_are_checked_only_where_the_setting_says_so_c03_fr_01_c05_fr_01() -> None:
    desk = Desk()
    assert needs_no_check(CARD, desk.settings)
    await desk.set(AUTHORIZE_REMOTE_START, "true")
    assert not needs_no_check(CARD, desk.settings)
    assert needs_no_check(IdToken("X", "Central"), desk.settings)


async def test_master_passes_are_known_by_their_group_c16_fr_03() -> None:
    desk = Desk()
    info = IdTokenInfo(AuthorizationStatus.ACCEPTED, group=IdToken("Master"))
    assert not desk.authorizer.is_master_pass(info)
    await desk.set(MASTER_PASS_GROUP_ID, "MASTER")
    assert desk.authorizer.is_master_pass(info)
    assert not desk.authorizer.is_master_pass(GOOD)
