"""Counters of the loop: preallocated, so that counting costs no memory."""

from array import array

BUCKET_US = 50
BUCKETS = 2_000


class LoopStats:
    """Lateness of ticks (begin against schedule) and the work of each."""

    def __init__(self) -> None:
        self._late = array("L", bytes(array("L").itemsize * BUCKETS))
        self.ticks = 0
        self.overruns = 0
        self.late_max_us = 0
        self.work_max_us = 0
        self.work_sum_us = 0

    def tick(self, late_us: int, work_us: int, *, overrun: bool) -> None:
        """Count one tick."""
        self.ticks += 1
        self._late[min(late_us // BUCKET_US, BUCKETS - 1)] += 1
        self.late_max_us = max(self.late_max_us, late_us)
        self.work_max_us = max(self.work_max_us, work_us)
        self.work_sum_us += work_us
        self.overruns += overrun

    def late_us(self, share: float) -> int:
        """Return the lateness that this share of the ticks did not exceed, rounded up to a bucket."""
        wanted = share * self.ticks
        seen = 0
        for bucket, count in enumerate(self._late):
            seen += count
            if seen >= wanted and seen:
                return min((bucket + 1) * BUCKET_US, self.late_max_us)
        return self.late_max_us

    @property
    def work_mean_us(self) -> int:
        """Return the mean work of a tick."""
        return self.work_sum_us // self.ticks if self.ticks else 0
