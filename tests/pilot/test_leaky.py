from stationd.pilot.leaky import STOPPED, Leaky, follow, spent


def played(*parts: tuple[bool, int]) -> tuple[Leaky, int]:
    leaky, now_ms = STOPPED, 1_000
    for runs, ms in parts:
        leaky = follow(leaky, now_ms, runs=runs)
        now_ms += ms
    return follow(leaky, now_ms, runs=parts[-1][0]), now_ms


def test_it_shows_how_long_it_runs() -> None:
    leaky, now_ms = played((True, 700))
    assert spent(leaky, now_ms) == 700
    assert follow(leaky, now_ms, runs=True) is leaky


def test_a_short_break_costs_as_much_as_it_lasts() -> None:
    leaky, now_ms = played((True, 700), (False, 4), (True, 100))
    assert spent(leaky, now_ms) == 796


def test_it_runs_back_to_zero_and_stays_there() -> None:
    leaky, now_ms = played((True, 700), (False, 699))
    assert spent(leaky, now_ms) == 1
    leaky, now_ms = played((True, 700), (False, 700))
    assert leaky is STOPPED
    assert follow(leaky, now_ms, runs=False) is leaky
    again, now_ms = played((True, 700), (False, 5_000), (True, 10))
    assert spent(again, now_ms) == 10


def test_a_watch_that_stands_still_is_the_same_object() -> None:
    leaky, now_ms = played((True, 700), (False, 10))
    assert follow(leaky, now_ms + 10, runs=False) is leaky
