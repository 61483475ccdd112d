"""The observing half of a tick: brings everything that is only watched up to date, decides on no pin. Pure."""

from dataclasses import replace

from stationd.pilot import (
    connector_lock,
    contactor,
    derating,
    fault_inputs,
    over_current,
    permit,
    phase_switch,
    rcd_test,
    vehicle,
    wake_up,
)
from stationd.pilot.connector_lock import Lock
from stationd.pilot.contactor import Contactor
from stationd.pilot.cp import (
    ENOUGH,
    PLUGGED,
    CpState,
    CpTrack,
    Diode,
    Steady,
    classify,
    follow,
    follow_diode,
    follow_noise,
    follow_steady,
)
from stationd.pilot.cp import gone as cp_gone
from stationd.pilot.cycles import Counters
from stationd.pilot.duty import MIN_OFFER_A, is_pwm
from stationd.pilot.fault_inputs import Inputs
from stationd.pilot.phase_switch import Phases
from stationd.pilot.proximity import Cable, cable_amps
from stationd.pilot.proximity import follow as follow_cable
from stationd.pilot.rcd_test import RcdTest
from stationd.pilot.state import Rules, Seen, State, updated
from stationd.pilot.vehicle import Vehicle
from stationd.pilot.wake_up import WakeUp

SETTLE_MS = 1_000
"""After the start unreadable inputs are no fault for so long."""
TEST_REST_MS = 60_000
"""A session of the same vehicle so soon after a test needs no new one: whoever toggles the permit blinds no trip."""
ENDED = (rcd_test.Stage.PASSED, rcd_test.Stage.FAILED)


def watch(state: State, seen: Seen, now_ms: int) -> State:
    """Return the state with everything that is only observed brought up to date; the same object if nothing is new."""
    rules = state.rules
    blind = pilot_parted(state)
    track = _blinded(state.track, now_ms) if blind else _track(state, seen, now_ms)
    gone = cp_gone(track, now_ms)  # E and F say nothing about the plug
    coil = contactor.supervise(
        state.contactor,
        seen.contactor,
        now_ms,
        close_ms=rules.close_ms,
        open_ms=rules.open_ms,
        slow_ms=rules.slow_open_ms,
    )
    counters = _counted(state.counters, state.contactor, coil)
    if gone and coil.tries and not coil.commanded:
        coil = replace(coil, tries=0)  # the next vehicle gets its own tries
    is_open = contactor.surely_open(coil) and seen.contactor is False
    test = _rcd_test(state, seen, now_ms, is_open=is_open, gone=gone)
    if test is not state.rcd_test:
        counters = _tested(counters, test)
    inputs, settled = _inputs(state, seen, track, test, now_ms)
    lease = permit.expire(
        state.permit,
        now_ms,
        closed=state.contactor.commanded,
        offered_a=state.offered_a if state.contactor.commanded else 0.0,
        hold_a=rules.hold_a,
        hold_ms=rules.hold_ms,
    )
    plugged = state.vehicle if blind else vehicle.follow(state.vehicle, track, now_ms)
    over = over_current.follow(
        state.over,
        seen.amps,
        now_ms,
        offered_a=state.offered_a,
        closed=state.contactor.commanded,
        gone=gone,
        patience_ms=rules.over_current_ms,
    )
    return updated(
        state,
        track=track,
        contactor=coil,
        inputs=inputs,
        permit=lease,
        cable=_cable(state, seen, now_ms, gone=gone),
        diode=_diode(state, seen, track, now_ms, blind=blind),
        noise=follow_noise(state.noise, track, now_ms),
        latched=_latched(state.latched, inputs, coil),
        settled=settled,
        steady=_steady(state, seen, now_ms),
        vehicle=plugged,
        lock=_lock(state, plugged, now_ms),
        wake=_wake(state, track, now_ms, gone=gone),
        heat=derating.follow(state.heat, seen.temperature_c, now_ms, hysteresis_c=rules.derating.hysteresis_c),
        over=over,
        rcd_test=test,
        phases=_phases(state, seen, track, now_ms, is_open=is_open),
        power_lost_ms=_power_lost(state.power_lost_ms, inputs, now_ms),
        counters=counters,
    )


