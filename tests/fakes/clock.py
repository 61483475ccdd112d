"""A clock that the test moves."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Implements `station.ports.Clock`; starts on 2026-01-01 12:00 UTC at monotonic 1000 s."""

    def __init__(self) -> None:
        self.wall = datetime(2026, 1, 1, 12, tzinfo=UTC)
        self.mono = 1000.0
        self.learned: list[datetime] = []

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.mono

    def csms_time(self, at: datetime) -> None:
        self.learned.append(at)

    def advance(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.mono += seconds
