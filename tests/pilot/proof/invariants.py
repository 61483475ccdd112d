"""What must hold in every transition of machine and observer. Each rule is one function; its first line says it.

A rule returns True if it holds. `CLOSING` are asked when the contactor is told to close, `CLOSED` while it is told to
be closed, `ALWAYS` in every transition.
"""

from collections.abc import Callable

from stationd.fault_table import FAULTS, Ends
from stationd.pilot.machine import Pins, State
from tests.pilot.proof.looks import Look
from tests.pilot.proof.observer import CONFIRM, REASONS, Bounds, Observer, offered_a

LEAST_A = 6.0
ROUNDING_A = 1e-6


class Transition:
    """One step, as the invariants see it. One object serves all steps of an exploration."""

    __slots__ = ("after", "before", "bounds", "look", "new", "old", "pins", "was")

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.old: State
        self.new: State
        self.look: Look
        self.before: Observer
        self.after: Observer
        self.was: Pins
        self.pins: Pins

    def reasons_over(self) -> list[str]:
        """Return the reasons to open that lasted as long as they may."""
        counts = zip(REASONS, self.after.reasons, self.bounds.reasons, strict=True)
        return [name for name, count, limit in counts if count >= limit]


Rule = Callable[[Transition], bool]


def closes_only_with_steady_c_or_ventilated_d(t: Transition) -> bool:
    """Close only when C, or D with ventilation, stood for its time without another sample (architecture 3)."""
    asks = t.look.cp == "C" or (t.look.cp == "D" and t.bounds.rules.ventilated)
    return asks and t.after.calm_run >= t.bounds.steady


def closes_only_under_a_live_permit(t: Transition) -> bool:
    """Close only under an unexpired permit of at least 6 A (architecture 3, IEC 61851-1 Table A.7)."""
    return t.after.lease_q > 0 and t.after.offer_a >= LEAST_A


def closes_only_without_fault(t: Transition) -> bool:
    """Close only without any fault, and with no input in alarm even in this one look (architecture 3)."""
    return not t.new.faults and not t.look.seen.faulty


def closes_only_while_offering(t: Transition) -> bool:
    """Close only while PWM offers at least 6 A (IEC 61851-1: state C2)."""
    return offered_a(t.pins) >= LEAST_A - ROUNDING_A


def closes_only_with_the_diode_seen(t: Transition) -> bool:
    """Close only after the vehicle's diode was seen twice in a row (IEC 61851-1 Annex A; hardware notes 1)."""
    return t.after.low_run >= CONFIRM and t.look.low_ok


def closes_only_when_surely_open(t: Transition) -> bool:
    """Close only a contactor that was seen open without a break, by command and by feedback (hardware notes 4)."""
    return t.look.seen.contactor is False and _open_run(t) >= t.bounds.sure


def closes_only_after_the_minimum_off_time(t: Transition) -> bool:
    """Close only after the minimum off time (profile, `min_off_ms`)."""
    return t.before.off_run + 1 >= t.bounds.min_off


def closes_only_with_lock_and_cable(t: Transition) -> bool:
    """Close a socket only with the lock seen locked, told to be, and a cable that can be read (IECStateMachine)."""
    if not t.bounds.rules.has_socket:
        return True
    locked = t.look.seen.lock == "locked" and t.was.locked is True and t.pins.locked is True
    return locked and t.look.cable_a is not None


def closes_only_in_service(t: Transition) -> bool:
    """Close never while stopping, pausing, stalled or out of service (architecture 3)."""
    serves = t.before.available and not t.before.stopping and not t.before.paused
    return serves and not t.look.seen.stalled


def closes_not_after_three_failures(t: Transition) -> bool:
    """Close not again after three closings that failed, before the vehicle left or a reset (PILOT_PROTOCOL 7)."""
    return t.before.fails < 3


def closes_only_rested(t: Transition) -> bool:
    """Close `burst_cycles` times in a row, and once more for each `rest_ms` (profile)."""
    return max(t.before.owed_q - 1, 0) <= (t.bounds.rules.burst_cycles - 1) * t.bounds.rest


def closes_only_with_the_phase_switch_at_rest(t: Transition) -> bool:
    """Close only with the phase switch seen where it was told to be, at rest, the pilot joined (PILOT_PROTOCOL 5)."""
    if not t.was.cp_connected or not t.pins.cp_connected:
        return False
    if not t.bounds.rules.phase_switch:
        return True
    return t.look.seen.phases == t.was.phases == t.pins.phases and t.before.moved_run >= t.bounds.move


def closes_only_for_a_vehicle_that_met_this_switch(t: Transition) -> bool:
    """Close, after a start with a vehicle plugged, only once the pilot was parted for a whole change of phases."""
    return t.after.met or not t.bounds.rules.phase_switch


def closes_only_after_the_self_test(t: Transition) -> bool:
    """Close only after the residual current device passed its test in this session, where it can be tested."""
    return t.after.tested == "passed" or not t.bounds.rules.rcd_test


