"""Token -> verdict (block C): local list, cache, CSMS, and the rules for when the CSMS cannot be asked."""

import logging
from dataclasses import dataclass, replace
from enum import StrEnum

from stationd.domain.errors import StorageError
from stationd.domain.events import LocalListConflict
from stationd.domain.id_token import AuthorizationStatus, CachePolicy, IdToken, IdTokenInfo, IdTokenType
from stationd.domain.variable_table import (
    AUTH_CACHE_DISABLE_POST_AUTHORIZE,
    AUTH_CACHE_ENABLED,
    AUTH_CACHE_LIFETIME,
    AUTH_CACHE_POLICY,
    AUTH_ENABLED,
    AUTHORIZE_REMOTE_START,
    DISABLE_REMOTE_AUTHORIZATION,
    LOCAL_AUTHORIZE_OFFLINE,
    LOCAL_LIST_DISABLE_POST_AUTHORIZE,
    LOCAL_PRE_AUTHORIZE,
    MASTER_PASS_GROUP_ID,
    OFFLINE_TX_FOR_UNKNOWN_ID,
)
from stationd.station.local_auth_list import LocalAuthList, has_expired
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
    refuse_cached_bad: bool
    """AuthCacheCtrlr.DisablePostAuthorize."""
    refuse_listed_bad: bool = False
    """LocalAuthListCtrlr.DisablePostAuthorize."""
    never_ask: bool = False
    """AuthCtrlr.DisableRemoteAuthorization."""

    @classmethod
    def of(cls, settings: SettingsPort) -> "Policy":
        """Return the policy in force now."""
        return cls(
            enabled=settings.boolean(AUTH_ENABLED),
            pre_authorize=settings.boolean(LOCAL_PRE_AUTHORIZE),
            offline_known=settings.boolean(LOCAL_AUTHORIZE_OFFLINE),
            offline_unknown=settings.boolean(OFFLINE_TX_FOR_UNKNOWN_ID),
            refuse_cached_bad=settings.boolean(AUTH_CACHE_DISABLE_POST_AUTHORIZE),
            refuse_listed_bad=settings.boolean(LOCAL_LIST_DISABLE_POST_AUTHORIZE),
            never_ask=settings.boolean(DISABLE_REMOTE_AUTHORIZATION),
        )

    def refuses(self, known: "Known") -> bool:
        """Tell whether a token that is known to be bad is refused without asking again (C12.FR.05, C14.FR.03)."""
        if known.info.accepted or known.expired:
            return False
        return self.refuse_listed_bad if known.listed else self.refuse_cached_bad


@dataclass(frozen=True, slots=True)
class Known:
    """What the station itself knows of a token."""

    info: IdTokenInfo
    listed: bool
    """From the local list; False: from the cache."""
    expired: bool = False
    """Its end has passed, whatever its status says."""

    @property
    def good(self) -> bool:
        """True if the token may charge, as far as is known here."""
        return self.info.accepted and not self.expired

    @property
    def verdict(self) -> IdTokenInfo:
        """The status as of now."""
        expired = self.info.accepted and self.expired
        return replace(self.info, status=AuthorizationStatus.EXPIRED) if expired else self.info


class Ask(StrEnum):
    """The third outcome beside yes and no."""

    CSMS = "csms"


def decide(token: IdToken, known: Known | None, policy: Policy, *, online: bool) -> IdTokenInfo | Ask:
    """Return the verdict that needs no question to the CSMS, or that it must be asked.

    `known` is the entry of the list, else that of the cache (C13.FR.01, C14.FR.01); None for a token in neither.
    """
    if not policy.enabled or token.type == IdTokenType.NO_AUTHORIZATION:
        return ACCEPTED
    if not online:
        return _offline(known, policy)
    if policy.never_ask:
        return UNKNOWN if known is None else known.verdict
    if token.type == IdTokenType.LOCAL or known is None:  # C06.FR.02, C01.FR.02
        return Ask.CSMS
    if known.good and policy.pre_authorize:  # C12.FR.02, C14.FR.02, C14.FR.04
        return known.info
    return known.verdict if policy.refuses(known) else Ask.CSMS  # C10.FR.03, C12.FR.05, C14.FR.03, C14.FR.05


def _offline(known: Known | None, policy: Policy) -> IdTokenInfo:
    if known is None:
        return ACCEPTED if policy.offline_unknown else UNKNOWN  # C13.FR.04, C13.FR.06, C15.FR.08
    if known.good and not policy.offline_known:
        return UNKNOWN
    return known.verdict  # C13.FR.02, C13.FR.05: one that is known to be bad is not unknown


