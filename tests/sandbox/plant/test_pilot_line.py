"""The pilot wire: volts and the car's reading of the duty."""

import pytest

from stationd.sandbox.plant.pilot_line import B_OHM, C_OHM, D_OHM, offered_a, volts


@pytest.mark.parametrize(
    ("duty", "amps"),
    [(10, 6), (16.667, 10), (26.667, 16), (53.333, 32), (80, 48), (89.2, 63), (96, 80), (8.5, 6), (96.5, 80), (97, 80)],
)
def test_car_reads_the_standard_duties(duty: float, amps: float) -> None:
    assert offered_a(duty) == pytest.approx(amps, abs=0.001)


@pytest.mark.parametrize("duty", [0, 2.9, 5, 7.5, 97.1, 100])
def test_car_may_not_charge_at_other_duties(duty: float) -> None:
    assert offered_a(duty) == 0


def test_without_pwm_both_halves_are_the_same() -> None:
    assert volts(100, None) == (12, 12)
    assert volts(100, B_OHM) == (pytest.approx(9, abs=0.1), pytest.approx(9, abs=0.1))
    assert volts(0, B_OHM) == (-12, -12)


def test_with_pwm_the_cars_diode_keeps_the_low_half_at_minus_12() -> None:
    assert volts(26.7, None) == (12, -12)
    assert volts(26.7, B_OHM) == (pytest.approx(9, abs=0.1), -12)
    assert volts(26.7, C_OHM) == (pytest.approx(6, abs=0.1), -12)
    assert volts(26.7, D_OHM) == (pytest.approx(3, abs=0.1), -12)


def test_shorted_diode_mirrors_the_high_half() -> None:
    high, low = volts(26.7, B_OHM, diode_shorted=True)
    assert 8 < high < 10
    assert low == -high


def test_shorted_pilot_is_0_v_whatever_else() -> None:
    assert volts(26.7, C_OHM, shorted=True) == (0, 0)
    assert volts(0, None, shorted=True) == (0, 0)
