"""`python -m stationd.sandbox.csms`: a small CSMS to try a station against, steered through a control socket."""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from stationd.api.server import Access, InvalidParams, Method, Refused
from stationd.api.server import Server as ControlServer
from stationd.domain.errors import StationError
from stationd.sandbox.csms.answers import Json, Policy
from stationd.sandbox.csms.ledger import Ledger
from stationd.sandbox.csms.server import Csms
from stationd.sandbox.processes import port_number

CONTROL_SOCKET = "csms.sock"
STATUSES = ("Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx")


class Control:
    """The methods of the control socket."""

    def __init__(self, csms: Csms) -> None:
        self._csms = csms

    def methods(self) -> dict[str, Method]:
        """Return the table."""
        change, read = Access.CHANGE, Access.READ
        station = {"identity": str}
        optional = frozenset({"identity"})
        return {
            "state": Method(read, self.state),
            "sessions": Method(read, self.sessions),
            "frames": Method(read, self.frames),
            "watch": Method(read, stream=self.watch),
            "call": Method(
                change, self.call, parameters={"action": str, "payload": dict, **station}, optional=optional
            ),
            "send_raw": Method(change, self.send_raw, parameters={"text": str, **station}, optional=optional),
            "disconnect": Method(change, self.disconnect, parameters=station, optional=optional),
            "set_reachable": Method(change, self.set_reachable, parameters={"reachable": bool}),
            "remote_start": Method(
                change, self.remote_start, parameters={"token": str, "evse_id": int, **station}, optional=optional
            ),
            "remote_stop": Method(change, self.remote_stop, parameters=station, optional=optional),
            "set_token": Method(change, self.set_token, parameters={"token": str, "status": str}),
            "set_policy": Method(
                change, self.set_policy,
                parameters={"registration": str, "interval_s": int, "mute": bool, "failing": list},
                optional=frozenset({"registration", "interval_s", "mute", "failing"}),
            ),
        }  # fmt: skip

    async def state(self) -> Json:
        """Return every station with its connectors."""
        return {
            name: {
                "ocpp": station.ocpp, "connected": station.connected, "boot": station.boot,
                "connectors": station.connectors, "last_heartbeat": station.last_heartbeat, "reports": station.reports,
            }
            for name, station in self._csms.ledger.stations.items()
        }  # fmt: skip

    async def sessions(self) -> list[Json]:
        """Return every session, oldest first."""
        ledger = self._csms.ledger
        return [session.as_json(ledger.price_per_kwh) for session in ledger.sessions]

    async def frames(self) -> list[Json]:
        """Return the last frames of every station."""
        return list(self._csms.frames)

    async def watch(self) -> AsyncIterator[Json]:
        """Yield each frame as it comes."""
        queue = self._csms.listen()
        try:
            while True:
                yield await queue.get()
        finally:
            self._csms.unlisten(queue)

    async def call(self, action: str, payload: Json, identity: str | None = None) -> Json:
        """Send any request."""
        return await self._csms.call(identity, action, payload)

    async def send_raw(self, text: str, identity: str | None = None) -> None:
        """Send any text."""
        await self._csms.send_raw(identity, text)

    async def disconnect(self, identity: str | None = None) -> None:
        """Close the connection."""
        await self._csms.disconnect(identity)

    async def set_reachable(self, reachable: bool) -> None:
        """Go away (every connection ends, new ones are refused) or come back; what was learnt stays."""
        await (self._csms.come_back() if reachable else self._csms.close())

    async def remote_start(self, token: str, evse_id: int, identity: str | None = None) -> Json:
        """Start a session in the words of the station's version."""
        if self._version(identity) == "1.6":
            return await self._csms.call(identity, "RemoteStartTransaction", {"idTag": token, "connectorId": evse_id})
        payload = {
            "idToken": {"idToken": token, "type": "Central"},
            "evseId": evse_id,
            "remoteStartId": self._csms.ledger.new_transaction_id(),
        }
        return await self._csms.call(identity, "RequestStartTransaction", payload)

    async def remote_stop(self, identity: str | None = None) -> Json:
        """Stop the newest running session of a station."""
        running = [s for s in self._csms.ledger.sessions if s.ended_at is None and identity in (None, s.station)]
        if not running:
            raise Refused("no session is running")
        session = running[-1]
        if session.ocpp == "1.6":
            number = {"transactionId": int(session.transaction_id)}
            return await self._csms.call(session.station, "RemoteStopTransaction", number)
        return await self._csms.call(
            session.station, "RequestStopTransaction", {"transactionId": session.transaction_id}
        )

    async def set_token(self, token: str, status: str) -> None:
        """Decide about a token."""
        if status not in STATUSES:
            raise InvalidParams(f"status must be one of {', '.join(STATUSES)}, not {status!r}")
        self._csms.ledger.tokens[token.upper()] = status

    async def set_policy(self, **changes: Any) -> None:
        """Change how the CSMS behaves."""
        if "failing" in changes:
            changes["failing"] = frozenset(changes["failing"])
        for name, value in changes.items():
            setattr(self._csms.policy, name, value)

    def _version(self, identity: str | None) -> str:
        stations = self._csms.ledger.stations
        names = [name for name, s in stations.items() if s.connected and identity in (None, name)]
        if not names:
            raise Refused("no such station is connected")
        return stations[names[-1]].ocpp


async def serve(arguments: argparse.Namespace) -> None:
    """Run until SIGTERM or SIGINT."""
    csms = Csms(
        Ledger(price_per_kwh=arguments.price), Policy(interval_s=arguments.interval),
        password=arguments.password, versions=arguments.versions.split(","),
    )  # fmt: skip
    try:
        arguments.runtime_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StationError(
            f"cannot make {arguments.runtime_dir}: {error.strerror}; choose another --runtime-dir"
        ) from None
    control = ControlServer(arguments.runtime_dir / CONTROL_SOCKET, Control(csms).methods())
    await control.start()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        try:
            port = await csms.start(arguments.host, arguments.port)
        except OSError as error:
            why = os.strerror(error.errno).lower() if error.errno else error
            raise StationError(
                f"cannot listen on {arguments.host}:{arguments.port}: {why}; choose another --port"
            ) from None
        print(json.dumps({"ready": True, "port": port}), flush=True)
        await stop.wait()
    finally:
        await control.close()
        await csms.close()


def main() -> int:
    """Run the sandbox CSMS."""
    parser = argparse.ArgumentParser(prog="stationd.sandbox.csms", description=__doc__)
    parser.add_argument("--runtime-dir", type=Path, required=True, help="folder of the control socket csms.sock")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port_number, default=9000, help="0 = any free port")
    parser.add_argument("--password", help="demand HTTP basic authentication with this password")
    parser.add_argument("--versions", default="2.1,2.0.1,1.6", help="in order of preference")
    parser.add_argument("--interval", type=int, default=60, help="heartbeat interval in seconds")
    parser.add_argument("--price", type=float, default=0.49, help="per kWh")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    try:
        asyncio.run(serve(arguments))
    except StationError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
