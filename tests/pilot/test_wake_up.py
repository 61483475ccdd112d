import pytest

from stationd.pilot.cp import CpState
from stationd.pilot.wake_up import JOIN_MS, MODES, SLEEP_MS, WAKE_MS, Stage, WakeUp, follow


def look(wake: WakeUp, now_ms: int, cp: str = "B", *, wanted: bool = True, offering: bool = True) -> WakeUp:
    return follow(wake, CpState(cp), now_ms, wanted=wanted, offering=offering)


WATCHED = look(WakeUp(), 0)
WAKING = look(WATCHED, SLEEP_MS)


def test_half_a_minute_in_b_under_an_offer_is_sleep() -> None:
    assert look(WATCHED, SLEEP_MS - 1) is WATCHED
    assert WakeUp(Stage.WAKING, SLEEP_MS, 1) == WAKING


@pytest.mark.parametrize("changes", [{"cp": "A"}, {"cp": "C"}, {"offering": False}, {"wanted": False}])
def test_the_half_minute_begins_anew(changes: dict[str, object]) -> None:
    broken = look(WATCHED, 20_000, **changes)  # type: ignore[arg-type]
    assert broken == WakeUp()
    assert look(look(broken, 20_100), SLEEP_MS + 1).stage is Stage.WATCHING


def test_it_is_woken_for_three_seconds_and_then_left_alone() -> None:
    assert look(WAKING, SLEEP_MS + WAKE_MS - 1) is WAKING
    joining = look(WAKING, SLEEP_MS + WAKE_MS, offering=False)
    assert joining.stage is Stage.JOINING
    assert look(joining, SLEEP_MS + WAKE_MS + JOIN_MS - 1) is joining
    done = look(joining, SLEEP_MS + WAKE_MS + JOIN_MS)
    assert done.stage is Stage.DONE
    assert look(done, 10 * SLEEP_MS) is done


@pytest.mark.parametrize("cp", ["A", "C", "D"])
def test_after_it_asked_or_left_it_is_watched_again(cp: str) -> None:
    assert look(WakeUp(Stage.DONE, 5), 10, cp) == WakeUp()


def test_the_end_of_the_offer_ends_the_waking_in_good_order() -> None:
    joining = look(WAKING, SLEEP_MS + 10, wanted=False)
    assert joining == WakeUp(Stage.JOINING, SLEEP_MS + 10, 1)
    done = look(joining, SLEEP_MS + 10 + JOIN_MS, wanted=False)
    assert done.stage is Stage.DONE
    assert look(done, SLEEP_MS + 500, wanted=False) == WakeUp(count=1)


def test_nothing_wanted_makes_no_new_object() -> None:
    fresh = WakeUp()
    assert look(fresh, 5, wanted=False) is fresh
    assert look(fresh, 5, "C") is fresh


def test_the_ways_and_times_of_waking_are_those_of_the_documents() -> None:
    assert MODES == ("none", "state_f", "cp_switch")
    assert (SLEEP_MS, WAKE_MS, JOIN_MS) == (30_000, 3_000, 100)


def test_a_full_vehicle_that_answers_and_sleeps_again_is_woken_twice_a_plug_in() -> None:
    wake, now_ms, wakings = WakeUp(), 0, 0
    for _ in range(10):
        for cp, ms in (("B", SLEEP_MS + WAKE_MS + JOIN_MS + 1_000), ("C", 3_000)):
            for _ in range(ms // 100):
                was = wake.stage
                wake = look(wake, now_ms, cp)
                wakings += wake.stage is Stage.WAKING and was is not Stage.WAKING
                now_ms += 100
    assert wakings == 2
    assert follow(wake, CpState.A, now_ms, wanted=True, offering=False, gone=True) == WakeUp()
