"""The permit lease: what may be offered while the brain lives, and for a while after it died. Pure."""

from dataclasses import dataclass, replace

from stationd.pilot import leaky
from stationd.pilot.duty import MIN_OFFER_A
from stationd.pilot.leaky import STOPPED, Leaky
from stationd.pilot.protocol import MAX_LEASE_MS

FIRST_OFFER_MS = 60_000
"""After a start the brain has at least so long to come back before the lock lets the driver go."""


@dataclass(frozen=True, slots=True)
class Permit:
    """The newest offer and its lease. It starts as a lease that ran out at the start of the process."""

    until_ms: int
    amps: float = 0.0
    granted: bool = False
    heard: bool = False
    """An offer came since the start."""
    lost: bool = False
    """The lease ran out (seen by `expire`)."""
    phases: int = 3
    """How many phases may be used, where there is a choice."""
    hold_a: float = 0.0
    """While lost: what a closed contactor may go on with. It only falls."""
    held: Leaky = STOPPED
    """How long was held; a permit that lives only for moments does not begin it anew."""


def renew(*, amps: float, granted: bool, lease_ms: int, now_ms: int, phases: int = 3, held: Leaky = STOPPED) -> Permit:
    """Return the permit after an offer, which replaces everything before it but the time it `held` until now."""
    until_ms = now_ms + min(lease_ms, MAX_LEASE_MS)
    held = leaky.follow(held, now_ms, runs=False)
    return Permit(until_ms=until_ms, amps=amps, granted=granted, heard=True, phases=phases, held=held)


def expire(permit: Permit, now_ms: int, *, closed: bool, offered_a: float, hold_a: float, hold_ms: int) -> Permit:
    """Return the permit with the `brain_lost` rule applied. Call it in every tick.

    `closed`, `offered_a`: as commanded in the tick before. Held is only what runs under a permit of at least 6 A; once
    the contactor opened, or `hold_ms` passed, nothing is held any more.
    """
    if now_ms < permit.until_ms:
        return permit
    if not permit.lost:
        kept_a = min(hold_a, offered_a) if permit.granted and offered_a >= MIN_OFFER_A else 0.0
        permit = replace(
            permit, lost=True, hold_a=kept_a, held=leaky.follow(permit.held, permit.until_ms, runs=kept_a > 0)
        )
    if permit.hold_a and (not closed or leaky.spent(permit.held, now_ms) >= hold_ms):
        permit = replace(permit, hold_a=0.0, held=leaky.follow(permit.held, now_ms, runs=False))
    if MIN_OFFER_A <= offered_a < permit.hold_a:
        permit = replace(permit, hold_a=offered_a)
    return permit


def live(permit: Permit, now_ms: int) -> bool:
    """Tell whether an unexpired permit is held."""
    return permit.granted and now_ms < permit.until_ms


def allowed_a(permit: Permit, now_ms: int) -> float:
    """Return what may be offered now, before the limits of cable and site; 0 means pause."""
    if now_ms < permit.until_ms:
        return permit.amps if permit.granted else 0.0
    return permit.hold_a if permit.lost else 0.0


def brain_gone(permit: Permit, now_ms: int, hold_ms: int) -> bool:
    """Tell whether the brain stayed away for so long that the driver must get the cable back."""
    patience_ms = hold_ms if permit.heard else max(hold_ms, FIRST_OFFER_MS)
    return now_ms >= permit.until_ms + patience_ms
