"""What a CSMS can have sent on demand: TriggerMessage (F06) and reports (B07)."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping, Sequence

from stationd.domain.events import (
    ConnectorSnapshot,
    ConnectorStatusChanged,
    HeartbeatDue,
    JobStatus,
    LiveEvent,
    LongJob,
    ReportPart,
    StationBooted,
)
from stationd.domain.states import BootReason
from stationd.domain.variable_table import ALIGNED_MEASURANDS, SAMPLED_UPDATED_MEASURANDS
from stationd.domain.variables import VariableReport
from stationd.station.evse import Evse
from stationd.station.parts import Parts
from stationd.station.ports import Trigger

ENTRIES_PER_PART = 25
"""Keeps a part far below any message limit."""

_SIMPLE: Mapping[Trigger, LiveEvent] = {
    Trigger.HEARTBEAT: HeartbeatDue(),
    Trigger.FIRMWARE_STATUS: JobStatus(LongJob.FIRMWARE),
    Trigger.LOG_STATUS: JobStatus(LongJob.LOG),
}


class Triggers:
    """Publishes on demand, in the next turn of the loop: the answer to the demand leaves first."""

    def __init__(
        self, parts: Parts, evses: Mapping[int, Evse], station_snapshot: Callable[[], ConnectorSnapshot]
    ) -> None:
        self._parts = parts
        self._evses = evses
        self._station_snapshot = station_snapshot
        self.registered = False

    def trigger(self, what: Trigger, evse_id: int | None) -> bool:
        """Publish what is asked for; False if it cannot be."""
        if what is Trigger.BOOT_NOTIFICATION:
            if self.registered and not self._parts.csms.boot_may_be_repeated:
                return False  # F06.FR.17; 1.6 grants one per reconnection
            self._publish(StationBooted(BootReason.TRIGGERED))
            return True
        if what in _SIMPLE:
            self._publish(_SIMPLE[what])
            return True
        if evse_id not in (None, 0) and evse_id not in self._evses:
            return False
        targets = [evse for evse in self._evses.values() if evse_id in (None, 0, evse.profile.evse_id)]
        if what is Trigger.STATUS_NOTIFICATION:
            self._later(lambda: self._publish_status(targets, evse_id))
            return True
        if what is Trigger.METER_VALUES:
            settings = self._parts.settings
            if not (settings.members(ALIGNED_MEASURANDS) or settings.members(SAMPLED_UPDATED_MEASURANDS)):
                return False  # nothing to be measured, so nothing would be sent
            targets = [evse for evse in targets if evse.meter.exists and not evse.meter.lost]
            for evse in targets:
                _post_on_demand(evse, evse.tell_meter_values)
            return bool(targets)
        targets = [evse for evse in targets if evse.transaction is not None]
        for evse in targets:
            evse.post(evse.tell_transaction)
        return bool(targets)

    def _publish_status(self, evses: Sequence[Evse], evse_id: int | None) -> None:
        if evse_id in (None, 0):
            self._parts.csms.publish(ConnectorStatusChanged(self._station_snapshot(), asked_for=True))
        if evse_id != 0:
            for evse in evses:
                self._parts.csms.publish(ConnectorStatusChanged(evse.snapshot(), asked_for=True))

    def report(self, request_id: int, entries: Sequence[VariableReport]) -> None:
        """Publish a report in parts; an empty one has none."""
        at = self._parts.timing.clock.now()
        starts = range(0, len(entries), ENTRIES_PER_PART)
        for number, first in enumerate(starts):
            self._publish(
                ReportPart(
                    request_id=request_id,
                    generated_at=at,
                    seq_no=number,
                    to_be_continued=first + ENTRIES_PER_PART < len(entries),
                    entries=tuple(entries[first : first + ENTRIES_PER_PART]),
                )
            )

    def _publish(self, event: LiveEvent) -> None:
        self._later(lambda: self._parts.csms.publish(event))

    def _later(self, action: Callable[[], None]) -> None:
        self._parts.timing.after(0, action)


def _post_on_demand(evse: Evse, job: Callable[[], Awaitable[None]]) -> None:
    """Let a job happen in its turn but in the context of the demand: before acceptance only demanded messages leave."""
    context = contextvars.copy_context()

    async def run() -> None:
        await job()

    evse.post(lambda: asyncio.get_running_loop().create_task(run(), context=context))
