"""Token -> verdict (block C): cache, CSMS, and the rules for when the CSMS cannot be asked."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from stationd.domain.errors import StorageError
from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo, IdTokenType
from stationd.domain.variable_table import (
    AUTH_CACHE_DISABLE_POST_AUTHORIZE,
    AUTH_CACHE_ENABLED,
    AUTH_CACHE_LIFETIME,
    AUTH_ENABLED,
    AUTHORIZE_REMOTE_START,
    LOCAL_AUTHORIZE_OFFLINE,
    LOCAL_PRE_AUTHORIZE,
    MASTER_PASS_GROUP_ID,
    OFFLINE_TX_FOR_UNKNOWN_ID,
)
from stationd.station.ports import Clock, CsmsPort, SettingsPort, TokenStore

log = logging.getLogger(__name__)

NO_TOKEN = IdToken("", IdTokenType.NO_AUTHORIZATION)
"""What a transaction without any token is told as (OCPP 2.0.1 C02.FR.01)."""
UNCACHED_TYPES = (IdTokenType.NO_AUTHORIZATION, IdTokenType.CENTRAL)
ACCEPTED = IdTokenInfo(AuthorizationStatus.ACCEPTED)
UNKNOWN = IdTokenInfo(AuthorizationStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that decide."""

    enabled: bool
    pre_authorize: bool
    offline_known: bool
    offline_unknown: bool
    refuse_known_bad: bool

    @classmethod
    def of(cls, settings: SettingsPort) -> "Policy":
        """Return the policy in force now."""
        return cls(
            enabled=settings.boolean(AUTH_ENABLED),
            pre_authorize=settings.boolean(LOCAL_PRE_AUTHORIZE),
            offline_known=settings.boolean(LOCAL_AUTHORIZE_OFFLINE),
            offline_unknown=settings.boolean(OFFLINE_TX_FOR_UNKNOWN_ID),
            refuse_known_bad=settings.boolean(AUTH_CACHE_DISABLE_POST_AUTHORIZE),
        )


class Ask(StrEnum):
    """The third outcome beside yes and no."""

    CSMS = "csms"


def decide(token: IdToken, cached: IdTokenInfo | None, policy: Policy, *, online: bool) -> IdTokenInfo | Ask:
    """Return the verdict that needs no question to the CSMS, or that it must be asked.

    `cached` is None for a token that is not in the cache or whose entry expired (expired = unknown, C10.FR.13).
    """
    if not policy.enabled or token.type == IdTokenType.NO_AUTHORIZATION:
        return ACCEPTED
    if online:
        if token.type == IdTokenType.LOCAL or cached is None:  # C06.FR.02, C01.FR.02
            return Ask.CSMS
        if cached.accepted:
            return cached if policy.pre_authorize else Ask.CSMS  # C12.FR.02
        return cached if policy.refuse_known_bad else Ask.CSMS  # C10.FR.03, C12.FR.05
    if cached is not None:
        if cached.accepted and not policy.offline_known:
            return UNKNOWN
        return cached  # C13.FR.02; one that is known to be bad stays refused
    return ACCEPTED if policy.offline_unknown else UNKNOWN  # C15.FR.08


def needs_no_check(token: IdToken, settings: SettingsPort) -> bool:
    """Tell whether a remote start is taken on the CSMS's word (F01.FR.02, C05.FR.01)."""
    return not settings.boolean(AUTHORIZE_REMOTE_START) or token.type in UNCACHED_TYPES


def same_group(one: IdToken | None, other: IdToken | None) -> bool:
    """Tell whether both tokens' groups are one."""
    return one is not None and other is not None and one.same_as(other)


class Authorizer:
    """Asks the cache and the CSMS, and fills the cache from everything that the CSMS says."""

    def __init__(self, settings: SettingsPort, clock: Clock, csms: CsmsPort, cache: TokenStore) -> None:
        self._settings = settings
        self._clock = clock
        self._csms = csms
        self._cache = cache

    async def check(self, token: IdToken, evse_id: int | None) -> IdTokenInfo:
        """Return the verdict on a token for an EVSE. May take as long as the CSMS's answer: never call it in a job."""
        cached = await self.cached(token)
        verdict = decide(token, cached, Policy.of(self._settings), online=self._csms.online)
        if isinstance(verdict, Ask):
            answer = await self._csms.authorize(token, evse_id)
            if answer is None:  # the link broke meanwhile
                fallback = decide(token, cached, Policy.of(self._settings), online=False)
                verdict = UNKNOWN if isinstance(fallback, Ask) else fallback
            else:
                await self.learn(token, answer)
                verdict = answer
        if verdict.accepted and verdict.evse_ids and evse_id is not None and evse_id not in verdict.evse_ids:
            return replace(verdict, status=AuthorizationStatus.NOT_ALLOWED_TYPE_EVSE)  # C01.FR.21
        return verdict

    async def group_of(self, token: IdToken, evse_id: int | None) -> IdToken | None:
        """Return the group of a valid token: from the cache, else from the CSMS (C01.FR.03b, C09.FR.05)."""
        cached = await self.cached(token)
        if cached is not None and cached.accepted and cached.group is not None:
            return cached.group
        if not self._csms.online:
            return None  # E08: list and cache only
        answer = await self._csms.authorize(token, evse_id)
        if answer is None:
            return None
        await self.learn(token, answer)
        return answer.group if answer.accepted else None  # C09.FR.11

    async def cached(self, token: IdToken) -> IdTokenInfo | None:
        """Return the cache's verdict; None if disabled, unknown, expired or unreadable."""
        if not self._settings.boolean(AUTH_CACHE_ENABLED):
            return None
        try:
            info = await self._cache.get(token)
        except StorageError as error:
            log.warning("authorization cache not read error=%s", error)
            return None
        if info is None or (info.expires_at is not None and info.expires_at <= self._clock.now()):
            return None
        return info

    async def learn(self, token: IdToken, info: IdTokenInfo) -> None:
        """Store what the CSMS said of a token (C10.FR.01/04/05)."""
        if not self._settings.boolean(AUTH_CACHE_ENABLED) or token.type in UNCACHED_TYPES:  # C02.FR.03, C03.FR.02
            return
        now = self._clock.now()
        expires = info.expires_at or self._default_expiry(now)
        try:
            # one that has passed already (C10.FR.13) is stored all the same: it replaces what was known before
            await self._cache.put(token, replace(info, expires_at=expires), now)
        except StorageError as error:
            log.warning("authorization cache not written error=%s", error)

    def _default_expiry(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._settings.integer(AUTH_CACHE_LIFETIME))  # C10.FR.10

    async def clear(self) -> bool:
        """Empty the cache; False if disabled or it failed (C11.FR.03-05)."""
        if not self._settings.boolean(AUTH_CACHE_ENABLED):
            return False
        try:
            await self._cache.clear()
        except StorageError as error:
            log.warning("authorization cache not cleared error=%s", error)
            return False
        return True

    def is_master_pass(self, info: IdTokenInfo) -> bool:
        """Tell whether a token may only stop transactions (C16.FR.03)."""
        return info.group is not None and self.is_master_group(info.group)

    def is_master_group(self, group: IdToken) -> bool:
        """Tell whether a group is the master passes'."""
        master = self._settings.text(MASTER_PASS_GROUP_ID)
        return bool(master) and group.value.casefold() == master.casefold()
