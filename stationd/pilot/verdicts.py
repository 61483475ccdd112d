"""What the observations of a tick amount to: faults, warnings, and the current that all limits together allow. Pure."""

from stationd.pilot import contactor, cycles, derating, permit, rcd_test, vehicle
from stationd.pilot.cp import PLUGGED, CpState
from stationd.pilot.duty import STEADY_LOW
from stationd.pilot.state import Seen, State
from stationd.pilot.watch import pilot_parted

PILOT_ERROR_MS = 50
"""E stands for so long before it is called a fault. The contactor opened long before."""
STATE_F_MS = 1_000
"""The generator has so long to follow into state F, and out of it."""
PROXIMITY_MS = 500
"""A vehicle is seen, but no cable that can be read: so long until it is called a fault."""


def faults(state: State, seen: Seen, now_ms: int) -> tuple[str, ...]:
    """Return the codes of all faults in force, sorted. Any of them opens and keeps open."""
    track, rules = state.track, state.rules
    codes = state.latched | state.inputs.active
    if state.noise.found or _stuck(state, now_ms) or (seen.high_v is not None and _pilot_error(state, now_ms)):
        codes |= {"pilot_error"}
    if state.diode.shorted:
        codes |= {"diode"}
    if not rules.ventilated and _stays(state, "ventilation", sees=track.state is CpState.D):
        codes |= {"ventilation"}
    if rules.has_socket and state.cable.amps is None and _no_cable(state, now_ms):
        codes |= {"proximity"}
    if contactor.worn_out(state.contactor):
        codes |= {"contactor_failed"}
    if state.lock.failed or state.lock.missed:
        codes |= {"lock_failed"}
    if state.heat.celsius >= rules.derating.stop_c:
        codes |= {"over_temperature"}
    if state.over.found:
        codes |= {"over_current"}
    if state.phases.failed:
        codes |= {"phase_switch"}
    if state.rcd_test.stage is rcd_test.Stage.FAILED:
        codes |= {"rcd_self_test"}
    return tuple(sorted(codes)) if codes else ()


def warnings(state: State, now_ms: int) -> tuple[str, ...]:
    """Return the codes of all warnings in force, sorted, by what the tick before decided. Energy may flow with them."""
    codes = []
    rules = state.rules
    if state.waits_for == "contactor_rest" and not rested(state, now_ms):
        codes.append("contactor_resting")
    if state.contactor.slow:
        codes.append("contactor_slow")
    if rules.rated_cycles and state.counters.cycles >= rules.rated_cycles:
        codes.append("contactor_worn")
    if derating.allowed_a(state.heat, rules.derating, rules.max_a) < rules.max_a:
        codes.append("derated")
    if state.offered_a and vehicle.simplified(state.vehicle):
        codes.append("simplified_vehicle")
    return tuple(codes)


def limit_a(state: State) -> float:
    """Return the least of profile, installer's limit, cable, temperature, one phase and a simplified vehicle."""
    rules = state.rules
    amps = derating.allowed_a(state.heat, rules.derating, rules.max_a)
    if rules.has_socket and state.cable.amps is not None:
        amps = min(amps, state.cable.amps)
    if rules.phase_switch and state.phases.position != 3:
        amps = min(amps, rules.single_phase_max_a)
    if vehicle.simplified(state.vehicle):
        amps = min(amps, rules.simplified_a)
    return amps


def offer_a(state: State, now_ms: int) -> float:
    """Return what may be offered now: the permit, within all limits; a socket without a readable cable gets none."""
    if state.rules.has_socket and state.cable.amps is None:
        return 0.0
    return min(limit_a(state), permit.allowed_a(state.permit, now_ms))


def rested(state: State, now_ms: int) -> bool:
    """Tell whether the contactor may close once more without a rest."""
    rules = state.rules
    return cycles.ready(state.rested_ms, now_ms, burst=rules.burst_cycles, rest_ms=rules.rest_ms)


def _stays(state: State, code: str, *, sees: bool) -> bool:
    """Tell whether the vehicle shows a cause; while this station signals state F nothing new can be seen."""
    return sees or (code in state.faults and state.track.state is CpState.F)


def _no_cable(state: State, now_ms: int) -> bool:
    """Tell whether a vehicle is there, and for so long that its cable must be readable."""
    track = state.track
    if "proximity" in state.faults:
        return track.state is not CpState.A  # E and F say nothing about the plug
    return track.state in PLUGGED and (state.contactor.commanded or now_ms - track.since_ms >= PROXIMITY_MS)


def _stuck(state: State, now_ms: int) -> bool:
    """Tell whether the front end repeats itself, which one with noise never does for long."""
    limit_ms = state.rules.stuck_ms
    if not limit_ms or state.steady.high_v is None or state.track.state not in PLUGGED:
        return False
    return now_ms - state.steady.since_ms >= limit_ms


def _pilot_error(state: State, now_ms: int) -> bool:
    """Tell whether the pilot shows what neither a vehicle nor this station's own output explains."""
    track = state.track
    if pilot_parted(state):
        return False
    if track.state is CpState.E:
        return now_ms - track.since_ms >= PILOT_ERROR_MS
    if (track.state is CpState.F) == (state.duty == STEADY_LOW) or track.state is None:
        return False
    return now_ms - max(state.duty_kind_ms, track.since_ms) >= STATE_F_MS
