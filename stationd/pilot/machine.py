"""IEC 61851-1 mode 3 rules for one EVSE. Sans-I/O: no clock, no pins, no sockets.

Closing needs everything at once; opening needs one reason. `step` is total: it never raises and never waits.
"""

from dataclasses import replace
from typing import TypeVar

from stationd.pilot import connector_lock, contactor, cycles, leaky, permit, phase_switch, rcd_test, wake_up
from stationd.pilot.connector_lock import Lock
from stationd.pilot.contactor import Contactor
from stationd.pilot.cp import CONFIRM_DIODE, ENOUGH, PLUGGED, CpState, gone, opened
from stationd.pilot.cycles import Counters
from stationd.pilot.duty import MIN_OFFER_A, STEADY_HIGH, STEADY_LOW, amps_to_duty, duty_to_amps, is_pwm
from stationd.pilot.interfaces import LockFeedback
from stationd.pilot.leaky import STOPPED, Leaky
from stationd.pilot.proximity import cable_amps
from stationd.pilot.state import Pins, Rules, Seen, State, start, updated
from stationd.pilot.verdicts import faults as faults_of
from stationd.pilot.verdicts import offer_a, rested
from stationd.pilot.verdicts import warnings as warnings_of
from stationd.pilot.watch import may_offer, pilot_parted, readable, watch

__all__ = ["FAULT_INPUTS", "LATCHING", "Pins", "Rules", "Seen", "State", "may_unlock", "start", "step"]

FAULT_INPUTS = ("rcd_trip", "pe_loss", "emergency_stop", "door_open", "tilt", "power_loss")
LATCHING = ("rcd_trip", "contactor_welded", "hardware")
"""Faults that outlive a restart. `hardware` is among them only if the file of latches could not be read."""
Value = TypeVar("Value")
S2_GRACE_MS = 6_000  # PWM off -> the EV opens S2 (IEC 61851-1 Table A.6, sequence 10.2)
POWER_LOST_MS = 3_000
"""A dip of the mains gives no cable away; the reserve of a board lasts longer."""
CLOSE_AFTER_MS = 100
"""C (or D) stands for so long without one other sample before the contactor closes; the standard allows 3 s
(sequence 4)."""


def step(state: State, seen: Seen, now_ms: int) -> tuple[State, Pins]:
    """Return the next state and what the pins must be."""
    state = watch(state, seen, now_ms)
    faults = faults_of(state, seen, now_ms)
    duty, offered_a = _pilot(state, faults, now_ms)
    was_closed = closed = state.contactor.commanded
    pause = leaky.follow(state.pause, now_ms, runs=offered_a < MIN_OFFER_A) if closed else STOPPED
    noise, waits_for = state.noise, ""
    if closed:
        closed = not _must_open(state, seen, faults, pause, now_ms)
        if not closed and not _demand(state):
            noise = opened(noise, state.track, now_ms)
    elif _asks(state):
        waits_for = _missing(state, seen, faults, offered_a, now_ms)
        closed = not waits_for
    fault_f_ms = _fault_f(state, now_ms)
    if was_closed and not closed and faults and state.rules.fault_f_ms and not state.stopping:
        fault_f_ms, duty = now_ms, STEADY_LOW
    coil = contactor.command(state.contactor, closed=closed, now_ms=now_ms)
    state = updated(
        state,
        contactor=coil,
        lock=_lock(state, seen, coil, now_ms) if state.rules.has_socket else state.lock,
        counters=_counted(state, was_closed=was_closed, closed=closed),
        rested_ms=_rested_ms(state, now_ms) if closed and not was_closed else state.rested_ms,
        faults=_kept(state.faults, faults),
        warnings=_kept(state.warnings, warnings_of(state, now_ms)),
        waits_for=waits_for,
        duty=_kept(state.duty, duty),
        duty_kind_ms=state.duty_kind_ms if _kind(duty) == _kind(state.duty) else now_ms,
        offered_a=_kept(state.offered_a, offered_a),
        pause=pause if closed else STOPPED,
        fault_f_ms=fault_f_ms,
        noise=noise,
    )
    return state, _pins(state)


