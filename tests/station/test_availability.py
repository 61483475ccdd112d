"""Three stored flags, and ChangeAvailability on a whole station (G03, G04)."""

import pytest

from stationd.domain.errors import StorageError
from stationd.domain.states import ConnectorStatus, OperationalStatus
from stationd.station.availability import Availability, connector_status
from stationd.station.ports import ChangeOutcome
from tests.fakes.stores import FakeStateStore
from tests.station.harness import bench

OFF, ON = OperationalStatus.INOPERATIVE, OperationalStatus.OPERATIVE


async def test_operative_above_restores_what_was_below() -> None:
    store = FakeStateStore()
    flags = Availability(store)
    await flags.change(OFF, 1, None)
    await flags.change(OFF, None, None)
    assert (flags.station, flags.connector(1), flags.connector(2)) == (False, False, False)
    await flags.change(ON, None, None)
    assert (flags.station, flags.connector(1), flags.connector(2)) == (True, False, True)
    again = Availability(store)
    await again.load((1, 2))
    assert (again.connector(1), again.connector(2)) == (False, True)


async def test_a_flag_that_cannot_be_stored_does_not_count() -> None:
    store = FakeStateStore()
    flags = Availability(store)
    store.disk.broken = True
    with pytest.raises(StorageError):
        await flags.change(OFF, 1, 1)
    assert flags.connector(1)


def test_the_status_follows_the_precedence() -> None:
    assert connector_status(faulted=True, operative=False, occupied=True) is ConnectorStatus.FAULTED
    assert connector_status(faulted=False, operative=False, occupied=True) is ConnectorStatus.UNAVAILABLE
    assert connector_status(faulted=False, operative=True, occupied=True) is ConnectorStatus.OCCUPIED
    assert connector_status(faulted=False, operative=True, occupied=False) is ConnectorStatus.AVAILABLE


async def test_an_idle_connector_changes_at_once_and_survives_a_restart() -> None:
    async with bench() as b:
        assert await b.station.change_availability(OFF, evse_id=1) is ChangeOutcome.ACCEPTED
        await b.settle()
        assert b.snapshot().status is ConnectorStatus.UNAVAILABLE
        assert not b.snapshot().operative
        assert (await b.swipe()).reason == "Unavailable"
        await b.kill()
        await b.start()
        assert b.snapshot().status is ConnectorStatus.UNAVAILABLE
        assert await b.station.change_availability(ON, evse_id=1) is ChangeOutcome.ACCEPTED
        assert (await b.swipe()).accepted


async def test_a_running_transaction_defers_the_change_to_its_end() -> None:
    async with bench(2) as b:
        await b.charge()
        assert await b.station.change_availability(OFF) is ChangeOutcome.SCHEDULED
        await b.settle()
        assert b.closed()
        assert b.snapshot(1).status is ConnectorStatus.OCCUPIED
        assert b.snapshot(2).status is ConnectorStatus.UNAVAILABLE  # the idle one at once
        assert b.station.station_snapshot().status is ConnectorStatus.UNAVAILABLE
        await b.plug_out()
        assert b.snapshot(1).status is ConnectorStatus.UNAVAILABLE
        assert b.statuses() == ["Available", "Occupied", "Unavailable"]  # G01.FR.05


async def test_making_it_operative_again_cancels_what_was_scheduled() -> None:
    async with bench() as b:
        await b.charge()
        assert await b.station.change_availability(OFF, evse_id=1, connector_id=1) is ChangeOutcome.SCHEDULED
        assert await b.station.change_availability(ON, evse_id=1, connector_id=1) is ChangeOutcome.ACCEPTED
        await b.plug_out()
        assert b.snapshot().status is ConnectorStatus.AVAILABLE


async def test_a_token_that_waits_is_dropped_when_the_connector_goes() -> None:
    async with bench() as b:
        await b.swipe()
        await b.station.change_availability(OFF, evse_id=1)
        await b.settle()
        assert not b.snapshot().authorized


async def test_unknown_targets_and_a_broken_disk_are_rejected() -> None:
    async with bench() as b:
        assert await b.station.change_availability(OFF, evse_id=7) is ChangeOutcome.REJECTED
        assert await b.station.change_availability(OFF, evse_id=1, connector_id=2) is ChangeOutcome.REJECTED
        b.disk.broken = True
        assert await b.station.change_availability(OFF, evse_id=1) is ChangeOutcome.REJECTED
        assert b.snapshot().operative