def one_reason_opens_in_time(t: Transition) -> bool:
    """Be open once any single reason lasted for its bound (architecture 3: opening needs one)."""
    return all(count < limit for count, limit in zip(t.after.reasons, t.bounds.reasons, strict=True))


def closed_has_no_fault(t: Transition) -> bool:
    """Be open with any fault in force (architecture 3)."""
    return not t.new.faults


def closed_keeps_the_lock_locked(t: Transition) -> bool:
    """Command the lock locked while the coil is commanded: lock before contactor (IECStateMachine)."""
    return t.pins.locked is True or not t.bounds.rules.has_socket


def closed_never_signals_f(t: Transition) -> bool:
    """Signal state F only with the contactor open (IEC 61851-1 Table A.4)."""
    return t.pins.duty > 0.0


def fault_ends_pwm(t: Transition) -> bool:
    """Offer no current with any fault in force (PILOT_PROTOCOL 5)."""
    return not t.new.faults or not 0.0 < t.pins.duty < 100.0


def alarm_is_a_fault(t: Transition) -> bool:
    """Name a fault input that was in alarm twice in a row (PILOT_PROTOCOL 7)."""
    return all(name in t.new.faults or (name == "hardware" and not t.old.settled) for name in t.after.alarms)


def weld_is_a_fault(t: Transition) -> bool:
    """Name a weld when the contactor is still seen closed after its opening time (hardware notes 4)."""
    if t.after.shut_run < t.bounds.shut or t.look.seen.contactor is not True:
        return True
    return "contactor_welded" in t.new.faults


def faults_end_as_the_table_says(t: Transition) -> bool:
    """Leave a latched fault only by its reset, and one of the plug-in only by unplugging or reset (fault table)."""
    if t.old.faults == t.new.faults:
        return True
    return all(_may_end(t, code) for code in t.old.faults if code not in t.new.faults)


def _may_end(t: Transition, code: str) -> bool:
    ends = FAULTS[code].ends
    if ends is Ends.CAUSE or t.before.reset == code:
        return True
    if ends in (Ends.RESET, Ends.DURABLE):
        return False
    return t.after.gone or code == "lock_failed"  # also when it is seen where it was wanted


def offer_is_within_all_limits(t: Transition) -> bool:
    """Offer never more than permit, cable, profile, site, heat, one phase or a simplified vehicle allow."""
    amps = offered_a(t.pins) - ROUNDING_A
    if amps <= 0:
        return True
    rules, after = t.bounds.rules, t.after
    limit = rules.max_a
    if rules.has_socket and after.cable_run >= t.bounds.cable:
        limit = min(limit, after.cable_a or 0.0)
    if after.lease_q > 0:
        limit = min(limit, after.offer_a)
    if after.heat_run >= t.bounds.heat and t.look.hot_c > rules.derating.from_c:
        curve = rules.derating
        share = max((curve.to_c - t.look.hot_c) / (curve.to_c - curve.from_c), 0.0)
        limit = min(limit, LEAST_A + share * (rules.max_a - LEAST_A))
    if rules.phase_switch and t.pins.phases != 3:
        limit = min(limit, rules.single_phase_max_a)
    if not after.seen_b:
        limit = min(limit, rules.simplified_a)
    return amps <= limit


def hold_never_rises(t: Transition) -> bool:
    """Hold, without a live permit, what ran before or less, for a closed contactor and its time only (brain_lost).

    Permits that live for moments do not begin the time anew.
    """
    amps = offered_a(t.pins) - ROUNDING_A
    if amps <= 0 or t.after.lease_q > 0:
        return True
    in_time = not t.pins.closed or t.after.held_q < t.bounds.hold
    return in_time and t.was.closed and amps <= min(t.bounds.rules.hold_a, t.before.ran_a)


def offers_only_to_a_vehicle(t: Transition) -> bool:
    """Offer no current to an empty outlet, nor while stopping, pausing or out of service (IEC 61851-1 A.3)."""
    if not 0.0 < t.pins.duty < 100.0:
        return True
    empty = t.after.cp == "A" and t.after.cp_run >= CONFIRM
    return not empty and t.before.available and not t.before.stopping and not t.before.paused


def unlocks_only_when_surely_open(t: Transition) -> bool:
    """Unlock only with the contactor open by command, seen open for its time, and not welded (IECStateMachine)."""
    if not (t.was.locked is True and t.pins.locked is False):
        return True
    return not t.was.closed and not t.pins.closed and _open_run(t) >= t.bounds.sure and _sound(t)


def keeps_a_locked_plug_locked(t: Transition) -> bool:
    """Unlock what is seen locked only on demand, unplugged, without a brain, or without mains (architecture 3)."""
    if not (t.was.locked is True and t.pins.locked is False and t.look.seen.lock == "locked"):
        return True
    free = t.before.released or (t.after.gone and t.after.lease_q == 0) or t.after.dark_q >= t.bounds.dark
    return free or (t.bounds.rules.unlock_on_power_loss and t.after.power_q > t.bounds.power)


