"""The simulated temperature of the housing."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from drivers.pilot.plant_link import link_of
from stationd.pilot.interfaces import checked_options


class Driver:
    """Implements `interfaces.TemperatureInput`."""

    def __init__(
        self, options: Mapping[str, Any], runtime_dir: str, evse_id: int, shared: MutableMapping[str, Any]
    ) -> None:
        """Options: `socket` (path, relative to the runtime directory)."""
        known = checked_options("sensor/mock_temperature", options, {"socket": str})
        self._link = link_of(known["socket"], runtime_dir, evse_id, shared)

    def celsius(self, now_ms: int) -> float | None:
        """Return the newest value; None if the plant is silent or has none."""
        return self._link.temperature_c if self._link.look(now_ms) else None

    def close(self) -> None:
        """Part from the plant."""
        self._link.close()
