"""Doubt of energy registers: one wrong answer is refused, a swapped meter is believed after a while."""

from stationd.hal.interfaces import MeterReading
from stationd.hal.plausibility import READS_TO_BELIEVE, CheckedMeter, RegisterGuard


class ListedMeter:
    """Answers with the readings of a list."""

    def __init__(self, *readings: MeterReading) -> None:
        self.readings = list(readings)
        self.closed = False

    async def read(self) -> MeterReading:
        return self.readings.pop(0)

    async def close(self) -> None:
        self.closed = True


def reading(at_s: float, import_wh: float | None, export_wh: float | None = None) -> MeterReading:
    return MeterReading(taken_at_s=at_s, energy_import_wh=import_wh, energy_export_wh=export_wh, power_w=1.0)


def guard(max_power_w: float = 22_000, energy_speed: float = 1) -> RegisterGuard:
    return RegisterGuard("energy_import", max_power_w=max_power_w, energy_speed=energy_speed)


def test_a_register_that_counts_up_is_believed() -> None:
    judge = guard()
    assert [judge.check(1000 + 6 * second, second) for second in range(100)] == [None] * 100


def test_one_wrong_answer_is_refused_and_the_next_right_one_is_believed() -> None:
    judge = guard()
    judge.check(5000, 0)
    assert "fell from 5000 to 12 Wh" in str(judge.check(12, 10))
    assert judge.check(5010, 20) is None
    assert "rose by 4994990 Wh in 10 s" in str(judge.check(5_000_000, 30))
    assert judge.check(5030, 40) is None


def test_wrong_answers_that_alternate_with_right_ones_never_add_up() -> None:
    judge = guard()
    judge.check(5000, 0)
    for second in range(1, 20):
        assert judge.check(9e9 + second, 2 * second) is not None
        assert judge.check(5000 + second, 2 * second + 1) is None


def test_wrong_answers_that_contradict_each_other_never_add_up() -> None:
    judge = guard()
    judge.check(5000, 0)
    assert all(judge.check(wrong, second) for second, wrong in enumerate([4000, 3000, 2000, 1000, 500, 100], 1))


def test_a_swapped_meter_is_believed_at_the_third_read_that_agrees() -> None:
    judge = guard()
    judge.check(9_000_000, 0)
    results = [judge.check(100 + 10 * n, 60.0 * n) for n in range(1, 5)]
    assert [result is None for result in results] == [False, False, True, True]
    assert f"(read 1 of {READS_TO_BELIEVE} before it is believed)" in str(results[0])


def test_energy_counted_while_nobody_read_is_believed_by_the_time_that_passed() -> None:
    judge = guard(22_000)
    judge.check(0, 0)
    assert judge.check(22_000, 3600) is None
    assert judge.check(22_000 + 30_000, 7200) is not None


def test_a_first_answer_that_was_wrong_is_corrected_by_those_that_follow() -> None:
    judge = guard()
    judge.check(8e8, 0)
    assert [judge.check(1000 + n, n) is None for n in range(1, 4)] == [False, False, True]


def test_a_limit_set_too_low_does_not_lose_the_register_for_ever() -> None:
    judge = guard(max_power_w=100)
    believed = [judge.check(1000.0 * n, 10.0 * n) is None for n in range(30)]
    assert believed.count(True) >= 10


def test_accelerated_energy_of_a_simulated_board_is_believed_only_if_declared() -> None:
    real, fast = guard(22_000), guard(22_000, energy_speed=60)
    for judge in (real, fast):
        judge.check(0, 0)
    wh_in_a_minute = 11_000 * 60 / 60
    assert real.check(wh_in_a_minute, 60) is not None
    assert fast.check(wh_in_a_minute, 60) is None


async def test_a_doubtful_register_empties_the_whole_reading() -> None:
    meter = CheckedMeter(
        ListedMeter(reading(0, 1000, 5), reading(1, 10, 6), reading(2, 1001, 2)), max_power_w=1e5, energy_speed=1
    )
    assert (await meter.read()).energy_import_wh == 1000
    second, third = await meter.read(), await meter.read()
    assert second == MeterReading(taken_at_s=1, error=second.error)
    assert "cannot trust meter: energy_import fell" in str(second.error)
    assert "energy_export fell from 6 to 2 Wh" in str(third.error)


async def test_failed_reads_and_missing_registers_pass_and_change_nothing() -> None:
    failed = MeterReading(taken_at_s=1, error="cannot read meter")
    inner = ListedMeter(reading(0, 1000), failed, reading(2, None), reading(3, 1001))
    meter = CheckedMeter(inner, max_power_w=1e5, energy_speed=1)
    results = [await meter.read() for _ in range(4)]
    assert results[1] is failed
    assert results[2].error is None
    assert results[3].energy_import_wh == 1001
    await meter.close()
    assert inner.closed
