"""The simulated car with its cable: what it wants, its switch S2, what it draws. Sans-I/O, all times are given."""

from dataclasses import dataclass

NS = 1_000_000_000
CABLE_OHM = {13: 1500.0, 20: 680.0, 32: 220.0, 63: 100.0}
"""Resistor in the plug by ampacity (IEC 61851-1 Table B.1)."""
FIXED_CABLE_A = 80.0
"""A fixed cable is rated for whatever its station offers."""
S2_CLOSE_NS = 200_000_000  # valid PWM seen -> S2 closed
S2_OPEN_NS = 1_500_000_000  # PWM gone -> S2 open; IEC 61851-1 Table A.6 leaves a car 3 s
RISE_A_PER_S = 12.0
FALL_A_PER_S = 40.0


@dataclass(slots=True)
class Car:
    """A plugged car. It closes S2 when it wants power and is offered some, and follows the duty while power flows."""

    max_a: float
    phases: int
    cable_a: float
    wants: bool
    wants_at_ns: int | None = None
    offered_a: float = 0.0
    s2_closed: bool = False
    s2_change_at_ns: int | None = None
    drawing_a: float = 0.0
    destroyed: bool = False
    """By a change of phases under load, or while it saw the pilot. It never takes anything again."""

    @property
    def target_a(self) -> float:
        """What the car draws once it has followed the pilot."""
        if not (self.s2_closed and self.wants) or self.offered_a <= 0 or self.destroyed:
            return 0.0
        return min(self.max_a, self.offered_a, self.cable_a)

    def see_offer(self, amps: float, now_ns: int) -> None:
        """Learn what the pilot offers; S2 follows after the car's reaction time."""
        self.offered_a = amps
        goal = self.wants and amps > 0 and not self.destroyed
        if goal == self.s2_closed:
            self.s2_change_at_ns = None
        elif self.s2_change_at_ns is None:
            self.s2_change_at_ns = now_ns + (S2_CLOSE_NS if goal else S2_OPEN_NS)

    def set_wants(self, *, wants: bool) -> None:
        """Want power, or no longer. S2 moves at once: opened under load, closed if the pilot offers a current."""
        self.wants, self.wants_at_ns = wants, None
        self.s2_closed = wants and self.offered_a > 0 and not self.destroyed
        self.s2_change_at_ns = None

    def destroy(self) -> None:
        """Break it for good."""
        self.destroyed = True

    def next_event_ns(self) -> int | None:
        """Return when something happens by itself."""
        times = [at for at in (self.wants_at_ns, self.s2_change_at_ns) if at is not None]
        return min(times, default=None)

    def happen(self, now_ns: int) -> None:
        """Let happen what is due."""
        if self.wants_at_ns is not None and self.wants_at_ns <= now_ns:
            self.set_wants(wants=True)
        if self.s2_change_at_ns is not None and self.s2_change_at_ns <= now_ns:
            self.s2_closed = not self.s2_closed
            self.s2_change_at_ns = None


def ramp(start_a: float, target_a: float, seconds: float) -> tuple[float, float, float]:
    """Return the current after `seconds` on its way to the target, its integral (As) and that of its square (A²s)."""
    rate = RISE_A_PER_S if target_a > start_a else FALL_A_PER_S
    moving_s = abs(target_a - start_a) / rate
    if moving_s > seconds:
        moving_s = seconds
        end_a = start_a + (rate if target_a > start_a else -rate) * seconds
    else:
        end_a = target_a
    steady_s = seconds - moving_s
    charge = (start_a + end_a) / 2 * moving_s + end_a * steady_s
    square = (start_a**2 + start_a * end_a + end_a**2) / 3 * moving_s + end_a**2 * steady_s
    return end_a, charge, square
