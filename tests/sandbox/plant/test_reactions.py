"""The log of reactions."""

from stationd.sandbox.plant.reactions import KEPT, MS, ReactionLog


def test_reaction_is_seen_at_once_with_nulls_and_filled_in_as_it_happens() -> None:
    log = ReactionLog()
    log.begin("unplugged", 100 * MS)
    assert log.view() == [{"cause": "unplugged", "t_ns": 100 * MS, "opened_after_ms": None, "commanded_after_ms": None}]
    assert log.pending
    log.commanded(107 * MS)
    log.opened(127 * MS)
    assert not log.pending
    assert log.view()[0]["commanded_after_ms"] == 7
    assert log.view()[0]["opened_after_ms"] == 27


def test_order_that_comes_after_the_hardware_opened_is_noted_too() -> None:
    log = ReactionLog()
    log.begin("rcd_trip", 0)
    log.opened(20 * MS)
    log.commanded(30 * MS)
    assert log.view()[0]["commanded_after_ms"] == 30


def test_silent_driver_gives_no_order_not_even_when_it_comes_back() -> None:
    log = ReactionLog()
    log.begin("driver_silent", 0, order_expected=False)
    log.opened(320 * MS)
    log.commanded(500 * MS)
    assert log.view()[0]["commanded_after_ms"] is None


def test_order_of_the_next_session_is_not_counted_for_the_last_one() -> None:
    log = ReactionLog()
    log.begin("rcd_trip", 0)
    log.opened(20 * MS)
    log.coil_on()
    log.commanded(60_000 * MS)
    assert log.view()[0]["commanded_after_ms"] is None


def test_cause_that_ends_first_is_withdrawn_and_takes_no_later_times() -> None:
    log = ReactionLog()
    log.begin("tilt", 0)
    log.begin("unplugged", 1 * MS)
    log.withdraw("tilt")
    log.commanded(5 * MS)
    log.opened(25 * MS)
    tilt, unplugged = log.view()
    assert tilt["withdrawn"] is True
    assert (tilt["opened_after_ms"], tilt["commanded_after_ms"]) == (None, None)
    assert "withdrawn" not in unplugged
    assert unplugged["opened_after_ms"] == 24


def test_the_same_cause_while_pending_is_one_reaction() -> None:
    log = ReactionLog()
    log.begin("tilt", 0)
    log.begin("tilt", 5)
    assert len(log.view()) == 1


def test_only_what_was_pending_during_a_stall_is_marked() -> None:
    log = ReactionLog()
    log.begin("tilt", 0)
    log.opened(1)
    log.begin("unplugged", 2)
    log.stalled()
    assert ["stalled" in entry for entry in log.view()] == [False, True]


def test_last_thousand_are_kept_and_the_newest_can_be_asked_for() -> None:
    log = ReactionLog()
    for number in range(KEPT + 5):
        log.begin("tilt", number)
        log.opened(number)
    assert len(log.view()) == KEPT
    assert [entry["t_ns"] for entry in log.view(2)] == [KEPT + 3, KEPT + 4]
    assert log.view(0) == []
