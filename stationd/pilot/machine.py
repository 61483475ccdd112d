"""IEC 61851-1 mode 3 rules for one EVSE. Sans-I/O: no clock, no pins, no sockets.

Closing needs everything at once; opening needs one reason. `step` is total: it never raises and never waits.
"""

from dataclasses import dataclass, replace
from math import inf

from stationd.pilot import connector_lock, contactor, fault_inputs, permit
from stationd.pilot.connector_lock import Lock
from stationd.pilot.contactor import Contactor
from stationd.pilot.cp import (
    CONFIRM_DIODE,
    ENOUGH,
    PLUGGED,
    CpState,
    CpTrack,
    Diode,
    Noise,
    classify,
    follow,
    follow_diode,
    follow_noise,
    opened,
)
from stationd.pilot.duty import MIN_OFFER_A, STEADY_HIGH, STEADY_LOW, amps_to_duty, duty_to_amps, is_pwm
from stationd.pilot.fault_inputs import Inputs
from stationd.pilot.interfaces import LockFeedback
from stationd.pilot.permit import Permit
from stationd.pilot.proximity import Cable, cable_amps
from stationd.pilot.proximity import follow as follow_cable

FAULT_INPUTS = ("rcd_trip", "pe_loss", "emergency_stop", "door_open", "tilt")
LATCHING = ("rcd_trip", "contactor_welded", "hardware")
"""Faults that outlive a restart. `hardware` is among them only if the file of latches could not be read."""
S2_GRACE_MS = 6_000  # PWM off -> the EV opens S2 (IEC 61851-1 Table A.6, sequence 10.2)
CLOSE_AFTER_MS = 100
"""C (or D) stands for so long without one other sample before the contactor closes; the standard allows 3 s
(sequence 4)."""
PILOT_ERROR_MS = 50
"""E stands for so long before it is called a fault. The contactor opened long before."""
STATE_F_MS = 1_000
"""The generator has so long to follow into state F, and out of it."""
PROXIMITY_MS = 500
"""A vehicle is seen, but no cable that can be read: so long until it is called a fault."""
SETTLE_MS = 1_000
"""After the start unreadable inputs are no fault for so long."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is fixed for one EVSE: profile and installer's limit."""

    max_a: float
    """min(profile, installer's limit); 0 if the installer's limit is unset: never closes."""
    has_socket: bool
    """The driver brings the cable: proximity and lock count."""
    ventilated: bool = False
    hold_a: float = 6.0
    hold_ms: int = 60_000
    close_ms: int = 1_000
    open_ms: int = 500
    min_off_ms: int = 2_000
    lock_ms: int = 3_000
    phases: int = 3
    """Phases of the installation."""
    phase_switch: bool = False
    """One or three phases can be chosen."""
    single_phase_max_a: float = inf
    """What one phase alone may carry."""
    simplified_a: float = 10.0
    """The most for a vehicle with a simplified pilot circuit."""
    wake_up: str = "none"
    """How a sleeping vehicle is woken: `none`, `state_f`, `cp_switch`."""
    fault_f_ms: int = 300
    """After a fault under load state F is signalled for so long; 0 = not at all."""
    burst_cycles: int = 5
    """Closings that may follow each other without a rest."""
    rest_ms: int = 10_000
    """Each further one needs so much rest."""
    rated_cycles: int = 0
    """Closings the contactor is rated for; 0 = not declared."""
    slow_open_ms: int = 100
    """An opening that takes longer is counted and told."""
    stuck_ms: int = 0
    """The pilot's readings may be exactly equal for so long; 0 = the front end has no noise to tell by."""
    has_current: bool = False
    over_current_ms: int = 7_000
    has_temperature: bool = False
    derate_from_c: float = inf
    """Up to here the full current."""
    derate_to_c: float = inf
    """From here 6 A; between the two in proportion."""
    stop_c: float = inf
    hysteresis_c: float = 5.0
    rcd_test: bool = False
    rcd_test_ms: int = 1_000
    """The trip must be seen within this, and be gone again within this."""
    unlock_on_power_loss: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What the inputs say in one tick. None: cannot be read."""

    high_v: float | None
    low_v: float | None
    contactor: bool | None
    lock: LockFeedback | None = LockFeedback.NONE
    pp_ohm: float | None = inf
    """Infinity: open contact."""
    faulty: frozenset[str] = frozenset()
    """Names of fault inputs in alarm, and `hardware` if a driver failed."""
    cp_new: bool = True
    """False in a tick in which the converter served something else."""
    temperature_c: float | None = None
    amps: tuple[float, float, float] | None = None
    """Currents by phase, where there is a sensor."""
    phases: int | None = None
    """Position of the phase switch: 1, 3, or 0 in between."""
    stalled: bool = False
    """The loop stood still for so long that the output lease may have ended."""


@dataclass(frozen=True, slots=True)
class Pins:
    """What the outputs must be. `locked` None: leave the lock as it is."""

    duty: float = STEADY_HIGH
    closed: bool = False
    locked: bool | None = None
    phases: int | None = None
    """Where the phase switch must be; None: leave it, or there is none."""
    cp_connected: bool = True
    rcd_test: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """Everything that one EVSE remembers."""

    rules: Rules
    started_ms: int
    permit: Permit
    contactor: Contactor
    lock: Lock
    track: CpTrack
    cable: Cable
    diode: Diode
    inputs: Inputs
    noise: Noise
    latched: frozenset[str] = frozenset()
    faults: tuple[str, ...] = ()
    duty: float = STEADY_HIGH
    duty_kind_ms: int = 0
    """When the pilot last changed between steady high, PWM and steady low."""
    offered_a: float = 0.0
    pause_ms: int | None = None
    """Start of a pause with the contactor still closed: the EV has `S2_GRACE_MS` to stop drawing."""
    available: bool = True
    stopping: bool = False
    settled: bool = False
    """The inputs were read once; before that nothing is worth telling."""


def start(rules: Rules, now_ms: int, latched: frozenset[str] = frozenset()) -> State:
    """Return the state of a process that just started with all outputs safe."""
    return State(
        rules=rules,
        started_ms=now_ms,
        permit=Permit(until_ms=now_ms),
        contactor=Contactor(since_ms=now_ms),
        lock=Lock(since_ms=now_ms),
        track=CpTrack(),
        cable=Cable(),
        diode=Diode(),
        inputs=Inputs(),
        noise=Noise(),
        latched=latched,
        duty_kind_ms=now_ms,
    )


def step(state: State, seen: Seen, now_ms: int) -> tuple[State, Pins]:
    """Return the next state and what the pins must be."""
    state = _watch(state, seen, now_ms)
    faults = _faults(state, seen, now_ms)
    duty, offered_a = _pilot(state, faults, now_ms)
    closed = state.contactor.commanded
    pause_ms = None
    if closed and offered_a < MIN_OFFER_A:
        pause_ms = now_ms if state.pause_ms is None else state.pause_ms
    noise = state.noise
    if closed:
        closed = not _must_open(state, seen, faults, pause_ms, now_ms)
        if not closed and not _demand(state):
            noise = opened(noise, state.track, now_ms)
    else:
        closed = offered_a >= MIN_OFFER_A and not faults and _may_close(state, seen, now_ms)
    if not closed:
        pause_ms = None
    coil = contactor.command(state.contactor, closed=closed, now_ms=now_ms)
    lock = _lock(state, seen, coil, now_ms) if state.rules.has_socket else state.lock
    kind_ms = state.duty_kind_ms if _kind(duty) == _kind(state.duty) else now_ms
    old = (state.faults, state.duty, state.duty_kind_ms, state.offered_a, state.pause_ms, state.noise)
    if (
        old != (faults, duty, kind_ms, offered_a, pause_ms, noise)
        or coil is not state.contactor
        or lock is not state.lock
    ):
        state = replace(
            state,
            contactor=coil,
            lock=lock,
            faults=faults,
            duty=duty,
            duty_kind_ms=kind_ms,
            offered_a=offered_a,
            pause_ms=pause_ms,
            noise=noise,
        )
    return state, Pins(duty, closed, connector_lock.pin(lock) if state.rules.has_socket else None)


def may_unlock(state: State) -> bool:
    """Tell whether the connector may be unlocked: the contactor is surely open and not welded."""
    return contactor.surely_open(state.contactor) and "contactor_welded" not in state.latched


def _watch(state: State, seen: Seen, now_ms: int) -> State:
    """Return the state with everything that is only observed brought up to date."""
    rules = state.rules
    track = state.track
    if seen.cp_new and (seen.high_v is not None or state.settled):
        track = follow(track, CpState.E if seen.high_v is None else classify(seen.high_v), now_ms)
    gone = track.state is CpState.A  # E and F say nothing about the plug
    coil = contactor.supervise(state.contactor, seen.contactor, now_ms, close_ms=rules.close_ms, open_ms=rules.open_ms)
    if gone and coil.tries and not coil.commanded:
        coil = replace(coil, tries=0)  # the next vehicle gets its own tries
    inputs, settled = _inputs(state, seen, track, now_ms)
    latched = state.latched
    if "rcd_trip" in inputs.active:
        latched |= {"rcd_trip"}
    if coil.welded:
        latched |= {"contactor_welded"}
    lease = permit.expire(
        state.permit,
        now_ms,
        closed=state.contactor.commanded,
        offered_a=state.offered_a if state.contactor.commanded else 0.0,
        hold_a=rules.hold_a,
        hold_ms=rules.hold_ms,
    )
    cable = state.cable
    if rules.has_socket:
        cable = follow_cable(cable, cable_amps(seen.pp_ohm), now_ms, plugged=not gone)
    noise = follow_noise(state.noise, track, now_ms)
    diode = state.diode
    if seen.cp_new and (gone or track.state in PLUGGED):
        pwm_since = state.duty_kind_ms if is_pwm(state.duty) else None
        diode = follow_diode(diode, seen.low_v, now_ms, pwm_since_ms=pwm_since, plugged=not gone)
    if (
        track is state.track
        and coil is state.contactor
        and inputs is state.inputs
        and lease is state.permit
        and cable is state.cable
        and diode is state.diode
        and noise is state.noise
        and latched == state.latched
        and settled == state.settled
    ):
        return state
    return replace(
        state,
        track=track,
        contactor=coil,
        inputs=inputs,
        permit=lease,
        cable=cable,
        diode=diode,
        noise=noise,
        latched=latched,
        settled=settled,
    )


def _inputs(state: State, seen: Seen, track: CpTrack, now_ms: int) -> tuple[Inputs, bool]:
    """Return the fault inputs, `hardware` among them, and whether the state has settled after the start."""
    readable = _readable(state.rules, seen)
    settled = state.settled or (readable and track.state is not None) or now_ms - state.started_ms >= SETTLE_MS
    faulty = seen.faulty
    if not readable:
        faulty = faulty | {"hardware"} if settled else faulty - {"hardware"}
    return fault_inputs.follow(state.inputs, faulty, now_ms), settled


def _readable(rules: Rules, seen: Seen) -> bool:
    """Tell whether every input could be read."""
    readable = seen.high_v is not None and seen.contactor is not None and "hardware" not in seen.faulty
    return readable and (not rules.has_socket or (seen.lock is not None and seen.pp_ohm is not None))


def _faults(state: State, seen: Seen, now_ms: int) -> tuple[str, ...]:
    """Return the codes of all faults in force, sorted. Any of them opens and keeps open."""
    track, rules = state.track, state.rules
    codes = state.latched | state.inputs.active
    if state.noise.found or (seen.high_v is not None and _pilot_error(state, now_ms)):
        codes |= {"pilot_error"}
    if state.diode.shorted:
        codes |= {"diode"}
    if track.state is CpState.D and not rules.ventilated:
        codes |= {"ventilation"}
    patient = not state.contactor.commanded and now_ms - track.since_ms < PROXIMITY_MS
    if rules.has_socket and state.cable.amps is None and track.state in PLUGGED and not patient:
        codes |= {"proximity"}
    if state.contactor.tries >= contactor.TRIES:
        codes |= {"contactor_failed"}
    if state.lock.failed:
        codes |= {"lock_failed"}
    return tuple(sorted(codes)) if codes else ()


def _pilot_error(state: State, now_ms: int) -> bool:
    """Tell whether the pilot shows what neither a vehicle nor this station's own output explains."""
    track = state.track
    if track.state is CpState.E:
        return now_ms - track.since_ms >= PILOT_ERROR_MS
    if (track.state is CpState.F) == (state.duty == STEADY_LOW) or track.state is None:
        return False
    return now_ms - max(state.duty_kind_ms, track.since_ms) >= STATE_F_MS


