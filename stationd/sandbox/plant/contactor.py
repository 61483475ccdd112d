"""The simulated contactor: contacts follow the coil after a delay, unless they are welded or stuck. Sans-I/O."""

from dataclasses import dataclass

CLOSING_NS = 20_000_000
OPENING_NS = 20_000_000


@dataclass(slots=True)
class Contactor:
    """Main contacts with a mirror contact that always tells the truth."""

    coil: bool = False
    closed: bool = False
    welded: bool = False
    stuck_open: bool = False
    change_at_ns: int | None = None

    def follow(self, now_ns: int, *, coil: bool) -> None:
        """Set the coil; the contacts change after their delay. A change of mind in between cancels the movement."""
        self.coil = coil
        goal = (coil and not self.stuck_open) or (self.welded and self.closed)
        if goal == self.closed:
            self.change_at_ns = None
        elif self.change_at_ns is None:
            self.change_at_ns = now_ns + (CLOSING_NS if goal else OPENING_NS)

    def happen(self, now_ns: int) -> None:
        """Let the contacts change if it is time."""
        if self.change_at_ns is not None and self.change_at_ns <= now_ns:
            self.closed = not self.closed
            self.change_at_ns = None

    @property
    def parted(self) -> bool:
        """True if the contacts do not touch and will not."""
        return not self.closed and self.change_at_ns is None
