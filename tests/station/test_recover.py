"""A station that is killed and started again with a transaction open."""

import pytest

from stationd.domain.states import StopReason
from stationd.domain.variable_table import RESUME_AFTER_POWER_LOSS, STOP_TX_ON_INVALID_ID, TX_START_POINT
from tests.station.harness import Bench, bench
from tests.station.test_flow import INVALID
from tests.station.test_interleavings import check_stream


async def restart(b: Bench, *, machine_boot_id: str = "machine-1") -> None:
    await b.kill()
    await b.start(machine_boot_id=machine_boot_id, registered=False)


async def test_a_killed_brain_goes_on_with_the_same_transaction_and_the_next_number() -> None:
    async with bench() as b:
        await b.charge()
        await b.wait(100)
        before = len(b.events)
        await restart(b)
        assert b.permitted()
        assert b.closed()
        assert len(b.events) == before  # nobody need notice
        await b.wait(61)
        assert b.events[-1].transaction_id == "tx-1"
        await b.swipe()
        assert b.told()[-1] == ("Ended", "StopAuthorized", "EVConnected")
        check_stream(b.events)
        assert b.store.rows["tx-1"].energy_wh == b.pilot.flowed_wh() - b.events[0].meter_wh


async def test_a_car_that_paused_meanwhile_is_told_as_such() -> None:
    async with bench() as b:
        await b.charge()
        await b.kill()
        b.pilot.change(wants_power=False)
        await b.start()
        assert b.told()[-1] == ("Updated", "ChargingStateChanged", "SuspendedEV")
        check_stream(b.events)


async def test_a_cable_pulled_while_the_brain_was_dead_ends_the_transaction_with_the_register_of_now() -> None:
    async with bench() as b:
        await b.charge()
        await b.wait(10)
        await b.kill()
        b.clock.advance(5)
        b.pilot.plug_out()
        await b.start()
        assert b.told()[-1] == ("Ended", "EVCommunicationLost", "Idle")
        assert b.ended.stop_reason is StopReason.EV_DISCONNECTED
        assert b.ended.meter_wh == b.pilot.flowed_wh()
        assert b.ended.meter_wh - b.events[0].meter_wh == pytest.approx(30.0)
        check_stream(b.events)


async def test_a_power_cut_ends_the_transaction_and_opens_before_the_meter_is_read() -> None:
    async with bench() as b:
        await b.charge()
        await b.wait(10)
        await b.kill()
        b.pilot.change(permit=False)
        await b.start(machine_boot_id="machine-2")
        assert b.told()[-1] == ("Ended", "AbnormalCondition", "EVConnected")
        assert b.ended.stop_reason is StopReason.POWER_LOSS
        assert b.ended.meter_wh == b.pilot.flowed_wh()
        assert not b.permitted()
        assert b.snapshot().finishing


async def test_a_power_cut_may_be_survived_where_the_setting_says_so() -> None:
    async with bench(settings={RESUME_AFTER_POWER_LOSS: "true"}) as b:
        await b.charge()
        await b.kill()
        b.pilot.change(permit=False)
        await b.start(machine_boot_id="machine-2")
        assert b.told()[2:] == [
            ("Updated", "TxResumed", "EVConnected"),
            ("Updated", "ChargingStateChanged", "Charging"),
        ]
        assert b.closed()
        check_stream(b.events)


async def test_a_second_power_cut_is_noticed_too() -> None:
    async with bench() as b:
        await restart(b, machine_boot_id="machine-2")
        await b.charge()
        await restart(b, machine_boot_id="machine-2")
        assert b.told()[-1][0] == "Updated"
        await restart(b, machine_boot_id="machine-3")
        assert b.ended.stop_reason is StopReason.POWER_LOSS


async def test_with_a_dead_meter_the_last_stored_register_is_the_bill() -> None:
    async with bench() as b:
        await b.charge()
        await b.wait(120)
        b.pilot.outlets[1].meter_dead = True
        known, died_at = b.pilot.flowed_wh(), b.clock.now()
        await b.wait(300)  # the checkpoints store an old value, and say so
        await b.kill()
        b.pilot.plug_out()
        await b.start()
        assert b.ended.meter_wh == known
        assert [s.context for s in b.ended.samples] == ["Transaction.Begin", "Transaction.End"]
        assert [v.value for v in b.ended.samples[-1].values] == [known]
        assert b.ended.samples[-1].taken_at == died_at


async def test_an_end_that_a_crash_interrupted_is_finished_and_never_charged_on() -> None:
    async with bench() as b:
        await b.charge()
        await b.change(open_delay_s=4.0)
        await b.swipe()
        assert b.store.rows["tx-1"].stop_reason is StopReason.LOCAL
        await b.kill()
        await b.start()
        await b.wait(5)
        assert b.told()[-1] == ("Ended", "StopAuthorized", "EVConnected")
        assert not b.permitted()


async def test_a_token_that_was_refused_stays_refused_over_a_restart() -> None:
    async with bench(settings={STOP_TX_ON_INVALID_ID: "false"}) as b:
        await b.charge()
        await b.answer_event(b.events[0], INVALID)
        await restart(b)
        await b.wait(20)
        assert not b.permitted()
        assert b.snapshot().charging_state == "SuspendedEVSE"


async def test_a_transaction_without_an_evse_is_ended_at_its_last_value() -> None:
    async with bench(2) as b:
        await b.charge(2)
        await b.wait(120)
        told_at = b.store.rows["tx-1"].last_sample_at
        await b.wait(5)
        await b.kill()
        b.evse_ids = (1,)
        await b.start()
        (end,) = b.ended.samples
        assert (end.context, end.taken_at) == ("Transaction.End", told_at)
        assert [v.value for v in end.values] == [b.ended.meter_wh]
        assert b.ended.transaction_id == "tx-1"
        assert b.ended.stop_reason is StopReason.OTHER
        check_stream(b.events)


async def test_a_token_that_waited_in_its_transaction_has_its_time_again_after_a_restart() -> None:
    async with bench(settings={TX_START_POINT: "Authorized"}) as b:
        await b.swipe()
        await restart(b)
        await b.wait(100)
        assert b.told()[-1][0] == "Started"
        await b.plug_in()
        assert b.told()[-2] == ("Updated", "CablePluggedIn", "EVConnected")
        assert b.closed()


async def test_a_restarted_stationd_pilot_with_the_cable_in_changes_nothing() -> None:
    async with bench() as b:
        await b.charge()
        b.pilot.lose_link()
        await b.wait(2)
        b.pilot.restore_link()
        await b.wait(1)
        assert b.told()[-1] == ("Updated", "ChargingStateChanged", "Charging")
        assert len({e.transaction_id for e in b.events}) == 1
        assert b.closed()


async def test_start_waits_a_while_for_stationd_pilot_when_a_transaction_is_open() -> None:
    import asyncio

    async with bench() as b:
        await b.charge()
        await b.kill()
        b.pilot.connected = False
        await b.make()
        starting = asyncio.create_task(b.station.start())
        await b.scheduler.advance(1)
        assert not starting.done()
        b.pilot.connected = True
        await b.scheduler.advance(1)
        await starting
        assert b.permitted()
