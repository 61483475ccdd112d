"""The simulated proximity contact of a socket."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from drivers.pilot.plant_link import link_of
from stationd.pilot.interfaces import checked_options


class Driver:
    """Implements `interfaces.ProximityInput`."""

    takes_cp_turn = False

    def __init__(
        self, options: Mapping[str, Any], runtime_dir: str, evse_id: int, shared: MutableMapping[str, Any]
    ) -> None:
        """Options: `socket` (path, relative to the runtime directory)."""
        known = checked_options("pilot/mock_proximity", options, {"socket": str})
        self._link = link_of(known["socket"], runtime_dir, evse_id, shared)

    def ohms(self, now_ms: int) -> float | None:
        """Return the cable's resistance; infinity without a cable."""
        return self._link.pp_ohm if self._link.look(now_ms) else None

    def close(self) -> None:
        """Part from the plant."""
        self._link.close()