def _pilot(state: State, faults: tuple[str, ...], now_ms: int) -> tuple[float, float]:
    """Return duty and the amperes it offers: the least of offer, cable, profile and site; none without a vehicle."""
    if state.stopping:
        return STEADY_HIGH, 0.0  # what a dead process leaves behind must not offer a current
    if not state.available and not state.contactor.commanded:
        return STEADY_LOW, 0.0
    if faults or not state.available or state.track.state not in PLUGGED:
        return STEADY_HIGH, 0.0
    limit_a = state.rules.max_a
    if state.rules.has_socket:
        limit_a = min(limit_a, state.cable.amps or 0.0)
    duty = amps_to_duty(min(limit_a, permit.allowed_a(state.permit, now_ms)))
    return duty, duty_to_amps(duty)


def _must_open(state: State, seen: Seen, faults: tuple[str, ...], pause_ms: int | None, now_ms: int) -> bool:
    """Tell whether there is one reason to open."""
    return bool(
        faults
        or state.stopping
        or seen.stalled
        or not state.available
        or not _demand(state)
        or state.contactor.failed
        or (state.rules.has_socket and connector_lock.lost(state.lock, now_ms))
        or (pause_ms is not None and now_ms - pause_ms >= S2_GRACE_MS)
    )


def _demand(state: State) -> bool:
    """Tell whether the vehicle still asks for power, in a state that is served here."""
    track = state.track
    if track.state is not CpState.C and not (track.state is CpState.D and state.rules.ventilated):
        return False
    return track.no_demand < ENOUGH  # C to B or A, E, F: two samples (sequences 2, 7, 8)


