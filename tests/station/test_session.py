"""Commits of the running transaction."""

from stationd.domain.variable_table import SAMPLED_UPDATED_INTERVAL
from tests.station.harness import bench


async def test_the_register_is_stored_each_minute_even_if_nothing_is_told() -> None:
    async with bench(settings={SAMPLED_UPDATED_INTERVAL: "0"}) as b:
        await b.charge()
        await b.wait(70)
        assert len(b.events) == 2
        row = b.store.rows["tx-1"]
        assert row.last_wh is not None
        assert row.last_wh - row.meter_start_wh >= 100
        assert row.next_seq_no == 2


async def test_nothing_is_adopted_that_was_not_stored() -> None:
    async with bench(settings={SAMPLED_UPDATED_INTERVAL: "10"}) as b:
        await b.charge()
        b.disk.broken = True
        await b.wait(10)
        b.disk.broken = False
        await b.wait(30)
        assert [e.seq_no for e in b.events] == [0, 1, 2]
        assert b.ended.meter_wh == b.pilot.flowed_wh()