def may_unlock(state: State) -> bool:
    """Tell whether the connector may be unlocked: the contactor is surely open and not welded."""
    return contactor.surely_open(state.contactor) and "contactor_welded" not in state.latched


def _pins(state: State) -> Pins:
    rules = state.rules
    apart = state.phases.stage in phase_switch.APART
    if rules.wake_up == "cp_switch" and state.wake.stage is wake_up.Stage.WAKING:
        apart = True
    return Pins(
        duty=state.duty,
        closed=state.contactor.commanded,
        locked=connector_lock.pin(state.lock) if rules.has_socket else None,
        phases=state.phases.position or None,
        cp_connected=not apart,
        rcd_test=state.rcd_test.stage is rcd_test.Stage.TRIPPING and not state.stopping,
    )


def _pilot(state: State, faults: tuple[str, ...], now_ms: int) -> tuple[float, float]:
    """Return duty and the amperes it offers: the least of offer, cable, profile and site; none without a vehicle."""
    if state.stopping:
        return STEADY_HIGH, 0.0  # what a dead process leaves behind must not offer a current
    if _fault_f(state, now_ms) is not None or (not state.available and not state.contactor.commanded):
        return STEADY_LOW, 0.0
    if faults or not state.available or state.paused:
        return STEADY_HIGH, 0.0
    if state.rules.wake_up == "state_f" and state.wake.stage is wake_up.Stage.WAKING:
        return STEADY_LOW, 0.0
    if state.track.state not in PLUGGED or not may_offer(state, now_ms):
        return STEADY_HIGH, 0.0
    duty = amps_to_duty(offer_a(state, now_ms))
    return duty, duty_to_amps(duty)


def _fault_f(state: State, now_ms: int) -> int | None:
    """Return the start of the state F that follows a fault under load, while it lasts; None without."""
    begun = state.fault_f_ms
    return begun if begun is not None and now_ms - begun < state.rules.fault_f_ms and not state.stopping else None


def _must_open(state: State, seen: Seen, faults: tuple[str, ...], pause: Leaky, now_ms: int) -> bool:
    """Tell whether there is one reason to open."""
    return bool(
        faults
        or state.stopping
        or seen.stalled
        or not state.available
        or not _demand(state)
        or state.contactor.failed
        or (state.rules.has_socket and connector_lock.lost(state.lock, now_ms))
        or state.phases.stage in phase_switch.BLIND
        or leaky.spent(pause, now_ms) >= S2_GRACE_MS
    )


def _asks(state: State) -> bool:
    """Tell whether the vehicle asks for power, in a state that is served here."""
    cp = state.track.state
    return cp is CpState.C or (cp is CpState.D and state.rules.ventilated)


def _demand(state: State) -> bool:
    """Tell whether it still does: C to B or A, E, F take two samples (IEC 61851-1 sequences 2, 7, 8)."""
    return _asks(state) and state.track.no_demand < ENOUGH


def _missing(state: State, seen: Seen, faults: tuple[str, ...], offered_a: float, now_ms: int) -> str:
    """Return the first thing that closing lacks; empty if everything is there.

    What opens after two samples keeps from closing with the first.
    """
    return (
        ("stopping" if state.stopping else "")
        or ("fault" if faults else "")
        or ("unavailable" if not state.available else "")
        or ("permit" if not permit.live(state.permit, now_ms) else "")
        or ("pause" if state.paused else "")
        or _switching(state)
        or ("offer" if offered_a < MIN_OFFER_A else "")
        or _contactor_missing(state, seen, now_ms)
        or ("lock" if state.rules.has_socket and not _locked(state, seen) else "")
        or ("rcd_test" if state.rules.rcd_test and state.rcd_test.stage is not rcd_test.Stage.PASSED else "")
        or ("diode" if state.diode.good < CONFIRM_DIODE else "")
        or ("" if _steady_now(state, seen, now_ms) else "steady_inputs")
    )


