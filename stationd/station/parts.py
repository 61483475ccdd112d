"""What every part of the station is given: settings, time, ports; and the few facts that all EVSEs share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from stationd.domain.events import LiveEvent
from stationd.domain.id_token import IdToken, IdTokenInfo
from stationd.station.fault_journal import FaultJournal
from stationd.station.ports import CsmsPort, PilotPort, SettingsPort, TransactionStore
from stationd.station.timing import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseProfile:
    """What the hw-profile says of one EVSE."""

    evse_id: int
    phases: int
    max_a: float
    connector_type: str = "sType2"
    outlet: bool = True
    """A socket for the driver's own cable; False: a fixed cable."""
    measures_current: bool = False
    """stationd-pilot watches for over-current by a sensor of its own; False: the brain does, by the meter."""


class CsmsSeat:
    """Implements `CsmsPort` before and after the connection exists: nobody there is the same as offline."""

    def __init__(self, csms: CsmsPort | None = None) -> None:
        self.csms = csms

    @property
    def online(self) -> bool:
        """True while connected and accepted."""
        return self.csms is not None and self.csms.online

    @property
    def boot_may_be_repeated(self) -> bool:
        """True while an accepted station may introduce itself again."""
        return self.csms is not None and self.csms.boot_may_be_repeated

    @property
    def listed_tokens_are_cached(self) -> bool:
        """False if a token of the local list is kept out of the cache."""
        return self.csms is None or self.csms.listed_tokens_are_cached

    async def authorize(self, id_token: IdToken, evse_id: int | None) -> IdTokenInfo | None:
        """Ask about a token."""
        return None if self.csms is None else await self.csms.authorize(id_token, evse_id)

    def publish(self, event: LiveEvent) -> None:
        """Send soon, if online."""
        if self.csms is not None:
            self.csms.publish(event)

    def wake(self) -> None:
        """Tell that the outbox has a new row."""
        if self.csms is not None:
            self.csms.wake()


@dataclass(slots=True)
class Shared:
    """Facts of the whole station that decide whether an EVSE may start. Change them through `Station` only."""

    registered: bool = False
    resetting: bool = False
    """A reset was accepted or is scheduled: nothing new starts."""
    storage_failed: bool = False
    changed: Callable[[], None] = field(default=lambda: None)
    """Called after each change; looks at every EVSE again."""

    def storage(self, *, failed: bool) -> None:
        """Learn from a write whether the disk works."""
        if failed != self.storage_failed:
            self.storage_failed = failed
            self.changed()


@dataclass(frozen=True, slots=True)
class Parts:
    """The ports and helpers that an EVSE works with."""

    settings: SettingsPort
    timing: Timing
    pilot: PilotPort
    csms: CsmsSeat
    store: TransactionStore
    journal: FaultJournal
    shared: Shared
    new_id: Callable[[], str]
