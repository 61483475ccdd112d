"""What the CSMS answers, without any OCPP version."""

from dataclasses import dataclass
from datetime import datetime

from stationd.domain.id_token import IdTokenInfo
from stationd.domain.states import RegistrationStatus


@dataclass(frozen=True, slots=True)
class BootAnswer:
    """Answer to `StationBooted`."""

    status: RegistrationStatus
    current_time: datetime | None
    interval_s: int


@dataclass(frozen=True, slots=True)
class HeartbeatAnswer:
    """Answer to `HeartbeatDue`."""

    current_time: datetime | None


@dataclass(frozen=True, slots=True)
class TransactionAnswer:
    """Answer to a `TransactionEvent`."""

    id_token_info: IdTokenInfo | None = None
    csms_transaction_id: int | None = None
    """1.6 only: the integer by which this CSMS knows the transaction."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An answer that says nothing."""


Answer = BootAnswer | HeartbeatAnswer | IdTokenInfo | TransactionAnswer | Acknowledged
