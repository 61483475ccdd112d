import pytest

from stationd.pilot.cp import CpState
from stationd.pilot.phase_switch import (
    APART,
    BLIND,
    FOLLOW_MS,
    JOIN_MS,
    LOST_MS,
    MOVE_MS,
    PART_MS,
    Phases,
    Stage,
    connects,
    finish,
    follow,
    reset,
    wanted,
)

THREE = Phases(since_ms=0, position=3, unparted=False)


def look(
    phases: Phases,
    now_ms: int,
    *,
    sensed: int | None = 3,
    target: int | None = 1,
    is_open: bool = True,
    cp: CpState | None = None,
) -> Phases:
    return follow(phases, sensed, now_ms, target=target, is_open=is_open, rest_ms=10_000, cp=cp)


def at(stage: Stage, *, position: int = 3) -> Phases:
    return Phases(since_ms=0, position=position, target=1, stage=stage)


def test_the_change_goes_its_one_way() -> None:
    stages = [(0, THREE)]
    phases, sensed = THREE, 3
    for now_ms in range(0, 4_000, 4):
        phases = look(phases, now_ms, sensed=sensed, is_open=now_ms >= 500)
        sensed = phases.position
        if phases.stage is not stages[-1][1].stage:
            stages.append((now_ms, phases))
    told = [(now_ms, phases.stage, phases.position) for now_ms, phases in stages[1:]]
    assert told == [
        (0, Stage.STOPPING, 3),
        (500, Stage.OPENED, 3),
        (500 + PART_MS, Stage.PARTED, 3),
        (500 + 2 * PART_MS, Stage.MOVING, 1),
        (500 + 2 * PART_MS + MOVE_MS, Stage.JOINING, 1),
        (500 + 2 * PART_MS + MOVE_MS + JOIN_MS, Stage.REST, 1),
    ]
    assert connects(phases) == 1


def test_a_change_of_mind_before_the_contactor_opened_ends_it() -> None:
    assert look(at(Stage.STOPPING), 50, target=3) == Phases(since_ms=50, position=3, target=1)
    assert look(at(Stage.STOPPING), 50, target=None, is_open=False).stage is Stage.STOPPING


@pytest.mark.parametrize(("stage", "back"), [(Stage.OPENED, Stage.STOPPING), (Stage.PARTED, Stage.JOINING)])
def test_a_contactor_that_is_not_open_any_more_keeps_the_switch_from_moving(stage: Stage, back: Stage) -> None:
    phases = look(at(stage), PART_MS, is_open=False)
    assert (phases.stage, phases.position) == (back, 3)


@pytest.mark.parametrize("stage", [Stage.OPENED, Stage.PARTED])
def test_each_pause_lasts_its_time(stage: Stage) -> None:
    phases = at(stage)
    assert look(phases, PART_MS - 1) is phases
    assert look(phases, PART_MS).stage is not stage


def test_a_switch_that_does_not_follow_has_failed_and_the_pilot_is_joined_again() -> None:
    moving = at(Stage.MOVING, position=1)
    assert look(moving, FOLLOW_MS - 1, sensed=0) is moving
    failed = look(moving, FOLLOW_MS, sensed=0)
    assert failed.failed
    assert failed.stage is Stage.JOINING
    rest = look(failed, FOLLOW_MS + JOIN_MS, sensed=0)
    assert rest.stage is Stage.REST
    assert connects(rest) == 0
    assert look(rest, 20_000, sensed=1, target=3).stage is Stage.REST  # not without a reset


def test_a_switch_that_cannot_be_read_while_it_moves_is_judged_afterwards() -> None:
    joining = look(at(Stage.MOVING, position=1), MOVE_MS, sensed=None)
    assert joining.stage is Stage.JOINING
    assert not joining.failed
    rest = look(joining, MOVE_MS + JOIN_MS, sensed=None)
    lost = look(rest, MOVE_MS + 200, sensed=3)
    assert look(lost, MOVE_MS + 200 + LOST_MS, sensed=3).failed


def test_the_next_change_waits_for_its_rest() -> None:
    moved = look(at(Stage.PARTED), PART_MS)
    assert moved.rested_ms == PART_MS + 10_000
    rest = Phases(since_ms=3_000, position=1, rested_ms=moved.rested_ms)
    assert look(rest, moved.rested_ms - 1, sensed=1, target=3) is rest
    assert look(rest, moved.rested_ms, sensed=1, target=3).stage is Stage.STOPPING


def test_no_wish_moves_nothing() -> None:
    assert look(THREE, 50_000, target=None) is THREE
    assert look(THREE, 50_000, target=3) is THREE


