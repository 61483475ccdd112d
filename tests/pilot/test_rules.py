from dataclasses import fields, replace

from stationd.hwprofile import Derating, DriverSpec, EvseProfile, HwProfile, Timings, load
from stationd.pilot.derating import Curve
from stationd.pilot.rules import rules_of
from stationd.pilot.state import NO_DERATING, Rules

SOME = DriverSpec("any/thing", {})
EVSE = EvseProfile(
    evse_id=1, connector_type="cType2", outlet="tethered", phases=1, max_a=63.0, ventilated=True, pilot=SOME,
    proximity=None, contactor=SOME, lock=None, faults=(), meter=None, phase_switch=SOME, cp_switch=SOME, rcd_test=SOME,
    temperature=SOME, current=SOME, derating=Derating(50, 60, 70, 4), simplified_max_a=7.0, single_phase_max_a=20.0,
    wake_up="state_f", fault_state_f_ms=400, rated_cycles=9, unlock_on_power_loss=True,
)  # fmt: skip
BOARD = HwProfile(
    name="x", description="", period_ms=4, fail_safe="mcu", hold_a=8.0, hold_s=7.5, evses=(EVSE,), reader=None,
    timings=Timings(
        contactor_close_ms=11, contactor_open_ms=12, min_off_ms=13, lock_ms=14, over_current_ms=15, rcd_test_ms=16,
        burst_cycles=17, rest_ms=18, slow_open_ms=19, pilot_stuck_ms=20,
    ),
)  # fmt: skip


def test_the_rules_are_the_least_of_profile_and_site() -> None:
    profile = load("mock")
    rules = rules_of(profile.evses[0], profile, 16.0)
    assert (rules.max_a, rules.has_socket, rules.hold_ms, rules.min_off_ms) == (16.0, True, 60_000, 1_000)
    assert rules_of(profile.evses[0], profile, 63.0).max_a == 32.0
    assert rules_of(profile.evses[0], profile, 0.0).max_a == 0.0


def test_every_rule_comes_from_the_profile() -> None:
    rules = rules_of(EVSE, BOARD, 32.0)
    assert rules == Rules(
        max_a=32.0, has_socket=False, ventilated=True, hold_a=8.0, hold_ms=7_500, close_ms=11, open_ms=12,
        min_off_ms=13, lock_ms=14, phases=1, phase_switch=True, single_phase_max_a=20.0, simplified_a=7.0,
        wake_up="state_f", fault_f_ms=400, burst_cycles=17, rest_ms=18, rated_cycles=9, slow_open_ms=19, stuck_ms=20,
        has_current=True, over_current_ms=15, has_temperature=True, derating=Curve(50, 60, 70, 4), rcd_test=True,
        rcd_test_ms=16, unlock_on_power_loss=True,
    )  # fmt: skip
    usual = Rules(max_a=16.0, has_socket=True)
    same = [field.name for field in fields(Rules) if getattr(usual, field.name) == getattr(rules, field.name)]
    assert same == [], "give these another value above, or a rule that is not taken over goes unseen"


def test_what_the_board_lacks_is_ruled_out() -> None:
    evse = replace(EVSE, phase_switch=None, rcd_test=None, temperature=None, current=None, derating=None)
    rules = rules_of(evse, BOARD, 32.0)
    assert (rules.phase_switch, rules.rcd_test, rules.has_temperature, rules.has_current) == (False,) * 4
    assert rules.derating == NO_DERATING
