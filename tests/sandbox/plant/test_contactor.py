"""The contactor's delays and faults."""

from stationd.sandbox.plant.contactor import CLOSING_NS, OPENING_NS, Contactor


def closed() -> Contactor:
    return Contactor(coil=True, closed=True)


def test_contacts_follow_the_coil_after_their_delay() -> None:
    it = Contactor()
    it.follow(0, coil=True)
    it.happen(CLOSING_NS - 1)
    assert not it.closed
    assert not it.parted
    it.happen(CLOSING_NS)
    assert it.closed
    it.follow(CLOSING_NS, coil=False)
    it.happen(CLOSING_NS + OPENING_NS)
    assert it.parted


def test_coil_dropped_while_closing_never_lets_the_contacts_touch() -> None:
    it = Contactor()
    it.follow(0, coil=True)
    it.follow(1, coil=False)
    assert it.parted
    it.happen(10 * CLOSING_NS)
    assert not it.closed


def test_the_same_order_again_does_not_start_the_delay_again() -> None:
    it = Contactor()
    it.follow(0, coil=True)
    it.follow(CLOSING_NS - 1, coil=True)
    assert it.change_at_ns == CLOSING_NS


def test_contactor_that_drops_opens_once_and_waits_for_a_coil_that_is_switched_anew() -> None:
    it = closed()
    it.drops = True
    it.follow(0, coil=True)
    it.happen(OPENING_NS)
    assert it.parted
    it.follow(OPENING_NS, coil=True)
    assert it.parted
    it.follow(OPENING_NS, coil=False)
    it.follow(OPENING_NS, coil=True)
    it.happen(OPENING_NS + CLOSING_NS)
    assert it.closed


def test_delays_can_be_longer() -> None:
    it = Contactor(closing_ns=5 * CLOSING_NS, opening_ns=3 * OPENING_NS)
    it.follow(0, coil=True)
    assert it.change_at_ns == 5 * CLOSING_NS
    it.happen(5 * CLOSING_NS)
    it.follow(0, coil=False)
    assert it.change_at_ns == 3 * OPENING_NS


def test_welded_contacts_stay_closed() -> None:
    it = closed()
    it.welded = True
    it.follow(0, coil=False)
    it.happen(10 * OPENING_NS)
    assert it.closed


def test_open_contacts_are_welded_only_once_they_touch() -> None:
    it = Contactor(welded=True)
    it.follow(0, coil=True)
    it.happen(CLOSING_NS)
    it.follow(CLOSING_NS, coil=False)
    assert it.closed
    assert it.change_at_ns is None


def test_stuck_contacts_do_not_close_and_part_if_they_are_closed() -> None:
    it = Contactor(stuck_open=True)
    it.follow(0, coil=True)
    assert it.parted
    it = closed()
    it.stuck_open = True
    it.follow(0, coil=True)
    it.happen(OPENING_NS)
    assert it.parted