def test_feedback_that_wavers_for_long_is_a_failure() -> None:
    phases = look(THREE, 0, sensed=0, target=None)
    assert connects(phases) == 0
    assert look(phases, 50, sensed=3, target=None) == THREE
    assert look(phases, LOST_MS - 1, sensed=0, target=1) is phases  # no change begins from an unclear position
    failed = look(phases, LOST_MS, sensed=1, target=None)
    assert failed.failed
    assert look(failed, 5_000, sensed=1, target=None) is failed


def test_unreadable_feedback_is_no_position() -> None:
    assert look(THREE, 0, sensed=None, target=None) is THREE


def test_a_switch_that_cannot_be_read_at_the_start_is_not_moved_until_it_can() -> None:
    unknown = Phases(since_ms=0)
    assert look(unknown, 50 * FOLLOW_MS, sensed=None, target=None) is unknown
    found = look(look(unknown, 50_000, sensed=1, target=None), 50_000 + LOST_MS, sensed=1, target=None)
    assert found.position == 1


@pytest.mark.parametrize("sensed", [1, 3])
def test_the_position_is_learnt_from_feedback_that_stands(sensed: int) -> None:
    phases = look(Phases(since_ms=0), 4, sensed=sensed, target=None)
    assert look(phases, 3 + LOST_MS, sensed=sensed, target=None) is phases
    found = look(phases, 4 + LOST_MS, sensed=sensed, target=None)
    assert found == Phases(since_ms=0, position=sensed)


@pytest.mark.parametrize("odd", [0, 1, None])
def test_one_odd_look_begins_the_finding_anew(odd: int | None) -> None:
    phases = look(look(Phases(since_ms=0), 4, target=None), 50, sensed=odd, target=None)
    phases = look(phases, 60, target=None)
    assert look(phases, 59 + LOST_MS, target=None).position == 0
    assert look(phases, 60 + LOST_MS, target=None).position == 3


def test_a_switch_between_its_positions_at_the_start_is_moved_to_three_phases() -> None:
    phases = look(Phases(since_ms=0), FOLLOW_MS - 1, sensed=0, target=1)
    assert phases == Phases(since_ms=0)
    phases = look(phases, FOLLOW_MS, sensed=0, target=1)
    assert (phases.stage, phases.target, connects(phases)) == (Stage.STOPPING, 3, 0)
    assert look(phases, FOLLOW_MS + 4, sensed=0, target=1).stage is Stage.OPENED  # whatever is wished


@pytest.mark.parametrize("stage", [Stage.REST, Stage.JOINING])
def test_a_reset_leaves_the_switch_where_it_was_told_to_be(stage: Stage) -> None:
    failed = Phases(since_ms=3, position=1, failed=True, rested_ms=77, stage=stage, lost_since_ms=3)
    assert reset(failed) == Phases(since_ms=3, position=1, rested_ms=77, stage=stage)


@pytest.mark.parametrize(("offered", "position"), [(1, 1), (2, 1), (3, 3)])
def test_no_more_phases_than_offered(offered: int, position: int) -> None:
    assert wanted(offered) == position


def test_the_pilot_is_not_believed_while_it_is_parted_or_just_joined() -> None:
    assert set(APART) < set(BLIND)
    assert Stage.JOINING in BLIND
    assert all(connects(at(stage)) == 0 for stage in BLIND)


def test_the_times_of_the_change_are_those_that_harm_no_vehicle() -> None:
    assert (PART_MS, MOVE_MS, FOLLOW_MS, JOIN_MS, LOST_MS) == (100, 2_000, 1_000, 100, 100)


def test_every_stage_begins_its_time_when_it_is_entered() -> None:
    late_ms = 60_000
    begun = [
        look(at(Stage.STOPPING), late_ms),
        look(at(Stage.OPENED), late_ms, is_open=False),
        look(at(Stage.OPENED), late_ms),
        look(at(Stage.PARTED), late_ms, is_open=False),
        look(at(Stage.PARTED), late_ms),
        look(at(Stage.MOVING, position=1), late_ms, sensed=1),
        look(at(Stage.MOVING, position=1), late_ms, sensed=3),
        look(at(Stage.JOINING), late_ms),
        look(THREE, late_ms),
        look(Phases(since_ms=0), late_ms, sensed=0),
    ]
    assert [phases.since_ms for phases in begun] == [late_ms] * len(begun)


def test_a_switch_just_joined_waits_before_it_rests() -> None:
    joining = Phases(since_ms=50_000, position=1, target=1, stage=Stage.JOINING)
    assert look(joining, 50_099, sensed=1) is joining
    assert look(joining, 50_100, sensed=1).stage is Stage.REST


