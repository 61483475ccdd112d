"""The local authorization list (block D): which updates are taken, and what the list says of a token."""

import asyncio
import logging
from datetime import datetime

from stationd.domain.auth_list import ListSummary, ListUpdate, UpdateKind, UpdateOutcome, UpdateStatus
from stationd.domain.errors import StorageError
from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo
from stationd.domain.variable_table import (
    LOCAL_LIST_ENABLED,
    LOCAL_LIST_ENTRIES,
    LOCAL_LIST_ITEMS,
    LOCAL_LIST_STORAGE,
    LOCAL_LIST_SUPPORTS_EXPIRY,
)
from stationd.station.ports import AuthListStore, SettingsPort

log = logging.getLogger(__name__)

MOST_ENTRIES = int(LOCAL_LIST_ENTRIES.maximum or 0)
MOST_BYTES = int(LOCAL_LIST_STORAGE.maximum or 0)


def objection(update: ListUpdate, current: ListSummary, *, most_items: int) -> UpdateOutcome | None:
    """Return why an update is not taken; None if it can be."""
    version = 0 if update.empty_is_version_0 and current.entries == 0 else current.version
    if update.kind is UpdateKind.DIFFERENTIAL and update.version <= version:  # D01.FR.19
        return UpdateOutcome(UpdateStatus.VERSION_MISMATCH, info=f"the list has version {version}")
    if update.version <= 0:  # D01.FR.18; no upper bound: a CSMS may count in milliseconds since 1970
        return _failed("ValueTooLow", "the version is not above 0")
    if len(update.entries) > most_items:  # D01.FR.11
        return _failed("TooManyElements", f"more than {most_items} entries in one message")
    if len({entry.id_token.key for entry in update.entries}) < len(update.entries):  # D01.FR.06
        return _failed("InvalidValue", "a token is named twice")
    if update.kind is UpdateKind.FULL and any(entry.info is None for entry in update.entries):
        return _failed("MissingParam", "a full list has an entry without idTokenInfo")
    return None


def has_expired(info: IdTokenInfo, now: datetime) -> bool:
    """Tell whether a verdict's end has passed."""
    return info.expires_at is not None and info.expires_at <= now


def contradicts(listed: IdTokenInfo, told: IdTokenInfo, now: datetime) -> bool:
    """Tell whether the CSMS lets the token charge and its list does not, or the other way round.

    ConcurrentTx speaks of the moment, not of the token.
    """
    if told.status is AuthorizationStatus.CONCURRENT_TX:
        return False
    return told.accepted != (listed.accepted and not has_expired(listed, now))


def _failed(reason: str, info: str) -> UpdateOutcome:
    return UpdateOutcome(UpdateStatus.FAILED, reason, info)


class LocalAuthList:
    """The list as the station uses it. It changes through `update` only (D01.FR.09)."""

    def __init__(self, settings: SettingsPort, store: AuthListStore) -> None:
        self._settings = settings
        self._store = store
        self._updating = asyncio.Lock()
        self._contradicted: set[tuple[str, str]] = set()

    @property
    def enabled(self) -> bool:
        """True while the list counts (D01.FR.13)."""
        return self._settings.boolean(LOCAL_LIST_ENABLED)

    def summary(self) -> ListSummary | None:
        """Return what the list holds; None while it is disabled (D02.FR.03)."""
        return self._store.summary if self.enabled else None

    async def lookup(self, token: IdToken) -> IdTokenInfo | None:
        """Return the entry of a token, expired or not; None if there is none, or the list is disabled or unreadable.

        Where expiry is not supported, an entry has no end.
        """
        if not self.enabled or self._store.summary.entries == 0:
            return None
        try:
            info = await self._store.get(token)
        except StorageError as error:
            log.warning("local list not read error=%s", error)
            return None
        if info is None or self._settings.boolean(LOCAL_LIST_SUPPORTS_EXPIRY) or info.expires_at is None:
            return info
        return IdTokenInfo(info.status, None, info.group, info.evse_ids)

    async def update(self, update: ListUpdate) -> UpdateOutcome:
        """Change the list as a whole or not at all; one update after the other."""
        async with self._updating:
            outcome = await self._update(update)
        log.info(
            "local list update status=%s reason=%s kind=%s version=%d entries=%d",
            outcome.status,
            outcome.reason,
            update.kind,
            update.version,
            len(update.entries),
        )
        return outcome

    async def _update(self, update: ListUpdate) -> UpdateOutcome:
        if not self.enabled:
            return _failed("NotEnabled", "the local authorization list is disabled")
        most_items = self._settings.integer(LOCAL_LIST_ITEMS)
        if (refusal := objection(update, self._store.summary, most_items=most_items)) is not None:
            return refusal
        try:
            if not await self._store.apply(update, most_entries=MOST_ENTRIES, most_bytes=MOST_BYTES):
                return _failed(
                    "TooManyElements", f"the list would hold more than {MOST_ENTRIES} entries or too much text"
                )
        except StorageError as error:
            log.warning("local list not stored error=%s", error)
            return _failed("OutOfStorage", "the list cannot be stored durably")
        self._contradicted.clear()
        return UpdateOutcome(UpdateStatus.ACCEPTED)

    def note_contradiction(self, token: IdToken, listed: IdTokenInfo, told: IdTokenInfo, now: datetime) -> bool:
        """Tell whether this is a contradiction that was not noted since the list last changed."""
        if not contradicts(listed, told, now) or token.key in self._contradicted:
            return False
        self._contradicted.add(token.key)
        log.warning("local list contradicted by csms told=%s listed=%s", told.status, listed.status)
        return True
