"""Meter readings: polling one EVSE's meter, and what of a reading is told (block J).

A value is told with the time at which the meter gave it, or not at all: a dead meter gives no samples, and the bill
uses the last register value that was good.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stationd.domain.measurands import Measurand, MeterSample, ReadingContext, SampledValue
from stationd.hal.interfaces import Meter, MeterReading
from stationd.station.ports import Clock
from stationd.station.timing import Timing

log = logging.getLogger(__name__)

POLL_ACTIVE_S = 1.0
POLL_IDLE_S = 10.0
READ_TIMEOUT_S = 3.0
LOST_AFTER_FAILURES = 3
NOMINAL_VOLTS = 230.0
ENDED_SAMPLES_LIMIT = 500

_PHASES = ("L1", "L2", "L3")


@dataclass(frozen=True, slots=True)
class Offered:
    """What the EVSE offers while a sample is taken."""

    amps: float
    phases: int


def sampled_values(reading: MeterReading, wanted: Collection[str], offered: Offered) -> tuple[SampledValue, ...]:
    """Return the wanted values that this reading has, each measurand with every phase it is measured on."""
    if reading.stale:
        return ()
    values: list[SampledValue] = []
    for measurand in Measurand:  # one order, whatever the order of the setting
        if measurand in wanted:
            values += _values_of(measurand, reading, offered)
    return tuple(values)


def _values_of(measurand: Measurand, reading: MeterReading, offered: Offered) -> list[SampledValue]:
    if measurand is Measurand.CURRENT_IMPORT:
        return [
            SampledValue(measurand, value, "A", phase)
            for phase, value in zip(_PHASES, reading.current_a, strict=True)
            if value is not None
        ]
    if measurand is Measurand.VOLTAGE:
        return [
            SampledValue(measurand, value, "V", f"{phase}-N")
            for phase, value in zip(_PHASES, reading.voltage_v, strict=True)
            if value is not None
        ]
    totals: dict[Measurand, tuple[float | None, str | None]] = {
        Measurand.CURRENT_OFFERED: (offered.amps, "A"),
        Measurand.POWER_OFFERED: (_power_offered_w(reading, offered), "W"),
        Measurand.ENERGY_IMPORT_REGISTER: (reading.energy_import_wh, "Wh"),
        Measurand.ENERGY_EXPORT_REGISTER: (reading.energy_export_wh, "Wh"),
        Measurand.POWER_IMPORT: (reading.power_w, "W"),
        Measurand.FREQUENCY: (reading.frequency_hz, "Hz"),
        Measurand.POWER_FACTOR: (reading.power_factor, None),
    }
    value, unit = totals.get(measurand, (None, None))
    return [] if value is None else [SampledValue(measurand, value, unit)]


def _power_offered_w(reading: MeterReading, offered: Offered) -> float:
    volts = [v for v in reading.voltage_v[: offered.phases] if v is not None]
    mean = sum(volts) / len(volts) if volts else NOMINAL_VOLTS
    return round(offered.amps * mean * offered.phases, 1)


def _stamp(taken_at_s: float, clock: Clock) -> datetime:
    """Return the wall time of a monotonic one."""
    return clock.now() - timedelta(seconds=max(0.0, clock.monotonic() - taken_at_s))


def stamp_of(reading: MeterReading, clock: Clock) -> datetime:
    """Return the wall time at which the meter gave the reading."""
    return _stamp(reading.taken_at_s, clock)


def sample_of(
    reading: MeterReading | None,
    wanted: Collection[str],
    context: ReadingContext,
    offered: Offered,
    clock: Clock,
) -> MeterSample | None:
    """Return a sample, or None where it would be empty (no reading, nothing wanted, nothing measured)."""
    if reading is None or not wanted:
        return None
    values = sampled_values(reading, wanted, offered)
    return MeterSample(stamp_of(reading, clock), context, values) if values else None


def thinned(samples: Sequence[MeterSample], limit: int = ENDED_SAMPLES_LIMIT) -> tuple[MeterSample, ...]:
    """Drop every second sample while there are too many; the first and the last stay (J02.FR.20)."""
    kept = list(samples)
    while len(kept) > limit:
        kept = [*kept[:-1][::2], kept[-1]]
    return tuple(kept)


def seconds_to_grid(now: datetime, interval_s: int) -> float:
    """Return the time to the next multiple of the interval since 00:00 UTC; never 0."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = (now - midnight).total_seconds()
    upcoming = (math.floor(passed / interval_s) + 1) * interval_s
    return min(upcoming, 86_400) - passed