def test_a_switch_that_failed_between_its_positions_is_not_moved_again() -> None:
    failed = Phases(since_ms=0, failed=True)
    assert look(failed, 50_000, sensed=0) is failed


def test_a_switch_between_its_positions_late_after_the_start_has_its_second_too() -> None:
    unknown = Phases(since_ms=50_000)
    assert look(unknown, 50_999, sensed=0) is unknown
    assert look(unknown, 51_000, sensed=0).stage is Stage.STOPPING


def test_feedback_lost_late_has_its_time_too() -> None:
    lost = look(THREE, 50_000, sensed=0, target=None)
    assert lost.lost_since_ms == 50_000
    assert look(lost, 50_099, sensed=0, target=None) is lost
    assert look(lost, 50_100, sensed=0, target=None).failed


def test_a_new_switch_knows_and_wants_nothing() -> None:
    assert Phases(since_ms=5) == Phases(
        since_ms=5, position=0, target=0, stage=Stage.REST, rested_ms=0, lost_since_ms=None, failed=False
    )


@pytest.mark.parametrize("stage", [Stage.REST, Stage.STOPPING, Stage.OPENED])
def test_a_process_that_stops_begins_no_change(stage: Stage) -> None:
    phases = at(stage)
    ended = finish(phases, 3, 700)
    assert (ended.stage, ended.position) == (Stage.REST, 3)
    assert (ended is phases) is (stage is Stage.REST)
    assert ended.since_ms == (0 if stage is Stage.REST else 700)


def test_a_process_that_stops_joins_the_pilot_in_good_order() -> None:
    assert finish(at(Stage.PARTED), 3, 4).stage is Stage.JOINING
    moving = at(Stage.MOVING, position=1)
    assert finish(moving, 1, MOVE_MS - 1) is moving
    assert finish(moving, 1, MOVE_MS).stage is Stage.JOINING
    joining = at(Stage.JOINING)
    assert finish(joining, 3, JOIN_MS - 1) is joining
    assert finish(joining, 3, JOIN_MS) == Phases(since_ms=JOIN_MS, position=3, target=1)


def test_feedback_that_wavers_while_a_change_begins_is_timed_and_fails() -> None:
    wavering = look(at(Stage.STOPPING), 50, sensed=0, is_open=False)
    assert (wavering.stage, wavering.lost_since_ms, wavering.failed) == (Stage.STOPPING, 50, False)
    failed = look(wavering, 50 + LOST_MS, sensed=0, is_open=False)
    assert (failed.stage, failed.since_ms, failed.failed) == (Stage.REST, 50 + LOST_MS, True)


def test_a_vehicle_found_at_the_start_is_parted_once_whatever_is_wished() -> None:
    found = Phases(since_ms=0, position=3)
    begun = look(found, 500, target=1, cp=CpState.B)
    assert (begun.stage, begun.since_ms, begun.target) == (Stage.STOPPING, 500, 3)
    assert look(begun, 504, target=1, is_open=False) is begun
    moving = look(look(look(begun, 504), 504 + PART_MS), 504 + 2 * PART_MS)
    assert (moving.stage, moving.position, moving.rested_ms, moving.unparted) == (Stage.MOVING, 3, 0, True)
    assert look(moving, 504 + 2 * PART_MS + MOVE_MS).unparted is False


@pytest.mark.parametrize("cp", [CpState.E, CpState.F, None])
def test_a_start_waits_for_a_pilot_that_says_whether_there_is_a_vehicle(cp: CpState | None) -> None:
    found = Phases(since_ms=0, position=3)
    assert look(found, 500, target=None, cp=cp) is found
    assert look(found, 500, target=None, cp=CpState.A) == Phases(since_ms=0, position=3, unparted=False)


def test_while_the_position_is_sought_each_look_is_remembered() -> None:
    seeking = look(Phases(since_ms=0), 4, sensed=3, target=None)
    assert (seeking.found, seeking.lost_since_ms) == (3, 4)
    assert look(seeking, 50, sensed=0, target=None) == Phases(since_ms=0)
    assert look(seeking, 50, sensed=1, target=None) == Phases(since_ms=0, found=1, lost_since_ms=50)


@pytest.mark.parametrize("unparted", [True, False])
def test_a_reset_does_not_forget_whether_the_vehicle_was_parted(unparted: bool) -> None:
    assert reset(Phases(since_ms=0, position=1, failed=True, unparted=unparted)).unparted is unparted
