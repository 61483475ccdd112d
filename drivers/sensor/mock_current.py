"""The simulated currents through the contactor."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from drivers.pilot.plant_link import link_of
from stationd.pilot.interfaces import checked_options


class Driver:
    """Implements `interfaces.CurrentInput`."""

    def __init__(
        self, options: Mapping[str, Any], runtime_dir: str, evse_id: int, shared: MutableMapping[str, Any]
    ) -> None:
        """Options: `socket` (path, relative to the runtime directory)."""
        known = checked_options("sensor/mock_current", options, {"socket": str})
        self._link = link_of(known["socket"], runtime_dir, evse_id, shared)

    def amps(self, now_ms: int) -> tuple[float, float, float] | None:
        """Return the newest values; None if the plant is silent or has none."""
        return self._link.current_a if self._link.look(now_ms) else None

    def close(self) -> None:
        """Part from the plant."""
        self._link.close()
