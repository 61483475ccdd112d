"""Whether and when the station introduces itself (BootNotification): block B of 2.x, section 4.2 of 1.6. Pure."""

from dataclasses import dataclass

from stationd.domain.answers import BootAnswer
from stationd.domain.states import BootReason, RegistrationStatus
from stationd.ocpp.back_off import BackOff


@dataclass(frozen=True, slots=True)
class Way:
    """What must stay the same for a registration to go on after a reconnection."""

    url: str
    identity: str
    subprotocol: str


class Registration:
    """The CSMS's verdict on this process; outlives connections."""

    def __init__(self, boot_reason: BootReason, back_off: BackOff) -> None:
        self._boot_reason = boot_reason
        self._back_off = back_off
        self._accepted_by: Way | None = None
        self.status: RegistrationStatus | None = None
        """None until the CSMS has answered."""
        self.not_before = 0.0
        """Monotonic; no boot notification before, unless the CSMS asks for one."""
        self._once_accepted = False
        self.problem: str | None = None
        """Why the last boot notification led to no verdict."""

    def holds_for(self, way: Way) -> bool:
        """Tell whether this CSMS needs no boot notification (2.0.1 B01, B10.FR.10; 1.6 section 4.2)."""
        return self._accepted_by == way

    @property
    def reason(self) -> BootReason:
        """The reason of the next boot notification that the station sends of itself."""
        # after the first acceptance it is not the process that is new but the version or the CSMS
        return BootReason.APPLICATION_RESET if self._once_accepted else self._boot_reason

    def answered(self, answer: BootAnswer, way: Way, now: float) -> None:
        """Take the CSMS's verdict."""
        self.status = answer.status
        self.problem = None
        if answer.status is RegistrationStatus.ACCEPTED:
            self._accepted_by = way
            self._once_accepted = True
            self.not_before = 0.0
            self._back_off.reset()
            return
        self._accepted_by = None
        own_choice = answer.interval_s <= 0  # B02.FR.06, B03.FR.06
        self.not_before = now + (self._back_off.next_wait_s() if own_choice else answer.interval_s)

    def failed(self, now: float, problem: str) -> None:
        """Take note that there was no usable answer, in words."""
        self.problem = problem
        self.not_before = now + self._back_off.next_wait_s()

    def forgotten(self) -> None:
        """Learn that the CSMS no longer knows the station."""
        self._accepted_by = None
