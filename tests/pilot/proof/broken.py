"""Rules broken on purpose: each is one edit of the machine's source, and the proof must find it.

An edit names a function, a piece of its text and what stands there instead. A piece that is no longer in the function
ends the test with a sentence: then the list is to be mended, not the rule dropped.
"""

# ruff: noqa: E501 - one row for each broken rule, with the source as it stands
import ast
import importlib
import inspect
import textwrap
from dataclasses import dataclass
from typing import Any

from tests.pilot.proof.times import modules

Edit = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Broken:
    """One broken rule."""

    says: str
    edits: tuple[Edit, ...]
    """`module.function` of the safety process, its text, the text instead. Several where one rule backs another up."""
    slice: str
    """In which one to look."""
    invariant: str
    """The first to break; with the reason that was ignored, where it is about reasons."""

    def edited(self) -> dict[str, Any]:
        """Return the functions with their edits, for `times.patched`."""
        return {function: _edited(function, old, new) for function, old, new in self.edits}


def _edited(function: str, old: str, new: str) -> Any:
    module_name, _, name = function.partition(".")
    module = importlib.import_module(f"stationd.pilot.{module_name}")
    if module not in modules():
        raise AssertionError(f"cannot break {function}: it is no part of the rules; correct the name")
    source = textwrap.dedent(inspect.getsource(getattr(module, name)))
    if source.count(old) != 1:
        raise AssertionError(f"cannot break {function}: {old!r} stands in it {source.count(old)} times; name it anew")
    scope: dict[str, Any] = {}
    # Its globals are the module's own, so that patched times hold for it too.
    exec(compile(ast.parse(source.replace(old, new)), f"<{function}, broken>", "exec"), module.__dict__, scope)
    return scope[name]


def _broken(says: str, function: str, old: str, new: str, slice_name: str, invariant: str, *more: Edit) -> Broken:
    return Broken(says, ((function, old, new), *more), slice_name, invariant)


