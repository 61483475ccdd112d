"""What the sensors say, and what they say when they are broken."""

import pytest

from stationd.sandbox.plant.sensing import NOISE_V, NOISY_EVERY_NS, NOISY_V, Sensing

B_WITH_PWM = (9.0, -12.0)


def broken(*names: str, volts: tuple[float, float] = B_WITH_PWM) -> Sensing:
    it = Sensing(1, set(names))
    it.faults_changed(0, volts)
    return it


def test_every_conversion_has_a_little_noise_that_is_the_same_in_every_run() -> None:
    it = broken()
    samples = [it.pilot_sample(B_WITH_PWM) for _ in range(200)]
    assert len(set(samples)) > 50
    assert all(abs(high - 9) <= NOISE_V and abs(low + 12) <= NOISE_V for high, low in samples)
    again = broken()
    assert [again.pilot_sample(B_WITH_PWM) for _ in range(200)] == samples
    assert Sensing(2, set()).pilot_sample(B_WITH_PWM) != samples[0]
    assert it.pilot(B_WITH_PWM) == B_WITH_PWM


def test_without_pwm_both_halves_are_the_same_sample() -> None:
    high, low = broken().pilot_sample((9.0, 9.0))
    assert high == low


def test_stuck_converter_repeats_itself_to_the_last_digit_whatever_happens() -> None:
    it = broken("cp_stuck")
    samples = {it.pilot_sample(volts) for volts in (B_WITH_PWM, (12.0, 12.0), (0.0, 0.0))}
    assert len(samples) == 1
    assert it.pilot((12.0, 12.0)) in samples
    it.faults_changed(1, (6.0, -12.0))
    assert it.pilot((6.0, -12.0)) in samples


def test_mended_converter_tells_the_truth_and_sticks_anew() -> None:
    names = {"cp_stuck"}
    it = Sensing(1, names)
    it.faults_changed(0, B_WITH_PWM)
    names.clear()
    it.faults_changed(1, (12.0, 12.0))
    assert it.pilot((12.0, 12.0)) == (12.0, 12.0)
    names.add("cp_stuck")
    it.faults_changed(2, (12.0, 12.0))
    assert it.pilot(B_WITH_PWM)[0] == pytest.approx(12, abs=NOISE_V)


def test_noisy_converter_says_something_else_every_4_ms() -> None:
    it = broken("cp_noisy")
    seen = []
    for _ in range(100):
        assert it.change_at_ns is not None
        it.happen(it.change_at_ns)
        seen.append(it.pilot(B_WITH_PWM))
    assert it.change_at_ns == 101 * NOISY_EVERY_NS
    assert len(set(seen)) == 100
    assert all(abs(volt) <= NOISY_V for pair in seen for volt in pair)
    assert any(high > 9 for high, _ in seen)
    assert any(high < -9 for high, _ in seen)


def test_mid_band_is_between_b_and_c_with_and_without_pwm() -> None:
    it = broken("cp_mid_band")
    assert it.pilot(B_WITH_PWM) == (7.5, -12.0)
    assert it.pilot((9.0, 9.0)) == (7.5, 7.5)
    assert it.pilot((-12.0, -12.0)) == (7.5, 7.5)


@pytest.mark.parametrize(
    ("name", "ohm"), [("pp_open", None), ("pp_out_of_range", 30.0), ("pp_gap", 1000.0), ("pp_weaker", 680.0)]
)
def test_broken_proximity_shows_only_with_a_cable(name: str, ohm: float | None) -> None:
    it = broken(name)
    assert it.proximity(220.0) == ohm
    assert it.proximity(None) is None
    assert broken().proximity(220.0) == 220


@pytest.mark.parametrize(
    ("name", "of_open", "of_closed"),
    [("tilt", False, True), ("feedback_stuck_open", False, False), ("feedback_stuck_closed", True, True),
     ("feedback_lost", None, None)],
)  # fmt: skip
def test_mirror_contact_can_be_stuck_or_lost(name: str, of_open: bool | None, of_closed: bool | None) -> None:
    it = broken(name)
    assert (it.contactor(False), it.contactor(True)) == (of_open, of_closed)


def test_lost_feedback_and_sensors_are_none() -> None:
    it = broken("lock_feedback_lost", "phase_feedback_lost", "temperature_lost", "current_lost")
    assert (it.lock("locked"), it.phases(3), it.temperature(25.0), it.current((1.0, 0.0, 0.0))) == (None,) * 4
    it = broken()
    assert (it.lock("locked"), it.phases(3), it.temperature(25.0)) == ("locked", 3, 25)
    assert it.current((1.00004, 0.0, 0.0)) == [1.0, 0.0, 0.0]


def test_temperature_is_what_somebody_says_unless_it_is_broken() -> None:
    it = broken()
    it.given_c = 61.5
    assert it.temperature(25.0) == 61.5
    hot = broken("over_temperature")
    hot.given_c = 61.5
    assert hot.temperature(25.0) == 95
