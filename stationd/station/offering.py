"""The offer of one EVSE: computed from the limits, told to the safety process when it changes."""

import logging
from collections.abc import Callable

from stationd.station.limits import Limit, Offer, Situation, limits, offer_for
from stationd.station.metering import Offered
from stationd.station.ports import PilotPort
from stationd.station.timing import Timing

log = logging.getLogger(__name__)


class Offering:
    """What is offered now, and since when."""

    def __init__(self, evse_id: int, pilot: PilotPort, timing: Timing, situation: Callable[[], Situation]) -> None:
        self._evse_id = evse_id
        self._pilot = pilot
        self._timing = timing
        self._situation = situation
        self._offer: Offer | None = None
        self.since_s = 0.0
        """Monotonic time at which the present permit began."""

    @property
    def permitted(self) -> bool:
        """True while power is offered."""
        return self._offer is not None and self._offer.permit

    @property
    def offered(self) -> Offered:
        """What a meter sample tells as offered."""
        if self._offer is None or not self._offer.permit:
            return Offered(0.0, self._situation().phases)
        return Offered(self._offer.amps, self._offer.phases)

    def apply(self) -> None:
        """Compute the offer anew; tell it if it is another."""
        new = offer_for(self._situation())
        if new == self._offer:
            return
        if new.permit and not self.permitted:
            self.since_s = self._timing.clock.monotonic()
        self._offer = new
        self._pilot.offer(self._evse_id, amps=new.amps, phases=new.phases, permit=new.permit)
        log.info("offer changed evse_id=%d amps=%.1f permit=%s", self._evse_id, new.amps, new.permit)

    def why(self) -> tuple[Limit, ...]:
        """Return every limit in force; the least wins."""
        return limits(self._situation())
