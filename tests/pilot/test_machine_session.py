"""What is switched, tested and woken around a session, as stories on the bench."""

from dataclasses import replace

import pytest

from stationd.pilot import phase_switch
from stationd.pilot.protocol import SelfTest
from stationd.pilot.wake_up import SLEEP_MS, WAKE_MS
from tests.pilot.bench import SOCKET, TETHERED, VOLTS, Bench, charging

SWITCHED = replace(TETHERED, phase_switch=True, single_phase_max_a=20.0, hold_ms=4_000)
TESTED = replace(TETHERED, rcd_test=True)


def three_phase() -> Bench:
    bench = Bench(rules=SWITCHED, phases=3)
    bench.run(1_200)
    bench.volts = VOLTS["B"]
    bench.run(200)
    bench.offer(32)
    bench.run(100)
    bench.volts = VOLTS["C"]
    bench.until(closed=True, within_ms=2_000)
    bench.run(10_100)
    bench.offer(32)
    return bench


def obedient(bench: Bench, ms: int) -> None:
    """Run with a vehicle that opens S2 half a second after PWM ended, and closes it half a second after it came."""
    since_ms = 0
    for _ in range(ms // 4):
        pwm = 0 < bench.pins.duty < 100 and bench.pins.cp_connected
        asks = bench.volts == VOLTS["C"]
        since_ms = 0 if pwm == asks else since_ms + 4
        if since_ms > 500:
            bench.volts = VOLTS["C"] if pwm else VOLTS["B"]
        bench.tick()


def test_three_phases_to_one_goes_through_an_open_contactor_and_a_parted_pilot() -> None:
    bench = three_phase()
    bench.offer(32, phases=1)
    obedient(bench, 3_500)
    assert bench.pins.phases == 1
    obedient(bench, 1_200)
    assert bench.pins.closed
    assert bench.pins.duty == pytest.approx(20 / 0.6)  # one phase alone carries less
    assert bench.faults == ()


def test_a_vehicle_that_ignores_the_pause_is_opened_after_six_seconds_and_then_switched() -> None:
    bench = three_phase()
    bench.offer(32, phases=1)
    assert 6_000 <= bench.until(closed=False, within_ms=7_000) <= 6_020
    bench.run(1_000)
    assert bench.pins.phases == 1
    bench.offer(32, phases=1)
    bench.until(closed=True, within_ms=5_000)


@pytest.mark.parametrize(("every_ms", "most"), [(500, 0), (4_000, 6)])
def test_a_brain_that_flaps_moves_the_switch_no_more_often_than_it_may_rest(every_ms: int, most: int) -> None:
    bench = three_phase()
    moves, was = 0, bench.pins.phases
    for n in range(60_000 // every_ms):
        bench.offer(32, phases=1 if n % 2 else 3)
        obedient(bench, every_ms)
        moves += bench.pins.phases != was
        was = bench.pins.phases
    assert min(most, 2) <= moves <= most


def test_a_stuck_switch_is_a_fault_until_it_is_reset() -> None:
    bench = three_phase()
    bench.phase_switch = "stuck"
    bench.offer(32, phases=1)
    obedient(bench, 4_000)
    assert bench.faults == ("phase_switch",)
    assert bench.pins.cp_connected
    assert bench.pins.duty == 100.0
    bench.phase_switch = "obeys"
    bench.phases = 1
    assert bench.reset("phase_switch") is None
    bench.offer(32, phases=1)
    obedient(bench, 3_000)
    assert bench.pins.closed
    assert bench.faults == ()


def test_a_switch_that_leaves_its_position_under_load_opens_at_once() -> None:
    bench = three_phase()
    bench.phase_switch = "stuck"
    bench.phases = 1
    assert bench.until(closed=False, within_ms=500) <= phase_switch.LOST_MS + 4
    assert bench.faults == ("phase_switch",)


def test_a_switch_that_cannot_be_read_opens() -> None:
    bench = three_phase()
    bench.phase_switch = "unreadable"
    assert bench.until(closed=False, within_ms=500) <= 50
    assert bench.faults == ("hardware",)


def test_one_phase_found_at_the_start_is_kept_and_limits() -> None:
    bench = Bench(rules=SWITCHED, phases=1)
    bench.run(1_200)
    bench.volts = VOLTS["B"]
    bench.run(200)
    bench.offer(32, phases=1)
    obedient(bench, 2_000)
    assert bench.pins.phases == 1
    assert bench.pins.closed
    assert bench.pins.duty == pytest.approx(20 / 0.6)


def test_without_a_permit_no_phase_is_switched() -> None:
    bench = Bench(rules=SWITCHED, phases=3)
    bench.run(1_200)
    bench.offer(16, permit=False, phases=1)
    bench.run(5_000)
    assert bench.pins.phases == 3


def test_the_residual_current_device_is_tested_before_each_session() -> None:
    bench = charging(TESTED)
    assert bench.state.counters.rcd_test == "passed"
    bench.volts = VOLTS["A"]
    bench.run(1_500)
    bench.rcd = "dead"
    bench.volts = VOLTS["B"]
    bench.run(500)
    bench.offer(16)
    bench.volts = VOLTS["C"]
    bench.run(2_500)
    assert not bench.pins.closed
    assert bench.faults == ("rcd_self_test",)
    assert bench.state.counters.rcd_test == "failed"
    bench.volts = VOLTS["A"]
    bench.run(400)
    assert bench.faults == ()


def test_a_permit_that_comes_and_goes_tests_no_more_than_once_a_minute() -> None:
    bench = charging(TESTED)
    tests, was = 0, False
    for n in range(300):
        bench.offer(16, permit=n % 2 == 0)
        bench.volts = VOLTS["C"] if n % 2 == 0 else VOLTS["B"]
        for _ in range(100):
            tests += bench.tick().rcd_test and not was
            was = bench.pins.rcd_test
    assert tests == 2


def test_the_device_is_tested_once_after_the_start() -> None:
    bench = Bench(rules=TESTED)
    bench.run(1_200)
    assert bench.state.counters.rcd_test == "passed"
    dead = Bench(rules=TESTED, rcd="dead")
    dead.run(5_000)
    assert dead.faults == ("rcd_self_test",)  # and it stays so with nobody plugged


def test_a_device_that_stays_tripped_after_its_test_is_a_real_trip() -> None:
    bench = Bench(rules=TESTED, rcd="stays")
    bench.run(1_200)
    bench.volts = VOLTS["B"]
    bench.offer(16)
    bench.run(1_500)
    assert set(bench.faults) == {"rcd_self_test", "rcd_trip"}
    assert bench.state.latched == {"rcd_trip"}


def test_a_technician_can_test_the_device_without_a_vehicle() -> None:
    bench = Bench(rules=TESTED)
    bench.run(1_200)
    assert "a moment ago" in str(bench.say(SelfTest(1, 1)))
    bench.run(10_000)
    assert bench.say(SelfTest(1, 1)) is None
    bench.tick()
    assert bench.pins.rcd_test
    assert "under way" in str(bench.say(SelfTest(1, 2)))
    bench.run(200)
    assert bench.state.counters.rcd_test == "passed"
    assert not bench.pins.rcd_test


def test_a_test_by_hand_is_refused_where_it_makes_no_sense() -> None:
    assert "no test output" in str(Bench(rules=TETHERED).say(SelfTest(1, 1)))
    assert "not surely open" in str(charging(TESTED).say(SelfTest(1, 1)))
    bench = Bench(rules=TESTED, faulty=frozenset({"rcd_trip"}))
    bench.run(1_200)
    assert "it is tripped" in str(bench.say(SelfTest(1, 1)))


def test_the_answer_to_a_test_that_the_death_of_the_process_cut_short_is_no_trip() -> None:
    bench = Bench(rules=TESTED, faulty=frozenset({"rcd_trip"}))
    bench.run(900)
    assert not bench.pins.rcd_test
    bench.faulty = frozenset()
    bench.run(300)
    assert bench.faults == ()
    assert bench.state.latched == frozenset()
    assert bench.state.counters.rcd_test == "passed"


def test_a_trip_that_a_start_finds_and_that_stays_is_a_real_one_and_closes_nothing_meanwhile() -> None:
    bench = Bench(rules=TESTED, faulty=frozenset({"rcd_trip"}), volts=VOLTS["C"])
    bench.offer(16)
    while bench.faults == ():
        assert not bench.tick().closed
    assert bench.faults == ("rcd_trip",)
    assert bench.now_ms - bench.state.started_ms <= TESTED.rcd_test_ms + 8
    assert bench.state.latched == {"rcd_trip"}


def test_the_answer_to_a_test_that_an_unreadable_input_cut_short_is_no_trip() -> None:
    bench = Bench(rules=replace(TESTED, has_temperature=True), celsius=20.0)
    while not bench.pins.rcd_test:
        bench.tick()
    bench.celsius, bench.faulty = None, frozenset({"rcd_trip"})  # it answers, and takes its time to be quiet again
    bench.run(400)
    bench.celsius, bench.faulty = 20.0, frozenset()
    bench.run(2_500)
    assert bench.faults == ()
    assert bench.state.counters.rcd_test == "passed"


def test_a_failed_test_can_be_repeated_by_hand_and_by_a_reset() -> None:
    bench = Bench(rules=TESTED, rcd="dead")
    bench.run(1_200)
    bench.volts = VOLTS["B"]
    bench.offer(16)
    bench.run(1_500)
    assert bench.faults == ("rcd_self_test",)
    bench.rcd = "obeys"
    assert bench.reset("rcd_self_test") is None
    bench.run(200)
    assert bench.faults == ()
    assert bench.state.counters.rcd_test == "passed"


@pytest.mark.parametrize("mode", ["state_f", "cp_switch"])
def test_a_sleeping_vehicle_is_woken_once(mode: str) -> None:
    bench = Bench(rules=replace(SOCKET, wake_up=mode))
    bench.run(1_200)
    bench.volts = VOLTS["B"]
    bench.run(200)
    woken = 0
    was = False
    for _ in range(80):
        bench.offer(16)
        for _ in range(250):
            pins = bench.tick()
            wakes = pins.duty == 0.0 or not pins.cp_connected
            woken += wakes and not was
            was = wakes
    assert woken == 1
    assert bench.pins.locked is True
    assert bench.faults == ()
    bench.volts = VOLTS["C"]
    bench.until(closed=True, within_ms=2_000)


def test_a_vehicle_that_left_while_the_pilot_was_parted_is_missed_afterwards() -> None:
    bench = Bench(rules=replace(TETHERED, wake_up="cp_switch"))
    bench.run(1_200)
    bench.volts = VOLTS["B"]
    for _ in range((SLEEP_MS + 1_000) // 500):
        bench.offer(16)
        bench.run(500)
    assert not bench.pins.cp_connected
    bench.volts = VOLTS["A"]
    bench.run(WAKE_MS + 500)
    assert bench.pins.cp_connected
    assert bench.state.track.state == "A"
    assert bench.pins.duty == 100.0


def test_no_fault_wakes_and_a_fault_ends_the_waking() -> None:
    bench = Bench(rules=replace(TETHERED, wake_up="cp_switch"))
    bench.run(1_200)
    bench.volts = VOLTS["B"]
    for _ in range((SLEEP_MS + 1_000) // 500):
        bench.offer(16)
        bench.run(500)
    bench.faulty = frozenset({"tilt"})
    bench.run(12)
    assert bench.pins.cp_connected
    assert bench.faults == ("tilt",)


def test_an_ordinary_vehicle_plugged_at_the_start_gets_its_full_current() -> None:
    bench = Bench(rules=TETHERED, volts=VOLTS["C"])
    bench.offer(32)
    bench.run(1_500)
    assert bench.pins.duty == 100.0  # it may have seen another station's PWM: first it must leave C
    bench.volts = VOLTS["B"]
    bench.run(150)
    assert bench.pins.duty == pytest.approx(32 / 0.6)
    bench.volts = VOLTS["C"]
    bench.until(closed=True, within_ms=2_000)
    assert bench.state.warnings == ()


def test_a_vehicle_that_stays_in_c_at_the_start_is_a_simplified_one() -> None:
    bench = Bench(rules=TETHERED, volts=VOLTS["C"])
    bench.offer(32)
    assert 3_100 <= bench.until(closed=True, within_ms=6_000) <= 3_500
    assert bench.pins.duty == pytest.approx(10 / 0.6)


def test_state_f_follows_a_fault_under_load_for_its_time() -> None:
    bench = charging(TETHERED)
    bench.faulty = frozenset({"tilt"})
    bench.until(closed=False, within_ms=100)
    assert bench.pins.duty == 0.0
    bench.run(280)
    assert bench.pins.duty == 0.0
    bench.run(40)
    assert bench.pins.duty == 100.0
    assert bench.faults == ("tilt",)


def test_no_state_f_where_the_profile_has_none_or_nothing_flowed() -> None:
    bench = charging(replace(TETHERED, fault_f_ms=0))
    bench.faulty = frozenset({"tilt"})
    bench.until(closed=False, within_ms=100)
    assert bench.pins.duty == 100.0
    idle = Bench(rules=TETHERED)
    idle.run(1_200)
    idle.faulty = frozenset({"tilt"})
    for _ in range(100):
        assert idle.tick().duty == 100.0


def test_a_fault_that_ends_during_state_f_closes_nothing_before_its_end() -> None:
    bench = charging(replace(TETHERED, fault_f_ms=5_000, min_off_ms=100))
    bench.volts = VOLTS["D"]
    bench.until(closed=False, within_ms=100)
    bench.volts = VOLTS["C"]
    bench.run(4_800)
    assert bench.pins.duty == 0.0
    assert not bench.pins.closed
    bench.offer(16)
    bench.until(closed=True, within_ms=4_000)


def test_what_is_missing_is_named() -> None:
    bench = Bench(rules=SOCKET)
    bench.run(1_200)
    bench.volts = VOLTS["B"]
    bench.run(100)
    assert bench.state.waits_for == ""  # it asks for nothing
    bench.volts = VOLTS["C"]
    bench.run(100)
    assert bench.state.waits_for == "permit"
    bench.lock = "jammed"
    bench.offer(0)
    bench.tick()
    assert bench.state.waits_for == "offer"
    bench.offer(16)
    bench.run(300)
    assert bench.state.waits_for == "lock"
    bench.faulty = frozenset({"tilt"})
    bench.run(20)
    assert bench.state.waits_for == "fault"
    bench.stop()
    bench.tick()
    assert bench.state.waits_for == "stopping"


def test_a_process_that_starts_under_a_vehicle_parts_it_before_anything_closes() -> None:
    bench = Bench(rules=SWITCHED, phases=3, volts=VOLTS["B"])
    parted = 0
    for _ in range(1_500):
        bench.offer(16)
        parted += not bench.tick().cp_connected
        assert not bench.pins.closed
    assert parted * 4 >= phase_switch.MOVE_MS
    assert bench.pins.phases == 3
    bench.volts = VOLTS["C"]
    bench.until(closed=True, within_ms=2_000)


def test_a_process_that_starts_without_a_vehicle_parts_nobody() -> None:
    bench = Bench(rules=SWITCHED, phases=3)
    for _ in range(500):
        assert bench.tick().cp_connected
    bench.volts = VOLTS["B"]
    for _ in range(500):
        assert bench.tick().cp_connected


def test_a_stop_in_mid_change_joins_the_pilot_once_the_switch_has_rested() -> None:
    bench = three_phase()
    bench.offer(32, phases=1)
    while bench.pins.phases == 3:
        obedient(bench, 4)
        if bench.now_ms % 400 == 0:
            bench.volts = VOLTS["B"]
    bench.stop()
    parted = 0
    while not bench.tick().cp_connected:
        parted += 4
    assert parted >= phase_switch.MOVE_MS - 50
    assert bench.pins.phases == 1
    assert bench.pins.duty == 100.0


@pytest.mark.parametrize("pulled_ms", [4, 700])
def test_a_stop_before_the_switch_moved_moves_it_no_more(pulled_ms: int) -> None:
    bench = three_phase()
    bench.offer(32, phases=1)
    bench.volts = VOLTS["B"]
    bench.run(pulled_ms // 10)
    bench.stop()
    bench.run(3_000)
    assert bench.pins.phases == 3
    assert bench.pins.cp_connected
    assert bench.state.phases.stage is phase_switch.Stage.REST


def test_feedback_that_fails_while_a_change_begins_opens_at_once() -> None:
    bench = three_phase()
    bench.offer(32, phases=1)
    bench.run(40)
    assert bench.pins.closed
    bench.phase_switch = "stuck"
    bench.phases = 1
    assert bench.until(closed=False, within_ms=500) <= phase_switch.LOST_MS + 8
    assert bench.faults == ("phase_switch",)


def test_availability_withdrawn_in_mid_change_is_no_pilot_error() -> None:
    bench = three_phase()
    bench.offer(32, phases=1)
    while bench.pins.cp_connected:
        obedient(bench, 600)
    assert bench.available(False) is None
    for _ in range(600):
        bench.tick()
        assert bench.faults == ()


def test_a_self_test_that_could_not_be_watched_is_done_again() -> None:
    bench = Bench(rules=TESTED)
    while not bench.pins.rcd_test:
        bench.tick()
    bench.coil = "unreadable"
    bench.run(1_500)
    assert bench.faults == ("hardware",)
    assert not bench.pins.rcd_test
    assert bench.state.counters.rcd_test == "none"
    bench.coil = "obeys"
    bench.run(2_000)
    assert bench.faults == ()
    assert bench.state.counters.rcd_test == "passed"


def test_a_self_test_of_one_session_says_nothing_about_the_next() -> None:
    bench = Bench(rules=TESTED)
    bench.run(1_200)
    for state in ("B", "A"):
        bench.volts = VOLTS[state]
        bench.run(500)
    bench.rcd = "dead"
    bench.volts = VOLTS["B"]
    bench.offer(16)
    for _ in range(50):
        bench.tick()
    assert bench.pins.rcd_test
    bench.volts = VOLTS["A"]
    bench.run(400)
    bench.volts = VOLTS["B"]
    bench.run(2_500)
    assert bench.faults == ("rcd_self_test",)
