"""The simulated energy meter: its energy register, and the input registers of an Eastron SDM630 V2. Pure."""

import math
import struct
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal

from stationd.sandbox.plant import faults

VOLTS, AMPS, WATTS, VA, VAR, POWER_FACTOR = 0, 6, 12, 18, 24, 30
"""First of three phases each; zero-based protocol addresses, two registers a value."""
TOTAL_WATTS, TOTAL_VA, TOTAL_VAR, TOTAL_POWER_FACTOR, FREQUENCY = 52, 56, 60, 62, 70
IMPORT_KWH, EXPORT_KWH, SUM_KWH, PHASE_IMPORT_KWH, PHASE_EXPORT_KWH = 72, 74, 342, 346, 352
MAX_REGISTERS_A_READ = 80
FREQUENCY_HZ = 50.0
JUMP_KWH = 100.0
ENERGY = (IMPORT_KWH, SUM_KWH, PHASE_IMPORT_KWH, PHASE_IMPORT_KWH + 2, PHASE_IMPORT_KWH + 4)
POWER = (TOTAL_WATTS, WATTS, WATTS + 2, WATTS + 4)


def as_float32(value: float) -> float:
    """Return the value as a 32-bit float holds it."""
    return float(struct.unpack(">f", struct.pack(">f", value))[0])


@dataclass(slots=True)
class Meter:
    """What the meter counted. `frozen` holds the energy registers while energy goes on being counted behind them."""

    energy_wh: float
    phase_wh: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    frozen: tuple[float, tuple[float, ...]] | None = None

    def write(self, energy_wh: float) -> None:
        """Set the register, spread over the phases; a frozen one shows the new value too."""
        self.energy_wh = energy_wh
        self.phase_wh = [energy_wh / 3] * 3
        if self.frozen is not None:
            self.freeze()

    def freeze(self) -> None:
        """Hold what the energy registers show."""
        self.frozen = (self.energy_wh, tuple(self.phase_wh))

    def release(self) -> None:
        """Show what was counted."""
        self.frozen = None

    def count(self, phase_wh: tuple[float, float, float]) -> None:
        """Add energy by phase."""
        self.energy_wh += sum(phase_wh)
        for index, energy_wh in enumerate(phase_wh):
            self.phase_wh[index] += energy_wh

    @property
    def register_wh(self) -> float:
        """Return what the import register says: the shortest decimal kWh with the register's 32 bits, in Wh.

        A float32 stands for every decimal near it; people and drivers read the shortest one.
        """
        shown_wh = self.energy_wh if self.frozen is None else self.frozen[0]
        kwh = as_float32(shown_wh / 1000)
        texts = (f"{kwh:.{digits}g}" for digits in (6, 7, 8, 9))
        return float(Decimal(next(text for text in texts if as_float32(float(text)) == kwh)) * 1000)

    def values(self, volts: tuple[float, ...], amps: tuple[float, ...]) -> dict[int, float]:
        """Return every value of the map by its address; charging cars have a power factor of 1."""
        shown_wh, phases_wh = self.frozen or (self.energy_wh, tuple(self.phase_wh))
        watts = [volt * amp for volt, amp in zip(volts, amps, strict=True)]
        total = sum(watts)
        values = {
            TOTAL_WATTS: total, TOTAL_VA: total, TOTAL_VAR: 0.0, TOTAL_POWER_FACTOR: 1.0, FREQUENCY: FREQUENCY_HZ,
            IMPORT_KWH: shown_wh / 1000, EXPORT_KWH: 0.0, SUM_KWH: shown_wh / 1000,
        }  # fmt: skip
        for phase in range(3):
            by_phase = {
                VOLTS: volts[phase], AMPS: amps[phase], WATTS: watts[phase], VA: watts[phase], VAR: 0.0,
                POWER_FACTOR: 1.0, PHASE_IMPORT_KWH: phases_wh[phase] / 1000, PHASE_EXPORT_KWH: 0.0,
            }  # fmt: skip
            values.update({first + 2 * phase: value for first, value in by_phase.items()})
        return values


def spoil(values: dict[int, float], broken: AbstractSet[str]) -> dict[int, float]:
    """Return what a broken device shows in place of these values."""
    shown = dict(values)
    for address in ENERGY:
        shown[address] *= 1000 if faults.METER_WRONG_UNIT in broken else 1
        shown[address] += JUMP_KWH if faults.METER_JUMP in broken else 0
    for address in (*ENERGY, *POWER):
        if faults.METER_NEGATIVE in broken:
            shown[address] = -shown[address]
        if faults.METER_NAN in broken:
            shown[address] = math.nan
    return shown


def words(values: dict[int, float], address: int, count: int) -> list[int] | None:
    """Return the registers asked for, high word first; None if one of them is not in the map or a value is cut."""
    if address % 2 or count % 2:
        return None
    wanted = range(address, address + count, 2)
    if not all(each in values for each in wanted):
        return None
    packed = b"".join(struct.pack(">f", values[each]) for each in wanted)
    return list(struct.unpack(f">{count}H", packed))
