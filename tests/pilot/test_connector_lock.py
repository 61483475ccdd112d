from stationd.pilot.connector_lock import LOST_MS, RETRY_PAUSE_MS, TRIES, Lock, aim, lost, pin, supervise
from stationd.pilot.interfaces import LockFeedback

LOCKED, UNLOCKED, MOVING, FAILED = (
    LockFeedback.LOCKED,
    LockFeedback.UNLOCKED,
    LockFeedback.MOVING,
    LockFeedback.FAILED,
)


def look(lock: Lock, feedback: LockFeedback | None, now_ms: int, *, may_move: bool = True) -> Lock:
    return supervise(lock, feedback, now_ms, try_ms=3_000, may_move=may_move)


def watch(lock: Lock, feedback: LockFeedback | None, from_ms: int, to_ms: int, *, may_move: bool = True) -> Lock:
    for now_ms in range(from_ms, to_ms + 1, 20):
        lock = look(lock, feedback, now_ms, may_move=may_move)
    return lock


def test_at_the_start_the_lock_is_left_where_it_is_found() -> None:
    lock = Lock(since_ms=0)
    assert pin(lock) is None
    assert pin(look(lock, None, 10)) is None
    assert pin(look(lock, MOVING, 10)) is None
    assert pin(look(lock, LOCKED, 10)) is True
    assert pin(look(lock, UNLOCKED, 10)) is False


def test_feedback_in_time_is_fine() -> None:
    lock = watch(aim(Lock(since_ms=0), wanted=True, now_ms=0), MOVING, 20, 2_900)
    lock = look(lock, LOCKED, 2_950)
    assert lock.tries == 0
    assert not lock.failed
    assert pin(lock) is True


def test_a_jammed_lock_is_tried_three_times_and_has_then_failed() -> None:
    lock = aim(Lock(since_ms=0), wanted=True, now_ms=0)
    pins = []
    for now_ms in range(20, 12_000, 20):
        lock = look(lock, UNLOCKED, now_ms)
        if not pins or pins[-1] != pin(lock):
            pins.append(pin(lock))
        if lock.failed:
            break
    assert lock.failed
    assert lock.tries == TRIES
    assert pins == [True, False, True, False, True]
    assert 9_000 <= now_ms <= 9_000 + 2 * RETRY_PAUSE_MS + 100


def test_a_lock_is_not_moved_while_the_contactor_is_not_surely_open() -> None:
    lock = look(aim(Lock(since_ms=0), wanted=True, now_ms=0), LOCKED, 20)
    for now_ms in range(40, 20_000, 20):
        lock = look(lock, FAILED, now_ms, may_move=False)
        assert pin(lock) is True


def test_a_failed_lock_recovers_when_its_position_is_seen() -> None:
    lock = watch(aim(Lock(since_ms=0), wanted=False, now_ms=0), LOCKED, 20, 12_000)
    assert lock.failed
    assert not look(lock, UNLOCKED, 12_020).failed


def test_a_lock_that_slips_is_lost_after_a_moment() -> None:
    lock = look(aim(Lock(since_ms=0), wanted=True, now_ms=0), LOCKED, 20)
    lock = look(lock, MOVING, 5_000)
    assert not lost(lock, 5_000 + LOST_MS - 1)
    assert lost(lock, 5_000 + LOST_MS)
    assert not lost(look(lock, LOCKED, 5_050), 6_000)


def test_a_slip_gets_a_whole_try_before_the_lock_moves() -> None:
    lock = look(aim(Lock(since_ms=0), wanted=True, now_ms=0), LOCKED, 20)
    lock = watch(lock, UNLOCKED, 50_000, 52_980)
    assert pin(lock) is True
    assert pin(watch(lock, UNLOCKED, 53_000, 53_040)) is False