def readable(rules: Rules, seen: Seen) -> bool:
    """Tell whether every input could be read."""
    if seen.high_v is None or seen.contactor is None or "hardware" in seen.faulty:
        return False
    if rules.has_socket and (seen.lock is None or seen.pp_ohm is None):
        return False
    if rules.has_temperature and not derating.readable(seen.temperature_c):
        return False
    if rules.phase_switch and seen.phases is None:
        return False
    return not rules.has_current or over_current.readable(seen.amps)


def pilot_parted(state: State) -> bool:
    """Tell whether the pilot is parted from the vehicle by this station, or was until a moment ago."""
    if state.phases.stage in phase_switch.BLIND:
        return True
    by_switch = state.rules.wake_up == "cp_switch"
    return by_switch and state.wake.stage in (wake_up.Stage.WAKING, wake_up.Stage.JOINING)


def may_offer(state: State, now_ms: int) -> bool:
    """Tell whether PWM may run at all: nothing is being switched or tested that the vehicle must not see."""
    switching = state.phases.stage is not phase_switch.Stage.REST
    if state.rules.phase_switch and not state.phases.position:
        return False  # nobody knows yet how many phases would be connected
    waking = state.wake.stage in (wake_up.Stage.WAKING, wake_up.Stage.JOINING)
    return not switching and not waking and not vehicle.unsure(state.vehicle, now_ms)


def _track(state: State, seen: Seen, now_ms: int) -> CpTrack:
    if seen.cp_new and (seen.high_v is not None or state.settled):
        return follow(state.track, CpState.E if seen.high_v is None else classify(seen.high_v), now_ms)
    return state.track


def _blinded(track: CpTrack, now_ms: int) -> CpTrack:
    """Return the track of a pilot that this station parted: the last state stays, but closes nothing."""
    return replace(track, since_ms=now_ms, candidate=None, count=0, no_demand=ENOUGH, unsteady_ms=now_ms)


def _steady(state: State, seen: Seen, now_ms: int) -> Steady:
    if not state.rules.stuck_ms or not seen.cp_new:
        return state.steady
    return follow_steady(state.steady, seen.high_v, seen.low_v, now_ms)


def _diode(state: State, seen: Seen, track: CpTrack, now_ms: int, *, blind: bool) -> Diode:
    gone = cp_gone(track, now_ms)
    if blind or not seen.cp_new or not (gone or track.state in PLUGGED):
        return state.diode
    pwm_since = state.duty_kind_ms if is_pwm(state.duty) else None
    return follow_diode(state.diode, seen.low_v, now_ms, pwm_since_ms=pwm_since, plugged=not gone)


def _cable(state: State, seen: Seen, now_ms: int, *, gone: bool) -> Cable:
    if not state.rules.has_socket:
        return state.cable
    return follow_cable(state.cable, cable_amps(seen.pp_ohm), now_ms, plugged=not gone)


def _lock(state: State, plugged: Vehicle, now_ms: int) -> Lock:
    """Return the lock: another plug gets its own tries, and so does one that could not lock the plug that left."""
    was, now = state.vehicle.plugged_ms is not None, plugged.plugged_ms is not None
    again = was is not now and (now or state.lock.wanted)
    return connector_lock.afresh(state.lock, now_ms) if again and state.lock.tries else state.lock


def _wake(state: State, track: CpTrack, now_ms: int, *, gone: bool) -> WakeUp:
    if state.rules.wake_up == "none":
        return state.wake
    wanted = (
        permit.live(state.permit, now_ms)
        and state.permit.amps >= MIN_OFFER_A
        and not state.faults
        and not state.stopping
        and state.available
        and state.phases.stage is phase_switch.Stage.REST
    )
    return wake_up.follow(
        state.wake, track.state, now_ms, wanted=wanted, offering=state.offered_a >= MIN_OFFER_A, gone=gone
    )


