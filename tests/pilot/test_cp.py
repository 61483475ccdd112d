from math import inf, nan

import pytest

from stationd.pilot.cp import (
    DIODE_BAD_MS,
    DIODE_START_MS,
    CpState,
    CpTrack,
    Diode,
    classify,
    diode_ok,
    follow,
    follow_diode,
)


@pytest.mark.parametrize(
    ("volts", "state"),
    [(12, "A"), (11, "A"), (13, "A"), (9, "B"), (8, "B"), (10, "B"), (6, "C"), (5, "C"), (7, "C"), (3, "D"), (2, "D"),
     (4, "D"), (0, "E"), (-1, "E"), (1.99, "E"), (-12, "F"), (-11, "F"), (-13, "F"),
     (10.5, "E"), (7.5, "E"), (4.5, "E"), (13.1, "E"), (-13.1, "E"), (-5, "E"), (nan, "E"), (inf, "E"), (-inf, "E")],
)  # fmt: skip
def test_volts_are_a_state_only_inside_its_window(volts: float, state: str) -> None:
    assert classify(volts) is CpState(state)


def track_of(samples: str) -> CpTrack:
    track = CpTrack()
    for n, sample in enumerate(samples):
        track = follow(track, CpState(sample), n * 4)
    return track


@pytest.mark.parametrize(
    ("samples", "state"),
    [("A", None), ("AA", "A"), ("AAB", "A"), ("AABB", "B"), ("AABABABA", "A"), ("CCEEEE", "C"), ("CCEEEEE", "E"),
     ("CCEBB", "B"), ("EEEE", None), ("EEEEE", "E")],
)  # fmt: skip
def test_a_state_is_confirmed_by_equal_samples(samples: str, state: str | None) -> None:
    assert track_of(samples).state == state


def test_the_time_of_a_state_is_that_of_its_confirmation() -> None:
    assert track_of("AABB").since_ms == 12
    assert track_of("AABBBB").since_ms == 12


@pytest.mark.parametrize(
    ("samples", "weight"),
    [("CC", 0), ("CCB", 3), ("CCBC", 2), ("CCBA", 4), ("CCEB", 4), ("CCD", 0), ("CCBBBB", 4), ("CCBBBBCCCC", 0),
     ("CCBCB", 4), ("CCECCE", 4), ("CCECDCE", 3)],
)  # fmt: skip
def test_samples_without_demand_are_weighed_whatever_they_are(samples: str, weight: int) -> None:
    assert track_of(samples).no_demand == weight


def test_a_steady_pilot_makes_no_new_objects() -> None:
    track = track_of("BBBB")
    assert follow(track, CpState.B, 1_000) is track


@pytest.mark.parametrize(
    ("low_v", "ok"),
    [(-12, True), (-10, True), (-13, True), (-9.9, False), (9, False), (0, False), (-13.1, False), (nan, False)],
)
def test_a_healthy_diode_leaves_the_low_half_alone(low_v: float, ok: bool) -> None:
    assert diode_ok(low_v) is ok


def check(lows: list[float | None], *, pwm_since_ms: int | None = 0, step_ms: int = 20, start_ms: int = 0) -> Diode:
    diode = Diode()
    for n, low in enumerate(lows):
        diode = follow_diode(diode, low, start_ms + n * step_ms, pwm_since_ms=pwm_since_ms, plugged=True)
    return diode


def test_two_good_samples_pass_the_check() -> None:
    assert check([-12.0]).good == 1
    assert check([-12.0, -12.0]).good == 2
    assert check([-12.0, -12.0, 9.0]).good == 0


def test_without_pwm_nothing_is_known() -> None:
    assert check([-12.0, -12.0, -12.0], pwm_since_ms=None).good == 0


def test_a_missing_diode_is_a_fault_once_pwm_had_its_time() -> None:
    bad = 2 + DIODE_BAD_MS // 20
    assert not check([-5.0] * bad).shorted
    assert check([-5.0] * bad, start_ms=DIODE_START_MS).shorted
    assert check([-5.0] * (2 + DIODE_START_MS // 20)).shorted


def test_a_short_disturbance_is_no_missing_diode() -> None:
    assert not check([-5.0, -5.0, -12.0] * 20, start_ms=DIODE_START_MS).shorted


def test_a_missing_diode_is_forgiven_by_the_next_vehicle_only() -> None:
    diode = check([-5.0] * 10, start_ms=DIODE_START_MS)
    assert diode.shorted
    kept = follow_diode(diode, -12.0, 2_000, pwm_since_ms=None, plugged=True)
    assert kept.shorted
    kept = follow_diode(kept, -12.0, 2_004, pwm_since_ms=2_000, plugged=True)
    assert kept.shorted
    assert not follow_diode(kept, 12.0, 2_008, pwm_since_ms=None, plugged=False).shorted