def needs_no_check(token: IdToken, settings: SettingsPort) -> bool:
    """Tell whether a remote start is taken on the CSMS's word (F01.FR.02, C05.FR.01)."""
    return not settings.boolean(AUTHORIZE_REMOTE_START) or token.type in UNCACHED_TYPES


def same_group(one: IdToken | None, other: IdToken | None) -> bool:
    """Tell whether both tokens' groups are one."""
    return one is not None and other is not None and one.same_as(other)


class Authorizer:
    """Asks the list, the cache and the CSMS, and fills the cache from everything that the CSMS says."""

    def __init__(
        self, settings: SettingsPort, clock: Clock, csms: CsmsPort, cache: TokenStore, auth_list: LocalAuthList
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._csms = csms
        self._cache = cache
        self._list = auth_list

    async def check(self, token: IdToken, evse_id: int | None) -> IdTokenInfo:
        """Return the verdict on a token for an EVSE. May take as long as the CSMS's answer: never call it in a job."""
        known = await self.known(token)
        verdict = decide(token, known, Policy.of(self._settings), online=self._csms.online)
        if isinstance(verdict, Ask):
            answer = await self._csms.authorize(token, evse_id)
            if answer is None:  # the link broke meanwhile
                verdict = self._without_csms(token, known)
            else:
                await self.learn(token, answer)
                verdict = answer
        else:
            self._used(token, known)
        if verdict.accepted and verdict.evse_ids and evse_id is not None and evse_id not in verdict.evse_ids:
            return replace(verdict, status=AuthorizationStatus.NOT_ALLOWED_TYPE_EVSE)  # C01.FR.21
        return verdict

    def _without_csms(self, token: IdToken, known: Known | None) -> IdTokenInfo:
        verdict = decide(token, known, Policy.of(self._settings), online=False)
        if isinstance(verdict, Ask):
            return UNKNOWN
        self._used(token, known)
        return verdict

    def _used(self, token: IdToken, known: Known | None) -> None:
        if known is not None and not known.listed:
            self._cache.used(token)

    async def group_of(self, token: IdToken, evse_id: int | None) -> IdToken | None:
        """Return the group of a valid token: from list or cache, else from the CSMS (C01.FR.03, C09.FR.05)."""
        known, policy = await self.known(token), Policy.of(self._settings)
        if known is not None and known.good and known.info.group is not None:
            self._used(token, known)
            return known.info.group
        refused = known is not None and policy.refuses(known)
        if refused or policy.never_ask or not self._csms.online:
            return None  # E08: list and cache only
        answer = await self._csms.authorize(token, evse_id)
        if answer is None:
            return None
        await self.learn(token, answer)
        return answer.group if answer.accepted else None  # C09.FR.11

    async def known(self, token: IdToken) -> Known | None:
        """Return what list or cache know of a token; the list comes first (C13.FR.01, C14.FR.01)."""
        listed = await self._list.lookup(token)
        if listed is not None:
            return Known(listed, listed=True, expired=has_expired(listed, self._clock.now()))
        return await self._cached(token)

    async def _cached(self, token: IdToken) -> Known | None:
        """Return the cache's verdict; None if disabled, unknown, older than its life time, or unreadable."""
        if not self._settings.boolean(AUTH_CACHE_ENABLED):
            return None
        try:
            entry = await self._cache.get(token)
        except StorageError as error:
            log.warning("authorization cache not read error=%s", error)
            return None
        if entry is None:
            return None
        now = self._clock.now()
        if entry.info.expires_at is None and entry.learned_at is not None:
            age_s = (now - entry.learned_at).total_seconds()
            if age_s >= self._settings.integer(AUTH_CACHE_LIFETIME):  # C10.FR.08, C10.FR.10
                return None
        return Known(entry.info, listed=False, expired=has_expired(entry.info, now))  # C10.FR.13

    async def learn(self, token: IdToken, info: IdTokenInfo) -> None:
        """Store what the CSMS said of a token (C10.FR.01/04/05); tell it where its own list says otherwise."""
        if token.type in UNCACHED_TYPES:  # C02.FR.03, C03.FR.02, C05.FR.02
            return
        now = self._clock.now()
        listed = await self._list.lookup(token)
        if listed is not None:
            if self._list.note_contradiction(token, listed, info, now):
                self._csms.publish(LocalListConflict(now))
            if not self._csms.listed_tokens_are_cached:
                return
        if not self._settings.boolean(AUTH_CACHE_ENABLED):  # C10.FR.11
            return
        try:
            # one that has passed already is handed over all the same: it removes what was known before (C10.FR.13)
            await self._cache.put(token, info, now, CachePolicy(self._settings.text(AUTH_CACHE_POLICY)))
        except StorageError as error:
            log.warning("authorization cache not written error=%s", error)

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
