"""The current to offer: the least of all limits, and who set them. Pure; charging profiles are one more limit."""

from collections.abc import Iterable
from dataclasses import dataclass

MIN_OFFER_A = 6.0
"""Smallest current PWM can offer (IEC 61851-1 Table A.7); less is a pause."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One upper bound; 0 A says that nothing may be offered, and `name` why."""

    name: str
    amps: float


@dataclass(frozen=True, slots=True)
class Offer:
    """What `PilotPort.offer` is told."""

    amps: float
    phases: int
    permit: bool


PAUSE_A = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything that decides on the offer for one EVSE."""

    profile_max_a: float
    phases: int
    pilot_max_a: float | None
    """What stationd-pilot allows; None while there is no connection to it."""
    cable_max_a: float | None
    cable: bool
    authorized: bool
    """A committed transaction of this EVSE is authorised (or only flowing energy can start it)."""
    operative: bool
    registered: bool
    blocked_by: str | None
    """Code of the blocking fault."""
    others: tuple[Limit, ...] = ()
    """Limits of other parts of the station: charging profiles, load management, temperature."""


def limits(situation: Situation) -> tuple[Limit, ...]:
    """Return every limit in force, with the reasons for none at all as limits of 0 A."""
    s = situation
    found = [Limit("hw_profile", s.profile_max_a)]
    if s.pilot_max_a is not None:
        found.append(Limit("stationd_pilot", s.pilot_max_a))
    if s.cable_max_a is not None:
        found.append(Limit("cable", s.cable_max_a))
    found += s.others
    refusals = {
        "no_pilot": s.pilot_max_a is None,
        "no_cable": not s.cable,
        "not_authorized": not s.authorized,
        "unavailable": not s.operative,
        "not_registered": not s.registered,
        f"fault:{s.blocked_by}": s.blocked_by is not None,
    }
    return (*found, *(Limit(name, PAUSE_A) for name, holds in refusals.items() if holds))


def least(found: Iterable[Limit]) -> float:
    """Return the current that all limits allow; 0 below what PWM can offer."""
    amps = min((limit.amps for limit in found), default=PAUSE_A)
    return amps if amps >= MIN_OFFER_A else PAUSE_A


def offer_for(situation: Situation) -> Offer:
    """Return what to offer: a permit only with a cable, an authorised transaction and nothing against it."""
    amps = least(limits(situation))
    return Offer(amps, situation.phases, permit=amps > 0)
