"""What the profile and the installer's limit say, as the rules of one EVSE's machine. Pure."""

from stationd.hwprofile import Derating, EvseProfile, HwProfile
from stationd.pilot.derating import Curve
from stationd.pilot.state import NO_DERATING, Rules


def rules_of(evse: EvseProfile, profile: HwProfile, site_max_a: float) -> Rules:
    """Return the rules of one EVSE. What the board does not have is ruled out by the absence of its table."""
    timings, derating = profile.timings, evse.derating
    return Rules(
        max_a=min(evse.max_a, site_max_a),
        has_socket=evse.outlet == "socket",
        ventilated=evse.ventilated,
        hold_a=profile.hold_a,
        hold_ms=round(profile.hold_s * 1_000),
        close_ms=timings.contactor_close_ms,
        open_ms=timings.contactor_open_ms,
        min_off_ms=timings.min_off_ms,
        lock_ms=timings.lock_ms,
        phases=evse.phases,
        phase_switch=evse.phase_switch is not None,
        single_phase_max_a=evse.single_phase_max_a,
        simplified_a=evse.simplified_max_a,
        wake_up=evse.wake_up,
        fault_f_ms=evse.fault_state_f_ms,
        burst_cycles=timings.burst_cycles,
        rest_ms=timings.rest_ms,
        rated_cycles=evse.rated_cycles,
        slow_open_ms=timings.slow_open_ms,
        stuck_ms=timings.pilot_stuck_ms,
        has_current=evse.current is not None,
        over_current_ms=timings.over_current_ms,
        has_temperature=evse.temperature is not None,
        derating=NO_DERATING if derating is None else _curve(derating),
        rcd_test=evse.rcd_test is not None,
        rcd_test_ms=timings.rcd_test_ms,
        unlock_on_power_loss=evse.unlock_on_power_loss,
    )


def _curve(derating: Derating) -> Curve:
    return Curve(derating.derate_from_c, derating.derate_to_c, derating.stop_c, derating.hysteresis_c)
