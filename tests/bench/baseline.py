"""The natural Python station: the `ocpp` package's example for OCPP 2.0.1, with heartbeat and meter values."""

import argparse
import asyncio
from datetime import UTC, datetime

import websockets
from ocpp.v201 import ChargePoint as Base
from ocpp.v201 import call


def sample(measurand, unit, value, phase=None):
    one = {"value": value, "context": "Sample.Periodic", "measurand": measurand, "location": "Outlet"}
    return {**one, "unitOfMeasure": {"unit": unit}, **({"phase": phase} if phase else {})}


def samples():
    lines = [(f"L{n}", 16.0, 228.4) for n in (1, 2, 3)]
    values = [sample("Current.Import", "A", amps, phase) for phase, amps, _ in lines]
    values += [sample("Energy.Active.Import.Register", "Wh", 1234572.8), sample("Power.Active.Import", "W", 10963.2)]
    return values + [sample("Voltage", "V", volts, f"{phase}-N") for phase, _, volts in lines]


class ChargePoint(Base):
    async def heartbeats(self, interval):
        while True:
            await asyncio.sleep(interval)
            await self.call(call.Heartbeat())

    async def meter_values(self, count, after):
        await asyncio.sleep(after)
        for _ in range(count):
            value = {"timestamp": datetime.now(UTC).isoformat(), "sampledValue": samples()}
            await self.call(call.MeterValues(evse_id=1, meter_value=[value]))

    async def work(self, arguments):
        station = {"model": "Simulated", "vendorName": "baseline"}
        answer = await self.call(call.BootNotification(charging_station=station, reason="PowerUp"))
        now = datetime.now(UTC).isoformat()
        await self.call(call.StatusNotification(now, connector_status="Available", evse_id=1, connector_id=1))
        await asyncio.gather(self.heartbeats(answer.interval), self.meter_values(arguments.count, arguments.after))


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--after", type=float, default=0)
    arguments = parser.parse_args()
    async with websockets.connect(arguments.url, subprotocols=["ocpp2.0.1"]) as connection:
        station = ChargePoint("baseline", connection)
        await asyncio.gather(station.start(), station.work(arguments))


if __name__ == "__main__":
    asyncio.run(main())
