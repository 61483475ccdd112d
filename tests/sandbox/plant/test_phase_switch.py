"""The phase switch."""

from stationd.sandbox.plant.phase_switch import TRAVEL_NS, PhaseSwitch


def test_switch_travels_with_l2_and_l3_apart_and_arrives() -> None:
    it = PhaseSwitch()
    assert (it.feedback, it.joined) == (3, 3)
    it.drive(0, phases=1)
    assert (it.feedback, it.joined) == (0, 1)
    it.happen(TRAVEL_NS - 1)
    assert it.moving
    it.happen(TRAVEL_NS)
    assert (it.feedback, it.joined) == (1, 1)
    it.drive(TRAVEL_NS, phases=3)
    assert (it.feedback, it.joined) == (0, 1)
    it.happen(2 * TRAVEL_NS)
    assert (it.feedback, it.joined) == (3, 3)


def test_the_same_order_again_does_not_start_the_travel_again() -> None:
    it = PhaseSwitch()
    it.drive(0, phases=1)
    it.drive(TRAVEL_NS - 1, phases=1)
    assert it.arrives_at_ns == TRAVEL_NS


def test_stuck_switch_stays_where_it_is_and_goes_on_when_freed() -> None:
    it = PhaseSwitch()
    it.set_stuck(0, stuck=True)
    it.drive(0, phases=1)
    assert (it.feedback, it.arrives_at_ns) == (3, None)
    it.set_stuck(5, stuck=False)
    it.happen(5 + TRAVEL_NS)
    assert it.feedback == 1


def test_switch_that_sticks_on_its_way_stands_where_it_stood() -> None:
    it = PhaseSwitch()
    it.drive(0, phases=1)
    it.set_stuck(5, stuck=True)
    assert it.feedback == 3


def test_harm_is_seen_on_the_way_only_and_counted_once_a_move() -> None:
    it = PhaseSwitch()
    assert it.see(contacts_closed=True, pilot_connected=True) is False
    it.drive(0, phases=1)
    assert it.see(contacts_closed=False, pilot_connected=False) is False
    assert it.see(contacts_closed=True, pilot_connected=False) is True
    assert it.see(contacts_closed=True, pilot_connected=True) is True
    assert (it.moved_under_load, it.moved_with_pilot) == (1, 1)
    it.happen(TRAVEL_NS)
    it.drive(TRAVEL_NS, phases=3)
    assert it.see(contacts_closed=True, pilot_connected=False) is True
    assert (it.moved_under_load, it.moved_with_pilot) == (2, 1)
