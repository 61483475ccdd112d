"""The simulated switch that joins one or three phases to the contactor. Bistable. Sans-I/O."""

from dataclasses import dataclass

TRAVEL_NS = 50_000_000


@dataclass(slots=True)
class PhaseSwitch:
    """Switches L2 and L3, with a position contact. A move that would destroy a vehicle is counted, once a move."""

    position: int = 3
    """1 or 3: where it stands, or stood before it began to move."""
    target: int = 3
    stuck: bool = False
    arrives_at_ns: int | None = None
    moved_under_load: int = 0
    """Moves during which the contactor's contacts touched."""
    moved_with_pilot: int = 0
    """Moves during which a vehicle saw the station's pilot."""
    _under_load: bool = False
    _with_pilot: bool = False

    def drive(self, now_ns: int, *, phases: int) -> None:
        """Run towards a position; the same order again changes nothing."""
        if phases != self.target:
            self.target = phases
            self._begin(now_ns)

    def set_stuck(self, now_ns: int, *, stuck: bool) -> None:
        """Hold it where it stands, or let it go on."""
        if stuck == self.stuck:
            return
        self.stuck = stuck
        if stuck:
            self.arrives_at_ns = None
        elif self.target != self.position:
            self._begin(now_ns)

    def happen(self, now_ns: int) -> None:
        """End the movement if it is time."""
        if self.arrives_at_ns is not None and self.arrives_at_ns <= now_ns:
            self.arrives_at_ns = None
            self.position = self.target

    def see(self, *, contacts_closed: bool, pilot_connected: bool) -> bool:
        """Learn what is joined while it moves; True if that destroys a vehicle."""
        if not self.moving:
            return False
        self.moved_under_load += contacts_closed and not self._under_load
        self.moved_with_pilot += pilot_connected and not self._with_pilot
        self._under_load |= contacts_closed
        self._with_pilot |= pilot_connected
        return contacts_closed or pilot_connected

    @property
    def moving(self) -> bool:
        """True on the way: L2 and L3 are not joined then."""
        return self.arrives_at_ns is not None

    @property
    def feedback(self) -> int:
        """Position by its contact: 1, 3, or 0 on the way."""
        return 0 if self.moving else self.position

    @property
    def joined(self) -> int:
        """How many phases can carry current: 1 or 3."""
        return 3 if self.feedback == 3 else 1

    def _begin(self, now_ns: int) -> None:
        if self.stuck:
            return
        self.arrives_at_ns = now_ns + TRAVEL_NS
        self._under_load = self._with_pilot = False
