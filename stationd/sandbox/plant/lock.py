"""The simulated connector lock: a motor that keeps its position without power. Sans-I/O."""

from dataclasses import dataclass

TRAVEL_NS = 200_000_000
SLOW_TRAVEL_NS = 2_000_000_000


@dataclass(slots=True)
class Lock:
    """A motor lock with a position contact."""

    locked: bool = False
    target: bool = False
    jammed: bool = False
    travel_ns: int = TRAVEL_NS
    arrives_at_ns: int | None = None

    def drive(self, now_ns: int, *, locked: bool) -> None:
        """Run the motor towards a position; the same order again changes nothing."""
        if locked != self.target:
            self.target = locked
            self.arrives_at_ns = now_ns + self.travel_ns

    def set_jammed(self, now_ns: int, *, jammed: bool) -> None:
        """Jam or free the bolt; freed, the motor tries again."""
        self.jammed = jammed
        if not jammed and self.locked != self.target and self.arrives_at_ns is None:
            self.arrives_at_ns = now_ns + self.travel_ns

    def happen(self, now_ns: int) -> None:
        """End the movement if it is time."""
        if self.arrives_at_ns is not None and self.arrives_at_ns <= now_ns:
            self.arrives_at_ns = None
            if not self.jammed:
                self.locked = self.target

    @property
    def state(self) -> str:
        """`locked`, `unlocked`, `moving` or `failed` (did not arrive where it was driven)."""
        if self.arrives_at_ns is not None:
            return "moving"
        if self.locked != self.target:
            return "failed"
        return "locked" if self.locked else "unlocked"

    @property
    def holds(self) -> bool:
        """True if the plug cannot be pulled: locked, or not known to be unlocked yet."""
        return self.locked or self.arrives_at_ns is not None
