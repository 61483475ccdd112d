"""Ends under trouble: a broken disk, a dead meter, a lost link."""

from stationd.domain.faults import FaultCode
from stationd.domain.pilot import CpState
from stationd.domain.states import ConnectorStatus, StopReason
from stationd.domain.variable_table import SAMPLED_ENDED_MEASURANDS, TX_START_POINT
from tests.station.harness import BERT, bench
from tests.station.test_interleavings import check_stream


async def test_without_a_disk_nothing_starts_and_the_fault_is_shown() -> None:
    async with bench() as b:
        await b.plug_in()
        b.disk.broken = True
        refused = await b.swipe()
        assert not refused.accepted
        assert refused.reason == "Faulted"
        assert not b.permitted()
        assert b.snapshot().status is ConnectorStatus.FAULTED
        assert [f.code for f in b.station.faults()] == [FaultCode.STORAGE_FAILED]
        assert b.station.station_snapshot().status is ConnectorStatus.FAULTED
        b.disk.broken = False
        await b.wait(6)
        assert b.station.faults() == ()
        assert b.told() == []  # the driver must swipe again
        assert (await b.swipe()).accepted
        assert b.closed()


async def test_a_running_transaction_ends_safely_when_the_disk_fails_and_is_billed_when_it_is_back() -> None:
    async with bench() as b:
        await b.charge()
        await b.wait(50)
        b.disk.broken = True
        await b.wait(60)  # the next periodic values cannot be stored
        assert not b.permitted()
        assert not b.closed()
        assert b.store.rows["tx-1"].ended_at is None
        flowed = b.pilot.flowed_wh()
        await b.wait(600)
        b.disk.broken = False
        await b.wait(11)
        assert b.ended.stop_reason is StopReason.OTHER
        assert b.ended.meter_wh == flowed == b.pilot.flowed_wh()
        check_stream(b.events)
        assert b.station.faults() == ()
        assert b.snapshot().status is ConnectorStatus.OCCUPIED


async def test_an_end_is_tried_again_until_the_disk_takes_it() -> None:
    async with bench() as b:
        await b.charge()
        b.disk.broken = True
        assert (await b.swipe()).accepted  # it stops, whatever the disk says
        assert not b.permitted()
        await b.wait(30)
        b.disk.broken = False
        await b.wait(11)
        assert b.told()[-1] == ("Ended", "StopAuthorized", "EVConnected")
        check_stream(b.events)


async def test_with_a_dead_meter_nothing_starts() -> None:
    async with bench() as b:
        await b.change(meter_dead=True)
        await b.wait(31)
        assert b.snapshot().status is ConnectorStatus.FAULTED
        await b.plug_in()
        assert (await b.swipe()).reason == "Faulted"
        await b.change(meter_dead=False)
        await b.wait(11)
        assert (await b.swipe()).accepted


async def test_a_meter_that_dies_in_a_transaction_is_a_warning_and_the_bill_its_last_value() -> None:
    async with bench() as b:
        await b.charge()
        await b.wait(100)
        await b.change(meter_dead=True)
        last, died_at = b.pilot.flowed_wh(), b.clock.now()
        await b.wait(100)
        assert b.closed()
        assert [(f.code, f.blocking) for f in b.snapshot().faults] == [(FaultCode.METER_LOST, False)]
        assert b.snapshot().status is ConnectorStatus.OCCUPIED
        await b.swipe()
        assert b.ended.meter_wh == last
        end = b.ended.samples[-1]
        assert (end.context, [v.value for v in end.values]) == ("Transaction.End", [last])
        assert end.taken_at == died_at  # never a fresh time on an old value


async def test_without_a_meter_no_register_is_made_up() -> None:
    async with bench() as b:
        await b.kill()
        b.meters.clear()
        await b.start()
        await b.charge()
        await b.swipe()
        assert b.ended.samples == ()


async def test_the_last_value_of_a_dead_meter_is_told_only_where_the_end_tells_registers() -> None:
    async with bench(settings={SAMPLED_ENDED_MEASURANDS: "Voltage"}) as b:
        await b.charge()
        await b.change(meter_dead=True)
        await b.wait(100)
        await b.swipe()
        assert [s.context for s in b.ended.samples] == ["Transaction.Begin"]


async def test_a_hanging_meter_delays_an_end_by_no_more_than_its_time_out() -> None:
    async with bench() as b:
        await b.charge()
        await b.wait(20)
        await b.change(meter_hangs=True)
        await b.swipe()
        assert not b.closed()
        await b.wait(7)
        assert b.told()[-1][0] == "Ended"


async def test_a_register_that_goes_back_is_not_believed() -> None:
    async with bench() as b:
        await b.charge()
        await b.wait(100)
        high = b.pilot.flowed_wh()
        await b.change(register_wh=5.0)
        await b.wait(100)
        await b.plug_out()
        assert b.ended.meter_wh == high
        assert b.store.rows["tx-1"].energy_wh == 200.0


