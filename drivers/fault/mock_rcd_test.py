"""The simulated test input of the residual current device; the answer is the fault input `rcd_trip`."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from drivers.pilot.plant_link import link_of
from stationd.pilot.interfaces import checked_options


class Driver:
    """Implements `interfaces.RcdTest`."""

    def __init__(
        self, options: Mapping[str, Any], runtime_dir: str, evse_id: int, shared: MutableMapping[str, Any]
    ) -> None:
        """Options: `socket` (path, relative to the runtime directory)."""
        known = checked_options("fault/mock_rcd_test", options, {"socket": str})
        self._link = link_of(known["socket"], runtime_dir, evse_id, shared)

    def write(self, *, active: bool) -> None:
        """Command the test; it leaves with the next beat."""
        self._link.rcd_test = active

    def close(self) -> None:
        """Part from the plant, the test ended."""
        self._link.close()
