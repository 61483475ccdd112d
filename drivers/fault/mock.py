"""One simulated fault input."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from drivers.pilot.plant_link import link_of
from stationd.pilot.interfaces import checked_options


class Driver:
    """Implements `interfaces.FaultInput`."""

    def __init__(
        self, options: Mapping[str, Any], runtime_dir: str, evse_id: int, shared: MutableMapping[str, Any]
    ) -> None:
        """Options: `socket` (path, relative to the runtime directory) and `input` (the plant's name of it)."""
        known = checked_options("fault/mock", options, {"socket": str, "input": str})
        self.name: str = known["input"]
        self._link = link_of(known["socket"], runtime_dir, evse_id, shared)

    def faulty(self, now_ms: int) -> bool | None:
        """Return the input; None if the plant is silent or knows no input of this name."""
        if not self._link.look(now_ms):
            return None
        told = self._link.inputs.get(self.name)
        return told if isinstance(told, bool) else None

    def close(self) -> None:
        """Part from the plant."""
        self._link.close()
