"""What begins and ends is logged and told once, whatever disk, link and restarts do."""

import pytest

from stationd.domain.faults import Fault, FaultCode
from stationd.station.fault_journal import MAX_WAITING, FaultJournal
from stationd.station.timing import Timing
from tests.fakes.clock import FakeClock
from tests.fakes.scheduler import FakeScheduler
from tests.fakes.stores import FakeFaultStore
from tests.station.harness import ANNA, Bench, bench

Story = list[tuple[str, bool, bool]]


def told(b: Bench) -> Story:
    """(code, cleared, what the component's Problem is then) of everything told."""
    return [(str(event.code), event.cleared, event.problem) for event in b.faults.events]


class Alone:
    """A journal without a station."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FakeFaultStore()
        self.stored = 0
        self.journal = FaultJournal(Timing(self.clock, FakeScheduler(self.clock)), self.store, self.count)

    def count(self) -> None:
        self.stored += 1


WELDED, SLOW = Fault(FaultCode.CONTACTOR_WELDED, 1), Fault(FaultCode.CONTACTOR_SLOW, 1, blocking=False)


async def test_a_fault_is_told_when_it_begins_and_when_it_ends() -> None:
    async with bench() as b:
        await b.charge()
        await b.change(faults=("over_temperature",))
        await b.wait(30)
        await b.change(faults=())
        assert told(b) == [("over_temperature", False, True), ("over_temperature", True, False)]
        begin, end = b.faults.events
        assert (begin.evse_id, begin.transaction_id, end.transaction_id) == (1, "tx-1", "tx-1")
        assert (end.timestamp - begin.timestamp).total_seconds() == 30
        assert b.faults.held == ()


async def test_it_is_logged_with_its_name_and_how_long_it_lasted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with bench() as b:
        await b.change(faults=("door_open",))
        await b.wait(12)
        await b.change(faults=())
    assert "fault raised evse_id=1 code=door_open mrec=EnclosureOpen transaction_id=None" in caplog.text
    assert "fault cleared evse_id=1 code=door_open mrec=EnclosureOpen transaction_id=None lasted_s=12.0" in caplog.text


async def test_a_warning_is_told_and_stops_nothing() -> None:
    async with bench() as b:
        await b.charge()
        await b.change(warnings=("derated",))
        assert told(b) == [("derated", False, True)]
        assert not b.faults.events[0].blocking
        assert b.closed()


async def test_a_fault_that_passes_between_two_jobs_is_told_all_the_same() -> None:
    async with bench() as b:
        for faults in (("tilt",), (), ("tilt",), ()):
            b.pilot.change(1, faults=faults)  # the jobs see the newest alone
        await b.settle()
        assert [cleared for _, cleared, _ in told(b)] == [False, True, False, True]


async def test_a_lost_link_ends_no_fault_of_the_safety_process() -> None:
    async with bench() as b:
        await b.change(faults=("tilt",))
        b.pilot.lose_link()
        await b.wait(10)
        b.pilot.restore_link()
        await b.settle()
        assert told(b) == [("tilt", False, True), ("pilot_lost", False, True), ("pilot_lost", True, False)]


async def test_faults_of_the_station_itself_are_told_without_an_evse() -> None:
    async with bench(2) as b:
        b.station._shared.storage(failed=True)
        await b.wait(6)
        assert [(e.evse_id, str(e.code), e.cleared) for e in b.faults.events] == [
            (0, "storage_failed", False),
            (0, "storage_failed", True),
        ]


async def test_a_fault_that_goes_on_over_a_restart_is_told_once_and_keeps_its_time() -> None:
    b = Bench()
    await b.start()
    await b.change(faults=("tilt",))
    since = b.station.faults_in_force()[0].since
    await b.stop()
    b.clock.advance(60)
    await b.start()
    await b.wait(10)
    assert told(b) == [("tilt", False, True)]
    assert b.station.faults_in_force()[0].since == since
    await b.kill()


async def test_a_fault_that_ended_while_nothing_ran_is_told_as_ended_n07_fr_14(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    b = Bench()
    await b.start()
    await b.change(faults=("tilt",))
    await b.kill()
    b.pilot.outlets[1].faults = ()
    b.clock.advance(60)
    await b.start()
    assert told(b) == [("tilt", False, True), ("tilt", True, False)]
    assert "code=tilt mrec=TiltDetected transaction_id=None lasted_s=60.0" in caplog.text
    await b.kill()


async def test_a_restart_without_a_link_ends_nothing_that_nobody_can_see() -> None:
    b = Bench()
    await b.start()
    await b.change(faults=("tilt",))
    await b.kill()
    b.pilot.connected = False
    await b.start()
    await b.wait(10)
    assert told(b)[1:] == [("pilot_lost", False, True)]
    await b.kill()


async def test_a_lost_meter_that_is_still_lost_after_a_restart_is_told_once() -> None:
    b = Bench()
    await b.start()
    await b.change(meter_dead=True)
    await b.wait(40)
    assert told(b) == [("meter_lost", False, True)]
    await b.kill()
    await b.start()
    await b.wait(40)
    assert told(b) == [("meter_lost", False, True)]
    await b.kill()


async def test_what_the_disk_refuses_is_told_in_order_when_it_is_back() -> None:
    async with bench() as b:
        b.disk.broken = True
        await b.change(faults=("tilt",))
        await b.change(faults=())
        await b.change(faults=("tilt",))
        assert told(b) == []
        b.disk.broken = False
        await b.wait(6)
        assert [cleared for code, cleared, _ in told(b) if code == "tilt"] == [False, True, False]


async def test_a_fault_stops_energy_although_the_disk_takes_nothing() -> None:
    async with bench() as b:
        await b.charge()
        b.disk.broken = True
        await b.change(faults=("emergency_stop",))
        assert not b.permitted()


async def test_what_waits_is_written_at_the_end() -> None:
    b = Bench()
    await b.start()
    b.pilot.change(1, faults=("tilt",))
    for listener in b.pilot._listeners:
        listener(1, b.pilot.status(1))
    await b.stop()
    assert told(b) == [("tilt", False, True)]


async def test_a_new_event_wakes_whoever_sends() -> None:
    async with bench() as b:
        before = b.csms.woken
        await b.change(faults=("tilt",))
        assert b.csms.woken == before + 1


async def test_a_component_has_a_problem_as_long_as_any_of_its_faults_lasts() -> None:
    alone = Alone()
    for faults in ((WELDED,), (WELDED, SLOW), (SLOW,), ()):
        alone.journal.see(1, faults)
    await alone.journal.flush()
    assert [(str(e.code), e.cleared, e.problem) for e in alone.store.events] == [
        ("contactor_welded", False, True),
        ("contactor_slow", False, True),
        ("contactor_welded", True, True),
        ("contactor_slow", True, False),
    ]
    assert alone.stored == 4


async def test_a_warning_that_becomes_a_fault_is_the_same_one() -> None:
    alone = Alone()
    lost = Fault(FaultCode.METER_LOST, 1, blocking=False)
    alone.journal.see(1, (lost,))
    alone.journal.see(1, (Fault(FaultCode.METER_LOST, 1),))
    alone.journal.see(1, ())
    await alone.journal.flush()
    assert [(e.cleared, e.blocking) for e in alone.store.events] == [(False, False), (True, True)]


async def test_faults_of_two_evses_are_kept_apart() -> None:
    alone = Alone()
    alone.journal.see(1, (WELDED,))
    alone.journal.see(2, ())
    assert alone.journal.since(WELDED) == alone.clock.now()
    assert alone.journal.since(Fault(FaultCode.CONTACTOR_WELDED, 2)) is None


async def test_memory_is_bounded_while_the_disk_takes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    alone = Alone()
    for _ in range(MAX_WAITING):
        alone.journal.see(1, (WELDED,))
        alone.journal.see(1, ())
    await alone.journal.flush()
    assert len(alone.store.events) == MAX_WAITING
    assert alone.store.events[-1].cleared
    assert "fault message dropped evse_id=1 code=contactor_welded cleared=False" in caplog.text


async def test_problems_are_in_the_device_model_as_long_as_they_last() -> None:
    async with bench(2) as b:
        row = b.settings.find("PowerContactor", "Problem", evse_id=2)
        other = b.settings.find("PowerContactor", "Problem", evse_id=1)
        assert row is not None
        assert other is not None
        assert b.settings.text(row) == "false"
        await b.change(2, faults=("contactor_welded",))
        assert (b.settings.text(row), b.settings.text(other)) == ("true", "false")
        await b.change(2, faults=())
        assert b.settings.text(row) == "false"


async def test_a_fault_told_during_a_swipe_names_the_transaction_that_it_ended() -> None:
    async with bench() as b:
        await b.plug_in()
        assert (await b.swipe(ANNA)).accepted
        await b.change(faults=("rcd_trip",))
        assert b.faults.events[0].transaction_id == "tx-1"
        await b.change(faults=())
        assert b.faults.events[1].transaction_id is None


async def test_a_technician_s_reset_goes_to_the_safety_process_and_its_answer_comes_back() -> None:
    async with bench() as b:
        await b.change(faults=("rcd_trip",))
        b.pilot.outlets[1].refuses = "cannot reset rcd_trip: its input is still faulty; remove the cause first"
        assert await b.station.reset_fault(1, "rcd_trip") == b.pilot.outlets[1].refuses
        assert await b.station.test_rcd(1) == b.pilot.outlets[1].refuses
        b.pilot.outlets[1].refuses = None
        assert await b.station.reset_fault(1, "rcd_trip") is None
        await b.settle()
        assert b.station.faults() == ()
        assert b.pilot.outlets[1].resets == ["rcd_trip", "rcd_trip"]


async def test_what_the_brain_finds_itself_cannot_be_reset() -> None:
    async with bench() as b:
        told = await b.station.reset_fault(1, "meter_lost")
        assert told == "cannot reset meter_lost: it ends by itself with its cause"
        assert await b.station.reset_fault(7, "rcd_trip") is not None
        assert b.pilot.outlets[1].resets == []
