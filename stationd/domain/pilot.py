"""What the brain knows of one EVSE's safety process: a copy of its last Status, in domain words."""

from dataclasses import dataclass
from enum import StrEnum


class CpState(StrEnum):
    """Control-pilot state (IEC 61851-1 Annex A)."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"


class LockState(StrEnum):
    """Feedback of the connector lock; NONE for a fixed cable."""

    NONE = "none"
    UNLOCKED = "unlocked"
    LOCKED = "locked"
    MOVING = "moving"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PilotStatus:
    """State of one EVSE as `stationd-pilot` last published it. State, not deltas."""

    evse_id: int
    cp: CpState
    volts: float
    duty_percent: float
    commanded_closed: bool
    sensed_closed: bool
    lock: LockState
    cable_max_a: float | None
    """Ampacity of the plugged cable by its proximity resistor; None where there is no cable or it cannot be read."""
    max_a: float
    """What stationd-pilot allows at most: min(cable, profile, installer's limit). 0 = it never closes."""
    offered_a: float
    """Current on the pilot now; 0 while PWM is off."""
    faults: tuple[str, ...]
    uptime_ms: int
    boot_id: str
    unplugs: int = 0
    """Vehicles that left since stationd-pilot started (`boot_id`)."""
    warnings: tuple[str, ...] = ()
    """Codes under which energy may flow."""
    waits_for: str = ""
    """What keeps the contactor open although the vehicle asks for power; empty otherwise."""
    phases: int = 3
    """Phases that a closed contactor would connect now; 0 while they are being switched."""
    temperature_c: float | None = None
    low_v: float = 0.0
    """Low half of the pilot."""
    rcd_test: str = "none"
    """Last self-test of the residual current device: none, running, passed, failed."""
    cycles: int = 0
    hot_openings: int = 0
    slow_openings: int = 0
    failed_closings: int = 0

    @property
    def cable_connected(self) -> bool:
        """True while a vehicle is seen on the pilot (B, C, D)."""
        return self.cp in (CpState.B, CpState.C, CpState.D)

    def car_left_since(self, boot_id: str, unplugs: int) -> bool:
        """Tell whether a car left after a status with this `boot_id` and `unplugs`: the one seen now may be another.

        A safety process that restarted counts from 0: what left between its end and its start nobody saw.
        """
        return self.unplugs != unplugs if self.boot_id == boot_id else self.unplugs > 0
