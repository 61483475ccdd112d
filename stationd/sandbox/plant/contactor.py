"""The simulated contactor: contacts follow the coil after a delay, unless they are welded or stuck. Sans-I/O."""

from dataclasses import dataclass

CLOSING_NS = 20_000_000
OPENING_NS = 20_000_000
CLOSING_LATE_NS = 600_000_000
OPENING_LATE_NS = 200_000_000


@dataclass(slots=True)
class Contactor:
    """Main contacts; what their mirror contact says is the business of `sensing`."""

    coil: bool = False
    closed: bool = False
    welded: bool = False
    stuck_open: bool = False
    closing_ns: int = CLOSING_NS
    opening_ns: int = OPENING_NS
    drops: bool = False
    """It will open by itself, once, as soon as it is closed; then it waits for a coil that is switched anew."""
    dropped: bool = False
    change_at_ns: int | None = None

    def follow(self, now_ns: int, *, coil: bool) -> None:
        """Set the coil; the contacts change after their delay. A change of mind in between cancels the movement."""
        self.coil = coil
        if not coil:
            self.dropped = False
        elif self.drops and self.closed:
            self.drops, self.dropped = False, True
        goal = (coil and not self.stuck_open and not self.dropped) or (self.welded and self.closed)
        if goal == self.closed:
            self.change_at_ns = None
        elif self.change_at_ns is None:
            self.change_at_ns = now_ns + (self.closing_ns if goal else self.opening_ns)

    def happen(self, now_ns: int) -> None:
        """Let the contacts change if it is time."""
        if self.change_at_ns is not None and self.change_at_ns <= now_ns:
            self.closed = not self.closed
            self.change_at_ns = None

    @property
    def parted(self) -> bool:
        """True if the contacts do not touch and will not."""
        return not self.closed and self.change_at_ns is None
