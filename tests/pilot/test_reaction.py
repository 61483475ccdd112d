from stationd.pilot.reaction import Reaction
from stationd.pilot.stats import Histogram

MS = 1_000_000


def test_an_opening_counts_from_the_last_calm_tick_to_the_end_of_its_write() -> None:
    times = Histogram()
    reaction = Reaction(times)
    reaction.follow(opened=False, pressed=False, began_ns=0, ended_ns=1 * MS)
    reaction.follow(opened=False, pressed=False, began_ns=4 * MS, ended_ns=5 * MS)
    reaction.follow(opened=False, pressed=True, began_ns=8 * MS, ended_ns=9 * MS)
    reaction.follow(opened=True, pressed=True, began_ns=12 * MS, ended_ns=13 * MS)
    assert (times.count, times.max_us) == (1, 9_000)


def test_a_sample_that_was_nothing_is_forgotten() -> None:
    times = Histogram()
    reaction = Reaction(times)
    for tick, pressed in enumerate((False, True, False, True)):
        reaction.follow(opened=False, pressed=pressed, began_ns=tick * 4 * MS, ended_ns=tick * 4 * MS + MS)
    reaction.follow(opened=True, pressed=True, began_ns=16 * MS, ended_ns=17 * MS)
    assert times.max_us == 9_000


def test_an_opening_that_no_input_asked_for_is_not_counted() -> None:
    times = Histogram()
    Reaction(times).follow(opened=True, pressed=False, began_ns=0, ended_ns=1)
    assert times.count == 0


def test_an_opening_before_any_calm_tick_counts_from_the_start_of_the_clock() -> None:
    times = Histogram()
    Reaction(times).follow(opened=True, pressed=True, began_ns=4 * MS, ended_ns=5 * MS)
    assert times.max_us == 5_000
