from math import inf, nan

import pytest

from stationd.pilot.cp import (
    DIODE_BAD_MS,
    DIODE_START_MS,
    GONE_MS,
    PLUGGED,
    CpState,
    CpTrack,
    Diode,
    Noise,
    Steady,
    classify,
    diode_ok,
    follow,
    follow_diode,
    follow_noise,
    follow_steady,
    gone,
    opened,
)


@pytest.mark.parametrize(
    ("volts", "state"),
    [(12, "A"), (11, "A"), (13, "A"), (9, "B"), (8, "B"), (10, "B"), (6, "C"), (5, "C"), (7, "C"), (3, "D"), (2, "D"),
     (4, "D"), (0, "E"), (-1, "E"), (1.99, "E"), (-12, "F"), (-11, "F"), (-13, "F"),
     (10.9, "E"), (10.1, "E"), (7.9, "E"), (7.1, "E"), (4.9, "E"), (4.1, "E"), (1.9, "E"), (-10.9, "E"),
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
    assert track_of("BBCCCCCC").since_ms == 12  # also while the weight of the samples before still falls


@pytest.mark.parametrize(
    ("samples", "weight"),
    [("B", 3), ("C", 0), ("CC", 0), ("CCB", 3), ("CCBC", 2), ("CCBA", 4), ("CCEB", 4), ("CCD", 0), ("CCBBBB", 4),
     ("CCBBBBCCCC", 0), ("CCBCB", 4), ("CCECCE", 4), ("CCECDCE", 3)],
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


def test_a_vehicle_is_seen_in_b_c_and_d() -> None:
    assert PLUGGED == (CpState.B, CpState.C, CpState.D)


@pytest.mark.parametrize(("bad_ms", "shorted_ms"), [(1_000, 1_500), (1_399, 1_500), (1_401, 1_501), (1_450, 1_550)])
def test_a_bad_diode_is_a_fault_after_100_ms_and_not_before_500_ms_of_pwm(bad_ms: int, shorted_ms: int) -> None:
    diode = Diode()
    for now_ms in range(bad_ms, 2_000):
        diode = follow_diode(diode, -5.0, now_ms, pwm_since_ms=1_000, plugged=True)
        if diode.shorted:
            break
    assert now_ms == shorted_ms


def test_a_diode_that_was_found_bad_stays_so_while_it_comes_and_goes() -> None:
    diode = check([-5.0] * 10, start_ms=DIODE_START_MS)
    for n, low_v in enumerate((-12.0, -5.0, -5.0, None, -5.0)):
        diode = follow_diode(diode, low_v, 2_000 + n, pwm_since_ms=0, plugged=True)
        assert diode.shorted


def test_a_pause_of_the_pwm_starts_the_diode_check_anew() -> None:
    for lows in ([-12.0], [-5.0]):
        begun = check(lows)
        assert follow_diode(begun, -12.0, 500, pwm_since_ms=None, plugged=True) == Diode()


@pytest.mark.parametrize(
    ("lows", "last"), [([], None), ([-12.0, -12.0], -12.0), ([-5.0, -5.0], -5.0), ([-5.0] * 10, -5.0)]
)
def test_a_diode_check_without_news_makes_no_new_objects(lows: list[float | None], last: float | None) -> None:
    diode = check(lows, start_ms=DIODE_START_MS)
    again = follow_diode(diode, last, DIODE_START_MS + 20 * len(lows), pwm_since_ms=0, plugged=True)
    assert again is diode or (not diode.shorted and again.shorted)
    unplugged = Diode()
    assert follow_diode(unplugged, 12.0, 5, pwm_since_ms=None, plugged=False) is unplugged


def seen(state: str) -> CpTrack:
    return CpTrack(state=CpState(state))


def noisy(*openings_ms: int) -> Noise:
    noise = Noise()
    for at_ms in openings_ms:
        noise = opened(noise, seen("C"), at_ms)
    return noise


@pytest.mark.parametrize(
    ("openings_ms", "found"),
    [((0, 1), False), ((0, 1, 2), True), ((0, 15_000, 29_999), True), ((0, 15_000, 30_000), False),
     ((0, 15_000, 30_000, 44_999), True), ((0, 1, 2, 50_000), True)],
)  # fmt: skip
def test_three_disturbed_openings_within_30_s_are_too_many(openings_ms: tuple[int, ...], found: bool) -> None:
    assert noisy(*openings_ms).found is found


def test_an_opening_in_good_order_is_no_disturbance() -> None:
    noise = noisy(0, 1)
    assert opened(noise, seen("B"), 2) is noise


def test_a_contact_that_opens_and_closes_again_is_a_disturbance() -> None:
    assert opened(noisy(0, 1), seen("A"), 2).found


@pytest.mark.parametrize(("b_ms", "kept"), [(1_000, (500,)), (1_100, (500,)), (1_101, (500, 1_000))])
def test_a_vehicle_in_b_within_100_ms_of_an_opening_had_stopped(b_ms: int, kept: tuple[int, ...]) -> None:
    assert follow_noise(noisy(500, 1_000), seen("B"), b_ms).openings_ms == kept


def test_what_was_found_noisy_stays_so_until_the_plug_is_out() -> None:
    noise = noisy(0, 1, 2)
    assert follow_noise(noise, seen("B"), 3) is noise
    assert follow_noise(noise, seen("C"), 4) is noise
    assert follow_noise(noise, seen("A"), GONE_MS - 1) is noise
    for before in (noise, noisy(0), Noise(found=True)):
        assert follow_noise(before, seen("A"), GONE_MS + 5) == Noise()


def test_a_vehicle_is_gone_once_the_pilot_stood_at_a() -> None:
    track = CpTrack(state=CpState.A, since_ms=1_000)
    assert not gone(track, 1_000 + GONE_MS - 1)
    assert gone(track, 1_000 + GONE_MS)
    assert not gone(CpTrack(state=CpState.B, since_ms=0), 9_000)


def test_a_quiet_pilot_makes_no_new_noise() -> None:
    quiet = Noise()
    for state in "ABC":
        assert follow_noise(quiet, seen(state), 5) is quiet


def test_a_pair_of_readings_is_as_old_as_its_last_change() -> None:
    steady = follow_steady(Steady(), 9.0, -12.0, 100)
    assert steady == Steady(9.0, -12.0, 100)
    assert follow_steady(steady, 9.0, -12.0, 200) is steady
    assert follow_steady(steady, 9.01, -12.0, 200).since_ms == 200
    assert follow_steady(steady, 9.0, -12.01, 200).since_ms == 200
    assert follow_steady(steady, None, None, 300) == Steady(None, None, 300)


def test_a_loose_contact_has_300_ms() -> None:
    assert GONE_MS == 300
