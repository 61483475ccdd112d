"""When meter values are taken: periodic, clock-aligned, and those kept for the end of a transaction (J01, J02)."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from stationd.domain.measurands import Measurand, MeterSample, ReadingContext, SampledValue
from stationd.domain.transaction import Transaction
from stationd.domain.variable_table import (
    ALIGNED_ENDED_INTERVAL,
    ALIGNED_ENDED_MEASURANDS,
    ALIGNED_INTERVAL,
    ALIGNED_MEASURANDS,
    SAMPLED_ENDED_INTERVAL,
    SAMPLED_ENDED_MEASURANDS,
    SAMPLED_STARTED_MEASURANDS,
    SAMPLED_UPDATED_INTERVAL,
    SAMPLED_UPDATED_MEASURANDS,
)
from stationd.domain.variables import VariableSpec
from stationd.hal.interfaces import MeterReading
from stationd.station.metering import EvseMeter, Offered, sample_of, seconds_to_grid, thinned
from stationd.station.ports import SettingsPort
from stationd.station.timing import Timer, Timing

Post = Callable[[Callable[[], Awaitable[None]]], None]

LONGEST_WAIT_S = 60.0
"""A wait for the grid is cut to this, so that a corrected clock is noticed."""


def register_sample(
    settings: SettingsPort, register: tuple[float, datetime], context: ReadingContext
) -> MeterSample | None:
    """Return a known register value with its own time as a sample of an end, or None if the setting has no register."""
    if Measurand.ENERGY_IMPORT_REGISTER not in settings.members(SAMPLED_ENDED_MEASURANDS):
        return None
    wh, at = register
    return MeterSample(at, context, (SampledValue(Measurand.ENERGY_IMPORT_REGISTER, wh, "Wh"),))


class Ticker:
    """Calls back at an interval that a setting gives; 0 = never. Aligned: at multiples of it since 00:00 UTC."""

    def __init__(
        self, settings: SettingsPort, interval: VariableSpec, timing: Timing, tick: Callable[[], None], *, aligned: bool
    ) -> None:
        self._settings = settings
        self._interval = interval
        self._timing = timing
        self._tick = tick
        self._aligned = aligned
        self._timer: Timer | None = None
        self._due_s = 0.0
        self._running = False
        settings.on_change(interval, lambda _value: self.start() if self._running else None)

    def start(self) -> None:
        """Count from now."""
        self.stop()
        self._running = True
        self._due_s = self._timing.clock.monotonic()
        self._arm()

    def stop(self) -> None:
        """Call back no more."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        interval_s = self._settings.integer(self._interval)
        if interval_s <= 0:
            return
        now_s = self._timing.clock.monotonic()
        if self._aligned:
            wait_s = seconds_to_grid(self._timing.clock.now(), interval_s)
            self._due_s = now_s + wait_s
        else:
            self._due_s = max(self._due_s + interval_s, now_s)  # no drift, and no burst after a long stall
        self._timer = self._timing.at(min(self._due_s, now_s + LONGEST_WAIT_S), self._fire)

    def _fire(self) -> None:
        if self._timing.clock.monotonic() >= self._due_s:
            self._tick()
            self._arm()
        elif self._aligned:
            self._arm()
        else:
            wake_s = min(self._due_s, self._timing.clock.monotonic() + LONGEST_WAIT_S)
            self._timer = self._timing.at(wake_s, self._fire)