def _sound(t: Transition) -> bool:
    return t.look.seen.contactor is False and "contactor_welded" not in t.new.faults


def _open_run(t: Transition) -> int:
    """Return for how many looks the contactor was seen open under the command to be open, with this one."""
    if t.was.closed or t.look.seen.contactor is not False:
        return 0
    return min(t.before.open_run + 1, t.bounds.sure)


def phases_change_only_parted_and_open(t: Transition) -> bool:
    """Move the phase switch only with the contactor surely open and the pilot parted, before and after."""
    if t.pins.phases == t.was.phases:
        return True
    if t.was.phases is None and t.after.found == t.pins.phases and t.after.found_run >= t.bounds.found:
        return True  # it stays where it was found
    parted = not t.was.cp_connected and not t.pins.cp_connected
    return parted and not t.pins.closed and _open_run(t) >= t.bounds.sure


def parts_the_pilot_only_when_open(t: Transition) -> bool:
    """Part the pilot only with the contactor open by command, and never while PWM offers a current."""
    if t.pins.cp_connected:
        return True
    begins_open = not t.was.cp_connected or not t.was.closed
    return begins_open and not t.pins.closed and not 0.0 < t.pins.duty < 100.0


def tests_the_rcd_only_when_open(t: Transition) -> bool:
    """Test the residual current device only with the contactor surely open: a test trips it."""
    if not t.pins.rcd_test:
        return True
    return not t.pins.closed and _open_run(t) >= t.bounds.sure


def fault_under_load_signals_f(t: Transition) -> bool:
    """Signal state F when a fault opened the contactor, where the profile wants it (IEC 61851-1, PILOT_PROTOCOL 5)."""
    opened = t.was.closed and not t.pins.closed
    if not opened or not t.new.faults or t.before.stopping or not t.bounds.rules.fault_f_ms:
        return True
    return t.pins.duty == 0.0


def out_of_service_signals_f(t: Transition) -> bool:
    """Signal state F while out of service, with the contactor open (PILOT_PROTOCOL 3, IEC 61851-1 Table A.4)."""
    return t.before.available or t.before.stopping or t.was.closed or t.pins.duty == 0.0


def heat_is_a_fault(t: Transition) -> bool:
    """Name too high a temperature that stood for its time (SAFETY: derating)."""
    if t.after.heat_run < t.bounds.heat or t.look.hot_c < t.bounds.rules.derating.stop_c:
        return True
    return "over_temperature" in t.new.faults


def resets_are_limited(t: Transition) -> bool:
    """Accept five resets in a row, and one more for each `RESET_REST_MS` (PILOT_PROTOCOL)."""
    return t.before.resets_q <= t.bounds.resets


def a_trip_is_reset_without_a_vehicle(t: Transition) -> bool:
    """Reset a trip of the residual current device only in a clean state A (PILOT_PROTOCOL 7)."""
    return t.before.reset != "rcd_trip" or t.before.state == "A"


CLOSING: tuple[Rule, ...] = (
    closes_only_with_steady_c_or_ventilated_d,
    closes_only_under_a_live_permit,
    closes_only_without_fault,
    closes_only_while_offering,
    closes_only_with_the_diode_seen,
    closes_only_when_surely_open,
    closes_only_after_the_minimum_off_time,
    closes_only_with_lock_and_cable,
    closes_only_in_service,
    closes_not_after_three_failures,
    closes_only_rested,
    closes_only_with_the_phase_switch_at_rest,
    closes_only_for_a_vehicle_that_met_this_switch,
    closes_only_after_the_self_test,
)
CLOSED: tuple[Rule, ...] = (
    one_reason_opens_in_time,
    closed_has_no_fault,
    closed_keeps_the_lock_locked,
    closed_never_signals_f,
)
ALWAYS: tuple[Rule, ...] = (
    fault_ends_pwm,
    alarm_is_a_fault,
    weld_is_a_fault,
    faults_end_as_the_table_says,
    offer_is_within_all_limits,
    hold_never_rises,
    offers_only_to_a_vehicle,
    unlocks_only_when_surely_open,
    keeps_a_locked_plug_locked,
    phases_change_only_parted_and_open,
    parts_the_pilot_only_when_open,
    tests_the_rcd_only_when_open,
    fault_under_load_signals_f,
    out_of_service_signals_f,
    heat_is_a_fault,
    resets_are_limited,
    a_trip_is_reset_without_a_vehicle,
)


def broken(t: Transition) -> Rule | None:
    """Return the first rule that this transition breaks."""
    if t.pins.closed:
        if not t.was.closed:
            for rule in CLOSING:
                if not rule(t):
                    return rule
        for rule in CLOSED:
            if not rule(t):
                return rule
    for rule in ALWAYS:
        if not rule(t):
            return rule
    return None