def test_a_new_aim_forgets_an_old_failure() -> None:
    lock = watch(aim(Lock(since_ms=0), wanted=True, now_ms=0), UNLOCKED, 20, 12_000)
    assert lock.failed
    assert not aim(lock, wanted=False, now_ms=12_020).failed
    assert aim(lock, wanted=True, now_ms=12_020) is lock


def test_a_lock_has_3_s_a_try_and_300_ms_between_two() -> None:
    lock = aim(Lock(since_ms=0), wanted=True, now_ms=10_000)
    lock = look(lock, UNLOCKED, 10_004)
    assert not look(lock, UNLOCKED, 12_999).pausing
    lock = look(lock, UNLOCKED, 13_000)
    assert (lock.pausing, lock.tries, pin(lock)) == (True, 1, False)
    assert look(lock, UNLOCKED, 13_299).pausing
    lock = look(lock, UNLOCKED, 13_300)
    assert (lock.pausing, pin(lock)) == (False, True)
    assert not look(lock, UNLOCKED, 16_299).pausing  # a whole try again
    assert look(lock, UNLOCKED, 16_300).pausing


def test_a_slip_counts_as_lost_after_100_ms() -> None:
    lock = look(look(aim(Lock(since_ms=0), wanted=True, now_ms=0), LOCKED, 20), MOVING, 5_000)
    assert not lost(lock, 5_099)
    assert lost(lock, 5_100)


def test_a_position_that_is_passed_while_the_lock_is_driven_back_is_no_success() -> None:
    lock = Lock(since_ms=0, wanted=True, tries=1, pausing=True, off_since_ms=0)
    assert look(lock, LOCKED, 100).tries == 1


def test_a_success_forgets_the_tries_before() -> None:
    lock = Lock(since_ms=0, wanted=True, tries=2, failed=False, off_since_ms=0)
    assert look(lock, LOCKED, 100) == Lock(since_ms=0, wanted=True)


def test_a_lock_at_rest_makes_no_new_objects() -> None:
    lock = look(aim(Lock(since_ms=0), wanted=True, now_ms=0), LOCKED, 20)
    assert look(lock, LOCKED, 24) is lock


def test_a_slip_soon_after_the_command_belongs_to_its_try() -> None:
    lock = look(aim(Lock(since_ms=0), wanted=True, now_ms=10_000), LOCKED, 10_020)
    assert look(lock, MOVING, 12_999).since_ms == 10_000
    late = look(lock, MOVING, 13_000)
    assert (late.since_ms, late.pausing) == (13_000, False)


def test_a_failed_lock_is_left_alone() -> None:
    lock = watch(aim(Lock(since_ms=0), wanted=True, now_ms=0), UNLOCKED, 20, 12_000)
    assert lock.failed
    assert watch(lock, UNLOCKED, 12_020, 40_000) is lock
    assert pin(lock) is True


def test_a_lock_that_may_not_move_any_more_is_not_driven_the_other_way() -> None:
    lock = watch(aim(Lock(since_ms=0), wanted=True, now_ms=0), UNLOCKED, 20, 3_100)
    assert pin(lock) is False
    held = look(lock, UNLOCKED, 3_120, may_move=False)
    assert pin(held) is True
    assert look(held, UNLOCKED, 3_140, may_move=False) is held


def test_a_contactor_that_is_not_surely_open_never_turns_the_lock_towards_unlocked() -> None:
    retrying = Lock(since_ms=0, wanted=False, tries=1, pausing=True, off_since_ms=0)
    assert pin(retrying) is True
    held = supervise(retrying, LOCKED, 5_000, try_ms=3_000, may_move=False)
    assert pin(held) is True
    assert pin(supervise(held, LOCKED, 5_300, try_ms=3_000, may_move=True)) is False


def test_a_contactor_that_is_not_surely_open_turns_a_lock_in_its_pause_back_to_locked() -> None:
    retrying = Lock(since_ms=0, wanted=True, tries=1, pausing=True, off_since_ms=0)
    assert pin(supervise(retrying, UNLOCKED, 10, try_ms=3_000, may_move=False)) is True
