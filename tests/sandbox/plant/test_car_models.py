"""What each kind of car does to a station."""

from dataclasses import replace

import pytest

from stationd.sandbox.plant.evse import Evse, Pins
from tests.sandbox.plant.evse_bench import CLOSED, OPEN, Bench, a_model

OFF = Pins(100.0, close=False, lock=True)


def plugged(name: str, **properties: object) -> tuple[Bench, Evse]:
    bench = Bench()
    bench.evse.plug_in(a_model(name, **properties), 0)
    return bench, bench.evse


def charging(name: str, **properties: object) -> tuple[Bench, Evse]:
    bench, evse = plugged(name, **properties)
    bench.pins = OPEN
    bench.run(0.3)
    bench.pins = CLOSED
    bench.run(3)
    return bench, evse


def high_v(evse: Evse) -> float:
    return round(evse.pilot_volts[0])


def test_single_phase_car_takes_one_phase() -> None:
    _, evse = charging("single_phase")
    assert evse.current_a == (pytest.approx(16, abs=0.1), 0, 0)


def test_simplified_car_is_in_c_without_pwm_and_draws_10_a_whatever_the_duty() -> None:
    bench, evse = plugged("simplified")
    assert evse.pilot_volts == (pytest.approx(6, abs=0.1),) * 2
    bench.pins = replace(CLOSED, duty=53.3)
    bench.run(3)
    assert evse.current_a == (10, 0, 0)
    bench.pins = replace(CLOSED, duty=100.0)
    bench.run(10)
    assert evse.current_a == (10, 0, 0)
    evse.set_wants(evse.now_ns, wants=False)
    bench.run(1)
    assert evse.current_a == (0, 0, 0)
    assert high_v(evse) == 6


def test_car_that_needs_ventilation_asks_with_d() -> None:
    bench, evse = plugged("needs_ventilation")
    assert high_v(evse) == 9
    bench.pins = OPEN
    bench.run(0.3)
    assert evse.pilot_volts == (pytest.approx(3, abs=0.1), -12)
    bench.pins = CLOSED
    bench.run(3)
    assert evse.flowing


def test_broken_diode_mirrors_the_high_half() -> None:
    bench, evse = plugged("broken_diode")
    bench.pins = OPEN
    bench.run(0.1)
    high, low = evse.pilot_volts
    assert low == -high


def test_slow_car_closes_after_3_s_and_follows_a_duty_after_5_s() -> None:
    bench, evse = plugged("slow")
    bench.pins = CLOSED
    bench.run(2.9)
    assert high_v(evse) == 9
    bench.run(3)
    assert evse.current_a[0] == pytest.approx(16, abs=0.1)
    bench.pins = replace(CLOSED, duty=10.0)
    bench.run(4.9)
    assert evse.current_a[0] == pytest.approx(16, abs=0.1)
    bench.run(1)
    assert evse.current_a[0] == 6
    bench.pins = replace(CLOSED, duty=100.0)
    bench.run(2.9)
    assert evse.current_a[0] == 6
    bench.run(0.2)
    assert high_v(evse) == 9
    assert [each["cause"] for each in evse.reactions.view()] == ["ev_stopped"]


def test_slow_car_follows_the_duty_of_the_moment_when_its_time_is_over() -> None:
    bench, evse = plugged("slow", close_s=0.1)
    bench.pins = CLOSED
    bench.run(3)
    for duty in (20.0, 15.0, 10.0):
        bench.pins = replace(CLOSED, duty=duty)
        bench.run(2)
    assert evse.current_a[0] == 6


def test_car_that_ignores_the_end_of_pwm_draws_on_until_the_contacts_part() -> None:
    bench, evse = charging("ignores_pwm_off")
    before_a = evse.current_a
    bench.pins = replace(CLOSED, duty=100.0)
    bench.run(60)
    assert evse.current_a == before_a
    bench.pins = OFF
    bench.run(0.1)
    assert evse.current_a == (0, 0, 0)
    assert high_v(evse) == 6


def test_nearly_full_car_comes_down_in_steps_and_stops_asking() -> None:
    bench, evse = charging("tapers", taper_after_s=3, taper_step_s=2)
    seen = []
    for _ in range(5):
        seen.append(round(evse.current_a[0]))
        bench.run(2)
    assert seen == [16, 12, 8, 4, 0]
    bench.run(0.5)
    assert evse.car is not None
    assert (evse.car.wants, high_v(evse)) == (False, 9)