def _phases(state: State, seen: Seen, track: CpTrack, now_ms: int, *, is_open: bool) -> Phases:
    if not state.rules.phase_switch:
        return state.phases
    if state.stopping:
        return phase_switch.finish(state.phases, seen.phases, now_ms)
    target = (
        phase_switch.wanted(state.permit.phases) if permit.live(state.permit, now_ms) and not state.faults else None
    )
    if state.wake.stage in (wake_up.Stage.WAKING, wake_up.Stage.JOINING):
        target = None  # one after the other
    return phase_switch.follow(
        state.phases,
        seen.phases,
        now_ms,
        target=target,
        is_open=is_open,
        rest_ms=state.rules.rest_ms,
        cp=track.state,
    )


def _rcd_test(state: State, seen: Seen, now_ms: int, *, is_open: bool, gone: bool) -> RcdTest:
    test = state.rcd_test
    if not state.rules.rcd_test or state.stopping or not state.settled:
        return test
    live = permit.live(state.permit, now_ms)
    left = gone and state.vehicle.plugged_ms is not None
    idle = not live and not state.contactor.commanded and now_ms - test.since_ms >= TEST_REST_MS
    if left and test.stage in rcd_test.UNDER_WAY:
        test = RcdTest(since_ms=now_ms, asked=True)  # it says nothing about the next session
    if (left and test.stage in ENDED) or (idle and test.stage is rcd_test.Stage.PASSED):
        test = replace(test, stage=rcd_test.Stage.DUE, since_ms=now_ms)
    if "hardware" in state.faults or not readable(state.rules, seen):
        # An input that cannot be read proves nothing: the test is done again.
        return RcdTest(since_ms=now_ms, asked=True) if test.stage in rcd_test.UNDER_WAY else test
    return rcd_test.follow(
        test,
        now_ms,
        tripped="rcd_trip" in seen.faulty,
        begin=live and not gone and not state.faults,
        is_open=is_open,
        limit_ms=state.rules.rcd_test_ms,
    )


def _tested(counters: Counters, test: RcdTest) -> Counters:
    """Return the counters with the result of a test that just ended."""
    result = {rcd_test.Stage.PASSED: "passed", rcd_test.Stage.FAILED: "failed"}.get(test.stage, counters.rcd_test)
    return counters if result == counters.rcd_test else replace(counters, rcd_test=result)


def _counted(counters: Counters, old: Contactor, new: Contactor) -> Counters:
    """Return the counters after what the contactor's feedback told."""
    slow = new.slow - old.slow
    failed = new.failed and not old.failed
    if not slow and not failed:
        return counters
    return replace(
        counters,
        slow_openings=counters.slow_openings + slow,
        failed_closings=counters.failed_closings + failed,
    )


def _power_lost(since_ms: int | None, inputs: Inputs, now_ms: int) -> int | None:
    if "power_loss" not in inputs.active:
        return None
    return now_ms if since_ms is None else since_ms


def _latched(latched: frozenset[str], inputs: Inputs, coil: Contactor) -> frozenset[str]:
    if "rcd_trip" in inputs.active and "rcd_trip" not in latched:
        latched = latched | {"rcd_trip"}
    if coil.welded and "contactor_welded" not in latched:
        latched = latched | {"contactor_welded"}
    return latched


def _inputs(state: State, seen: Seen, track: CpTrack, test: RcdTest, now_ms: int) -> tuple[Inputs, bool]:
    """Return the fault inputs, `hardware` among them, and whether the state has settled after the start."""
    can_read = readable(state.rules, seen)
    settled = state.settled or (can_read and track.state is not None) or now_ms - state.started_ms >= SETTLE_MS
    faulty = seen.faulty
    if not can_read:
        faulty = faulty | {"hardware"} if settled else faulty - {"hardware"}
    if "rcd_trip" in faulty and rcd_test.answering(test, now_ms, limit_ms=state.rules.rcd_test_ms):
        faulty = faulty - {"rcd_trip"}  # it was asked to trip
    return fault_inputs.follow(state.inputs, faulty, now_ms), settled
