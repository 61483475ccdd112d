"""The residual current device's test."""

from stationd.sandbox.plant.rcd import ANSWER_NS, Rcd


def test_device_trips_by_its_test_and_resets_itself_afterwards() -> None:
    it = Rcd()
    it.drive(0, testing=True)
    it.happen(ANSWER_NS - 1)
    assert not it.tripped
    it.happen(ANSWER_NS)
    assert it.tripped
    it.drive(ANSWER_NS, testing=True)
    assert it.change_at_ns is None
    it.drive(ANSWER_NS, testing=False)
    it.happen(2 * ANSWER_NS)
    assert not it.tripped


def test_test_that_is_too_short_trips_nothing() -> None:
    it = Rcd()
    it.drive(0, testing=True)
    it.drive(1, testing=False)
    assert (it.tripped, it.change_at_ns) == (False, None)


def test_dead_device_does_not_answer() -> None:
    it = Rcd(dead=True)
    it.drive(0, testing=True)
    assert it.change_at_ns is None


def test_stuck_device_stays_tripped_until_it_is_mended() -> None:
    it = Rcd(stuck=True)
    it.drive(0, testing=True)
    it.happen(ANSWER_NS)
    it.drive(ANSWER_NS, testing=False)
    assert (it.tripped, it.change_at_ns) == (True, None)
    it.stuck = False
    it.follow(2 * ANSWER_NS)
    it.happen(3 * ANSWER_NS)
    assert not it.tripped
