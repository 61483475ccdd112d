"""Messages of the permit holder, applied to the state of one EVSE. Pure.

Each returns the new state and None, or the old one and one sentence that says why not. Nothing here moves an output:
the next `machine.step` decides.
"""

from dataclasses import replace

from stationd.pilot import permit
from stationd.pilot.connector_lock import Lock
from stationd.pilot.contactor import SURE_MS, Contactor, surely_open
from stationd.pilot.machine import LATCHING, Seen, State, may_unlock
from stationd.pilot.protocol import Message, Offer, ResetFault, SetAvailable, Unlock

Outcome = tuple[State, str | None]


def apply(state: State, seen: Seen, message: Message, now_ms: int) -> Outcome:
    """Return the state after a message of the permit holder. `seen` is what the last tick saw."""
    if isinstance(message, Offer):
        return _offer(state, message, now_ms), None
    if isinstance(message, Unlock):
        return _unlock(state, seen, now_ms)
    if isinstance(message, SetAvailable):
        return _set_available(state, seen, available=message.available)
    if isinstance(message, ResetFault):
        return _reset(state, seen, message.code, now_ms)
    return state, f"cannot do anything with a message {type(message).__name__}: it is not for this side"


def _offer(state: State, offer: Offer, now_ms: int) -> State:
    lock = state.lock
    if offer.permit and lock.released and not permit.live(state.permit, now_ms):
        lock = replace(lock, released=False)  # a new permit: what was unlocked on demand may be locked again
    lease = permit.renew(amps=offer.amps, granted=offer.permit, lease_ms=offer.lease_ms, now_ms=now_ms)
    return replace(state, permit=lease, lock=lock)


def _unlock(state: State, seen: Seen, now_ms: int) -> Outcome:
    if not state.rules.has_socket:
        return state, "cannot unlock: the cable is fixed"
    if "contactor_welded" in state.latched:
        return state, "cannot unlock: the contactor is welded; repair it, then reset contactor_welded"
    if state.contactor.commanded:
        return state, "cannot unlock: the contactor is closed; withdraw the permit first"
    if not may_unlock(state) and not _opening(state, seen, now_ms):
        return state, "cannot unlock: the contactor is not surely open; check it and its feedback"
    lock = _fresh(state.lock, now_ms)
    if state.lock.failed and state.lock.wanted is False:
        lock = replace(lock, pausing=True)  # it stands at "unlock" already: begin the new try with a move
    return replace(state, lock=replace(lock, released=True)), None


def _opening(state: State, seen: Seen, now_ms: int) -> bool:
    """Tell whether the contactor opened a moment ago. The lock then moves as soon as the machine is sure of it."""
    in_time = now_ms - state.contactor.since_ms <= state.rules.open_ms + SURE_MS
    return in_time and seen.contactor is False


def _set_available(state: State, seen: Seen, *, available: bool) -> Outcome:
    if not available and (state.contactor.commanded or seen.contactor is not False):
        return state, "cannot signal state F: the contactor is closed; withdraw the permit first"
    return replace(state, available=available), None


def _reset(state: State, seen: Seen, code: str, now_ms: int) -> Outcome:
    if code not in state.faults:
        return state, f"cannot reset {code[:40]!r}: it is not in force"
    if code in state.inputs.active:
        return state, f"cannot reset {code}: its input is still faulty; remove the cause first"
    if code == "contactor_welded" and not surely_open(state.contactor):
        return state, "cannot reset contactor_welded: the contactor is still seen closed; repair it first"
    if code == "contactor_failed":
        return replace(state, contactor=Contactor(since_ms=now_ms)), None
    if code == "lock_failed":
        return replace(state, lock=_fresh(state.lock, now_ms)), None
    if code not in LATCHING or code not in state.latched:
        return state, f"cannot reset {code}: it ends by itself when its cause is gone"
    return replace(state, latched=state.latched - {code}, contactor=replace(state.contactor, welded=False)), None


def _fresh(lock: Lock, now_ms: int) -> Lock:
    return replace(lock, since_ms=now_ms, tries=0, failed=False, pausing=False)