class Sampler:
    """Samples of one EVSE. Ticks become jobs of the EVSE; `told` gets each sample that is to leave now."""

    def __init__(
        self,
        settings: SettingsPort,
        timing: Timing,
        meter: EvseMeter,
        offered: Callable[[], Offered],
        post: Post,
        told: Callable[[MeterSample], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._timing = timing
        self._meter = meter
        self._offered = offered
        self._post = post
        self._told = told
        self._kept: list[MeterSample] = []
        self._waiting: set[VariableSpec] = set()
        self._aligned = self._ticker(
            ALIGNED_INTERVAL, self._send(ALIGNED_MEASURANDS, ReadingContext.SAMPLE_CLOCK), True
        )
        self._of_transaction = (
            self._ticker(
                SAMPLED_UPDATED_INTERVAL, self._send(SAMPLED_UPDATED_MEASURANDS, ReadingContext.SAMPLE_PERIODIC), False
            ),
            self._ticker(
                SAMPLED_ENDED_INTERVAL, self._keep(SAMPLED_ENDED_MEASURANDS, ReadingContext.SAMPLE_PERIODIC), False
            ),
            self._ticker(
                ALIGNED_ENDED_INTERVAL, self._keep(ALIGNED_ENDED_MEASURANDS, ReadingContext.SAMPLE_CLOCK), True
            ),
        )

    def start(self) -> None:
        """Begin with the clock-aligned values; they are taken in and out of transactions."""
        self._aligned.start()

    def stop(self) -> None:
        """End all timers."""
        for ticker in (self._aligned, *self._of_transaction):
            ticker.stop()

    def begin(self, reading: MeterReading | None) -> tuple[MeterSample, ...]:
        """Return the samples of the Started event, and begin those of the transaction."""
        first = self.sample(reading, SAMPLED_ENDED_MEASURANDS, ReadingContext.TRANSACTION_BEGIN)
        self._kept = [] if first is None else [first]
        self._start_transaction()
        started = self.sample(reading, SAMPLED_STARTED_MEASURANDS, ReadingContext.TRANSACTION_BEGIN)
        return () if started is None else (started,)

    def resume(self, tx: Transaction) -> None:
        """Begin again after a restart; of the kept samples the start is known from the transaction itself."""
        started = (tx.meter_start_wh, tx.started_at)
        first = register_sample(self._settings, started, ReadingContext.TRANSACTION_BEGIN)
        self._kept = [] if first is None else [first]
        self._start_transaction()

    def cancel(self) -> None:
        """Forget a transaction that did not begin."""
        for ticker in self._of_transaction:
            ticker.stop()
        self._kept = []

    def ended(
        self, reading: MeterReading | None, register: tuple[float, datetime] | None = None
    ) -> tuple[MeterSample, ...]:
        """Return the samples of the Ended event; changes nothing, as its commit may have to be repeated.

        Without a reading `register`, the last good value and its time, stands for the end: 2.x has no other bill.
        """
        last = self.sample(reading, SAMPLED_ENDED_MEASURANDS, ReadingContext.TRANSACTION_END)
        if reading is None and register is not None:
            last = register_sample(self._settings, register, ReadingContext.TRANSACTION_END)
        return thinned(self._kept if last is None else [*self._kept, last])

    def sample(self, reading: MeterReading | None, wanted: VariableSpec, context: ReadingContext) -> MeterSample | None:
        """Return a sample of the measurands that a setting lists."""
        return sample_of(reading, self._settings.members(wanted), context, self._offered(), self._timing.clock)

    async def reading(self) -> MeterReading | None:
        """Return a reading that may stand for now; a meter known to be lost is not waited for."""
        fresh = self._meter.fresh()
        if fresh is not None or self._meter.lost:
            return fresh
        return await self._meter.read_now()

    def _start_transaction(self) -> None:
        for ticker in self._of_transaction:
            ticker.start()

    def _ticker(self, interval: VariableSpec, job: Callable[[], Awaitable[None]], aligned: bool) -> Ticker:
        async def run() -> None:
            self._waiting.discard(interval)
            await job()

        def tick() -> None:
            if interval not in self._waiting:  # one at a time: a slow meter must not fill the queue
                self._waiting.add(interval)
                self._post(run)

        return Ticker(self._settings, interval, self._timing, tick, aligned=aligned)

    def _send(self, wanted: VariableSpec, context: ReadingContext) -> Callable[[], Awaitable[None]]:
        async def job() -> None:
            sample = self.sample(await self.reading(), wanted, context)
            if sample is not None:
                await self._told(sample)

        return job

    def _keep(self, wanted: VariableSpec, context: ReadingContext) -> Callable[[], Awaitable[None]]:
        async def job() -> None:
            sample = self.sample(await self.reading(), wanted, context)
            if sample is not None:
                self._kept = list(thinned([*self._kept, sample]))

        return job
