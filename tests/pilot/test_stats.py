from stationd.pilot.stats import BUCKET_US, BUCKETS, Histogram, LoopStats


def test_an_empty_count_is_zero() -> None:
    stats = LoopStats()
    assert (stats.work_max_us, stats.work_sum_us, stats.late.share_us(0.0)) == (0, 0, 0)
    assert (stats.late.share_us(0.999), stats.reaction.max_us, stats.work_mean_us, stats.overruns) == (0, 0, 0, 0)


def test_percentiles_are_rounded_up_to_a_bucket() -> None:
    times = Histogram()
    for time_us in range(1_000):
        times.add(time_us)
    assert times.share_us(0.5) == 500
    assert times.share_us(0.999) == 999
    assert times.share_us(1.0) == 999
    assert BUCKET_US == 50


def test_what_is_longer_than_all_buckets_is_told_by_the_longest() -> None:
    times = Histogram()
    for time_us in (5, 120_000, 10_000_000):
        times.add(time_us)
    assert times.share_us(1.0) == 10_000_000 > BUCKETS * BUCKET_US
    assert times.share_us(0.3) == 50


def test_extremes_means_and_overruns_are_counted() -> None:
    stats = LoopStats()
    stats.tick(5, 100, overrun=False)
    stats.tick(10_000_000, 300, overrun=True)
    stats.tick(7, 200, overrun=False)
    assert stats.ticks == 3
    assert stats.late.max_us == 10_000_000
    assert stats.work_max_us == 300
    assert stats.work_mean_us == 200
    assert stats.overruns == 1


def test_the_last_bucket_holds_whatever_is_100_ms_or_longer() -> None:
    assert BUCKETS * BUCKET_US == 100_000
    times = Histogram()
    for time_us in (99_899, 99_949, 99_999, 100_000):
        times.add(time_us)
    assert times.share_us(0.2) == 99_900
    assert times.share_us(0.4) == 99_950
    assert times.share_us(0.6) == 100_000


def test_no_share_at_all_is_the_shortest_time_that_was_seen() -> None:
    times = Histogram()
    times.add(120)
    assert times.share_us(0.0) == 120
