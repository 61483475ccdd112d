"""The table of decisions after a start, and whole stations that are killed and started again."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from stationd.domain.pilot import CpState, LockState, PilotStatus
from stationd.domain.states import ChargingState, StopReason, TriggerReason
from stationd.domain.transaction import Transaction
from stationd.station.recovery import BROKEN, POWER_LOST, UNPLUGGED, Circumstances, End, Resume, decide
from tests.station.harness import ANNA

STATUS = PilotStatus(
    evse_id=1, cp=CpState.B, volts=9.0, duty_percent=100.0, commanded_closed=False, sensed_closed=False,
    lock=LockState.LOCKED, cable_max_a=32.0, max_a=32.0, offered_a=0.0, faults=(), uptime_ms=1, boot_id="b",
)  # fmt: skip
OPEN = Transaction(
    transaction_id="t", evse_id=1, connector_id=1, started_at=datetime(2026, 1, 1, tzinfo=UTC), meter_start_wh=1000.0,
    next_seq_no=4, charging_state=ChargingState.CHARGING, id_token=ANNA, authorized=True, last_wh=1500.0,
)  # fmt: skip
NOW = Circumstances(
    board_restarted=False, resume_after_power_loss=False, evse_exists=True, status=STATUS, register_wh=1500.0
)
GONE = replace(STATUS, cp=CpState.A)
TABLE = {
    "the brain restarted, cable in": (OPEN, NOW, Resume(tell=False)),
    "stationd-pilot is not there yet": (OPEN, replace(NOW, status=None), Resume(tell=False)),
    "the meter does not answer": (OPEN, replace(NOW, register_wh=None), Resume(tell=False)),
    "the meter went on": (OPEN, replace(NOW, register_wh=1600.0), Resume(tell=False)),
    "the meter went back": (OPEN, replace(NOW, register_wh=1499.0), BROKEN),
    "the cable went": (OPEN, replace(NOW, status=GONE), UNPLUGGED),
    "another car came while the brain was away": (
        replace(OPEN, pilot_boot_id="b", unplugs=3),
        replace(NOW, status=replace(STATUS, unplugs=4)),
        UNPLUGGED,
    ),
    "no car left while the brain was away": (
        replace(OPEN, pilot_boot_id="b", unplugs=3),
        replace(NOW, status=replace(STATUS, unplugs=3)),
        Resume(tell=False),
    ),
    "stationd-pilot restarted too and counts anew": (
        replace(OPEN, pilot_boot_id="a", unplugs=3),
        NOW,
        Resume(tell=False),
    ),
    "stationd-pilot restarted too and saw a car leave since": (
        replace(OPEN, pilot_boot_id="a", unplugs=3),
        replace(NOW, status=replace(STATUS, unplugs=1)),
        UNPLUGGED,
    ),
    "nothing is known of cars before": (OPEN, replace(NOW, status=replace(STATUS, unplugs=9)), Resume(tell=False)),
    "the pilot is short-circuited": (OPEN, replace(NOW, status=replace(STATUS, cp=CpState.E)), Resume(tell=False)),
    "never plugged in yet": (
        replace(OPEN, charging_state=ChargingState.IDLE),
        replace(NOW, status=GONE),
        Resume(tell=False),
    ),
    "power loss, cable in": (OPEN, replace(NOW, board_restarted=True), POWER_LOST),
    "power loss, cable gone": (OPEN, replace(NOW, board_restarted=True, status=GONE), POWER_LOST),
    "power loss, resuming allowed": (
        OPEN,
        replace(NOW, board_restarted=True, resume_after_power_loss=True),
        Resume(tell=True),
    ),
    "power loss, resuming allowed, cable gone": (
        OPEN,
        replace(NOW, board_restarted=True, resume_after_power_loss=True, status=GONE),
        POWER_LOST,
    ),
    "power loss, resuming allowed, meter went back": (
        OPEN,
        replace(NOW, board_restarted=True, resume_after_power_loss=True, register_wh=0.0),
        BROKEN,
    ),
    "it was being stopped": (
        replace(OPEN, authorized=False, stop_reason=StopReason.LOCAL),
        NOW,
        End(TriggerReason.STOP_AUTHORIZED, StopReason.LOCAL),
    ),
    "it was being stopped when power was lost": (
        replace(OPEN, authorized=False, stop_reason=StopReason.REMOTE),
        replace(NOW, board_restarted=True),
        End(TriggerReason.REMOTE_STOP, StopReason.REMOTE),
    ),
    "the EVSE is gone from the profile": (OPEN, replace(NOW, evse_exists=False), BROKEN),
}


@pytest.mark.parametrize("case", TABLE)
def test_recovery_decides_by_the_table(case: str) -> None:
    tx, circumstances, expected = TABLE[case]
    assert decide(tx, circumstances) == expected


def test_without_any_stored_register_the_start_value_is_the_last_known() -> None:
    tx = replace(OPEN, last_wh=None)
    assert decide(tx, replace(NOW, register_wh=999.0)) == BROKEN
    assert decide(tx, replace(NOW, register_wh=1000.0)) == Resume(tell=False)
