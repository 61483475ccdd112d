"""Resets (B11, B12)."""

from stationd.domain.states import BootReason, ConnectorStatus, ResetKind, StopReason
from stationd.domain.variable_table import RESET_DELAY
from stationd.station.ports import ChangeOutcome
from tests.station.harness import bench
from tests.station.test_interleavings import check_stream


async def test_an_idle_station_restarts_after_the_delay() -> None:
    async with bench(settings={RESET_DELAY: "3"}) as b:
        assert await b.station.request_reset(ResetKind.IMMEDIATE) is ChangeOutcome.ACCEPTED
        await b.wait(2.9)
        assert b.lifecycle.restarts == []
        await b.wait(0.2)
        assert b.lifecycle.restarts == [(BootReason.REMOTE_RESET, False)]


async def test_running_transactions_end_open_and_are_stored_before_the_restart() -> None:
    async with bench(2) as b:
        await b.charge(1)
        await b.charge(2)
        await b.change(2, open_delay_s=5.0)
        assert await b.station.request_reset(ResetKind.HARD) is ChangeOutcome.ACCEPTED
        await b.wait(4)
        assert b.lifecycle.restarts == []
        await b.wait(4)
        assert b.lifecycle.restarts == [(BootReason.REMOTE_RESET, True)]
        assert not b.closed(1)
        assert not b.closed(2)
        for transaction_id in ("tx-1", "tx-2"):
            assert b.told(transaction_id)[-1] == ("Ended", "ResetCommand", "EVConnected")
        assert b.ended.stop_reason is StopReason.HARD_RESET
        assert b.ended.stop_token is None
        check_stream(b.events)


async def test_it_waits_a_little_for_the_ends_to_be_delivered() -> None:
    async with bench() as b:
        await b.charge()
        b.store.undelivered = 1
        await b.station.request_reset(ResetKind.IMMEDIATE)
        await b.wait(3)
        assert b.lifecycle.restarts == []
        b.store.undelivered = 0
        await b.wait(2)
        assert len(b.lifecycle.restarts) == 1


async def test_a_csms_that_takes_nothing_delays_a_reset_by_seconds_only() -> None:
    async with bench() as b:
        b.store.undelivered = 1
        await b.station.request_reset(ResetKind.IMMEDIATE)
        await b.wait(7)
        assert len(b.lifecycle.restarts) == 1


async def test_on_idle_waits_for_the_transactions_and_lets_nothing_start() -> None:
    async with bench(2) as b:
        await b.charge(1)
        assert await b.station.request_reset(ResetKind.ON_IDLE) is ChangeOutcome.SCHEDULED
        await b.wait(100)
        assert b.closed(1)
        assert b.snapshot(2).status is ConnectorStatus.UNAVAILABLE
        assert (await b.remote_start(2)).reason == "Unavailable"
        await b.swipe()
        await b.wait(2)
        assert b.lifecycle.restarts == [(BootReason.SCHEDULED_RESET, False)]
        assert b.ended.stop_reason is StopReason.LOCAL


async def test_an_urgent_reset_overtakes_a_scheduled_one() -> None:
    async with bench() as b:
        await b.charge()
        await b.station.request_reset(ResetKind.ON_IDLE)
        assert await b.station.request_reset(ResetKind.IMMEDIATE) is ChangeOutcome.ACCEPTED
        await b.wait(5)
        assert b.lifecycle.restarts == [(BootReason.REMOTE_RESET, False)]


async def test_a_single_evse_is_not_reset_and_no_reset_is_accepted_twice() -> None:
    async with bench() as b:
        assert await b.station.request_reset(ResetKind.IMMEDIATE, 1) is ChangeOutcome.REJECTED
        assert await b.station.request_reset(ResetKind.ON_IDLE) is ChangeOutcome.ACCEPTED
        assert await b.station.request_reset(ResetKind.IMMEDIATE) is ChangeOutcome.REJECTED


async def test_a_broken_disk_does_not_prevent_a_reset_for_ever() -> None:
    async with bench() as b:
        await b.charge()
        b.disk.broken = True
        await b.station.request_reset(ResetKind.IMMEDIATE)
        await b.wait(30)
        assert not b.closed()
        assert len(b.lifecycle.restarts) == 1
