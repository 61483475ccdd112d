"""Waits between tries."""

from stationd.ocpp.back_off import BackOff
from tests.fakes.ocpp import test_settings


def make(minimum: int, extra: int, repeat: int, *, dice: float = 0.0, floor_s: float = 0.0) -> BackOff:
    settings = test_settings(
        RETRY_BACK_OFF_WAIT_MINIMUM=minimum, RETRY_BACK_OFF_RANDOM_RANGE=extra, RETRY_BACK_OFF_REPEAT_TIMES=repeat
    )
    return BackOff(settings, lambda low, high: low + dice * (high - low), floor_s=floor_s)


def test_the_fixed_part_doubles_so_often_and_the_random_part_does_not() -> None:
    back_off = make(10, 4, 3, dice=0.5)
    assert [back_off.next_wait_s() for _ in range(6)] == [12, 22, 42, 82, 82, 82]


def test_a_success_begins_again_at_the_minimum() -> None:
    back_off = make(10, 0, 3)
    assert [back_off.next_wait_s(), back_off.next_wait_s()] == [10, 20]
    back_off.reset()
    assert back_off.next_wait_s() == 10


def test_no_setting_makes_it_a_flood() -> None:
    back_off = make(0, 0, 0, floor_s=0.2)
    assert [back_off.next_wait_s() for _ in range(3)] == [0.2, 0.2, 0.2]


def test_it_goes_on_for_ever_without_growing_for_ever() -> None:
    back_off = make(3600, 0, 16)
    assert {back_off.next_wait_s() for _ in range(1000)} == {3600.0 * 2**n for n in range(17)}
