"""Messages of the permit holder, applied to the state of one EVSE. Pure.

Each returns the new state and None, or the old one and one sentence that says why not. Nothing here moves an output:
the next `machine.step` decides.
"""

from dataclasses import replace

from stationd.fault_table import FAULTS, Ends
from stationd.pilot import connector_lock, permit, phase_switch
from stationd.pilot.contactor import SURE_MS, surely_open
from stationd.pilot.cp import CpState
from stationd.pilot.cycles import closed, ready
from stationd.pilot.machine import Seen, State, may_unlock
from stationd.pilot.over_current import OverCurrent
from stationd.pilot.protocol import Message, Offer, ResetFault, SelfTest, SetAvailable, Unlock
from stationd.pilot.rcd_test import UNDER_WAY, RcdTest
from stationd.pilot.watch import ENDED

RESETS, RESET_REST_MS = 5, 60_000
"""So many resets may follow each other, then one a minute: whoever sends them for ever is no technician."""
TEST_AGAIN_MS = 10_000
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
    if isinstance(message, SelfTest):
        return _self_test(state, seen, now_ms)
    return state, f"cannot do anything with a message {type(message).__name__}: it is not for this side"


def _offer(state: State, offer: Offer, now_ms: int) -> State:
    lock = state.lock
    if offer.permit and lock.released and not permit.live(state.permit, now_ms):
        lock = replace(lock, released=False)  # a new permit: what was unlocked on demand may be locked again
    lease = permit.renew(
        amps=offer.amps,
        granted=offer.permit,
        lease_ms=offer.lease_ms,
        now_ms=now_ms,
        phases=offer.phases,
        held=state.permit.held,
    )
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
    lock = connector_lock.afresh(state.lock, now_ms)
    if state.lock.failed and state.lock.wanted is False:
        lock = replace(lock, pausing=True)  # it stands at "unlock" already: begin the new try with a move
    return replace(state, lock=replace(lock, released=True, missed=state.lock.missed)), None


def _opening(state: State, seen: Seen, now_ms: int) -> bool:
    """Tell whether the contactor opened a moment ago. The lock then moves as soon as the machine is sure of it."""
    in_time = now_ms - state.contactor.since_ms <= state.rules.open_ms + SURE_MS
    return in_time and seen.contactor is False


def _set_available(state: State, seen: Seen, *, available: bool) -> Outcome:
    if not available and (state.contactor.commanded or seen.contactor is not False):
        return state, "cannot signal state F: the contactor is closed; withdraw the permit first"
    return replace(state, available=available), None


def _self_test(state: State, seen: Seen, now_ms: int) -> Outcome:
    if not state.rules.rcd_test:
        return state, "cannot test the residual current device: this board has no test output; press its test button"
    if not surely_open(state.contactor) or seen.contactor is not False:
        return (
            state,
            "cannot test the residual current device: the contactor is not surely open; withdraw the permit first",
        )
    if state.rcd_test.stage in UNDER_WAY:
        return state, "cannot test the residual current device: a test is under way"
    if "rcd_trip" in seen.faulty:
        return state, "cannot test the residual current device: it is tripped; remove the cause first"
    if state.rcd_test.stage in ENDED and now_ms - state.rcd_test.since_ms < TEST_AGAIN_MS:
        return state, "cannot test the residual current device: it was tested a moment ago; wait ten seconds"
    return replace(state, rcd_test=RcdTest(asked=True)), None


def _reset(state: State, seen: Seen, code: str, now_ms: int) -> Outcome:
    if code not in state.faults and code not in state.warnings:
        return state, f"cannot reset {code[:40]!r}: it is not in force"
    if not ready(state.resets_ms, now_ms, burst=RESETS, rest_ms=RESET_REST_MS):
        return state, f"cannot reset {code}: too many resets in a row; find the cause, and wait a minute"
    after, error = _reset_now(state, seen, code, now_ms)
    if error is None:
        after = replace(after, resets_ms=closed(state.resets_ms, now_ms, rest_ms=RESET_REST_MS))
    return after, error


def _reset_now(state: State, seen: Seen, code: str, now_ms: int) -> Outcome:
    if code in state.inputs.active:
        return state, f"cannot reset {code}: its input is still faulty; remove the cause first"
    if code == "contactor_welded" and not surely_open(state.contactor):
        return state, "cannot reset contactor_welded: the contactor is still seen closed; repair it first"
    if code == "rcd_trip" and state.track.state is not CpState.A:
        return state, "cannot reset rcd_trip: a vehicle is plugged, or the pilot shows no clean A; unplug it first"
    if code in state.latched:
        coil = replace(state.contactor, welded=False)
        return replace(state, latched=state.latched - {code}, contactor=coil), None
    match code:
        case "contactor_failed":
            return replace(state, contactor=replace(state.contactor, tries=0, slow=0)), None
        case "contactor_slow":
            return replace(state, contactor=replace(state.contactor, slow=0)), None
        case "contactor_worn":  # it was replaced
            return replace(state, counters=replace(state.counters, cycles=0)), None
        case "lock_failed":
            return replace(state, lock=connector_lock.afresh(state.lock, now_ms)), None
        case "over_current":
            return replace(state, over=OverCurrent()), None
        case "phase_switch":
            return replace(state, phases=phase_switch.reset(state.phases)), None
        case "rcd_self_test":
            return replace(state, rcd_test=RcdTest()), None
    when = FAULTS[code].ends if code in FAULTS else Ends.CAUSE
    return state, f"cannot reset {code}: it ends by itself {when}"
