"""The queue of live events."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from stationd.domain.events import ConnectorStatusChanged, HeartbeatDue, MeterValuesTaken
from stationd.domain.states import ConnectorStatus
from stationd.ocpp.live import MAX_EVENTS, LiveQueue
from tests.fakes.station import snapshot


def status(evse_id: int, word: ConnectorStatus) -> ConnectorStatusChanged:
    return ConnectorStatusChanged(snapshot(evse_id, status=word, changed_at=datetime(2026, 1, 1, tzinfo=UTC)))


def test_events_leave_in_order() -> None:
    queue = LiveQueue()
    events = [MeterValuesTaken(evse_id=number, samples=()) for number in range(3)]
    for event in events:
        queue.put(event)
    assert [queue.take() for _ in range(4)] == [*events, None]


def test_of_each_connector_only_the_newest_status_is_told() -> None:
    queue = LiveQueue()
    queue.put(status(1, ConnectorStatus.OCCUPIED))
    queue.put(status(2, ConnectorStatus.OCCUPIED))
    queue.put(status(1, ConnectorStatus.AVAILABLE))
    assert [queue.take(), queue.take(), queue.take()] == [
        status(2, ConnectorStatus.OCCUPIED),
        status(1, ConnectorStatus.AVAILABLE),
        None,
    ]


def test_the_queue_is_bounded_and_says_what_it_drops(caplog: pytest.LogCaptureFixture) -> None:
    queue = LiveQueue()
    for _ in range(MAX_EVENTS + 5):
        queue.put(MeterValuesTaken(evse_id=1, samples=()))
    assert len(queue) == MAX_EVENTS
    assert "live_event_dropped" in caplog.text


def test_one_heartbeat_is_enough() -> None:
    queue = LiveQueue()
    queue.put(HeartbeatDue())
    queue.put(HeartbeatDue())
    assert len(queue) == 1
    queue.clear()
    assert queue.take() is None


def test_a_status_that_was_asked_for_stays_so_when_a_newer_one_takes_its_place() -> None:
    queue = LiveQueue()
    queue.put(replace(status(1, ConnectorStatus.OCCUPIED), asked_for=True))
    queue.put(status(1, ConnectorStatus.AVAILABLE))
    assert queue.take() == replace(status(1, ConnectorStatus.AVAILABLE), asked_for=True)
