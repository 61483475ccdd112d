"""Meter values: what was measured, when, and why it is told."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Measurand(StrEnum):
    """OCPP MeasurandEnumType, the part a station without a DC side can have."""

    CURRENT_IMPORT = "Current.Import"
    CURRENT_OFFERED = "Current.Offered"
    ENERGY_EXPORT_REGISTER = "Energy.Active.Export.Register"
    ENERGY_IMPORT_REGISTER = "Energy.Active.Import.Register"
    FREQUENCY = "Frequency"
    POWER_FACTOR = "Power.Factor"
    POWER_IMPORT = "Power.Active.Import"
    POWER_OFFERED = "Power.Offered"
    TEMPERATURE = "Temperature"
    VOLTAGE = "Voltage"


class ReadingContext(StrEnum):
    """Why a sample was taken (OCPP ReadingContextEnumType)."""

    INTERRUPTION_BEGIN = "Interruption.Begin"
    INTERRUPTION_END = "Interruption.End"
    OTHER = "Other"
    SAMPLE_CLOCK = "Sample.Clock"
    SAMPLE_PERIODIC = "Sample.Periodic"
    TRANSACTION_BEGIN = "Transaction.Begin"
    TRANSACTION_END = "Transaction.End"
    TRIGGER = "Trigger"


@dataclass(frozen=True, slots=True)
class SampledValue:
    """One number of a sample, in SI units: Wh, W, A, V, Hz, Celsius; `unit` names it in OCPP's spelling."""

    measurand: Measurand
    value: float
    unit: str | None = None
    """None where OCPP has no unit (Power.Factor, Frequency in 1.6)."""
    phase: str | None = None
    """L1, L2, L3, L1-N …; None means the total or a value without phases."""


@dataclass(frozen=True, slots=True)
class MeterSample:
    """All values read from one meter at one instant; never empty."""

    taken_at: datetime
    context: ReadingContext
    values: tuple[SampledValue, ...]
