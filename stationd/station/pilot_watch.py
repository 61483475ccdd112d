"""What the EVSE sees of its safety process: every plug and unplug in order, everything else as newest state."""

from collections import deque
from collections.abc import Callable

from stationd.domain.pilot import CpState, PilotStatus
from stationd.station.timing import Timer, Timing

LOST_AFTER_S = 3.0
"""A restarted stationd-pilot is back sooner; only then is it a fault."""


def cable_after(before: bool, status: PilotStatus | None) -> bool:
    """Return whether a cable is in; states E and F and a lost link say nothing about it."""
    if status is None or status.cp in (CpState.E, CpState.F):
        return before
    return status.cp is not CpState.A


def contactor_open(status: PilotStatus | None) -> bool:
    """True if no energy can flow, as far as is known."""
    return status is not None and not status.sensed_closed and not status.commanded_closed


def connected_phases(status: PilotStatus | None, wired: int) -> int:
    """Return on how many phases energy can flow now: as the phase switch stands, but no more than are wired."""
    return wired if status is None or status.phases == 0 else min(status.phases, wired)


class PilotWatch:
    """Statuses on their way to the EVSE's jobs.

    Statuses between two plugs collapse into the newest, so a toggling pilot cannot fill the queue; a plug or unplug is
    never lost, or the next driver's car would charge on the last one's account.
    """

    def __init__(self, timing: Timing, arrived: Callable[[], None]) -> None:
        self._timing = timing
        self._arrived = arrived
        self._pending: deque[tuple[PilotStatus | None, bool]] = deque()
        self._lost_timer: Timer | None = None
        self._lost_since: float | None = None
        self._newest_cable = False
        self._known: PilotStatus | None = None
        """The last status that the link had, also while it is lost."""
        self.newest: PilotStatus | None = None
        """What was seen last, jobs or not."""
        self.status: PilotStatus | None = None
        """What the jobs know."""
        self.cable = False
        """What the jobs know of the cable."""

    def start(self, status: PilotStatus | None) -> None:
        """Begin with what the link knows now; None counts as lost if it stays so."""
        self._lost_since = self._timing.clock.monotonic()
        self._arm_lost_timer()
        if status is not None:
            self.see(status)

    def assume_cable(self, cable: bool) -> None:
        """Begin with a cable that is known from before the start, so that it does not count as plugged in now."""
        self.cable = self._newest_cable = cable

    def see(self, status: PilotStatus | None) -> None:
        """Take a status from the link; call it in the event loop."""
        previous, self.newest = self.newest, status
        if status is None and previous is not None:
            self._lost_since = self._timing.clock.monotonic()
            self._arm_lost_timer()
        elif status is not None:
            self._lost_since = None
        if status is not None:
            if self._newest_cable and self._car_left_unseen(status):
                self._add(None, cable=False)
            self._known = status
        self._add(status, cable=cable_after(self._newest_cable, status))

    def _car_left_unseen(self, status: PilotStatus) -> bool:
        """Tell whether the car seen before left while the link was lost; the one plugged in now may be another."""
        known = self._known
        return known is not None and status.car_left_since(known.boot_id, known.unplugs)

    def _add(self, status: PilotStatus | None, *, cable: bool) -> None:
        if self._pending and self._pending[-1][1] == cable:
            self._pending[-1] = (status, cable)
            return
        self._newest_cable = cable
        self._pending.append((status, cable))
        self._arrived()

    def take(self) -> bool:
        """Take the oldest waiting status over; True if the cable was plugged in or out by it."""
        self.status, cable = self._pending.popleft()
        changed, self.cable = cable != self.cable, cable
        return changed

    @property
    def behind(self) -> bool:
        """True while a plug or unplug was seen that the jobs do not know: nothing may be permitted until they do."""
        return any(cable != self.cable for _, cable in self._pending)

    @property
    def lost(self) -> bool:
        """True if there has been no connection to stationd-pilot for a while."""
        return self._lost_since is not None and self._timing.clock.monotonic() - self._lost_since >= LOST_AFTER_S

    def _arm_lost_timer(self) -> None:
        if self._lost_timer is not None:
            self._lost_timer.cancel()
        self._lost_timer = self._timing.after(LOST_AFTER_S, self._check_lost)

    def _check_lost(self) -> None:
        if self.lost:
            self.see(None)
