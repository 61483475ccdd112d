from stationd.pilot.leaky import Leaky
from stationd.pilot.permit import Permit, allowed_a, brain_gone, expire, live, renew


def given(amps: float = 16.0, *, granted: bool = True, lease_ms: int = 5_000, now_ms: int = 0) -> Permit:
    return renew(amps=amps, granted=granted, lease_ms=lease_ms, now_ms=now_ms)


def at(permit: Permit, now_ms: int, *, closed: bool = True, offered_a: float = 16.0, hold_ms: int = 60_000) -> Permit:
    return expire(permit, now_ms, closed=closed, offered_a=offered_a, hold_a=6.0, hold_ms=hold_ms)


def test_a_permit_lives_until_its_lease_ends() -> None:
    permit = given()
    assert live(permit, 4_999)
    assert not live(permit, 5_000)
    assert allowed_a(permit, 4_999) == 16.0


def test_a_lease_is_cut_to_10_s() -> None:
    assert given(lease_ms=3_600_000).until_ms == 10_000


def test_an_offer_without_permit_allows_nothing() -> None:
    assert allowed_a(given(granted=False), 100) == 0.0
    assert not live(given(granted=False), 100)


def test_before_any_offer_nothing_is_allowed_and_nothing_held() -> None:
    permit = at(Permit(until_ms=0), 1, offered_a=0.0)
    assert allowed_a(permit, 1) == 0.0
    assert not permit.heard


def test_a_closed_contactor_is_held_at_the_hold_current() -> None:
    permit = at(given(), 5_000)
    assert permit.lost
    assert allowed_a(permit, 5_000) == 6.0
    assert allowed_a(at(permit, 64_999), 64_999) == 6.0
    assert allowed_a(at(permit, 65_000), 65_000) == 0.0


def test_the_hold_never_exceeds_the_last_offer() -> None:
    permit = expire(given(10.0), 5_000, closed=True, offered_a=10.0, hold_a=16.0, hold_ms=60_000)
    assert permit.hold_a == 10.0


def test_an_open_contactor_is_not_held() -> None:
    assert at(given(), 5_000, closed=False, offered_a=0.0).hold_a == 0.0


def test_a_pause_is_not_held() -> None:
    assert at(given(0.0), 5_000, offered_a=0.0).hold_a == 0.0


def test_a_hold_ends_for_good_when_the_contactor_opens() -> None:
    permit = at(at(given(), 5_000), 5_100, closed=False)
    assert permit.hold_a == 0.0
    assert at(permit, 5_200, closed=True).hold_a == 0.0


def test_without_hold_time_the_lease_is_the_end() -> None:
    assert allowed_a(at(given(), 5_000, hold_ms=0), 5_000) == 0.0


def test_a_long_gap_between_ticks_does_not_revive_the_hold() -> None:
    assert allowed_a(at(given(), 500_000), 500_000) == 0.0


def test_a_new_offer_ends_the_hold() -> None:
    assert not given(now_ms=6_000).lost


def test_the_driver_gets_the_cable_back_when_the_brain_stays_away() -> None:
    assert not brain_gone(given(), 64_999, 60_000)
    assert brain_gone(given(), 65_000, 60_000)


def test_after_a_start_the_brain_has_a_minute_even_without_hold_time() -> None:
    assert not brain_gone(Permit(until_ms=0), 59_999, 0)
    assert brain_gone(Permit(until_ms=0), 60_000, 0)
    assert brain_gone(given(), 5_000, 0)


def test_a_fresh_permit_grants_nothing_before_and_after_its_end() -> None:
    fresh = Permit(until_ms=1_000)
    assert not live(fresh, 500)
    assert (allowed_a(fresh, 500), allowed_a(fresh, 1_500)) == (0.0, 0.0)
    assert fresh.phases == 3
    assert given().phases == 3


def test_only_what_runs_under_a_permit_of_6_a_or_more_is_held() -> None:
    assert at(given(), 5_000, offered_a=6.0).hold_a == 6.0
    assert at(given(), 5_000, offered_a=5.9).hold_a == 0.0
    assert at(given(granted=False), 5_000, offered_a=16.0).hold_a == 0.0


def test_a_lease_that_ran_out_makes_no_new_objects() -> None:
    gone = at(given(), 5_000, closed=False)
    assert at(gone, 5_004, closed=False) is gone
    held = at(given(), 5_000)
    assert at(held, 5_004) is held


def test_an_offer_says_how_many_phases() -> None:
    assert renew(amps=16.0, granted=True, lease_ms=5_000, now_ms=0, phases=1).phases == 1


def test_the_time_of_a_hold_is_kept_over_a_moment_of_life() -> None:
    lost = at(given(), 5_000)
    assert lost.held == Leaky(since_ms=5_000)
    back = renew(amps=16.0, granted=True, lease_ms=1_000, now_ms=25_000, held=lost.held)
    assert back.held == Leaky(empty_ms=45_000)
    again = at(back, 26_000)
    assert again.held == Leaky(since_ms=26_000 - 19_000)
    assert allowed_a(at(again, 66_999), 66_999) == 6.0
    ended = at(again, 67_000)
    assert (ended.hold_a, ended.held) == (0.0, Leaky(empty_ms=127_000))


def test_what_is_not_held_takes_no_time() -> None:
    lost = at(given(5.0), 5_000, offered_a=0.0)
    assert lost.held == Leaky()


def test_the_end_of_a_hold_by_an_opening_stops_its_time() -> None:
    opened = at(at(given(), 5_000), 9_000, closed=False)
    assert (opened.hold_a, opened.held) == (0.0, Leaky(empty_ms=13_000))


def test_a_hold_falls_with_the_offer_and_not_below_six_amperes() -> None:
    held = expire(given(), 5_000, closed=True, offered_a=16.0, hold_a=12.0, hold_ms=60_000)
    assert held.hold_a == 12.0
    for offered_a, hold_a in ((12.0, 12.0), (13.0, 12.0), (8.0, 8.0), (6.0, 6.0), (5.9, 12.0), (0.0, 12.0)):
        now = expire(held, 5_004, closed=True, offered_a=offered_a, hold_a=12.0, hold_ms=60_000)
        assert now.hold_a == hold_a
        assert (now is held) is (hold_a == 12.0)