def _may_close(state: State, seen: Seen, now_ms: int) -> bool:
    """Tell whether everything that closing needs is there, besides an offer of at least 6 A and freedom from faults.

    What opens after two samples keeps from closing with the first.
    """
    track, rules = state.track, state.rules
    return (
        not state.stopping
        and not seen.stalled
        and state.available
        and (track.state is CpState.C or (track.state is CpState.D and rules.ventilated))
        and track.candidate is track.state
        and now_ms - track.unsteady_ms >= CLOSE_AFTER_MS
        and permit.live(state.permit, now_ms)
        and state.diode.good >= CONFIRM_DIODE
        and contactor.may_close(state.contactor, seen.contactor, now_ms, min_off_ms=rules.min_off_ms)
        and (not rules.has_socket or _locked(state, seen))
        and state.settled
        and seen.cp_new
        and not seen.faulty
        and _readable(rules, seen)
        and (not rules.has_socket or cable_amps(seen.pp_ohm) is not None)
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
    if lock.released and state.track.state is CpState.A and lock.wanted is False:
        lock = replace(lock, released=False)  # done; the next plug-in locks again
    wants_off = (
        lock.released
        or (state.track.state is CpState.A and not live)
        or permit.brain_gone(state.permit, now_ms, state.rules.hold_ms)
    )
    if wants_off:
        if free:
            lock = connector_lock.aim(lock, wanted=False, now_ms=now_ms)
    elif live and state.track.state in PLUGGED:
        lock = connector_lock.aim(lock, wanted=True, now_ms=now_ms)
    return connector_lock.supervise(lock, seen.lock, now_ms, try_ms=state.rules.lock_ms, may_move=free)


def _kind(duty: float) -> int:
    return 0 if duty == STEADY_LOW else 1 if is_pwm(duty) else 2
