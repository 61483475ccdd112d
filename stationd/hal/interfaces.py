"""Hardware as the brain sees it. Drivers of the slow side implement these; nothing here does I/O."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from stationd.domain.id_token import IdToken


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReading:
    """What one read of an energy meter gave, in SI units. Tuples are (L1, L2, L3); None = the meter does not say.

    A failed read is data, not an exception: `error` says why and every value is None.
    """

    taken_at_s: float
    """Monotonic seconds (`time.monotonic`) at which the request was answered, or failed."""
    energy_import_wh: float | None = None
    energy_export_wh: float | None = None
    power_w: float | None = None
    current_a: tuple[float | None, float | None, float | None] = (None, None, None)
    voltage_v: tuple[float | None, float | None, float | None] = (None, None, None)
    frequency_hz: float | None = None
    power_factor: float | None = None
    error: str | None = None

    @property
    def stale(self) -> bool:
        """True if this reading holds no values."""
        return self.error is not None


class Meter(Protocol):
    """An energy meter of one EVSE (or of the whole station)."""

    async def read(self) -> MeterReading:
        """Read all values at once. Never raises for a device that does not answer; ends within the bus's time-out."""
        ...

    async def close(self) -> None:
        """Give the bus back."""
        ...


class TokenReader(Protocol):
    """A card reader."""

    def tokens(self) -> AsyncIterator[IdToken]:
        """Yield each token once per presentation. Ends only when the reader is closed; reconnects by itself."""
        ...

    @property
    def error(self) -> str | None:
        """Why the reader cannot read now; None while it can."""
        ...

    async def close(self) -> None:
        """Stop reading; `tokens` ends."""
        ...
