"""What an OCPP version folder provides and is given. The rest of `stationd.ocpp` knows versions only by this."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from stationd.domain.answers import Answer
from stationd.domain.events import Event
from stationd.station.ports import Clock, SettingsPort, StationPort

Json = dict[str, Any]


class RpcError(StrEnum):
    """Reasons for a CALLERROR, in 2.x spelling; a version may spell them otherwise (`Version.error_spelling`)."""

    FORMAT_VIOLATION = "FormatViolation"
    GENERIC_ERROR = "GenericError"
    INTERNAL_ERROR = "InternalError"
    MESSAGE_TYPE_NOT_SUPPORTED = "MessageTypeNotSupported"
    NOT_IMPLEMENTED = "NotImplemented"
    NOT_SUPPORTED = "NotSupported"
    OCCURRENCE_CONSTRAINT_VIOLATION = "OccurrenceConstraintViolation"
    PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
    PROTOCOL_ERROR = "ProtocolError"
    RPC_FRAMEWORK_ERROR = "RpcFrameworkError"
    SECURITY_ERROR = "SecurityError"
    TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"


class CallRefusedError(Exception):
    """A handler refuses a CALL with a CALLERROR (not with a Rejected response, which is an ordinary answer)."""

    def __init__(self, code: RpcError, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


class SchemaViolation(Exception):
    """A payload does not follow its schema."""

    def __init__(self, code: RpcError, path: str, description: str) -> None:
        super().__init__(f"{path}: {description}" if path else description)
        self.code = code
        self.path = path


class Aliases(Protocol):
    """1.6's integer transaction ids, both ways; from memory."""

    def alias(self, transaction_id: str) -> int | None:
        """Return the CSMS's integer for our transaction."""
        ...

    def transaction_of(self, alias: int) -> str | None:
        """Return our id for the CSMS's integer."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """Everything that a handler or translator may use. Blocks never receive other blocks."""

    station: StationPort
    settings: SettingsPort
    clock: Clock
    aliases: Aliases


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A CALL to be sent, and how to read its answer."""

    action: str
    payload: Json
    read: Callable[[Json], Answer]
    if_abandoned: Answer | None = None
    """What to assume when all attempts failed (1.6: transaction id -1 after StartTransaction)."""


Handler = Callable[[Context, Json], Awaitable[Json]]
Translator = Callable[[Context, Any], Outgoing | None]
"""Takes the event; None: this version has nothing to say about it."""
Validator = Callable[[Any], None]
"""Raises SchemaViolation."""


@dataclass(frozen=True, slots=True)
class Version:
    """One OCPP version: translation and version-specific rules, nothing else."""

    subprotocol: str
    routes: Mapping[str, Handler]
    events: Mapping[type[Event], Translator]
    request_validator: Callable[[str], Validator | None]
    """Validator of an action's request payload; None for an action that this version does not define."""
    response_validator: Callable[[str], Validator | None]
    allowed_while_pending: frozenset[str]
    """Actions handled normally before acceptance; others are answered as the version says there."""
    refused_while_pending: Mapping[str, Json] = field(default_factory=dict)
    """Responses to the other actions while the registration is Pending (OCPP 2.0.1 B02.FR.05)."""
    error_spelling: Mapping[RpcError, str] = field(default_factory=dict)
    has_station_status: bool = False
    """True if the station itself reports a status (1.6 connector 0)."""
    extended_frames: bool = False
    """True if message types 5 (CALLRESULTERROR) and 6 (SEND) exist (2.1)."""
