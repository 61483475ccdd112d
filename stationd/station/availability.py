"""Availability (G03, G04): three flags, stored, and the status that follows from them."""

from dataclasses import dataclass, field

from stationd.domain.states import ConnectorStatus, OperationalStatus
from stationd.station.ports import StateStore

STATION = "availability.station"


def _evse_name(evse_id: int) -> str:
    return f"availability.evse.{evse_id}"


def _connector_name(evse_id: int, connector_id: int) -> str:
    return f"availability.connector.{evse_id}.{connector_id}"


@dataclass(slots=True)
class Availability:
    """The flags, each Operative unless stored otherwise. Operative above restores what was below (G03.FR.07)."""

    store: StateStore
    _inoperative: set[str] = field(default_factory=set)

    async def load(self, evse_ids: tuple[int, ...]) -> None:
        """Read the stored flags: they outlive resets and reboots (G03.FR.08, G04.FR.09)."""
        names = [STATION]
        for evse_id in evse_ids:
            names += [_evse_name(evse_id), _connector_name(evse_id, 1)]
        for name in names:
            if await self.store.get(name) == OperationalStatus.INOPERATIVE:
                self._inoperative.add(name)

    async def change(self, status: OperationalStatus, evse_id: int | None, connector_id: int | None) -> None:
        """Store one flag, then let it count.

        Raises:
            StorageError: nothing was changed.
        """
        name = STATION
        if evse_id is not None:
            name = _evse_name(evse_id) if connector_id is None else _connector_name(evse_id, connector_id)
        inoperative = status is OperationalStatus.INOPERATIVE
        await self.store.put(name, status.value if inoperative else None)
        if inoperative:
            self._inoperative.add(name)
        else:
            self._inoperative.discard(name)

    @property
    def station(self) -> bool:
        """True unless the station itself was made inoperative."""
        return STATION not in self._inoperative

    def connector(self, evse_id: int, connector_id: int = 1) -> bool:
        """Tell whether all three flags of a connector say Operative."""
        names = {STATION, _evse_name(evse_id), _connector_name(evse_id, connector_id)}
        return not names & self._inoperative


def connector_status(*, faulted: bool, operative: bool, occupied: bool) -> ConnectorStatus:
    """Return the 2.x status by precedence (G03.FR.06)."""
    if faulted:
        return ConnectorStatus.FAULTED
    if not operative:
        return ConnectorStatus.UNAVAILABLE
    return ConnectorStatus.OCCUPIED if occupied else ConnectorStatus.AVAILABLE
