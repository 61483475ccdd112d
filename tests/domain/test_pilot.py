"""What the brain knows of the safety process."""

from dataclasses import replace

from stationd.domain.pilot import CpState, LockState, PilotStatus


def test_a_vehicle_is_seen_in_states_b_c_and_d() -> None:
    seen = [
        cp
        for cp in CpState
        if PilotStatus(1, cp, 9.0, 100.0, False, False, LockState.NONE, 32.0, 32.0, 0.0, (), 1, "b").cable_connected
    ]
    assert seen == [CpState.B, CpState.C, CpState.D]


def test_a_car_left_if_the_count_is_another_or_a_new_safety_process_counted_one() -> None:
    status = PilotStatus(1, CpState.B, 9.0, 100.0, False, False, LockState.NONE, 32.0, 32.0, 0.0, (), 1, "b", unplugs=4)
    assert status.car_left_since("b", 3)
    assert not status.car_left_since("b", 4)
    assert status.car_left_since("a", 4)
    assert not replace(status, unplugs=0).car_left_since("a", 4)
