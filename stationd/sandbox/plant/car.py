"""The simulated car with its cable: what it wants, its switch S2, what it draws. Sans-I/O, all times are given."""

from dataclasses import dataclass, field

from stationd.sandbox.plant.cars import CarModel
from stationd.sandbox.plant.pilot_line import B_OHM, C_OHM, D_OHM, offered_a

NS = 1_000_000_000
CABLE_OHM = {13: 1500.0, 20: 680.0, 32: 220.0, 63: 100.0}
"""Resistor in the plug by ampacity (IEC 61851-1 Table B.1)."""
FIXED_CABLE_A = 80.0
"""A fixed cable is rated for whatever its station offers."""
RISE_A_PER_S = 12.0
FALL_A_PER_S = 40.0
TAPER_STEPS = 4
DIGITAL_DUTY = (3.0, 7.0)


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
    model: CarModel = field(default_factory=CarModel)
    excess: float = 1.0
    """More than 1: its charger is broken and takes so much of the offer, whatever the car's own limits are."""
    followed_a: float = 0.0
    """The offer by which it draws, after the time it takes to follow."""
    follow_at_ns: int | None = None
    asleep: bool = False
    sleep_at_ns: int | None = None
    wake_at_ns: int | None = None
    latched: bool = False
    """It saw state F and gave up."""
    digital: bool = False
    """It waits for somebody to talk to."""
    tapered: int = 0
    """Steps of a quarter that its current has come down."""
    taper_at_ns: int | None = None
    unplug_at_ns: int | None = None
    pulls: bool = False
    """It pulls at its plug."""
    _charged: bool = False
    _wakes_by: str | None = None

    def __post_init__(self) -> None:
        self.followed_a = self.offered_a
        self.s2_closed |= self.model.simplified

    @property
    def load_ohm(self) -> float:
        """Resistance between pilot and earth behind the diode."""
        if not self.s2_closed:
            return B_OHM
        return D_OHM if self.model.ventilation else C_OHM

    @property
    def target_a(self) -> float:
        """What the car draws once it has followed the pilot."""
        if not (self.s2_closed and self.wants) or self.destroyed:
            return 0.0
        wished_a = min(self.max_a, self.cable_a)
        if not self.model.simplified:
            wished_a = min(wished_a, self.followed_a)
        if self.excess > 1:
            wished_a = max(wished_a, self.followed_a)
        return max(wished_a, 0.0) * self.model.draw_factor * self.excess * (1 - self.tapered / TAPER_STEPS)

    # --- what it sees ---

    def see_pilot(self, duty: float | None, now_ns: int) -> None:
        """Read the pilot's duty (percent); None = there is no pilot."""
        self.latched |= self.model.latches_on_f and duty is not None and duty <= 0
        low, high = DIGITAL_DUTY
        self.digital = self.model.digital and duty is not None and low <= duty <= high
        self._see_wake_up(duty, now_ns)
        self.see_offer(0.0 if duty is None else offered_a(duty), now_ns)

    def see_offer(self, amps: float, now_ns: int) -> None:
        """Learn what the pilot offers; S2 and current follow after the car's reaction times."""
        self.offered_a = amps
        self._follow(now_ns)
        self._aim(now_ns)
        if not self.model.sleeps_after_s or self.s2_closed or amps > 0 or self.asleep:
            self.sleep_at_ns = None
        elif self.sleep_at_ns is None:
            self.sleep_at_ns = now_ns + _ns(self.model.sleeps_after_s)

    def see_power(self, now_ns: int) -> None:
        """Learn that power flows: what the model does after some time of charging is counted from the first time."""
        if self._charged:
            return
        self._charged = True
        if self.model.taper_after_s:
            self.taper_at_ns = now_ns + _ns(self.model.taper_after_s)
        if self.model.unplugs_after_s:
            self.unplug_at_ns = now_ns + _ns(self.model.unplugs_after_s)

    def set_wants(self, *, wants: bool) -> None:
        """Want power, or no longer. S2 moves at once: opened under load, closed if the pilot offers a current."""
        self.wants, self.wants_at_ns = wants, None
        self.s2_closed = self._goal
        self.s2_change_at_ns = None

    def destroy(self) -> None:
        """Break it for good."""
        self.destroyed = True

    # --- time ---

    def next_event_ns(self) -> int | None:
        """Return when something happens by itself."""
        times = (
            self.wants_at_ns, self.s2_change_at_ns, self.follow_at_ns, self.sleep_at_ns, self.wake_at_ns,
            self.taper_at_ns, self.unplug_at_ns,
        )  # fmt: skip
        return min((at for at in times if at is not None), default=None)

    def happen(self, now_ns: int) -> None:
        """Let happen what is due."""
        if self.wants_at_ns is not None and self.wants_at_ns <= now_ns:
            self.set_wants(wants=True)
        if self.follow_at_ns is not None and self.follow_at_ns <= now_ns:
            self.followed_a, self.follow_at_ns = self.offered_a, None
        if self.sleep_at_ns is not None and self.sleep_at_ns <= now_ns:
            self.asleep, self.sleep_at_ns = True, None
        if self.wake_at_ns is not None and self.wake_at_ns <= now_ns:
            self.asleep, self.wake_at_ns, self._wakes_by = False, None, None
        if self.taper_at_ns is not None and self.taper_at_ns <= now_ns:
            self._taper(now_ns)
        if self.unplug_at_ns is not None and self.unplug_at_ns <= now_ns:
            self.pulls, self.unplug_at_ns = True, None
        if self.s2_change_at_ns is not None and self.s2_change_at_ns <= now_ns:
            self.s2_closed = not self.s2_closed
            self.s2_change_at_ns = None

    # --- small parts ---

    @property
    def _goal(self) -> bool:
        """Where S2 is to be."""
        if self.model.simplified:
            return True
        if not self.wants or self.destroyed or self.latched or self.asleep:
            return False
        return self.offered_a > 0 or (self.model.ignores_pwm_off and self.s2_closed)

    def _aim(self, now_ns: int) -> None:
        goal = self._goal
        toggles = goal and self.model.toggle_s > 0
        if goal == self.s2_closed and not toggles:
            self.s2_change_at_ns = None
        elif self.s2_change_at_ns is None:
            delay_s = self.model.toggle_s if toggles else self.model.close_s if goal else self.model.open_s
            self.s2_change_at_ns = now_ns + _ns(delay_s)

    def _follow(self, now_ns: int) -> None:
        if self.s2_closed and self.offered_a <= 0 and self.model.ignores_pwm_off:
            self.follow_at_ns = None
        elif not self.s2_closed or not self.model.follow_s or self.offered_a == self.followed_a:
            self.followed_a, self.follow_at_ns = self.offered_a, None
        elif self.follow_at_ns is None:
            self.follow_at_ns = now_ns + _ns(self.model.follow_s)

    def _see_wake_up(self, duty: float | None, now_ns: int) -> None:
        by = None
        if self.asleep:
            by = "gap" if duty is None else "f" if duty <= 0 else None
        if by == self._wakes_by:
            return
        self._wakes_by = by
        seconds = {"gap": self.model.wakes_by_gap_s, "f": self.model.wakes_by_f_s}
        self.wake_at_ns = None if by is None else now_ns + _ns(seconds[by])

    def _taper(self, now_ns: int) -> None:
        if self.tapered < TAPER_STEPS:
            self.tapered += 1
            self.taper_at_ns = now_ns + _ns(self.model.taper_step_s)
        else:
            self.taper_at_ns = None
            self.set_wants(wants=False)


def _ns(seconds: float) -> int:
    return round(seconds * NS)


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
