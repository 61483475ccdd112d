"""Doubt a meter's registers: what one read says must be possible after what the reads before said.

Modbus TCP has no checksum of its own and a gateway may mix up answers, so a wrong number arrives as a good answer.
Every meter runs behind these checks (`hal.registry.create_meter`). Pure but for the meter that is read.
"""

import logging
from dataclasses import dataclass

from stationd.hal.interfaces import Meter, MeterReading

_log = logging.getLogger(__name__)

DEFAULT_MAX_POWER_W = 100_000.0
READS_TO_BELIEVE = 3
"""A register that moved impossibly is believed at the third read in a row that does not contradict the one before: the
meter was swapped or reset, and its energy must not be lost for ever. A single wrong answer never gets that far.
The very first value has nothing to be compared with; were it wrong, the true ones are believed by the same rule.
"""
JUMP_FACTOR = 1.25  # overload that a meter may truly see
JUMP_GRACE_S = 5.0  # registers are updated late, and read at uneven times
JUMP_SLACK_WH = 100.0  # coarsest step of an energy register in use (0.1 kWh)


@dataclass(slots=True)
class _Seen:
    value_wh: float
    at_s: float


class RegisterGuard:
    """Judges one energy register, read by read."""

    def __init__(self, name: str, *, max_power_w: float, energy_speed: float) -> None:
        self._name = name
        self._wh_per_s = max_power_w * energy_speed * JUMP_FACTOR / 3600.0
        self._believed: _Seen | None = None
        self._doubted_wh: float | None = None
        self._agreeing = 0

    def check(self, value_wh: float, at_s: float) -> str | None:
        """Return why this value cannot be believed; None if it can."""
        if self._believed is None or (doubt := self._doubt(self._believed, value_wh, at_s)) is None:
            self._believe(value_wh, at_s)
            return None
        # whatever rose that fast once may do so again (max_power_w set too low): only a fall contradicts
        agrees = self._doubted_wh is not None and value_wh >= self._doubted_wh
        self._agreeing = self._agreeing + 1 if agrees else 1
        self._doubted_wh = value_wh
        if self._agreeing >= READS_TO_BELIEVE:
            _log.warning(
                "register_believed register=%s before_wh=%.0f now_wh=%.0f reason=%r",
                self._name, self._believed.value_wh, value_wh, doubt,
            )  # fmt: skip
            self._believe(value_wh, at_s)
            return None
        return f"{doubt} (read {self._agreeing} of {READS_TO_BELIEVE} before it is believed)"

    def _doubt(self, before: _Seen, value_wh: float, at_s: float) -> str | None:
        rise_wh = value_wh - before.value_wh
        if rise_wh < 0:
            return f"{self._name} fell from {before.value_wh:.0f} to {value_wh:.0f} Wh"
        elapsed_s = max(at_s - before.at_s, 0.0)
        most_wh = self._wh_per_s * (elapsed_s + JUMP_GRACE_S) + JUMP_SLACK_WH
        if rise_wh > most_wh:
            return f"{self._name} rose by {rise_wh:.0f} Wh in {elapsed_s:.0f} s, {most_wh:.0f} Wh at most can be true"
        return None

    def _believe(self, value_wh: float, at_s: float) -> None:
        self._believed = _Seen(value_wh, at_s)
        self._doubted_wh = None
        self._agreeing = 0


class CheckedMeter:
    """A meter whose readings are refused when they cannot be true. Implements `hal.interfaces.Meter`."""

    def __init__(self, meter: Meter, *, max_power_w: float, energy_speed: float) -> None:
        self._meter = meter
        self._import = RegisterGuard("energy_import", max_power_w=max_power_w, energy_speed=energy_speed)
        self._export = RegisterGuard("energy_export", max_power_w=max_power_w, energy_speed=energy_speed)

    async def read(self) -> MeterReading:
        """Read the meter; a reading with an energy register that cannot be true becomes one with an error."""
        reading = await self._meter.read()
        if reading.error is not None:
            return reading
        doubts = [
            doubt
            for guard, value_wh in (
                (self._import, reading.energy_import_wh),
                (self._export, reading.energy_export_wh),
            )
            if value_wh is not None and (doubt := guard.check(value_wh, reading.taken_at_s)) is not None
        ]
        if doubts:
            return MeterReading(taken_at_s=reading.taken_at_s, error=f"cannot trust meter: {'; '.join(doubts)}")
        return reading

    async def close(self) -> None:
        """Give the bus back."""
        await self._meter.close()
