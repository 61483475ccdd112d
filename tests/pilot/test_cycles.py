from stationd.pilot.cycles import Counters, closed, ready


def closings(times_ms: list[int]) -> list[int]:
    """Return the times at which a closing that was wanted was allowed."""
    paid_ms, done = 0, []
    for now_ms in times_ms:
        if ready(paid_ms, now_ms, burst=5, rest_ms=10_000):
            paid_ms = closed(paid_ms, now_ms, rest_ms=10_000)
            done.append(now_ms)
    return done


def test_five_closings_may_follow_each_other_and_then_one_in_ten_seconds() -> None:
    wanted = list(range(100_000, 130_000, 1_000))
    assert closings(wanted) == [100_000, 101_000, 102_000, 103_000, 104_000, 110_000, 120_000]


def test_a_rested_contactor_has_its_burst_again() -> None:
    wanted = [*range(100_000, 105_000, 1_000), *range(200_000, 206_000, 1_000)]
    assert closings(wanted) == wanted[:-1]


def test_a_closing_every_ten_seconds_is_never_refused() -> None:
    wanted = list(range(0, 1_000_000, 10_000))
    assert closings(wanted) == wanted


def test_a_new_contactor_has_done_nothing() -> None:
    assert Counters() == Counters(cycles=0, hot_openings=0, slow_openings=0, failed_closings=0, rcd_test="none")
