"""One charging transaction, as stored."""

from dataclasses import dataclass
from datetime import datetime

from stationd.domain.id_token import IdToken
from stationd.domain.states import ChargingState, StopReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A transaction from Started to Ended. Change it with `dataclasses.replace` and commit it with its events."""

    transaction_id: str
    """A UUID made here, never reused (OCPP 2.0.1 E01.FR.08)."""
    evse_id: int
    connector_id: int
    started_at: datetime
    meter_start_wh: float
    """Register of the EVSE's meter at the start; never rebased."""
    next_seq_no: int = 0
    charging_state: ChargingState = ChargingState.IDLE
    id_token: IdToken | None = None
    """Who is charged for it; None until authorised."""
    group: IdToken | None = None
    authorized: bool = False
    """True while energy may flow on the driver's account; False after stop, time-out or deauthorisation."""
    remote_start_id: int | None = None
    stop_reason: StopReason | None = None
    """What began the end; set before Ended where stopping takes more than one event."""
    last_wh: float | None = None
    """Last register value known; used when power was lost."""
    last_sample_at: datetime | None = None
    pilot_boot_id: str | None = None
    unplugs: int | None = None
    """`PilotStatus.boot_id` and `.unplugs` at the last commit: a brain that was away sees by them that a car left."""
    ended_at: datetime | None = None
    meter_stop_wh: float | None = None

    @property
    def energy_wh(self) -> float:
        """Energy delivered so far."""
        end = self.meter_stop_wh if self.meter_stop_wh is not None else self.last_wh
        return 0.0 if end is None else max(0.0, end - self.meter_start_wh)
