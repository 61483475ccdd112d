"""Readings into samples, and the poller of one meter."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from stationd.domain.measurands import Measurand, MeterSample, ReadingContext, SampledValue
from stationd.hal.interfaces import MeterReading
from stationd.station.metering import (
    EvseMeter,
    Offered,
    sample_of,
    sampled_values,
    seconds_to_grid,
    thinned,
)
from stationd.station.timing import Timing
from tests.fakes.clock import FakeClock
from tests.fakes.pilot import FakeMeter, FakePilot
from tests.fakes.scheduler import FakeScheduler

READING = MeterReading(
    taken_at_s=998.5, energy_import_wh=1234.5, power_w=7000.0, current_a=(10.0, 10.1, None),
    voltage_v=(230.0, 231.0, None), frequency_hz=50.0,
)  # fmt: skip
OFFERED = Offered(16.0, 3)
EVERYTHING = tuple(Measurand)


def test_each_phase_that_is_measured_is_told_and_no_other() -> None:
    values = sampled_values(READING, ("Voltage", "Current.Import"), OFFERED)
    assert [(v.measurand, v.phase, v.value, v.unit) for v in values] == [
        ("Current.Import", "L1", 10.0, "A"),
        ("Current.Import", "L2", 10.1, "A"),
        ("Voltage", "L1-N", 230.0, "V"),
        ("Voltage", "L2-N", 231.0, "V"),
    ]


def test_energy_is_told_once_as_a_total_and_what_is_not_measured_is_left_out() -> None:
    values = sampled_values(READING, EVERYTHING, OFFERED)
    energy = [v for v in values if v.measurand is Measurand.ENERGY_IMPORT_REGISTER]
    assert energy == [SampledValue(Measurand.ENERGY_IMPORT_REGISTER, 1234.5, "Wh")]
    assert {Measurand.TEMPERATURE, Measurand.POWER_FACTOR}.isdisjoint(v.measurand for v in values)


def test_what_is_offered_comes_from_the_limit() -> None:
    values = {v.measurand: v.value for v in sampled_values(READING, ("Current.Offered", "Power.Offered"), OFFERED)}
    assert values == {Measurand.CURRENT_OFFERED: 16.0, Measurand.POWER_OFFERED: 11064.0}


@pytest.mark.parametrize(
    ("reading", "wanted"),
    [
        (None, EVERYTHING),
        (READING, ()),
        (READING, ("Temperature",)),
        (MeterReading(taken_at_s=1000.0, error="no answer"), EVERYTHING),
    ],
)
def test_a_sample_is_never_empty(reading: MeterReading | None, wanted: tuple[str, ...]) -> None:
    assert sample_of(reading, wanted, ReadingContext.TRIGGER, OFFERED, FakeClock()) is None


def test_a_sample_is_stamped_with_the_time_of_the_reading_not_of_the_telling() -> None:
    clock = FakeClock()
    sample = sample_of(READING, EVERYTHING, ReadingContext.TRIGGER, OFFERED, clock)
    assert sample is not None
    assert sample.taken_at == clock.now() - timedelta(seconds=1.5)


def test_thinning_keeps_the_first_and_the_last_sample() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    samples = [MeterSample(at + timedelta(seconds=n), ReadingContext.SAMPLE_PERIODIC, ()) for n in range(1001)]
    kept = thinned(samples, 100)
    assert len(kept) <= 100
    assert (kept[0], kept[-1]) == (samples[0], samples[-1])
    assert list(kept) == sorted(kept, key=lambda s: s.taken_at)
    assert thinned(samples[:3], 100) == tuple(samples[:3])


@pytest.mark.parametrize(
    ("time", "interval_s", "expected_s"),
    [
        ("12:00:00", 900, 900),
        ("12:14:59.5", 900, 0.5),
        ("23:59:00", 900, 60),
        ("23:59:00", 7000, 60),  # the grid begins anew at midnight
        ("00:00:01", 3600, 3599),
    ],
)
def test_the_grid_begins_at_midnight_utc(time: str, interval_s: int, expected_s: float) -> None:
    now = datetime.fromisoformat(f"2026-01-01T{time}+00:00")
    assert seconds_to_grid(now, interval_s) == expected_s


class Bus:
    """A meter with its clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.scheduler = FakeScheduler(self.clock)
        self.pilot = FakePilot(self.clock, self.scheduler)
        self.device = FakeMeter(self.pilot)
        self.meter = EvseMeter(1, self.device, Timing(self.clock, self.scheduler))
        self.outlet = self.pilot.outlets[1]


async def test_it_polls_often_in_a_transaction_and_seldom_otherwise() -> None:
    bus = Bus()
    task = asyncio.create_task(bus.meter.run())
    await bus.scheduler.advance(30)
    assert bus.device.reads == 4
    bus.meter.active = True
    await bus.scheduler.advance(10)
    assert bus.device.reads == 15  # at once, then each second
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_reads_never_overlap_and_each_begins_after_it_was_asked_for() -> None:
    bus = Bus()
    bus.outlet.meter_hangs = True
    first = asyncio.create_task(bus.meter.read_now())
    second = asyncio.create_task(bus.meter.read_now())
    await bus.scheduler.settle()
    assert bus.device.reads == 1
    bus.outlet.meter_hangs = False
    await bus.scheduler.advance(3)
    assert first.result() is None
    assert second.result() is not None
    assert bus.device.reads == 2


async def test_it_is_lost_after_three_failures_and_found_with_the_first_answer() -> None:
    bus = Bus()
    changes: list[bool] = []
    bus.meter.lost_changed = lambda: changes.append(bus.meter.lost)
    await bus.meter.read_now()
    bus.outlet.meter_dead = True
    for _ in range(5):
        assert await bus.meter.read_now() is None
    assert changes == [True]
    assert bus.meter.register_wh == 1_000_000.0
    bus.outlet.meter_dead = False
    await bus.meter.read_now()
    assert changes == [True, False]


async def test_an_old_reading_is_not_fresh() -> None:
    bus = Bus()
    await bus.meter.read_now()
    assert bus.meter.fresh() is not None
    bus.clock.advance(3.1)
    assert bus.meter.fresh() is None
    assert bus.meter.last is not None


async def test_a_register_may_go_back_between_transactions_but_not_within_one() -> None:
    bus = Bus()
    bus.meter.active = True
    await bus.meter.read_now()
    bus.outlet.register_wh = 10.0
    assert await bus.meter.read_now() is None
    assert bus.meter.register_wh == 1_000_000.0
    bus.meter.active = False
    assert await bus.meter.read_now() is not None
    assert bus.meter.register_wh == 10.0


async def test_an_evse_without_a_meter_has_no_reading_and_no_fault() -> None:
    meter = EvseMeter(1, None, Timing(FakeClock(), FakeScheduler(FakeClock())))
    assert await meter.read_now() is None
    assert not meter.exists
    assert not meter.lost
    await meter.run()
