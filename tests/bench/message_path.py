"""One MeterValues and its answer without a socket, `stationd`'s way or that of the `ocpp` package: prints µs of CPU.

translate, validate, write JSON, then read the answer's JSON, validate it, make an object of it.
"""

import argparse
import asyncio
import json
import time
from datetime import UTC, datetime
from typing import Any

WARM_UP = 50


def stationd(count: int) -> float:
    """Return the CPU time of a message in µs."""
    from stationd.ocpp.link import Link
    from stationd.ocpp.rpc.session import OutgoingCall, Session
    from stationd.ocpp.versions import load_v201
    from tests.bench.sender_process import context, event

    version, nobody = load_v201(), None
    link, session = Link(version, context(), nobody), Session()  # type: ignore[arg-type]  # nothing is sent through it
    check = version.response_validator("MeterValues")
    assert check is not None

    def one() -> None:
        outgoing = link.translate(event())
        assert outgoing is not None
        call = OutgoingCall(outgoing.action, outgoing.payload, 30.0)
        session.submit(call)
        [text] = session.text_to_send(0.0)
        assert len(text) > 1000
        session.receive_text(f'[3,"{call.message_id}",{{}}]')
        [answered] = session.events_received()
        payload: Any = answered.payload  # type: ignore[union-attr]
        check(payload)
        outgoing.read(payload)

    for _ in range(WARM_UP):
        one()
    began = time.process_time_ns()
    for _ in range(count):
        one()
    return (time.process_time_ns() - began) / 1000 / count


def package(count: int) -> float:
    """Return the CPU time of a message in µs, with the package's thread pool for validation switched off."""
    import ocpp.messages
    from ocpp.v201 import ChargePoint, call

    from tests.bench.baseline import samples

    ocpp.messages.ASYNC_VALIDATION = False  # the pool belongs to sockets and threads, not to the message

    class Answering:
        station: ChargePoint

        async def send(self, text: str) -> None:
            assert len(text) > 1000
            await self.station.route_message(f"[3,{text[3:41]},{{}}]")

    async def run() -> float:
        connection = Answering()
        connection.station = station = ChargePoint("bench", connection)

        async def one() -> None:
            value = {"timestamp": datetime.now(UTC).isoformat(), "sampledValue": samples()}
            await station.call(call.MeterValues(evse_id=1, meter_value=[value]))

        for _ in range(WARM_UP):
            await one()
        began = time.process_time_ns()
        for _ in range(count):
            await one()
        return (time.process_time_ns() - began) / 1000 / count

    return asyncio.run(run())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=("stationd", "package"))
    parser.add_argument("count", type=int)
    arguments = parser.parse_args()
    print(json.dumps((stationd if arguments.side == "stationd" else package)(arguments.count)))
