"""What to do with a transaction found open at the start of the brain (OCPP 2.0.1 E06, OCPP 2.1 E17). Pure."""

from dataclasses import dataclass

from stationd.domain.pilot import CpState, PilotStatus
from stationd.domain.states import ChargingState, StopReason, TriggerReason
from stationd.domain.transaction import Transaction
from stationd.station.transactions import trigger_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known after the start."""

    board_restarted: bool
    """The whole board lost power or was rebooted: its boot id is another than before."""
    resume_after_power_loss: bool
    evse_exists: bool
    status: PilotStatus | None
    """First status of the EVSE; None if stationd-pilot did not answer yet."""
    register_wh: float | None
    """The meter's register now; None if it does not answer."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on under the same id with the next seqNo."""

    tell: bool
    """True: the CSMS is told (TxResumed), as its driver saw an interruption; False: nobody need notice."""


@dataclass(frozen=True, slots=True)
class End:
    """End it now, billed by the register as it is now, or by the last known value if that is greater."""

    trigger: TriggerReason
    reason: StopReason


POWER_LOST = End(TriggerReason.ABNORMAL_CONDITION, StopReason.POWER_LOSS)
UNPLUGGED = End(TriggerReason.EV_COMMUNICATION_LOST, StopReason.EV_DISCONNECTED)
BROKEN = End(TriggerReason.ABNORMAL_CONDITION, StopReason.OTHER)


def last_known_wh(tx: Transaction) -> float:
    """Return the newest register value on the disk."""
    return tx.meter_start_wh if tx.last_wh is None else max(tx.last_wh, tx.meter_start_wh)


def decide(tx: Transaction, now: Circumstances) -> Resume | End:
    """Return what becomes of the transaction. A register that went back is another meter's: it cannot go on."""
    if tx.stop_reason is not None:
        return End(trigger_of(tx.stop_reason), tx.stop_reason)
    if not now.evse_exists or (now.register_wh is not None and now.register_wh < last_known_wh(tx)):
        return BROKEN
    if now.board_restarted and not now.resume_after_power_loss:
        return POWER_LOST
    unplugged = now.status is not None and (now.status.cp is CpState.A or _left_meanwhile(tx, now.status))
    had_cable = tx.charging_state is not ChargingState.IDLE
    if unplugged and had_cable:
        return POWER_LOST if now.board_restarted else UNPLUGGED
    return Resume(tell=now.board_restarted)


def _left_meanwhile(tx: Transaction, status: PilotStatus) -> bool:
    """Tell whether a car left while the brain was away: the one that is plugged in now may be another driver's.

    If the safety process restarted meanwhile and has seen nobody leave, the car is taken for the same.
    """
    if tx.pilot_boot_id is None or tx.unplugs is None:
        return False
    return status.car_left_since(tx.pilot_boot_id, tx.unplugs)
