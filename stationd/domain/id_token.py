"""Tokens of drivers and what the CSMS says of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class IdTokenType(StrEnum):
    """OCPP 2.0.1 IdTokenEnumType; 2.1 sends the same words as plain strings."""

    CENTRAL = "Central"
    EMAID = "eMAID"
    ISO14443 = "ISO14443"
    ISO15693 = "ISO15693"
    KEY_CODE = "KeyCode"
    LOCAL = "Local"
    MAC_ADDRESS = "MacAddress"
    NO_AUTHORIZATION = "NoAuthorization"


class AuthorizationStatus(StrEnum):
    """OCPP 2.0.1 AuthorizationStatusEnumType."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    CONCURRENT_TX = "ConcurrentTx"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    NO_CREDIT = "NoCredit"
    NOT_ALLOWED_TYPE_EVSE = "NotAllowedTypeEVSE"
    NOT_AT_THIS_LOCATION = "NotAtThisLocation"
    NOT_AT_THIS_TIME = "NotAtThisTime"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class IdToken:
    """A driver's token. Compared case-insensitively with its type (OCPP 2.0.1 C01.FR.25).

    `type` is a plain string: 2.1 lets a CSMS use words of its own, which must come back unchanged.
    """

    value: str
    type: str = IdTokenType.ISO14443

    @property
    def key(self) -> tuple[str, str]:
        """What is equal for tokens that name the same driver."""
        return self.value.casefold(), str(self.type)

    def same_as(self, other: "IdToken") -> bool:
        """Tell whether both name the same driver."""
        return self.key == other.key


@dataclass(frozen=True, slots=True)
class IdTokenInfo:
    """The CSMS's (or a store's) verdict on a token."""

    status: AuthorizationStatus
    expires_at: datetime | None = None
    group: IdToken | None = None
    """1.6's parentIdTag and 2.x's groupIdToken."""
    evse_ids: tuple[int, ...] = ()
    """Empty means every EVSE (OCPP 2.0.1 C01.FR.21)."""

    @property
    def accepted(self) -> bool:
        """True if charging may start."""
        return self.status is AuthorizationStatus.ACCEPTED


@dataclass(frozen=True, slots=True)
class CachedToken:
    """An entry of the authorization cache."""

    info: IdTokenInfo
    """As the CSMS said it; `expires_at` only where the CSMS gave one."""
    learned_at: datetime | None
    """None in entries of older releases, which set `expires_at` by themselves."""


class CachePolicy(StrEnum):
    """Which entry a full cache drops first, among those of equal worth (AuthCacheCtrlr.Policy)."""

    LRU = "LRU"
    """The one that was not used for longest."""
    LFU = "LFU"
    """The one that was used least often."""
    FIFO = "FIFO"
    """The one that came first."""
