"""The offer is told when it changes."""

from dataclasses import replace

from stationd.station.metering import Offered
from stationd.station.offering import Offering
from stationd.station.timing import Timing
from tests.fakes.clock import FakeClock
from tests.fakes.pilot import FakePilot
from tests.fakes.scheduler import FakeScheduler
from tests.station.test_limits import FINE


async def test_an_offer_is_told_once_and_its_age_counts_from_the_permit() -> None:
    clock = FakeClock()
    scheduler = FakeScheduler(clock)
    pilot = FakePilot(clock, scheduler)
    situation = replace(FINE, authorized=False)
    offering = Offering(1, pilot, Timing(clock, scheduler), lambda: situation)
    offering.apply()
    offering.apply()
    assert not offering.permitted
    assert offering.offered == Offered(0.0, 3)
    clock.advance(5)
    situation = FINE
    offering.apply()
    since = offering.since_s
    clock.advance(5)
    situation = replace(FINE, cable_max_a=13.0)
    offering.apply()
    assert offering.since_s == since == 1005.0
    assert offering.offered == Offered(13.0, 3)
    assert pilot.outlets[1].offers == [(1000.0, 0.0, False), (1005.0, 20.0, True), (1010.0, 13.0, True)]
    assert min(limit.amps for limit in offering.why()) == 13.0
