"""The station's clock: the system's wall time until the CSMS has told its own, monotonic from then on."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

log = logging.getLogger(__name__)

TOLERANCE_S = 2.0
"""The CSMS's time has the delay of its way in it; a smaller difference says nothing."""

EARLIEST, LATEST = datetime(2025, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""A time outside is a mistake of whoever tells it: the program is younger, and the board will not last as long."""


def _plausible(at: datetime) -> bool:
    return at.tzinfo is not None and EARLIEST <= at < LATEST


def _system_time() -> datetime:
    return datetime.now(UTC)


class Timekeeper:
    """Implements `station.ports.Clock`.

    Once the CSMS has told its time, wall time runs on the monotonic clock: a step of the system's clock (NTP, an
    operator) no longer moves the stamps of a running transaction.
    """

    def __init__(
        self,
        *,
        last_known: datetime | None = None,
        system_time: Callable[[], datetime] = _system_time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with the system's time, but never before `last_known` (boards without a battery begin in 1970)."""
        self._system_time = system_time
        self._monotonic = monotonic
        self._anchor: tuple[datetime, float] | None = None
        self._floor = None if last_known is None or not _plausible(last_known) else (last_known, monotonic())
        self._refused = False

    def now(self) -> datetime:
        """Return the present wall time, corrected by the best source known."""
        if self._anchor is not None:
            return self._running(self._anchor)
        system = self._system_time().astimezone(UTC)
        return system if self._floor is None else max(system, self._running(self._floor))

    def monotonic(self) -> float:
        """Return monotonic seconds."""
        return self._monotonic()

    def csms_time(self, at: datetime) -> None:
        """Learn the CSMS's time; refuse an impossible one, and one without a zone, as nobody knows what it means."""
        refused_before, self._refused = self._refused, not _plausible(at)
        if self._refused:
            if not refused_before:  # it comes with every heartbeat
                reason = "no_zone" if at.tzinfo is None else "impossible"
                log.warning("csms time ignored reason=%s value=%s", reason, at.isoformat())
            return
        at, mine = at.astimezone(UTC), self.now()
        offset_s = (at - mine).total_seconds()
        if abs(offset_s) <= TOLERANCE_S:
            if self._anchor is None:
                self._anchor = (mine, self._monotonic())
            return
        log.info("clock corrected offset_s=%.1f", offset_s)
        self._anchor = (at, self._monotonic())

    def _running(self, anchor: tuple[datetime, float]) -> datetime:
        wall, mono = anchor
        return wall + timedelta(seconds=self._monotonic() - mono)


def rfc3339(at: datetime) -> str:
    """Return an instant as RFC 3339 in UTC with at most milliseconds, as every OCPP version takes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
