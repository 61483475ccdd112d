"""The simulated relay that parts the pilot from the vehicle."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from drivers.pilot.plant_link import link_of
from stationd.pilot.interfaces import checked_options


class Driver:
    """Implements `interfaces.CpSwitch`."""

    def __init__(
        self, options: Mapping[str, Any], runtime_dir: str, evse_id: int, shared: MutableMapping[str, Any]
    ) -> None:
        """Options: `socket` (path, relative to the runtime directory)."""
        known = checked_options("pilot/mock_cp_switch", options, {"socket": str})
        self._link = link_of(known["socket"], runtime_dir, evse_id, shared)

    def write(self, *, connected: bool) -> None:
        """Command the relay; it leaves with the next beat."""
        self._link.cp_connected = connected

    def close(self) -> None:
        """Part from the plant, the pilot joined."""
        self._link.close()
