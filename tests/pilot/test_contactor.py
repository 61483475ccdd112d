import pytest

from stationd.pilot.contactor import (
    DROP_MS,
    HEALTHY_MS,
    SURE_MS,
    TRIES,
    Contactor,
    command,
    may_close,
    supervise,
    surely_open,
    worn_out,
)


def watch(contactor: Contactor, sensed: bool | None, from_ms: int, to_ms: int, step_ms: int = 10) -> Contactor:
    for now_ms in range(from_ms, to_ms + 1, step_ms):
        contactor = supervise(contactor, sensed, now_ms, close_ms=1_000, open_ms=500, slow_ms=100)
    return contactor


def closed(tries: int = 0) -> Contactor:
    return watch(command(Contactor(since_ms=0, tries=tries), closed=True, now_ms=0), True, 10, 50)


def test_feedback_in_time_settles_it() -> None:
    contactor = watch(command(Contactor(since_ms=0), closed=True, now_ms=0), False, 10, 900)
    assert not contactor.failed
    contactor = watch(contactor, True, 910, 950)
    assert contactor.settled
    assert contactor.tries == 0


def test_a_contactor_that_does_not_close_has_failed_once() -> None:
    contactor = watch(command(Contactor(since_ms=0), closed=True, now_ms=0), False, 10, 1_020)
    assert contactor.failed
    assert contactor.tries == 1
    assert watch(contactor, False, 1_030, 5_000).tries == 1


def test_a_contact_that_drops_has_failed_but_a_bounce_has_not() -> None:
    contactor = watch(closed(), False, 60, 60 + DROP_MS - 10)
    assert not contactor.failed
    assert not watch(contactor, True, 110, 200).failed
    assert watch(closed(), False, 60, 60 + DROP_MS).failed


def test_a_contact_that_does_not_open_is_welded() -> None:
    contactor = command(closed(), closed=False, now_ms=100)
    assert not watch(contactor, True, 110, 600).welded
    assert watch(contactor, True, 110, 610).welded


def test_a_contact_that_opens_late_is_not_welded() -> None:
    contactor = watch(command(closed(), closed=False, now_ms=100), True, 110, 590)
    assert not watch(contactor, False, 600, 2_000).welded


def test_an_opening_that_takes_too_long_is_counted_once() -> None:
    contactor = watch(command(closed(), closed=False, now_ms=100), True, 110, 200)
    assert watch(contactor, False, 200, 400).slow == 0  # 100 ms are in time
    late = watch(watch(contactor, True, 210, 210), False, 220, 1_000)
    assert late.slow == 1
    again = watch(command(late, closed=True, now_ms=1_010), True, 1_020, 1_100)
    assert again.slow == 1
    assert watch(command(again, closed=False, now_ms=1_110), False, 1_120, 2_000).slow == 1


def test_an_opening_that_could_not_be_watched_is_no_slow_one() -> None:
    contactor = watch(command(closed(), closed=False, now_ms=100), None, 110, 700)
    assert watch(contactor, False, 710, 1_000).slow == 0
    contactor = watch(command(closed(), closed=False, now_ms=100), True, 110, 150)
    assert watch(watch(contactor, None, 160, 700), False, 710, 1_000).slow == 0


def test_the_first_look_after_a_start_is_no_slow_opening() -> None:
    contactor = watch(Contactor(since_ms=0), None, 10, 400)
    assert watch(contactor, False, 410, 600).slow == 0


def test_a_contact_found_closed_at_the_start_is_welded() -> None:
    assert watch(Contactor(since_ms=0), True, 10, 520).welded


def test_a_contact_that_closes_by_itself_is_welded() -> None:
    contactor = watch(Contactor(since_ms=0), False, 0, 1_000)
    assert watch(contactor, True, 1_010, 1_510).welded


def test_unreadable_feedback_decides_nothing() -> None:
    contactor = closed()
    assert watch(contactor, None, 60, 5_000) is contactor


def test_a_contactor_first_read_long_after_the_start_is_not_welded_at_once() -> None:
    assert not supervise(Contactor(since_ms=0), True, 10_000, close_ms=1_000, open_ms=500, slow_ms=100).welded


def test_failures_are_forgotten_after_a_minute_closed() -> None:
    contactor = closed(tries=2)
    assert contactor.tries == 2
    assert watch(contactor, True, 60, HEALTHY_MS, 1_000).tries == 2
    assert supervise(contactor, True, HEALTHY_MS, close_ms=1_000, open_ms=500, slow_ms=100).tries == 0


def test_flickering_feedback_does_not_hide_a_weld() -> None:
    contactor = command(closed(), closed=False, now_ms=100)
    for now_ms in range(104, 600, 4):
        contactor = supervise(contactor, now_ms % 60 >= SURE_MS - 20, now_ms, close_ms=1_000, open_ms=400, slow_ms=100)
        assert not surely_open(contactor)
    assert contactor.welded