class EvseMeter:
    """The meter of one EVSE: polled in its own task, one read in flight, last good values kept with their age."""

    def __init__(self, evse_id: int, meter: Meter | None, timing: Timing) -> None:
        self._evse_id = evse_id
        self._meter = meter
        self._timing = timing
        self._in_flight = asyncio.Lock()
        self._failures = 0
        self._wake = asyncio.Event()
        self._active = False
        self.last: MeterReading | None = None
        self.register_wh: float | None = None
        """Last good value of the import register, however old."""
        self._register_at_s = 0.0
        self.lost_changed: Callable[[], None] = lambda: None
        self.taken: Callable[[MeterReading], None] = lambda reading: None
        """Called with each good reading."""

    @property
    def exists(self) -> bool:
        """True if the EVSE has a meter at all."""
        return self._meter is not None

    def register(self) -> tuple[float, datetime] | None:
        """Return the last good value of the import register and the wall time at which the meter gave it."""
        return None if self.register_wh is None else (self.register_wh, _stamp(self._register_at_s, self._timing.clock))

    @property
    def lost(self) -> bool:
        """True while the meter does not answer."""
        return self._failures >= LOST_AFTER_FAILURES

    @property
    def active(self) -> bool:
        """True while a transaction runs: polled often, and the register may not go back."""
        return self._active

    @active.setter
    def active(self, value: bool) -> None:
        if value and not self._active:
            self._wake.set()
        self._active = value

    def fresh(self, max_age_s: float = 3 * POLL_ACTIVE_S) -> MeterReading | None:
        """Return the last good reading if it is young enough to stand for now."""
        if self.last is None or self._timing.clock.monotonic() - self.last.taken_at_s > max_age_s:
            return None
        return self.last

    async def read_now(self) -> MeterReading | None:
        """Return a reading that began after this call; None if the meter does not answer in time."""
        if self._meter is None:
            return None
        async with self._in_flight:
            reading = await self._timing.within(READ_TIMEOUT_S, self._meter.read())
        was_lost = self.lost
        if reading is None or reading.stale:
            self._failures += 1
            if self._failures == LOST_AFTER_FAILURES:
                reason = "time-out" if reading is None else reading.error
                log.warning("meter lost evse_id=%d reason=%s", self._evse_id, reason)
        else:
            reading = self._take(reading)
        if was_lost != self.lost:
            self.lost_changed()
        return None if reading is None or reading.stale else reading

    def _take(self, reading: MeterReading) -> MeterReading:
        if self.lost:
            log.info("meter answered again evse_id=%d", self._evse_id)
        self._failures = 0
        new = reading.energy_import_wh
        if new is not None:
            if self._active and self.register_wh is not None and new < self.register_wh:
                log.warning(
                    "meter register ignored evse_id=%d value_wh=%.1f last_wh=%.1f reason=went_back",
                    self._evse_id,
                    new,
                    self.register_wh,
                )
                return MeterReading(taken_at_s=reading.taken_at_s, error="register went back")
            self.register_wh, self._register_at_s = new, reading.taken_at_s
        self.last = reading
        self.taken(reading)
        return reading

    async def run(self) -> None:
        """Poll until cancelled."""
        if self._meter is None:
            return
        while True:
            await self.read_now()
            self._wake.clear()
            await self._timing.sleep(POLL_ACTIVE_S if self._active else POLL_IDLE_S, wake=self._wake)
