"""Live events on their way to the CSMS: bounded, in order, and of each connector only the newest status. No I/O."""

import logging
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace

from stationd.domain.events import ConnectorStatusChanged, HeartbeatDue, LiveEvent

logger = logging.getLogger(__name__)

MAX_EVENTS = 200  # a full report of a station with several EVSEs fits


class LiveQueue:
    """What was published and not sent yet."""

    def __init__(self) -> None:
        self._events: OrderedDict[Hashable, LiveEvent] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: LiveEvent) -> None:
        """Queue an event. A connector's older status gives way, keeping no place: the newest comes last."""
        key = self._key(event)
        older = self._events.pop(key, None)
        if isinstance(event, ConnectorStatusChanged) and isinstance(older, ConnectorStatusChanged) and older.asked_for:
            event = replace(event, asked_for=True)
        if len(self._events) >= MAX_EVENTS:
            logger.warning("live_event_dropped type=%s queued=%d", type(event).__name__, len(self._events))
            return
        self._events[key] = event

    def take(self) -> LiveEvent | None:
        """Return and remove the oldest event."""
        return self._events.popitem(last=False)[1] if self._events else None

    def clear(self) -> None:
        """Forget all: the connection is gone, and states are told anew on the next."""
        self._events.clear()

    def _key(self, event: LiveEvent) -> Hashable:
        if isinstance(event, ConnectorStatusChanged):
            return ("status", event.snapshot.evse_id, event.snapshot.connector_id)
        if isinstance(event, HeartbeatDue):
            return "heartbeat"
        self._count += 1
        return self._count
