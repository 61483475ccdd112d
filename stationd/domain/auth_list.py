"""Words of the local authorization list (OCPP block D): what a CSMS sends, and what became of it."""

from dataclasses import dataclass
from enum import StrEnum

from stationd.domain.id_token import IdToken, IdTokenInfo

ANY_TYPE = ""
"""Type of a listed token of which the CSMS gave none (OCPP 1.6 has no types): it is a presented token of any type."""


class UpdateKind(StrEnum):
    """OCPP 2.0.1 UpdateEnumType, 1.6 UpdateType."""

    FULL = "Full"
    DIFFERENTIAL = "Differential"


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One token of an update."""

    id_token: IdToken
    info: IdTokenInfo | None
    """None removes the token (OCPP 2.0.1 D01.FR.17)."""


@dataclass(frozen=True, slots=True)
class ListUpdate:
    """A SendLocalList."""

    version: int
    kind: UpdateKind
    entries: tuple[ListEntry, ...] = ()
    empty_is_version_0: bool = False
    """An empty list counts as version 0, whatever its version was (OCPP 1.6 GetLocalListVersion)."""


class UpdateStatus(StrEnum):
    """OCPP 2.0.1 SendLocalListStatusEnumType."""

    ACCEPTED = "Accepted"
    FAILED = "Failed"
    VERSION_MISMATCH = "VersionMismatch"


@dataclass(frozen=True, slots=True)
class UpdateOutcome:
    """What became of an update; `reason` is a 2.x reasonCode word, `info` one sentence."""

    status: UpdateStatus
    reason: str | None = None
    info: str | None = None


@dataclass(frozen=True, slots=True)
class ListSummary:
    """What is stored."""

    version: int = 0
    """Of the last update; 0 if there never was one (OCPP 2.0.1 D02.FR.02)."""
    entries: int = 0
    size_bytes: int = 0
