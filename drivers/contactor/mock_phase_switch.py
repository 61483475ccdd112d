"""The simulated switch between one phase and three."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from drivers.pilot.plant_link import link_of
from stationd.pilot.interfaces import checked_options


class Driver:
    """Implements `interfaces.PhaseSwitch`."""

    def __init__(
        self, options: Mapping[str, Any], runtime_dir: str, evse_id: int, shared: MutableMapping[str, Any]
    ) -> None:
        """Options: `socket` (path, relative to the runtime directory)."""
        known = checked_options("contactor/mock_phase_switch", options, {"socket": str})
        self._link = link_of(known["socket"], runtime_dir, evse_id, shared)

    def write(self, *, phases: int, now_ms: int) -> None:
        """Command the switch; it leaves with the next beat."""
        self._link.phases = phases

    def sensed_phases(self, now_ms: int) -> int | None:
        """Return the position; None if the plant is silent or cannot tell."""
        return self._link.sensed_phases if self._link.look(now_ms) else None

    def close(self) -> None:
        """Part from the plant."""
        self._link.close()
