"""What the sensors say, and what they say when they are broken."""

from dataclasses import dataclass

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


@dataclass
class Truth:
    now_ns: int = 7
    pilot_volts: tuple[float, float] = B_WITH_PWM
    cable_ohm: float | None = 220.0
    contacts_closed: bool = True
    lock_state: str = "locked"
    phases: int = 3
    inputs: tuple[str, ...] = ("tilt",)
    warmth_c: float = 27.5
    current_a: tuple[float, float, float] = (1.00004, 0.0, 0.0)


def test_packet_of_a_sound_board_is_the_truth() -> None:
    packet = broken().packet(Truth())
    assert packet.pop("cp_high_v") == pytest.approx(9, abs=NOISE_V)
    assert packet.pop("cp_low_v") == pytest.approx(-12, abs=NOISE_V)
    assert packet == {
        "t_ns": 7, "pp_ohm": 220.0, "contactor_closed": True, "lock": "locked", "phases": 3,
        "inputs": {
            "rcd_trip": False, "pe_loss": False, "emergency_stop": False, "door_open": False, "tilt": True,
            "power_loss": False,
        },
        "temperature_c": 27.5, "current_a": [1.0, 0.0, 0.0],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "key"),
    [("lock_feedback_lost", "lock"), ("phase_feedback_lost", "phases"), ("temperature_lost", "temperature_c"),
     ("current_lost", "current_a"), ("feedback_lost", "contactor_closed")],
)  # fmt: skip
def test_what_cannot_be_read_is_null_and_told_at_once(name: str, key: str) -> None:
    it = broken(name)
    assert it.packet(Truth())[key] is None
    assert it.signature(Truth()) != broken().signature(Truth())


def test_inputs_that_cannot_be_read_are_null_each() -> None:
    assert set(broken("inputs_lost").packet(Truth())["inputs"].values()) == {None}


def test_current_and_warmth_of_the_load_are_no_reason_to_send_a_state() -> None:
    it = broken()
    assert it.signature(Truth()) == it.signature(Truth(warmth_c=40.0, current_a=(9.0, 0.0, 0.0)))
    assert it.signature(Truth()) != it.signature(Truth(lock_state="moving"))


def test_board_that_speaks_again_has_something_to_say() -> None:
    assert broken("cp_silent").signature(Truth()) != broken().signature(Truth())


def test_temperature_is_what_somebody_says_unless_it_is_broken() -> None:
    it = broken()
    it.given_c = 61.5
    assert it.temperature(25.0) == 61.5
    hot = broken("over_temperature")
    hot.given_c = 61.5
    assert hot.temperature(25.0) == 95
