"""What the brain knows of the safety process."""

from stationd.domain.pilot import CpState, LockState, PilotStatus


def test_a_vehicle_is_seen_in_states_b_c_and_d() -> None:
    seen = [
        cp
        for cp in CpState
        if PilotStatus(1, cp, 9.0, 100.0, False, False, LockState.NONE, 32.0, 32.0, 0.0, (), 1, "b").cable_connected
    ]
    assert seen == [CpState.B, CpState.C, CpState.D]