async def test_a_lost_stationd_pilot_is_a_fault_after_a_while_and_the_transaction_waits_for_it() -> None:
    async with bench() as b:
        await b.charge()
        b.pilot.lose_link()
        await b.wait(2)
        assert b.snapshot().faults == ()
        await b.wait(2)
        assert [f.code for f in b.snapshot().faults] == [FaultCode.PILOT_LOST]
        assert b.told()[-1] == ("Updated", "ChargingStateChanged", "SuspendedEVSE")
        await b.wait(600)
        b.pilot.restore_link()
        await b.wait(1)
        assert b.snapshot().faults == ()
        assert b.told()[-1][2] == "Charging"


async def test_an_end_without_stationd_pilot_comes_after_the_bounded_wait() -> None:
    async with bench() as b:
        await b.charge()
        b.pilot.lose_link()
        await b.settle()
        await b.remote_stop()
        await b.wait(8)
        assert b.store.rows["tx-1"].ended_at is None
        await b.wait(2)
        assert b.told()[-1][:2] == ("Ended", "RemoteStop")


async def test_a_cable_pulled_while_the_end_waits_makes_no_second_end() -> None:
    async with bench() as b:
        await b.charge()
        await b.change(open_delay_s=5.0)
        await b.swipe()
        await b.plug_out()
        await b.wait(10)
        assert b.told()[-1] == ("Ended", "StopAuthorized", "Idle")
        assert b.ended.stop_reason is StopReason.LOCAL
        check_stream(b.events)
        assert not b.snapshot().finishing


async def test_a_cable_left_in_the_socket_is_finishing_until_it_goes() -> None:
    async with bench() as b:
        await b.charge()
        await b.swipe()
        assert b.snapshot().finishing
        await b.change(cp=CpState.A)  # the car's end is pulled first; the plug is seen a moment longer
        assert b.snapshot().finishing
        assert b.snapshot().status is ConnectorStatus.OCCUPIED
        await b.plug_out()
        assert not b.snapshot().finishing
        assert b.snapshot().status is ConnectorStatus.AVAILABLE
        b.pilot.outlets[1].plugged = True
        await b.settle()
        await b.change(cp=CpState.A)  # the next driver's cable, without a car yet
        assert b.snapshot().status is ConnectorStatus.OCCUPIED
        assert not b.snapshot().finishing


async def test_a_cable_left_in_the_socket_that_its_car_ended_from_is_finishing_too() -> None:
    async with bench() as b:
        await b.charge()
        await b.change(cp=CpState.A, closed=False)
        assert b.told()[-1][:2] == ("Ended", "EVCommunicationLost")
        assert b.snapshot().finishing
        assert (await b.swipe(BERT)).accepted
        assert not b.snapshot().finishing  # somebody is about to use it


async def test_the_next_cable_in_during_an_end_begins_anew() -> None:
    async with bench(settings={TX_START_POINT: "EVConnected"}) as b:
        await b.charge()
        await b.change(open_delay_s=5.0, welded=False)
        b.pilot.lose_link()
        await b.settle()
        await b.remote_stop()
        b.pilot.connected = True
        b.pilot.plug_out()
        b.pilot.plug_in()
        await b.wait(12)
        assert b.told("tx-1")[-1][0] == "Ended"
        assert b.told("tx-2") == [("Started", "CablePluggedIn", "EVConnected")]
        check_stream(b.events)


async def test_a_cable_changed_while_an_end_waits_for_the_contactor_is_another_drivers() -> None:
    async with bench(settings={TX_START_POINT: "EVConnected"}) as b:
        await b.charge()
        await b.change(welded=True)
        await b.remote_stop()
        await b.plug_out()
        await b.plug_in()
        await b.wait(10)
        assert b.told("tx-1")[-1][:2] == ("Ended", "RemoteStop")
        assert not b.snapshot().finishing
        assert b.told("tx-2")[0][:2] == ("Started", "CablePluggedIn")


async def test_another_car_after_a_lost_link_does_not_charge_on_the_account_of_the_one_before() -> None:
    async with bench() as b:
        await b.charge()
        await b.wait(50)
        b.pilot.lose_link()
        await b.wait(2)
        outlet = b.pilot.outlets[1]
        b.pilot._count(outlet)
        outlet.unplugs, outlet.closed = outlet.unplugs + 1, False  # out and in again while nobody could see it
        flowed = b.pilot.flowed_wh()
        b.pilot.restore_link(boot_id=outlet.boot_id)
        await b.settle()
        await b.wait(15)
        assert b.store.rows["tx-1"].stop_reason is StopReason.EV_DISCONNECTED
        assert b.ended.meter_wh == flowed
        assert not b.permitted()
        check_stream(b.events)
        assert b.snapshot().cable_connected
        assert (await b.swipe(BERT)).accepted
        assert b.closed()


async def test_the_same_car_after_a_lost_link_goes_on() -> None:
    async with bench() as b:
        await b.charge()
        b.pilot.lose_link()
        await b.wait(2)
        b.pilot.restore_link(boot_id=b.pilot.outlets[1].boot_id)
        await b.wait(15)
        assert b.store.rows["tx-1"].ended_at is None
        assert b.closed()
