"""What kind of vehicle is plugged: one that was seen in state B, or one with a simplified pilot circuit. Pure.

A simplified vehicle has no switch S2: it goes from A straight to C (IEC 61851-1 A.2.3, sequence 1.2), cannot follow a
duty and cannot say that it stops.
"""

from dataclasses import dataclass, replace

from stationd.pilot.cp import PLUGGED, CpState, CpTrack, gone

SEEN_B_MS = 100
"""B must stand for so long: the edge from A to C passes it."""
FORGET_MS = 1_000
"""In state F nobody can see who is plugged: after so long it may be another vehicle."""
LEAVE_C_MS = 3_100
"""Without PWM an ordinary vehicle opens S2 within 3 s (IEC 61851-1 Table A.6)."""


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One plug-in."""

    plugged_ms: int | None = None
    """When it was seen first."""
    came: bool = False
    """It was seen to come: the pilot was A before. False for one that was plugged at the start of the process."""
    seen_b: bool = False
    was_away: bool = False
    """The pilot was A since the start of the process."""


UNKNOWN = Vehicle()
AWAY = Vehicle(was_away=True)


def follow(vehicle: Vehicle, track: CpTrack, now_ms: int) -> Vehicle:
    """Return the vehicle after a look at the pilot; the same object if nothing is new."""
    if gone(track, now_ms):
        return AWAY if vehicle != AWAY else vehicle
    cp, stood_ms = track.state, now_ms - track.since_ms
    if cp is CpState.F and stood_ms >= FORGET_MS:
        return UNKNOWN if vehicle != UNKNOWN else vehicle
    if cp not in PLUGGED:
        return vehicle
    if vehicle.plugged_ms is None:
        vehicle = replace(vehicle, plugged_ms=now_ms, came=vehicle.was_away)
    if cp is CpState.B and stood_ms >= SEEN_B_MS and not vehicle.seen_b:
        return replace(vehicle, seen_b=True)
    return vehicle


def unsure(vehicle: Vehicle, now_ms: int) -> bool:
    """Tell whether PWM must wait: a vehicle plugged at the start is in C, and may leave it if it is an ordinary one."""
    if vehicle.plugged_ms is None or vehicle.seen_b or vehicle.came:
        return False
    return now_ms - vehicle.plugged_ms < LEAVE_C_MS


def simplified(vehicle: Vehicle) -> bool:
    """Tell whether the vehicle never showed B."""
    return vehicle.plugged_ms is not None and not vehicle.seen_b