def test_sleeping_car_needs_more_than_an_offer() -> None:
    bench, evse = plugged("sleeps", sleeps_after_s=2)
    bench.run(1.9)
    assert evse.car is not None
    assert not evse.car.asleep
    bench.run(0.2)
    assert evse.car.asleep
    bench.pins = OPEN
    bench.run(60)
    assert high_v(evse) == 9


@pytest.mark.parametrize(
    ("pins", "too_short_s", "long_enough_s"),
    [(Pins(0.0, lock=True), 0.9, 1.1), (Pins(100.0, lock=True, cp=False), 0.4, 0.6)],
)
def test_sleeping_car_is_woken_by_state_f_or_a_parted_pilot(
    pins: Pins, too_short_s: float, long_enough_s: float
) -> None:
    bench, evse = plugged("sleeps", sleeps_after_s=2)
    bench.run(3)
    for seconds, volts in ((too_short_s, 9), (long_enough_s, 6)):
        bench.pins = pins
        bench.run(seconds)
        bench.pins = OPEN
        bench.run(1)
        assert high_v(evse) == volts


def test_car_that_charges_does_not_fall_asleep_and_one_that_pauses_does() -> None:
    bench, evse = charging("sleeps", sleeps_after_s=2)
    bench.run(10)
    assert evse.flowing
    bench.pins = OFF
    bench.run(3)
    assert evse.car is not None
    assert not evse.car.asleep
    bench.run(1)
    assert evse.car.asleep


def test_car_pulls_its_plug_under_load_only_where_the_lock_lets_it() -> None:
    bench, evse = charging("unplugs_under_load")
    bench.run(10)
    assert evse.car is not None
    assert evse.car.pulls
    assert evse.flowing
    bench.pins = OPEN
    bench.run(0.196)
    assert evse.car is not None
    bench.run(0.02)
    assert evse.car is None


def test_car_with_a_fixed_cable_pulls_its_plug_under_load() -> None:
    bench = Bench(tethered=True)
    evse = bench.evse
    evse.plug_in(a_model("unplugs_under_load"), 0)
    bench.pins = CLOSED
    bench.run(5.0)
    assert evse.flowing
    bench.run(0.3)
    assert evse.car is None
    assert high_v(evse) == 12
    assert evse.reactions.view()[-1]["cause"] == "unplugged"


def test_car_that_wants_to_talk_waits_at_5_percent_and_charges_at_others() -> None:
    bench, evse = plugged("five_percent")
    bench.pins = replace(OPEN, duty=5.0)
    bench.run(5)
    assert evse.car is not None
    assert (evse.car.digital, high_v(evse)) == (True, 9)
    bench.pins = CLOSED
    bench.run(3)
    assert (evse.car.digital, evse.flowing) == (False, True)


def test_other_cars_do_not_take_5_percent_for_anything() -> None:
    bench, evse = plugged("three_phase")
    bench.pins = replace(OPEN, duty=5.0)
    bench.run(1)
    assert evse.car is not None
    assert (evse.car.digital, high_v(evse)) == (False, 9)


def test_toggling_car_asks_and_stops_every_second_until_the_offer_ends() -> None:
    bench, evse = plugged("toggles")
    bench.pins = OPEN
    changes, last = [], 9
    for tick in range(2250):
        bench.run(0.004)
        if (now := high_v(evse)) != last:
            changes.append(round(tick * 0.004))
            last = now
    assert changes == [1, 2, 3, 4, 5, 6, 7, 8]
    bench.pins = OFF
    bench.run(5)
    assert high_v(evse) == 9


def test_over_drawing_car_takes_a_fifth_more_than_it_is_offered() -> None:
    bench, evse = charging("over_draws")
    assert evse.current_a[0] == pytest.approx(16 * 1.2, abs=0.1)
    bench.pins = replace(CLOSED, duty=53.3)
    bench.run(3)
    assert evse.current_a[0] == pytest.approx(32 * 1.2, abs=0.1)


def test_old_hybrid_gives_up_at_state_f_until_it_is_plugged_in_again() -> None:
    bench, evse = charging("latches_on_f")
    assert evse.flowing
    bench.pins = Pins(0.0, lock=True)
    bench.run(0.3)
    bench.pins = OPEN
    bench.run(30)
    assert high_v(evse) == 9
    bench.pins = replace(OPEN, cp=False)
    bench.run(5)
    bench.pins = OPEN
    bench.run(5)
    assert high_v(evse) == 9
    evse.plug_out(evse.now_ns)
    evse.plug_in(a_model("latches_on_f"), evse.now_ns)
    bench.run(1)
    assert high_v(evse) == 6
