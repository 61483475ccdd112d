"""Token to verdict (block C): the decision table, and the cache around it."""

from datetime import timedelta

import pytest

from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo
from stationd.domain.variable_table import (
    AUTH_CACHE_ENABLED,
    AUTH_CACHE_LIFETIME,
    LOCAL_PRE_AUTHORIZE,
    MASTER_PASS_GROUP_ID,
    OFFLINE_TX_FOR_UNKNOWN_ID,
    rows_for,
)
from stationd.domain.variables import Origin, VariableSpec
from stationd.station.authorization import ACCEPTED, UNKNOWN, Ask, Authorizer, Policy, decide, needs_no_check
from stationd.station.settings import Settings
from tests.fakes.clock import FakeClock
from tests.fakes.csms import FakeCsms
from tests.fakes.stores import FakeTokenStore

CARD = IdToken("CARD")
GOOD = IdTokenInfo(AuthorizationStatus.ACCEPTED)
BAD = IdTokenInfo(AuthorizationStatus.BLOCKED)
USUAL = Policy(enabled=True, pre_authorize=False, offline_known=True, offline_unknown=False, refuse_known_bad=False)
PRE = Policy(enabled=True, pre_authorize=True, offline_known=True, offline_unknown=True, refuse_known_bad=True)
STRICT = Policy(enabled=True, pre_authorize=True, offline_known=False, offline_unknown=False, refuse_known_bad=False)
OFF = Policy(enabled=False, pre_authorize=False, offline_known=False, offline_unknown=False, refuse_known_bad=False)

TABLE = [
    # token, cached, policy, online, verdict
    (CARD, None, USUAL, True, Ask.CSMS),
    (CARD, GOOD, USUAL, True, Ask.CSMS),
    (CARD, GOOD, PRE, True, GOOD),
    (CARD, BAD, PRE, True, BAD),
    (CARD, BAD, USUAL, True, Ask.CSMS),
    (CARD, BAD, STRICT, True, Ask.CSMS),
    (CARD, GOOD, USUAL, False, GOOD),
    (CARD, GOOD, STRICT, False, UNKNOWN),
    (CARD, BAD, PRE, False, BAD),
    (CARD, None, PRE, False, ACCEPTED),
    (CARD, None, USUAL, False, UNKNOWN),
    (IdToken("X", "Local"), GOOD, PRE, True, Ask.CSMS),
    (IdToken("", "NoAuthorization"), None, USUAL, False, ACCEPTED),
    (CARD, BAD, OFF, False, ACCEPTED),
]


@pytest.mark.parametrize(("token", "cached", "policy", "online", "verdict"), TABLE)
def test_the_decision_table_holds(
    token: IdToken, cached: IdTokenInfo | None, policy: Policy, online: bool, verdict: IdTokenInfo | Ask
) -> None:
    assert decide(token, cached, policy, online=online) == verdict


class Desk:
    """An authorizer with everything it needs."""

    def __init__(self) -> None:
        self.settings = Settings(rows_for([(1, (1,))]))
        self.clock = FakeClock()
        self.csms = FakeCsms()
        self.cache = FakeTokenStore()
        self.authorizer = Authorizer(self.settings, self.clock, self.csms, self.cache)

    async def set(self, spec: VariableSpec, value: str) -> None:
        await self.settings.write(spec, value, Origin.CSMS)


async def test_an_answer_is_remembered_for_the_life_time() -> None:
    desk = Desk()
    await desk.set(AUTH_CACHE_LIFETIME, "100")
    await desk.authorizer.check(CARD, 1)
    desk.csms.online = False
    desk.clock.advance(99)
    assert (await desk.authorizer.check(CARD, 1)).accepted
    desk.clock.advance(2)
    assert not (await desk.authorizer.check(CARD, 1)).accepted


async def test_the_csms_may_give_a_shorter_life_and_a_past_one_forgets() -> None:
    desk = Desk()
    now = desk.clock.now()
    desk.csms.answers["CARD"] = IdTokenInfo(AuthorizationStatus.ACCEPTED, expires_at=now + timedelta(seconds=10))
    await desk.authorizer.check(CARD, 1)
    assert await desk.authorizer.cached(CARD) is not None
    await desk.authorizer.learn(CARD, IdTokenInfo(AuthorizationStatus.ACCEPTED, expires_at=now - timedelta(1)))
    assert await desk.authorizer.cached(CARD) is None


async def test_refusals_are_remembered_too() -> None:
    desk = Desk()
    desk.csms.answers["CARD"] = BAD
    assert not (await desk.authorizer.check(CARD, 1)).accepted
    desk.csms.online = False
    await desk.set(OFFLINE_TX_FOR_UNKNOWN_ID, "true")
    assert (await desk.authorizer.check(CARD, 1)).status is AuthorizationStatus.BLOCKED
    assert (await desk.authorizer.check(IdToken("OTHER"), 1)).accepted


async def test_central_and_no_tokens_are_never_cached() -> None:
    desk = Desk()
    for kind in ("Central", "NoAuthorization"):
        await desk.authorizer.learn(IdToken("X", kind), GOOD)
    assert desk.cache.entries == {}


async def test_with_the_cache_disabled_nothing_is_read_or_written_but_its_content_stays() -> None:
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
    assert not (await desk.authorizer.check(IdToken("NEW"), 1)).accepted


async def test_a_token_may_be_for_other_evses_only() -> None:
    desk = Desk()
    desk.csms.answers["CARD"] = IdTokenInfo(AuthorizationStatus.ACCEPTED, evse_ids=(2,))
    assert (await desk.authorizer.check(CARD, 1)).status is AuthorizationStatus.NOT_ALLOWED_TYPE_EVSE
    assert (await desk.authorizer.check(CARD, 2)).accepted


async def test_a_broken_cache_stops_nobody() -> None:
    desk = Desk()
    desk.cache.disk.broken = True
    assert (await desk.authorizer.check(CARD, 1)).accepted
    assert not await desk.authorizer.clear()


async def test_a_group_is_looked_up_in_the_cache_before_the_csms_is_asked() -> None:
    desk = Desk()
    group = IdToken("FLEET")
    desk.csms.answers["CARD"] = IdTokenInfo(AuthorizationStatus.ACCEPTED, group=group)
    assert await desk.authorizer.group_of(CARD, 1) == group
    assert await desk.authorizer.group_of(CARD, 1) == group
    assert len(desk.csms.asked) == 1
    desk.csms.online = False
    assert await desk.authorizer.group_of(IdToken("NEW"), 1) is None
    desk.csms.online = True
    desk.csms.answers["NEW"] = IdTokenInfo(AuthorizationStatus.BLOCKED, group=group)
    assert await desk.authorizer.group_of(IdToken("NEW"), 1) is None


async def test_remote_starts_are_checked_only_where_the_setting_says_so() -> None:
    from stationd.domain.variable_table import AUTHORIZE_REMOTE_START

    desk = Desk()
    assert needs_no_check(CARD, desk.settings)
    await desk.set(AUTHORIZE_REMOTE_START, "true")
    assert not needs_no_check(CARD, desk.settings)
    assert needs_no_check(IdToken("X", "Central"), desk.settings)


async def test_master_passes_are_known_by_their_group() -> None:
    desk = Desk()
    info = IdTokenInfo(AuthorizationStatus.ACCEPTED, group=IdToken("Master"))
    assert not desk.authorizer.is_master_pass(info)
    await desk.set(MASTER_PASS_GROUP_ID, "MASTER")
    assert desk.authorizer.is_master_pass(info)
    assert not desk.authorizer.is_master_pass(GOOD)