def _switching(state: State) -> str:
    if state.phases.stage is not phase_switch.Stage.REST:
        return "phase_switch"
    if state.rules.phase_switch and not phase_switch.connects(state.phases):
        return "phase_switch"
    return "wake_up" if state.wake.stage in (wake_up.Stage.WAKING, wake_up.Stage.JOINING) else ""


def _contactor_missing(state: State, seen: Seen, now_ms: int) -> str:
    if not contactor.may_close(state.contactor, seen.contactor):
        return "contactor"
    if now_ms - state.contactor.since_ms < state.rules.min_off_ms or not rested(state, now_ms):
        return "contactor_rest"
    return ""


def _steady_now(state: State, seen: Seen, now_ms: int) -> bool:
    """Tell whether no input wavers, not even in this one sample."""
    track = state.track
    return (
        not seen.stalled
        and track.candidate is track.state
        and now_ms - track.unsteady_ms >= CLOSE_AFTER_MS
        and state.settled
        and seen.cp_new
        and not seen.faulty
        and readable(state.rules, seen)
        and (not state.rules.has_socket or cable_amps(seen.pp_ohm) is not None)
        and not pilot_parted(state)
    )


def _locked(state: State, seen: Seen) -> bool:
    lock = state.lock
    at_rest = bool(lock.wanted) and not lock.released and not lock.pausing and lock.off_since_ms is None
    return at_rest and seen.lock is LockFeedback.LOCKED


def _lock(state: State, seen: Seen, coil: Contactor, now_ms: int) -> Lock:
    """Return the lock: locked for a permit and a vehicle, unlocked only with the contactor surely open."""
    free = may_unlock(state) and not coil.commanded
    lock = state.lock
    live = permit.live(state.permit, now_ms)
    away = gone(state.track, now_ms)
    if lock.released and away and lock.wanted is False:
        lock = replace(lock, released=False)  # done; the next plug-in locks again
    wants_off = (
        lock.released
        or (away and not live)
        or permit.brain_gone(state.permit, now_ms, state.rules.hold_ms)
        or (state.rules.unlock_on_power_loss and _power_away(state, now_ms))
    )
    if wants_off:
        if free:
            lock = connector_lock.aim(lock, wanted=False, now_ms=now_ms)
    elif live and state.track.state in PLUGGED:
        lock = connector_lock.aim(lock, wanted=True, now_ms=now_ms)
    lock = connector_lock.supervise(lock, seen.lock, now_ms, try_ms=state.rules.lock_ms, may_move=free)
    missed = not away and (lock.missed or (lock.failed and bool(lock.wanted)))
    return lock if missed is lock.missed else replace(lock, missed=missed)


def _power_away(state: State, now_ms: int) -> bool:
    since_ms = state.power_lost_ms
    return since_ms is not None and now_ms - since_ms >= POWER_LOST_MS


def _counted(state: State, *, was_closed: bool, closed: bool) -> Counters:
    """Return the counters after this tick's command."""
    counters = state.counters
    if closed and not was_closed:
        return replace(counters, cycles=counters.cycles + 1)
    if was_closed and not closed and (_asks(state) or state.track.state is CpState.A):
        return replace(counters, hot_openings=counters.hot_openings + 1)
    return counters


def _rested_ms(state: State, now_ms: int) -> int:
    return cycles.closed(state.rested_ms, now_ms, rest_ms=state.rules.rest_ms)


def _kept(old: Value, new: Value) -> Value:
    """Return the old object if the new one is equal, so that nothing changed can be told by identity."""
    return old if old == new else new


def _kind(duty: float) -> int:
    return 0 if duty == STEADY_LOW else 1 if is_pwm(duty) else 2
