"""Counters of the loop: preallocated, so that counting costs no memory."""

from array import array

BUCKET_US = 50
BUCKETS = 2_000


class Histogram:
    """Counts times in buckets, and remembers the longest."""

    __slots__ = ("_buckets", "count", "max_us")

    def __init__(self) -> None:
        self._buckets = array("L", bytes(array("L").itemsize * BUCKETS))
        self.count = 0
        self.max_us = 0

    def add(self, time_us: int) -> None:
        """Count one time."""
        self.count += 1
        bucket = time_us // BUCKET_US
        self._buckets[bucket if bucket < BUCKETS else BUCKETS - 1] += 1
        if time_us > self.max_us:
            self.max_us = time_us

    def share_us(self, share: float) -> int:
        """Return the time that this share did not exceed, rounded up to a bucket."""
        wanted = share * self.count
        seen = 0
        for bucket, count in enumerate(self._buckets[:-1]):
            seen += count
            if seen >= wanted and seen:
                return min((bucket + 1) * BUCKET_US, self.max_us)
        return self.max_us  # the last bucket holds whatever is longer


class LoopStats:
    """Lateness of ticks (begin against schedule) and the work of each."""

    __slots__ = ("late", "overruns", "reaction", "work_max_us", "work_sum_us")

    def __init__(self) -> None:
        self.late = Histogram()
        self.reaction = Histogram()
        """See `reaction.Reaction`."""
        self.overruns = 0
        self.work_max_us = 0
        self.work_sum_us = 0

    def tick(self, late_us: int, work_us: int, *, overrun: bool) -> None:
        """Count one tick."""
        self.late.add(late_us)
        self.work_sum_us += work_us
        self.overruns += overrun
        if work_us > self.work_max_us:
            self.work_max_us = work_us

    @property
    def ticks(self) -> int:
        """Return the number of ticks."""
        return self.late.count

    @property
    def work_mean_us(self) -> int:
        """Return the mean work of a tick."""
        return self.work_sum_us // self.ticks if self.ticks else 0
