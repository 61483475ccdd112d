"""The simulated pilot: what the plant's vehicle does to it, and the PWM it is given."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from drivers.pilot.plant_link import link_of
from stationd.pilot.interfaces import CpReading, DriverError, checked_options


class Driver:
    """Implements `interfaces.Pilot`."""

    def __init__(
        self, options: Mapping[str, Any], runtime_dir: str, evse_id: int, shared: MutableMapping[str, Any]
    ) -> None:
        """Options: `socket` (path, relative to the runtime directory) and `stale_ms` (10 to 300)."""
        known = checked_options("pilot/mock", options, {"socket": str, "stale_ms": int})
        if not 10 <= known["stale_ms"] <= 300:
            raise DriverError(f"cannot use driver pilot/mock: stale_ms = {known['stale_ms']} must be 10 to 300")
        self._link = link_of(known["socket"], runtime_dir, evse_id, shared)
        self._link.stale_ms = known["stale_ms"]

    def sample(self, now_ms: int) -> CpReading | None:
        """Return the newest volts; None if the plant was silent for `stale_ms`."""
        return CpReading(self._link.high_v, self._link.low_v) if self._link.look(now_ms) else None

    def set_duty(self, duty: float) -> float:
        """Set the duty; it leaves with the next beat."""
        self._link.duty = duty
        return duty

    def close(self) -> None:
        """Part from the plant."""
        self._link.close()
