"""One EVSE's status towards the CSMS."""

from dataclasses import replace

from stationd.domain.events import ConnectorStatusChanged
from stationd.domain.states import ConnectorStatus
from tests.station.harness import Bench, bench


def published(b: Bench) -> list[ConnectorStatusChanged]:
    found = [e for e in b.csms.published if isinstance(e, ConnectorStatusChanged) and e.snapshot.evse_id == 1]
    b.csms.published.clear()
    return found


async def test_each_change_is_published_once_with_its_time() -> None:
    async with bench() as b:
        published(b)
        await b.wait(100)
        assert published(b) == []
        await b.plug_in()
        (event,) = published(b)
        assert event.snapshot.status is ConnectorStatus.OCCUPIED
        assert event.snapshot.changed_at == b.clock.now()
        b.pilot.send(1)
        await b.wait(30)
        assert published(b) == []
        assert b.snapshot() == event.snapshot


async def test_what_is_published_is_what_is_answered_when_asked() -> None:
    async with bench() as b:
        await b.charge()
        last = published(b)[-1].snapshot
        assert last == b.snapshot()
        assert (last.transaction_id, last.charging_state, last.authorized) == ("tx-1", "Charging", True)


async def test_a_cable_without_a_car_occupies_a_socket() -> None:
    async with bench() as b:
        from stationd.domain.pilot import CpState

        await b.change(plugged=True, cp=CpState.A)
        assert b.snapshot().status is ConnectorStatus.OCCUPIED
        assert not b.snapshot().cable_connected


async def test_a_warning_leaves_the_status_alone_and_is_shown() -> None:
    async with bench() as b:
        await b.charge()
        before = b.snapshot()
        await b.change(meter_dead=True)
        await b.wait(10)
        assert replace(b.snapshot(), faults=(), changed_at=before.changed_at) == before
        assert len(b.snapshot().faults) == 1


async def test_a_fault_comes_and_goes_in_the_status() -> None:
    async with bench() as b:
        await b.change(faults=("door_open",))
        await b.change(faults=())
        assert b.statuses() == ["Available", "Faulted", "Available"]
