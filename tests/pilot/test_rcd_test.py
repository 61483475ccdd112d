import pytest

from stationd.pilot.rcd_test import UNDER_WAY, RcdTest, Stage, answering, follow

DUE = RcdTest()
TRIPPING = RcdTest(Stage.TRIPPING, 0)


def look(test: RcdTest, now_ms: int, *, tripped: bool, begin: bool = True, is_open: bool = True) -> RcdTest:
    return follow(test, now_ms, tripped=tripped, begin=begin, is_open=is_open, limit_ms=1_000)


def test_a_session_begins_with_a_test() -> None:
    assert look(DUE, 5, tripped=False) == RcdTest(Stage.TRIPPING, 5)


@pytest.mark.parametrize("changes", [{"begin": False}, {"is_open": False}, {"tripped": True}])
def test_it_waits_for_a_session_an_open_contactor_and_a_quiet_device(changes: dict[str, bool]) -> None:
    assert look(DUE, 5, **({"tripped": False} | changes)) is DUE


def test_trip_and_release_seen_twice_each_pass() -> None:
    test = look(TRIPPING, 20, tripped=True)
    assert test.stage is Stage.TRIPPING
    test = look(test, 24, tripped=True)
    assert test == RcdTest(Stage.RELEASING, 24)
    test = look(look(test, 40, tripped=False), 44, tripped=False)
    assert test.stage is Stage.PASSED
    assert look(test, 48, tripped=False) is test


def test_one_look_that_wavers_does_not_count() -> None:
    test = look(look(TRIPPING, 20, tripped=True), 24, tripped=False)
    assert test == TRIPPING
    assert look(test, 28, tripped=True).stage is Stage.TRIPPING


@pytest.mark.parametrize(("stage", "tripped"), [(Stage.TRIPPING, False), (Stage.RELEASING, True)])
def test_a_device_that_does_not_follow_in_time_fails(stage: Stage, tripped: bool) -> None:
    test = RcdTest(stage, 0)
    assert look(test, 999, tripped=tripped) is test
    assert look(test, 1_000, tripped=tripped) == RcdTest(Stage.FAILED, 1_000)


@pytest.mark.parametrize("stage", [Stage.TRIPPING, Stage.RELEASING])
def test_a_contactor_that_is_not_open_fails_the_test(stage: Stage) -> None:
    assert look(RcdTest(stage, 0), 4, tripped=False, is_open=False).stage is Stage.FAILED


@pytest.mark.parametrize("stage", [Stage.PASSED, Stage.FAILED, Stage.DUE])
def test_a_technician_can_ask_for_one_at_any_time(stage: Stage) -> None:
    asked = RcdTest(stage, 0, asked=True)
    assert look(asked, 9, tripped=False, begin=False) == RcdTest(Stage.TRIPPING, 9)
    assert look(asked, 9, tripped=False, begin=False, is_open=False) is asked


def test_a_test_that_began_late_has_its_time_too() -> None:
    test = RcdTest(Stage.TRIPPING, 50_000)
    assert look(test, 50_999, tripped=False) is test
    assert look(test, 51_000, tripped=False).stage is Stage.FAILED


@pytest.mark.parametrize("stage", list(Stage))
def test_a_trip_is_an_answer_only_to_a_test_that_is_under_way(stage: Stage) -> None:
    assert answering(RcdTest(stage, 1_000), 1_500, limit_ms=1_000) is (stage in UNDER_WAY)


def test_a_trip_after_a_test_that_was_cut_short_is_an_answer_for_as_long_as_a_test_may_take() -> None:
    cut_short = RcdTest(since_ms=1_000, asked=True)
    assert answering(cut_short, 1_999, limit_ms=1_000)
    assert not answering(cut_short, 2_000, limit_ms=1_000)
