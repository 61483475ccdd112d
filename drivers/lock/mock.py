"""The simulated lock of a socket."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from drivers.pilot.plant_link import link_of
from stationd.pilot.interfaces import LockFeedback, checked_options


class Driver:
    """Implements `interfaces.ConnectorLock`."""

    def __init__(
        self, options: Mapping[str, Any], runtime_dir: str, evse_id: int, shared: MutableMapping[str, Any]
    ) -> None:
        """Options: `socket` (path, relative to the runtime directory)."""
        known = checked_options("lock/mock", options, {"socket": str})
        self._link = link_of(known["socket"], runtime_dir, evse_id, shared)

    def write(self, *, locked: bool) -> None:
        """Command the lock; it leaves with the next beat."""
        self._link.lock = locked

    def feedback(self, now_ms: int) -> LockFeedback | None:
        """Return the position."""
        return self._link.lock_feedback if self._link.look(now_ms) else None

    def close(self) -> None:
        """Part from the plant."""
        self._link.close()
