"""The station as a whole: registration, unlocking, status, and how it ends."""

import asyncio

import pytest

from stationd.domain.id_token import IdToken
from stationd.domain.pilot import LockState
from stationd.domain.states import ConnectorStatus, StopReason
from stationd.domain.variable_table import TX_BEFORE_ACCEPTED, TX_START_POINT
from stationd.station.parts import EvseProfile
from stationd.station.ports import TransactionStatus, UnlockOutcome
from stationd.station.station import Station
from stationd.station.timekeeper import Timekeeper
from tests.station.harness import ANNA, Bench, bench
from tests.station.test_interleavings import check_stream


async def test_a_station_that_was_never_accepted_refuses_to_charge() -> None:
    async with bench(registered=False) as b:
        assert b.snapshot().status is ConnectorStatus.UNAVAILABLE
        await b.plug_in()
        assert (await b.swipe()).reason == "CSNotAccepted"
        b.station.registration_changed(accepted=True)
        await b.settle()
        assert b.snapshot().status is ConnectorStatus.OCCUPIED
        assert (await b.swipe()).accepted


async def test_a_station_accepted_once_charges_after_a_restart_without_a_network() -> None:
    async with bench() as b:
        await b.charge()
        await b.swipe()
        await b.kill()
        b.csms.online = False
        await b.start(registered=False)
        assert (await b.swipe()).accepted
        assert b.closed()


async def test_an_explicit_refusal_stops_new_transactions_but_not_running_ones() -> None:
    async with bench(2) as b:
        await b.charge(1)
        b.station.registration_changed(accepted=False)
        await b.settle()
        assert b.closed(1)
        assert (await b.remote_start(2)).reason == "CSNotAccepted"


async def test_transactions_before_acceptance_are_a_setting() -> None:
    async with bench(settings={TX_BEFORE_ACCEPTED: "true"}, registered=False) as b:
        assert b.snapshot().operative
        b.csms.online = False
        await b.plug_in()
        assert (await b.remote_start()).accepted
        assert b.closed()


async def test_unlocking_ends_a_transaction_first_where_the_version_says_so() -> None:
    async with bench() as b:
        await b.charge()
        assert await b.station.request_unlock(1, 1, end_transaction=False) is (
            UnlockOutcome.ONGOING_AUTHORIZED_TRANSACTION
        )
        assert b.closed()
        unlock = asyncio.create_task(b.station.request_unlock(1, 1, end_transaction=True))
        await b.settle()
        assert unlock.result() is UnlockOutcome.UNLOCKED
        assert b.ended.stop_reason is StopReason.UNLOCK_COMMAND
        assert b.told()[-1] == ("Ended", "UnlockCommand", "EVConnected")


async def test_unlocking_is_answered_in_time_even_if_nothing_moves_and_the_transaction_ends_later() -> None:
    async with bench() as b:
        await b.charge()
        await b.change(welded=True, lock_jammed=True, meter_hangs=True)
        unlock = asyncio.create_task(b.station.request_unlock(1, 1, end_transaction=True))
        await b.wait(9.0)
        assert unlock.result() is UnlockOutcome.UNLOCK_FAILED
        await b.wait(20.0)
        assert b.ended.stop_reason is StopReason.UNLOCK_COMMAND


async def test_unlocking_tells_what_became_of_it() -> None:
    async with bench() as b:

        async def unlock(evse_id: int = 1, connector_id: int = 1) -> UnlockOutcome:
            task = asyncio.create_task(b.station.request_unlock(evse_id, connector_id, end_transaction=True))
            await b.settle()
            return task.result()

        assert await unlock(7) is UnlockOutcome.UNKNOWN_CONNECTOR
        assert await unlock(1, 2) is UnlockOutcome.UNKNOWN_CONNECTOR
        assert await unlock() is UnlockOutcome.UNLOCKED
        await b.change(lock_jammed=True)
        assert await unlock() is UnlockOutcome.UNLOCK_FAILED
        await b.change(lock=LockState.NONE)
        assert await unlock() is UnlockOutcome.NOT_SUPPORTED


async def test_the_status_of_a_transaction_tells_running_and_queued() -> None:
    async with bench() as b:
        await b.charge()
        b.store.undelivered = 2
        assert await b.station.transaction_status("tx-1") == TransactionStatus(ongoing=True, messages_in_queue=True)
        await b.swipe()
        b.store.undelivered = 0
        assert await b.station.transaction_status("tx-1") == TransactionStatus(ongoing=False, messages_in_queue=False)
        assert await b.station.transaction_status("other") == TransactionStatus(ongoing=False, messages_in_queue=False)
        assert await b.station.transaction_status(None) == TransactionStatus(ongoing=None, messages_in_queue=False)


async def test_it_says_why_so_much_and_no_more_is_offered() -> None:
    async with bench() as b:
        await b.change(cable_a=20.0)
        assert ("not_authorized", 0.0) in b.station.why(1)
        await b.charge()
        assert b.station.why(1) == [("hw_profile", 32.0), ("stationd_pilot", 20.0), ("cable", 20.0)]
        assert b.station.why(9) == []


async def test_an_orderly_end_leaves_the_transaction_open_with_its_newest_register_and_the_offer_alone() -> None:
    async with bench() as b:
        await b.charge()
        await b.wait(33)
        offers = len(b.pilot.outlets[1].offers)
        await b.stop()
        assert len(b.pilot.outlets[1].offers) == offers
        row = b.store.rows["tx-1"]
        assert row.ended_at is None
        assert row.last_wh == pytest.approx(b.pilot.flowed_wh(), abs=2.1)
        await b.start()
        await b.swipe()
        check_stream(b.events)


async def test_an_orderly_end_takes_a_second_even_if_the_disk_hangs() -> None:
    async with bench() as b:
        await b.charge()
        b.store.gate = asyncio.Event()
        swipe = asyncio.create_task(b.station.present_token(ANNA))
        await b.settle()
        async with asyncio.timeout(1.9):
            await b.stop()
        swipe.cancel()
        await asyncio.gather(swipe, return_exceptions=True)


async def test_it_runs_on_the_real_loop_and_clock() -> None:
    made = Bench()
    await made.make()
    clock = Timekeeper()
    made.clock.monotonic = clock.monotonic  # type: ignore[method-assign]
    station = Station(
        profiles=[EvseProfile(evse_id=1, phases=3, max_a=32.0)],
        settings=made.settings,
        clock=clock,
        pilot=made.pilot,
        transactions=made.store,
        tokens=made.cache,
        auth_list=made.auth_list,
        state=made.state,
        faults=made.faults,
        lifecycle=made.lifecycle,
        meters=made.meters,
        machine_boot_id="machine-1",
    )
    station.connect_csms(made.csms)
    await station.start()
    station.registration_changed(accepted=True)
    running = asyncio.create_task(station.run())
    made.pilot.plug_in()
    verdict = await station.present_token(IdToken("REAL"))
    assert verdict.accepted
    while made.store.rows[verdict.transaction_id or ""].charging_state != "Charging":
        await asyncio.sleep(0.01)
    await station.stop()
    await running
    assert made.csms.woken == 2


async def test_an_error_in_a_job_ends_the_station_so_that_the_process_recovers() -> None:
    b = Bench()
    await b.start()

    async def broken(*_: object) -> None:
        raise RuntimeError("a programming error")

    b.store.commit = broken  # type: ignore[method-assign, assignment]
    await b.set(TX_START_POINT, "EVConnected")
    with pytest.raises(ExceptionGroup):
        await b.plug_in()
    b._run = None
