from stationd.pilot.stats import BUCKET_US, BUCKETS, LoopStats


def test_an_empty_count_is_zero() -> None:
    stats = LoopStats()
    assert (stats.late_us(0.999), stats.work_mean_us, stats.overruns) == (0, 0, 0)


def test_percentiles_are_rounded_up_to_a_bucket() -> None:
    stats = LoopStats()
    for late_us in range(1_000):
        stats.tick(late_us, 10, overrun=False)
    assert stats.late_us(0.5) == 500
    assert stats.late_us(0.999) == 999
    assert stats.late_us(1.0) == 999
    assert BUCKET_US == 50


def test_extremes_means_and_overruns_are_counted() -> None:
    stats = LoopStats()
    stats.tick(5, 100, overrun=False)
    stats.tick(10_000_000, 300, overrun=True)
    assert stats.ticks == 2
    assert stats.late_max_us == 10_000_000
    assert stats.late_us(1.0) == BUCKETS * BUCKET_US
    assert stats.work_max_us == 300
    assert stats.work_mean_us == 200
    assert stats.overruns == 1
