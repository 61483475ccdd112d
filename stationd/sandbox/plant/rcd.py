"""The simulated residual current device with its test input. Sans-I/O."""

from dataclasses import dataclass

ANSWER_NS = 20_000_000


@dataclass(slots=True)
class Rcd:
    """Trips while its test is active and resets itself afterwards, each after its delay."""

    testing: bool = False
    tripped: bool = False
    """By its test. A trip by a real residual current is the fault `rcd_trip`."""
    dead: bool = False
    """Does not answer to the test."""
    stuck: bool = False
    """Stays tripped after a test."""
    change_at_ns: int | None = None

    def drive(self, now_ns: int, *, testing: bool) -> None:
        """Begin or end the test."""
        self.testing = testing
        self.follow(now_ns)

    def follow(self, now_ns: int) -> None:
        """Trip or reset after the delay, as test and faults demand now."""
        goal = (self.testing and not self.dead) or (self.tripped and self.stuck)
        if goal == self.tripped:
            self.change_at_ns = None
        elif self.change_at_ns is None:
            self.change_at_ns = now_ns + ANSWER_NS

    def happen(self, now_ns: int) -> None:
        """Let it trip or reset if it is time."""
        if self.change_at_ns is not None and self.change_at_ns <= now_ns:
            self.tripped = not self.tripped
            self.change_at_ns = None
