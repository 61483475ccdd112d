"""When meter values are taken and in which event they travel (J01, J02)."""

from stationd.domain.events import TransactionEventType
from stationd.domain.variable_table import (
    ALIGNED_ENDED_INTERVAL,
    ALIGNED_ENDED_MEASURANDS,
    ALIGNED_INTERVAL,
    SAMPLED_ENDED_INTERVAL,
    SAMPLED_ENDED_MEASURANDS,
    SAMPLED_STARTED_MEASURANDS,
    SAMPLED_UPDATED_INTERVAL,
    SAMPLED_UPDATED_MEASURANDS,
)
from tests.station.harness import Bench, bench


def contexts(b: Bench) -> list[str]:
    return [str(sample.context) for sample in b.ended.samples]


async def test_started_and_ended_carry_their_measurands() -> None:
    async with bench() as b:
        await b.charge()
        await b.wait(30)
        await b.swipe()
        (begin,) = b.events[0].samples
        assert begin.context == "Transaction.Begin"
        assert [v.value for v in begin.values] == [b.events[0].meter_wh]
        assert contexts(b) == ["Transaction.Begin", "Transaction.End"]
        assert b.ended.samples[-1].values[0].value == b.ended.meter_wh


async def test_empty_lists_mean_no_samples() -> None:
    settings = {SAMPLED_STARTED_MEASURANDS: "", SAMPLED_UPDATED_MEASURANDS: "", SAMPLED_ENDED_MEASURANDS: ""}
    async with bench(settings=settings) as b:
        await b.charge()
        await b.wait(200)
        await b.swipe()
        assert [len(e.samples) for e in b.events] == [0, 0, 0]


async def test_periodic_values_come_at_their_interval_from_the_start() -> None:
    async with bench(settings={SAMPLED_UPDATED_INTERVAL: "10"}) as b:
        await b.charge()
        start = b.events[0].timestamp
        await b.wait(35)
        periodic = [e for e in b.events if e.trigger == "MeterValuePeriodic"]
        assert [(e.timestamp - start).total_seconds() for e in periodic] == [10, 20, 30]
        for event in periodic:
            assert [s.context for s in event.samples] == ["Sample.Periodic"]
            assert event.charging_state == "Charging"
        assert {v.measurand for v in periodic[0].samples[0].values} == {
            "Energy.Active.Import.Register", "Power.Active.Import", "Current.Import", "Voltage",
        }  # fmt: skip


async def test_the_interval_may_change_on_the_way_and_zero_ends_it() -> None:
    async with bench() as b:
        await b.charge()
        await b.set(SAMPLED_UPDATED_INTERVAL, "5")
        await b.wait(11)
        assert len([e for e in b.events if e.trigger == "MeterValuePeriodic"]) == 2
        await b.set(SAMPLED_UPDATED_INTERVAL, "0")
        await b.wait(200)
        assert len([e for e in b.events if e.trigger == "MeterValuePeriodic"]) == 2


async def test_an_interval_longer_than_a_minute_is_kept_exactly() -> None:
    async with bench(settings={SAMPLED_UPDATED_INTERVAL: "150"}) as b:
        await b.charge()
        await b.wait(301)
        periodic = [e for e in b.events if e.trigger == "MeterValuePeriodic"]
        assert [(e.timestamp - b.events[0].timestamp).total_seconds() for e in periodic] == [150, 300]


async def test_a_dead_meter_gives_no_values_instead_of_old_ones() -> None:
    async with bench(settings={SAMPLED_UPDATED_INTERVAL: "10"}) as b:
        await b.charge()
        await b.wait(15)
        await b.change(meter_dead=True)
        before = len(b.events)
        await b.wait(100)
        assert len(b.events) == before


async def test_values_for_the_end_are_kept_and_travel_with_it() -> None:
    settings = {
        SAMPLED_ENDED_INTERVAL: "20",
        ALIGNED_ENDED_INTERVAL: "60",
        ALIGNED_ENDED_MEASURANDS: "Energy.Active.Import.Register",
        SAMPLED_UPDATED_INTERVAL: "0",
    }
    async with bench(settings=settings) as b:
        await b.wait(5)
        await b.charge()
        await b.wait(62)
        await b.swipe()
        assert contexts(b) == [
            "Transaction.Begin", "Sample.Periodic", "Sample.Periodic", "Sample.Clock", "Sample.Periodic",
            "Transaction.End",
        ]  # fmt: skip
        stamps = [s.taken_at for s in b.ended.samples]
        assert stamps == sorted(stamps)
        assert all(e.event_type is TransactionEventType.ENDED or len(e.samples) <= 1 for e in b.events)


async def test_aligned_values_go_alone_while_idle_and_with_the_transaction_while_charging() -> None:
    async with bench(settings={ALIGNED_INTERVAL: "60", SAMPLED_UPDATED_INTERVAL: "0"}) as b:
        b.clock.advance(7)
        await b.set(ALIGNED_INTERVAL, "30")
        await b.wait(60)
        idle = b.meter_values()
        assert [e.samples[0].taken_at.second for e in idle] == [30, 0]
        assert all(e.transaction_id is None and e.samples[0].context == "Sample.Clock" for e in idle)
        await b.charge()
        await b.wait(60)
        assert len(b.meter_values()) == 2
        aligned = [e for e in b.events if e.trigger == "MeterValueClock"]
        assert [e.timestamp.second for e in aligned] == [30, 0]


async def test_a_step_of_the_clock_moves_the_grid() -> None:
    from datetime import timedelta

    async with bench(settings={ALIGNED_INTERVAL: "3600"}) as b:
        await b.wait(30)
        b.clock.wall += timedelta(minutes=50)
        await b.wait(600)
        (event,) = b.meter_values()
        stamp = event.samples[0].taken_at
        assert (stamp.minute, stamp.second) == (0, 0)


async def test_events_made_while_offline_say_so_and_are_kept() -> None:
    async with bench() as b:
        await b.charge()
        b.csms.online = False
        await b.wait(61)
        b.csms.online = True
        await b.swipe()
        offline = {str(e.trigger): e.offline for e in b.events}
        assert offline == {
            "Authorized": False,
            "ChargingStateChanged": False,
            "MeterValuePeriodic": True,
            "StopAuthorized": False,
        }


async def test_time_spent_charging_counts_only_charging() -> None:
    async with bench(settings={SAMPLED_UPDATED_INTERVAL: "0"}) as b:
        await b.charge()
        await b.wait(40)
        await b.change(wants_power=False)
        await b.wait(100)
        await b.change(wants_power=True)
        await b.wait(10)
        await b.swipe()
        assert [e.time_spent_charging_s for e in b.events] == [0, 0, 40, 40, 50]
