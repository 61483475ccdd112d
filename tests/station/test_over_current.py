"""The rule of over-current by the meter."""

import pytest

from stationd.domain.faults import FaultCode
from stationd.domain.states import ConnectorStatus, StopReason
from stationd.station.over_current import OverCurrent, measured, offered, unplugged
from tests.station.harness import Bench, bench


def _read(over: OverCurrent, amps: float, from_s: float, to_s: float, step_s: float = 1.0) -> OverCurrent:
    at_s = from_s
    while at_s <= to_s:
        over = measured(over, (amps, 0.0, None), at_s)
        at_s += step_s
    return over


def _offered(amps: float = 16.0, at_s: float = 0.0) -> OverCurrent:
    return offered(OverCurrent(), amps, at_s)


def test_too_much_for_seven_seconds_is_found_and_not_earlier() -> None:
    assert not _read(_offered(), 18.2, 100, 106).found
    assert _read(_offered(), 18.2, 100, 107).found


def test_ten_percent_and_half_an_ampere_are_allowed() -> None:
    assert not _read(_offered(), 18.1, 100, 200).found  # 16 * 1.1 + 0.5


def test_any_one_phase_counts() -> None:
    over = _offered(10.0)
    for at_s in range(100, 110):
        over = measured(over, (None, None, 12.0), at_s)
    assert over.found


def test_one_good_reading_between_starts_the_time_anew() -> None:
    over = _read(_read(_offered(), 20.0, 100, 105), 16.0, 106, 106)
    assert not _read(over, 20.0, 107, 113).found
    assert _read(over, 20.0, 107, 114).found


def test_readings_far_apart_prove_nothing() -> None:
    assert not _read(_offered(), 20.0, 100, 200, step_s=4.0).found
    assert _read(_offered(), 20.0, 100, 200, step_s=3.0).found


def test_a_vehicle_that_follows_a_falling_offer_is_given_time() -> None:
    over = _read(_offered(16.0), 16.0, 90, 100)
    for at_s in (100.0, 105.0, 110.0, 115.0):  # falls again before the vehicle may be judged
        over = offered(over, over.offered_a - 2.0, at_s)
        over = _read(over, over.offered_a + 4.0, at_s + 0.5, at_s + 4.5)
    assert not over.found
    assert _read(over, 14.0, 120.0, 122.0).found


def test_a_rising_offer_gives_no_further_time() -> None:
    over = _read(_offered(10.0), 20.0, 100, 105)
    over = offered(over, 12.0, 105.5)
    assert _read(over, 20.0, 106, 107).found


@pytest.mark.parametrize("amps", [20.0, 1000.0])
def test_nothing_is_judged_while_nothing_is_offered(amps: float) -> None:
    assert not _read(offered(_offered(), 0.0, 50.0), amps, 100, 200).found


def test_it_stays_until_the_cable_is_out() -> None:
    found = _read(_offered(), 20.0, 100, 110)
    assert _read(found, 0.0, 111, 200).found
    assert offered(found, 0.0, 112).found
    assert not unplugged(found).found


def test_a_meter_without_currents_finds_nothing() -> None:
    over = _offered()
    for at_s in range(100, 120):
        over = measured(over, (None, None, None), at_s)
    assert not over.found


async def test_a_vehicle_that_draws_too_much_is_stopped_and_its_transaction_ended() -> None:
    async with bench() as b:
        await b.charge()
        await b.wait(20)
        await b.change(draws_a=36.0)  # offered: 32 A
        await b.wait(5)
        assert b.closed()
        await b.wait(6)
        assert not b.permitted()
        assert not b.closed()
        assert b.ended.stop_reason is StopReason.OVERCURRENT_FAULT
        assert [f.code for f in b.station.faults()] == [FaultCode.OVER_CURRENT]
        assert b.snapshot().status is ConnectorStatus.FAULTED
        assert not (await b.swipe()).accepted
        await b.plug_out()
        assert b.station.faults() == ()
        assert b.snapshot().status is ConnectorStatus.AVAILABLE


async def test_where_the_board_measures_current_the_meter_is_not_asked() -> None:
    async with bench(measures_current=True) as b:
        await b.charge()
        await b.change(draws_a=40.0)
        await b.wait(60)
        assert b.closed()
        assert b.station.faults() == ()


async def test_a_restarted_brain_judges_the_vehicle_that_charges_already() -> None:
    b = Bench()
    await b.start()
    await b.charge()
    await b.stop()
    await b.start()
    await b.change(draws_a=40.0)
    await b.wait(12)
    assert [f.code for f in b.station.faults()] == [FaultCode.OVER_CURRENT]
    await b.kill()


async def test_a_technician_can_forgive_an_over_current_by_the_meter() -> None:
    async with bench() as b:
        await b.charge()
        await b.change(draws_a=40.0)
        await b.wait(12)
        assert await b.station.reset_fault(1, "over_current") is None
        await b.settle()
        assert b.station.faults() == ()
        assert b.pilot.outlets[1].resets == []
        assert await b.station.reset_fault(1, "over_current") is None  # the safety process is asked for its own
        assert b.pilot.outlets[1].resets == ["over_current"]


async def test_values_are_told_for_the_phases_that_are_connected() -> None:
    async with bench() as b:
        await b.change(phases=1)
        await b.charge()
        begun = next(event for event in b.events if event.phases_used is not None)
        assert begun.phases_used == 1
        assert b.station._evses[1]._offered().phases == 1
