"""The simulated contactor: its coil drops when the beats stop, like a real one on a pulse output."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from drivers.pilot.plant_link import link_of
from stationd.pilot.interfaces import checked_options


class Driver:
    """Implements `interfaces.Contactor`."""

    def __init__(
        self, options: Mapping[str, Any], runtime_dir: str, evse_id: int, shared: MutableMapping[str, Any]
    ) -> None:
        """Options: `socket` (path, relative to the runtime directory)."""
        known = checked_options("contactor/mock", options, {"socket": str})
        self._link = link_of(known["socket"], runtime_dir, evse_id, shared)

    def write(self, *, closed: bool, now_ms: int) -> None:
        """Command the coil and send all pins."""
        self._link.close_coil = closed
        self._link.beat()

    def sensed_closed(self, now_ms: int) -> bool | None:
        """Return the mirror contact."""
        return self._link.contactor_closed if self._link.look(now_ms) else None

    def close(self) -> None:
        """Part from the plant."""
        self._link.close()
