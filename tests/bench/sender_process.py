"""stationd's own way of a message to the CSMS in a process of its own: the parts of the daemon, back to back.

Registers, then sends so many MeterValues, each after the answer to the one before, as the baseline does.
"""

import argparse
import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from stationd.domain import variable_table as table
from stationd.domain.events import MeterValuesTaken, StationBooted
from stationd.domain.measurands import Measurand, MeterSample, ReadingContext, SampledValue
from stationd.domain.states import BootReason
from stationd.ocpp.link import Link
from stationd.ocpp.rpc import transport
from stationd.ocpp.rpc.channel import Channel
from stationd.ocpp.rpc.connection_settings import ConnectionSettings
from stationd.ocpp.rpc.session import CallReceived, Session
from stationd.ocpp.version import Context
from stationd.ocpp.versions import load_v201
from stationd.station.settings import Settings


class RealClock:
    """Implements `station.ports.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def csms_time(self, at: datetime) -> None:
        """Learn nothing: the bench needs no corrected time."""


def event() -> MeterValuesTaken:
    """Return the same eight samples that the baseline sends."""
    lines = [(f"L{number}", 16.0, 228.4) for number in (1, 2, 3)]
    values = (
        *(SampledValue(Measurand.CURRENT_IMPORT, amps, "A", phase) for phase, amps, _ in lines),
        SampledValue(Measurand.ENERGY_IMPORT_REGISTER, 1234572.8, "Wh"),
        SampledValue(Measurand.POWER_IMPORT, 10963.2, "W"),
        *(SampledValue(Measurand.VOLTAGE, volts, "V", f"{phase}-N") for phase, _, volts in lines),
    )
    sample = MeterSample(datetime.now(UTC), ReadingContext.SAMPLE_PERIODIC, values)
    return MeterValuesTaken(evse_id=1, samples=(sample,))


def context() -> Context:
    """Return what translators may use; there is no station behind it, because the CSMS of the bench asks nothing."""
    nobody: Any = None
    return Context(station=nobody, settings=Settings(table.ALL), clock=RealClock(), aliases=nobody)


async def _refuse(call: CallReceived) -> None:
    """Leave a CALL of the CSMS without an answer: it sends none."""


async def run(url: str, identity: str, count: int) -> None:
    """Connect, register, send."""
    given = context()
    socket = await transport.connect(ConnectionSettings(url, identity, ("ocpp2.0.1",), security_profile=0))
    channel = Channel(socket, Session(), handler=_refuse, clock=given.clock, ping_interval_s=lambda: 0.0)
    link = Link(load_v201(), given, channel)
    reading = asyncio.create_task(channel.run())
    try:
        await link.ask(StationBooted(BootReason.POWER_UP))
        for _ in range(count):
            await link.ask(event())
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await socket.close(timeout_s=1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("identity")
    parser.add_argument("count", type=int)
    arguments = parser.parse_args()
    asyncio.run(run(arguments.url, arguments.identity, arguments.count))
