from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationd.pilot.duty import amps_to_duty, duty_to_amps, is_pwm


@pytest.mark.parametrize(
    ("amps", "duty"),
    [(6, 10.0), (10, 16.667), (13, 21.667), (16, 26.667), (20, 33.333), (32, 53.333), (48, 80.0), (51, 85.0),
     (52, 84.8), (63, 89.2), (70, 92.0), (80, 96.0), (81, 96.0), (500, 96.0), (inf, 96.0)],
)  # fmt: skip
def test_amps_become_the_duty_of_table_a7(amps: float, duty: float) -> None:
    assert amps_to_duty(amps) == pytest.approx(duty, abs=0.001)


@pytest.mark.parametrize("amps", [0, 5.999, -1, -inf, nan])
def test_less_than_6_a_is_a_pause_and_no_pwm(amps: float) -> None:
    assert amps_to_duty(amps) == 100.0


@pytest.mark.parametrize(
    ("duty", "amps"),
    [(0, 0), (2.9, 0), (5, 0), (7.5, 0), (7.99, 0), (8, 6), (9.99, 6), (10, 6), (10.5, 6.3), (26.7, 16.02),
     (85, 51), (85.1, 52.75), (89.2, 63), (96, 80), (96.5, 80), (97, 80), (97.1, 0), (100, 0)],
)  # fmt: skip
def test_a_duty_is_read_as_the_ev_reads_it(duty: float, amps: float) -> None:
    assert duty_to_amps(duty) == pytest.approx(amps, abs=0.001)


@given(st.floats(min_value=0, max_value=200))
def test_an_ev_never_reads_more_than_was_offered(amps: float) -> None:
    read = duty_to_amps(amps_to_duty(amps))
    assert read <= amps + 1e-9
    if 6 <= amps <= 80:
        assert read >= amps - 0.4 - 1.05 * (51 < amps < 52.5)  # the standard's own step above 51 A


def test_only_between_the_steady_levels_is_pwm() -> None:
    assert [is_pwm(duty) for duty in (0.0, 0.5, 50.0, 99.9, 100.0)] == [False, True, True, True, False]
