"""The lock motor."""

from stationd.sandbox.plant.lock import SLOW_TRAVEL_NS, TRAVEL_NS, Lock


def test_bolt_travels_and_arrives() -> None:
    it = Lock()
    assert (it.state, it.holds) == ("unlocked", False)
    it.drive(0, locked=True)
    assert (it.state, it.holds) == ("moving", True)
    it.happen(TRAVEL_NS)
    assert (it.state, it.holds) == ("locked", True)


def test_the_same_order_again_does_not_start_the_travel_again() -> None:
    it = Lock()
    it.drive(0, locked=True)
    it.drive(TRAVEL_NS - 1, locked=True)
    it.happen(TRAVEL_NS)
    assert it.state == "locked"


def test_jammed_bolt_fails_where_it_is_and_tries_again_when_freed() -> None:
    it = Lock()
    it.set_jammed(0, jammed=True)
    it.drive(0, locked=True)
    it.happen(TRAVEL_NS)
    assert (it.state, it.holds) == ("failed", False)
    it.set_jammed(TRAVEL_NS, jammed=False)
    assert it.state == "moving"
    it.happen(2 * TRAVEL_NS)
    assert it.state == "locked"


def test_bolt_jammed_in_the_lock_still_holds_the_plug() -> None:
    it = Lock(locked=True, target=True)
    it.set_jammed(0, jammed=True)
    it.drive(0, locked=False)
    it.happen(TRAVEL_NS)
    assert (it.state, it.holds) == ("failed", True)


def test_slow_bolt_takes_its_time() -> None:
    it = Lock(travel_ns=SLOW_TRAVEL_NS)
    it.drive(0, locked=True)
    it.happen(SLOW_TRAVEL_NS - 1)
    assert it.state == "moving"
    it.happen(SLOW_TRAVEL_NS)
    assert it.state == "locked"