def test_a_contact_is_surely_open_after_a_time_without_a_break() -> None:
    contactor = watch(command(closed(), closed=False, now_ms=100), False, 110, 110 + SURE_MS - 10)
    assert not surely_open(contactor)
    assert surely_open(watch(contactor, False, 110 + SURE_MS, 110 + SURE_MS))
    for broken in (True, None):
        again = watch(contactor, broken, 110 + SURE_MS, 110 + SURE_MS)
        assert not surely_open(watch(again, False, 120 + SURE_MS, 110 + 2 * SURE_MS))
        assert surely_open(watch(again, False, 120 + SURE_MS, 120 + 2 * SURE_MS))


def test_an_open_contact_makes_no_new_objects() -> None:
    contactor = watch(Contactor(since_ms=0), False, 0, 200)
    assert watch(contactor, False, 210, 500) is contactor


@pytest.mark.parametrize(
    ("contactor", "sensed", "ok"),
    [
        (Contactor(since_ms=0, settled=True), False, True),
        (Contactor(since_ms=0), False, False),  # open for a moment only
        (Contactor(since_ms=0, settled=True), True, False),
        (Contactor(since_ms=0, settled=True), None, False),
        (Contactor(since_ms=0, settled=True, tries=TRIES), False, False),
        (Contactor(since_ms=0, settled=True, welded=True), False, False),
        (Contactor(since_ms=0, settled=True, commanded=True), False, False),
    ],
)
def test_only_an_open_healthy_contactor_may_close(contactor: Contactor, sensed: bool | None, ok: bool) -> None:
    assert may_close(contactor, sensed) is ok


def test_a_repeated_command_changes_nothing() -> None:
    contactor = closed()
    assert command(contactor, closed=True, now_ms=900) is contactor


def look(contactor: Contactor, sensed: bool | None, now_ms: int) -> Contactor:
    return supervise(contactor, sensed, now_ms, close_ms=1_000, open_ms=500, slow_ms=100)


def test_failures_are_forgotten_after_exactly_a_minute_closed() -> None:
    contactor = Contactor(since_ms=5_000, commanded=True, settled=True, tries=2)
    assert look(contactor, True, 64_999).tries == 2
    assert look(contactor, True, 65_000).tries == 0


def test_each_bounce_has_its_own_50_ms() -> None:
    contactor = watch(watch(closed(), False, 60, 100), True, 110, 120)
    assert contactor.differs_since_ms is None
    assert not watch(contactor, False, 130, 170).failed


def test_a_sure_opening_ends_the_time_of_a_weld() -> None:
    contactor = watch(watch(Contactor(since_ms=0), True, 0, 400), False, 410, 500)
    assert surely_open(contactor)
    assert not watch(contactor, True, 1_000, 1_490).welded
    assert watch(contactor, True, 1_000, 1_500).welded


def test_a_moment_open_does_not_end_the_time_of_a_weld() -> None:
    contactor = look(look(Contactor(since_ms=0), True, 0), False, 300)
    assert look(contactor, True, 510).welded


def test_an_opening_is_counted_as_slow_once() -> None:
    contactor = watch(command(closed(), closed=False, now_ms=100), True, 110, 300)
    contactor = watch(contactor, False, 310, 400)
    assert contactor.slow == 1
    contactor = watch(look(contactor, True, 410), False, 420, 600)
    assert surely_open(contactor)
    assert contactor.slow == 1


def test_unreadable_feedback_neither_begins_nor_makes_a_weld() -> None:
    unread = watch(command(closed(), closed=False, now_ms=100), None, 110, 5_000)
    assert not look(unread, True, 5_010).welded
    begun = watch(command(closed(), closed=False, now_ms=100), True, 110, 200)
    assert not watch(begun, None, 210, 5_000).welded


def test_a_weld_stays_one_while_the_feedback_says_nothing() -> None:
    welded = watch(Contactor(since_ms=0), True, 0, 500)
    assert look(welded, None, 510).welded
    assert look(look(welded, False, 520), True, 524).welded
    assert look(welded, True, 520) is welded
    assert command(welded, closed=True, now_ms=530).welded


def test_a_contact_that_is_seen_closed_again_is_not_surely_open() -> None:
    contactor = watch(Contactor(since_ms=0), False, 0, 200)
    assert surely_open(contactor)
    assert not surely_open(look(contactor, True, 210))
    assert not surely_open(look(contactor, None, 210))


def test_a_contactor_that_was_open_at_the_start_did_not_open_slowly() -> None:
    assert watch(Contactor(since_ms=0), False, 5_000, 5_100).slow == 0


@pytest.mark.parametrize(("tries", "slow", "worn"), [(2, 2, False), (3, 0, True), (0, 3, True), (0, 4, True)])
def test_three_failures_of_a_kind_are_enough(tries: int, slow: int, worn: bool) -> None:
    assert worn_out(Contactor(since_ms=0, tries=tries, slow=slow)) is worn
