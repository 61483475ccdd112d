"""What a driver of the safety process must offer. Its drivers (pilot, contactor, lock, fault, sensor) import only this.

A driver file holds a class `Driver(options, runtime_dir, evse_id, shared)`. `shared` is one dictionary for all drivers
of the process, in which those that use the same bus or connection find each other. A constructor raises `DriverError`
if an option is wrong; it must not fail because a device does not answer yet.

Rules for all calls: never wait (a slow conversion is started in one tick and read in the next), never raise but
`OSError`, which counts as "cannot be read". `now_ms` is the loop's monotonic clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class DriverError(Exception):
    """An option is wrong; the text names driver, option, value and fix."""


class LockFeedback(StrEnum):
    """What a connector lock says of itself. NONE: there is no lock (fixed cable)."""

    NONE = "none"
    UNLOCKED = "unlocked"
    LOCKED = "locked"
    MOVING = "moving"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CpReading:
    """Volts of the pilot's two halves. Without PWM both are the same."""

    high_v: float
    low_v: float


class CpAdc(Protocol):
    """The pilot as measured by a peak-hold, PWM-synchronous or co-processor front end."""

    def sample(self, now_ms: int) -> CpReading | None:
        """Return the newest reading; None if there is none that is fresh enough to open by."""
        ...


class CpPwm(Protocol):
    """The pilot's generator."""

    def set_duty(self, duty: float) -> float:
        """Set percent (100 = steady +12 V, 0 = steady -12 V) and return what was set: never more current than asked."""
        ...


class Pilot(CpAdc, CpPwm, Protocol):
    """Both halves of the pilot; one driver serves them."""

    def close(self) -> None:
        """Give the device back; outputs stay as they are."""
        ...


class ProximityInput(Protocol):
    """The resistor in the plug of the driver's cable (PP)."""

    @property
    def takes_cp_turn(self) -> bool:
        """True if a reading needs the converter of the pilot: then the pilot is not sampled in that tick."""
        ...

    def ohms(self, now_ms: int) -> float | None:
        """Return the resistance; infinity for an open contact; None if it cannot be read."""
        ...

    def close(self) -> None:
        """Give the device back."""
        ...


class Contactor(Protocol):
    """The contactor, its feedback, and the output lease: the coil drops by itself 300 ms after the last `write`."""

    def write(self, *, closed: bool, now_ms: int) -> None:
        """Command the coil. Called in every tick; the call is the heartbeat that a `pulse` or `mcu` board needs."""
        ...

    def sensed_closed(self, now_ms: int) -> bool | None:
        """Return the mirror contact; None if it cannot be read."""
        ...

    def close(self) -> None:
        """Give the device back; the coil must drop."""
        ...


class ConnectorLock(Protocol):
    """The lock of a socket."""

    def write(self, *, locked: bool) -> None:
        """Command the lock. Called in every tick; a driver that pulses a motor acts on changes only."""
        ...

    def feedback(self, now_ms: int) -> LockFeedback | None:
        """Return the position; None if it cannot be read."""
        ...

    def close(self) -> None:
        """Give the device back; the lock stays as it is."""
        ...


class PhaseSwitch(Protocol):
    """The relay that joins one or three phases to the contactor. It is moved only while nothing flows."""

    def write(self, *, phases: int, now_ms: int) -> None:
        """Command 1 or 3 phases. Called in every tick."""
        ...

    def sensed_phases(self, now_ms: int) -> int | None:
        """Return the position by feedback, 1 or 3; 0 in between; None if it cannot be read."""
        ...

    def close(self) -> None:
        """Give the device back; the switch stays as it is."""
        ...


class CpSwitch(Protocol):
    """The relay that parts the control pilot from the vehicle, which then sees an unplugged station."""

    def write(self, *, connected: bool) -> None:
        """Command the relay. Called in every tick."""
        ...

    def close(self) -> None:
        """Give the device back; the pilot must be connected without power."""
        ...


class RcdTest(Protocol):
    """The output that makes the residual current device test itself; the answer is a trip at its fault input."""

    def write(self, *, active: bool) -> None:
        """Command the test. Called in every tick."""
        ...

    def close(self) -> None:
        """Give the device back, the test ended."""
        ...


class TemperatureInput(Protocol):
    """One temperature of the board, its terminals or the plug."""

    def celsius(self, now_ms: int) -> float | None:
        """Return the newest reading; None if there is none that is fresh."""
        ...

    def close(self) -> None:
        """Give the device back."""
        ...


class CurrentInput(Protocol):
    """What flows through the contactor, fast enough to stop an over-current by."""

    def amps(self, now_ms: int) -> tuple[float, float, float] | None:
        """Return the phases' currents (r.m.s.); None if they cannot be read."""
        ...

    def close(self) -> None:
        """Give the device back."""
        ...


class FaultInput(Protocol):
    """One input that says that something is wrong."""

    @property
    def name(self) -> str:
        """One of `machine.FAULT_INPUTS`."""
        ...

    def faulty(self, now_ms: int) -> bool | None:
        """Return True while something is wrong; None if it cannot be read."""
        ...

    def close(self) -> None:
        """Give the device back."""
        ...


def checked_options(driver: str, options: Mapping[str, Any], known: Mapping[str, type]) -> dict[str, Any]:
    """Return the options if they are exactly the known ones, each of its type.

    Raises:
        DriverError: one is unknown, missing or of another type.
    """
    for key, value in options.items():
        if key not in known:
            raise DriverError(f"cannot use driver {driver}: option {key} = {value!r} is unknown: remove it")
        if not isinstance(value, known[key]) or (isinstance(value, bool) and known[key] is not bool):
            raise DriverError(f"cannot use driver {driver}: option {key} = {value!r} must be {known[key].__name__}")
    for key, kind in known.items():
        if key not in options:
            raise DriverError(f"cannot use driver {driver}: option {key} ({kind.__name__}) is missing: add it")
    return dict(options)