BROKEN: tuple[Broken, ...] = (
    _broken("closes in B", "machine._asks", "cp is CpState.C or", "cp in (CpState.B, CpState.C) or",
           "pilot", "closes_only_with_steady_c_or_ventilated_d"),
    _broken("closes in D without ventilation", "machine._asks", "cp is CpState.D and state.rules.ventilated", "cp is CpState.D",
           "pilot", "closes_only_with_steady_c_or_ventilated_d",
           ("verdicts.faults", "if not rules.ventilated and", "if False and")),
    _broken("does not wait for a steady C", "machine._steady_now", "now_ms - track.unsteady_ms >= CLOSE_AFTER_MS", "True",
           "pilot", "closes_only_with_steady_c_or_ventilated_d"),
    _broken("ignores that C was left", "machine._demand", "state.track.no_demand < ENOUGH", "True",
           "pilot", "one_reason_opens_in_time no demand"),
    _broken("ignores the lease when it closes", "permit.live", "permit.granted and now_ms < permit.until_ms", "permit.granted",
           "lease", "hold_never_rises",
           ("permit.allowed_a", "if now_ms < permit.until_ms:", "if True:")),
    _broken("ignores that a permit was withdrawn", "permit.allowed_a", "permit.amps if permit.granted else 0.0", "permit.amps",
           "lease", "offer_is_within_all_limits"),
    _broken("keeps a lost permit for ever", "permit.expire", "not closed or leaky.spent(permit.held, now_ms) >= hold_ms", "not closed",
           "lease", "hold_never_rises"),
    _broken("holds the whole offer", "permit.expire", "min(hold_a, offered_a)", "offered_a",
           "lease", "hold_never_rises"),
    _broken("holds 6 A for one that was offered nothing", "permit.expire",
           "min(hold_a, offered_a) if permit.granted and offered_a >= MIN_OFFER_A else 0.0", "hold_a",
           "lease", "hold_never_rises"),
    _broken("holds for an open contactor", "permit.expire", "(not closed or leaky", "(leaky",
           "lease", "hold_never_rises"),
    _broken("lets a lease last ten times as long", "permit.renew", "now_ms + min(lease_ms, MAX_LEASE_MS)", "now_ms + 10 * lease_ms",
           "lease", "hold_never_rises"),
    _broken("pauses for ever", "machine._must_open", "leaky.spent(pause, now_ms) >= S2_GRACE_MS", "False",
           "lease", "one_reason_opens_in_time withdrawn"),
    _broken("closes without an offer", "machine._missing", '("offer" if offered_a < MIN_OFFER_A else "")', '""',
           "lease", "closes_only_under_a_live_permit"),
    _broken("offers 10 % more than permitted", "verdicts.offer_a", "min(limit_a(state), permit.allowed_a(state.permit, now_ms))",
           "min(limit_a(state), 1.1 * permit.allowed_a(state.permit, now_ms))", "lease", "offer_is_within_all_limits"),
    _broken("takes the greatest of the limits", "verdicts.offer_a", "return min(limit_a", "return max(limit_a",
           "lease", "hold_never_rises"),
    _broken("ignores the cable's rating", "verdicts.limit_a", "amps = min(amps, state.cable.amps)", "pass",
           "cable", "offer_is_within_all_limits"),
    _broken("closes without a cable", "verdicts.faults", "if rules.has_socket and state.cable.amps is None", "if False",
           "cable", "one_reason_opens_in_time no cable"),
    _broken("offers a simplified vehicle everything", "verdicts.limit_a", "amps = min(amps, rules.simplified_a)", "pass",
           "pilot", "offer_is_within_all_limits"),
    _broken("offers all on one phase", "verdicts.limit_a", "amps = min(amps, rules.single_phase_max_a)", "pass",
           "phases", "offer_is_within_all_limits"),
    _broken("skips the diode before it closes", "machine._missing", '("diode" if state.diode.good < CONFIRM_DIODE else "")', '""',
           "diode", "closes_only_with_the_diode_seen"),
    _broken("skips the diode while closed", "cp.follow_diode", "return Diode(0, since, diode.shorted or late)",
           "return Diode(0, since, diode.shorted)", "diode", "one_reason_opens_in_time diode"),
    _broken("skips the minimum off time", "machine._contactor_missing",
           "now_ms - state.contactor.since_ms < state.rules.min_off_ms or", "",
           "wear", "closes_only_after_the_minimum_off_time"),
    _broken("closes a contactor that was not surely open", "contactor.may_close", "surely_open(contactor) and sensed is False", "True",
           "contactor", "closes_only_when_surely_open"),
    _broken("tries to close for ever", "contactor.supervise", "min(contactor.tries + 1, TRIES)", "0",
           "contactor", "closes_not_after_three_failures"),
    _broken("ignores a contactor that does not close", "machine._must_open", "or state.contactor.failed\n", "\n",
           "contactor", "one_reason_opens_in_time not closed"),
    _broken("never calls a contactor welded", "contactor._supervise_open", "now_ms - differs >= open_ms", "False",
           "contactor", "weld_is_a_fault"),
    _broken("forgets a weld once it is seen open", "watch._latched",
           'latched | {"contactor_welded"}', "latched", "contactor", "weld_is_a_fault"),
    _broken("closes after a stall", "machine._steady_now", "not seen.stalled\n        and ", "",
           "contactor", "closes_only_in_service"),
    _broken("stays closed over a stall", "machine._must_open", "or seen.stalled\n", "\n",
           "contactor", "one_reason_opens_in_time stalled"),
    _broken("closes with faults", "machine._missing", '("fault" if faults else "")', '""',
           "faults", "fault_ends_pwm",
           ("machine._pilot", "if faults or not", "if not")),
    _broken("stays closed with faults", "machine._must_open", "faults\n        or", "False or",
           "faults", "closed_has_no_fault"),
    _broken("ignores one fault input", "watch._inputs", "faulty = seen.faulty\n", 'faulty = seen.faulty - {"rcd_trip"}\n',
           "faults", "alarm_is_a_fault"),
    _broken("closes in a look with an alarm", "machine._steady_now", "and not seen.faulty\n", "\n",
           "faults", "closes_only_without_fault"),
    _broken("does not latch a trip", "watch._latched", 'latched | {"rcd_trip"}', "latched",
           "faults", "faults_end_as_the_table_says"),
    _broken("offers a current with a fault", "machine._pilot", "if faults or not", "if not",
           "faults", "fault_ends_pwm"),
    _broken("does not signal F after a fault", "machine.step", "fault_f_ms, duty = now_ms, STEADY_LOW", "pass",
           "faults", "fault_under_load_signals_f"),
    _broken("closes before the lock is locked", "machine._missing",
           '("lock" if state.rules.has_socket and not _locked(state, seen) else "")', '""',
           "lock", "closes_only_with_lock_and_cable"),
    _broken("stays closed with the lock lost", "machine._must_open",
           "or (state.rules.has_socket and connector_lock.lost(state.lock, now_ms))", "",
           "lock", "one_reason_opens_in_time unlocked"),
    _broken("unlocks a welded or closed contactor", "machine._lock", "if free:", "if True:",
           "lock", "unlocks_only_when_surely_open"),
    _broken("unlocks when it is open by command alone", "contactor.surely_open", " and contactor.settled and not contactor.welded",
           "", "lock", "unlocks_only_when_surely_open"),
    _broken("retries the lock under a closed contactor", "machine._lock", "may_move=free", "may_move=True",
           "lock", "unlocks_only_when_surely_open"),
    _broken("stays closed while stopping", "machine._must_open", "or state.stopping\n", "\n",
           "service", "one_reason_opens_in_time stopping"),
    _broken("does not signal F out of service", "machine._pilot",
           "if _fault_f(state, now_ms) is not None or (not state.available and not state.contactor.commanded):",
           "if _fault_f(state, now_ms) is not None:", "service", "out_of_service_signals_f"),
    _broken("closes during a change of phases", "machine._missing", "or _switching(state)\n", "\n",
           "phases", "closes_only_with_the_phase_switch_at_rest"),
    _broken("moves the phase switch under a closed contactor", "phase_switch._stopping",
           "replace(phases, stage=Stage.OPENED, since_ms=now_ms) if is_open else phases",
           "replace(phases, stage=Stage.PARTED, since_ms=now_ms)", "phases", "parts_the_pilot_only_when_open"),
    _broken("moves the phase switch with the pilot joined", "machine._pins", "apart = state.phases.stage in phase_switch.APART",
           "apart = False", "phases", "phases_change_only_parted_and_open"),
    _broken("moves the phase switch at rest", "phase_switch._rest",
           "return replace(phases, stage=Stage.STOPPING, since_ms=now_ms, target=target)",
           "return replace(phases, position=target)", "phases", "phases_change_only_parted_and_open"),
    _broken("ignores a phase switch that left its place", "phase_switch._watched",
           "return replace(phases, failed=True) if late and not phases.failed else phases", "return phases",
           "phases", "one_reason_opens_in_time phases lost"),
    _broken("skips the self-test", "machine._missing",
           '("rcd_test" if state.rules.rcd_test and state.rcd_test.stage is not rcd_test.Stage.PASSED else "")', '""',
           "self-test", "closes_only_after_the_self_test"),
    _broken("passes a device that does not trip", "rcd_test.follow", "if tripped is (test.stage is Stage.TRIPPING):", "if True:",
           "self-test", "alarm_is_a_fault"),
    _broken("tests the device under load", "watch._rcd_test", "is_open=is_open", "is_open=True",
           "all of self-test, contactor", "tests_the_rcd_only_when_open"),
    _broken("ignores the temperature", "derating.allowed_a", "if heat.celsius <= curve.from_c or full_a <= MIN_OFFER_A:", "if True:",
           "heat", "offer_is_within_all_limits"),
    _broken("has no highest temperature", "verdicts.faults", "state.heat.celsius >= rules.derating.stop_c", "False",
           "heat", "heat_is_a_fault"),
    _broken("ignores a dead sensor of temperature", "watch.readable", "rules.has_temperature and not", "False and not",
           "dead thermometer", "one_reason_opens_in_time unreadable"),
    _broken("ignores a current that is too high", "over_current.follow", "over.found or (too_much", "over.found or (False",
           "current", "one_reason_opens_in_time over-current"),
    _broken("forgets an over-current", "over_current.follow", "over.found or (too_much", "(too_much",
           "current", "faults_end_as_the_table_says"),
    _broken("parts the pilot under load", "wake_up.follow", "if cp is not CpState.B or not offering or", "if not offering or",
           "waking by parting", "parts_the_pilot_only_when_open"),
    _broken("wakes by F under load", "wake_up.follow", "if cp is not CpState.B or not offering or", "if not offering or",
           "waking by F", "closed_never_signals_f"),
    _broken("closes without a rest", "machine._contactor_missing", " or not rested(state, now_ms)", "",
           "wear", "closes_only_rested"),
    _broken("begins a pause anew with a moment of PWM", "leaky.follow", "Leaky(since_ms=now_ms - spent(leaky, now_ms))",
           "Leaky(since_ms=now_ms)", "lease", "one_reason_opens_in_time no PWM"),
    _broken("begins the hold anew with each permit", "permit.renew", "held=held)", "held=STOPPED)",
           "lease", "hold_never_rises"),
    _broken("charges on over the phases of a process that died", "phase_switch._rest", "if phases.unparted:", "if False:",
           "phases", "closes_only_for_a_vehicle_that_met_this_switch"),
    _broken("believes one sample of the phase switch", "phase_switch._find",
           "return replace(phases, found=sensed, lost_since_ms=now_ms)", "return replace(phases, position=sensed)",
           "phases", "phases_change_only_parted_and_open"),
    _broken("takes a bad contact for an unplugging", "cp.gone", " and now_ms - track.since_ms >= GONE_MS", "",
           "all of diode", "faults_end_as_the_table_says"),
    _broken("takes a vehicle behind a long F for the old one", "vehicle.follow", "if cp is CpState.F and stood_ms >= FORGET_MS:",
           "if False:", "waking by F", "offer_is_within_all_limits"),
    _broken("unlocks in every dip of the mains", "machine._power_away", " and now_ms - since_ms >= POWER_LOST_MS", "",
           "power", "keeps_a_locked_plug_locked"),
    _broken("unlocks as soon as the lease ends", "permit.brain_gone", "permit.until_ms + patience_ms", "permit.until_ms",
           "power", "keeps_a_locked_plug_locked"),
    _broken("accepts resets for ever", "commands._reset", "if not ready(", "if False and not ready(",
           "resets", "resets_are_limited"),
    _broken("resets a trip under a vehicle", "commands._reset_now", 'if code == "rcd_trip" and', 'if False and',
           "faults", "a_trip_is_reset_without_a_vehicle"),
    _broken("offers a current while the process pauses", "machine._pilot", "or not state.available or state.paused:", "or not state.available:",
           "service", "offers_only_to_a_vehicle"),
    _broken("tests the device once for ever", "watch._rcd_test", "(left and test.stage in ENDED) or (idle and test.stage is rcd_test.Stage.PASSED)",
           "False", "self-test", "closes_only_after_the_self_test"),
    _broken("raises an exception", "derating.readable", "return celsius is not None and COLDEST_C", "return COLDEST_C",
           "dead thermometer", "step_is_total"),
)  # fmt: skip
