import pytest

from stationd.pilot.fault_inputs import CLEAR_MS, Inputs, follow

DOOR = frozenset({"door_open"})
QUIET: frozenset[str] = frozenset()


def test_one_sample_is_noise_and_two_are_a_fault() -> None:
    inputs = follow(Inputs(), DOOR, 0)
    assert not inputs.active
    assert follow(inputs, DOOR, 4).active == DOOR


@pytest.mark.parametrize(("quiet", "counts"), [(1, True), (2, True), (3, False), (20, False)])
def test_looks_that_are_faulty_often_count_even_if_never_twice_in_a_row(quiet: int, counts: bool) -> None:
    inputs = Inputs()
    for n in range(500):
        inputs = follow(inputs, QUIET if n % (quiet + 1) else DOOR, n * 4)
    assert bool(inputs.active) is counts


def test_an_alternating_input_counts_within_three_looks() -> None:
    inputs = follow(follow(follow(Inputs(), DOOR, 0), QUIET, 4), DOOR, 8)
    assert inputs.active == DOOR


def test_a_fault_ends_after_a_quiet_second() -> None:
    inputs = follow(follow(Inputs(), DOOR, 0), DOOR, 4)
    assert follow(inputs, QUIET, 4 + CLEAR_MS - 1).active == DOOR
    assert not follow(inputs, QUIET, 4 + CLEAR_MS).active


def test_a_chattering_input_stays_a_fault() -> None:
    inputs = follow(follow(Inputs(), DOOR, 0), DOOR, 4)
    for now_ms in range(500, 10_000, 500):
        inputs = follow(inputs, DOOR if now_ms % 1_000 else QUIET, now_ms)
        assert inputs.active == DOOR


def test_inputs_do_not_mix() -> None:
    inputs = follow(follow(Inputs(), DOOR, 0), DOOR | {"tilt"}, 4)
    assert inputs.active == DOOR
    assert follow(inputs, frozenset({"tilt"}), 8).active == DOOR | {"tilt"}


def test_quiet_inputs_make_no_new_objects() -> None:
    inputs = Inputs()
    assert follow(inputs, QUIET, 5) is inputs


def test_an_input_that_is_faulty_in_every_third_look_counts_at_the_second() -> None:
    inputs = Inputs()
    for n, faulty in enumerate((DOOR, QUIET, QUIET)):
        inputs = follow(inputs, faulty, n * 4)
    assert not inputs.active
    assert follow(inputs, DOOR, 12).active == DOOR


def test_looks_in_every_tick_end_a_fault_after_a_quiet_second_and_forget_it() -> None:
    inputs = follow(follow(Inputs(), DOOR, 0), DOOR, 4)
    for now_ms in range(8, 1_004, 4):
        inputs = follow(inputs, QUIET, now_ms)
        assert inputs.active == DOOR
    inputs = follow(inputs, QUIET, 1_004)
    assert inputs == Inputs()
    assert follow(inputs, QUIET, 1_008) is inputs


def test_a_single_look_keeps_a_fault_that_is_in_force() -> None:
    inputs = follow(follow(Inputs(), DOOR, 0), DOOR, 4)
    for now_ms in range(8, 2_000, 4):
        inputs = follow(inputs, DOOR if now_ms == 900 else QUIET, now_ms)
        assert bool(inputs.active) is (now_ms < 1_900)


def test_one_faulty_look_is_forgotten_after_three_quiet_ones() -> None:
    inputs = follow(Inputs(), DOOR, 0)
    for now_ms in (4, 8):
        inputs = follow(inputs, QUIET, now_ms)
        assert inputs != Inputs()
    assert follow(inputs, QUIET, 12) == Inputs()
