"""`plant-pins.sock`: the fast side, one SOCK_SEQPACKET connection per EVSE (docs/PLANT_PROTOCOL.md, section 1)."""

import asyncio
import contextlib
import json
import socket
from typing import Any

from stationd.sandbox.plant import faults
from stationd.sandbox.plant.engine import Engine
from stationd.sandbox.plant.errors import ArgumentError
from stationd.sandbox.plant.evse import Pins
from stationd.sandbox.plant.plant import Plant

MAX_PACKET_BYTES = 2048
MAX_PACKETS_A_TURN = 256  # a flood must not keep the others from their turn
SEND_BUFFER_BYTES = 1  # the kernel's least, a few packets: a driver that hung must not find a queue of old states


class _Connection:
    """One driver."""

    __slots__ = ("evse_id", "socket", "waiting")

    def __init__(self, link: socket.socket) -> None:
        self.socket = link
        self.evse_id: int | None = None
        self.waiting = False
        """The newest state could not be sent yet."""


class PinsServer:
    """Serves the drivers of all EVSEs; what they send is stamped when it is read."""

    def __init__(self, plant: Plant, engine: Engine, listener: socket.socket) -> None:
        self._plant = plant
        self._engine = engine
        self._listener = listener
        self._by_evse: dict[int, _Connection] = {}
        self._connections: set[_Connection] = set()
        self._told: dict[int, asyncio.Event] = {evse_id: asyncio.Event() for evse_id in plant.evses}

    def start(self) -> None:
        """Take connections."""
        self._listener.setblocking(False)
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def close(self) -> None:
        """Drop every connection."""
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        for connection in list(self._connections):
            self._drop(connection)

    def attached(self) -> tuple[int, ...]:
        """Return the EVSEs that have a driver."""
        return tuple(self._by_evse)

    async def wait_told(self, evse_id: int, timeout_s: float) -> bool:
        """Wait until the driver was sent the present state; False without a driver or if it does not read."""
        connection = self._by_evse.get(evse_id)
        if connection is None or self._silent(evse_id):
            return False
        if connection.waiting:
            self._told[evse_id].clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told[evse_id].wait(), timeout_s)
        return self._by_evse.get(evse_id) is connection and not connection.waiting

    def drain(self) -> None:
        """Read everything that drivers sent and apply it."""
        for connection in list(self._by_evse.values()):
            self._read(connection)

    def push(self, evse_id: int) -> None:
        """Send the EVSE's present state, or keep it until the driver has read what it was sent before."""
        connection = self._by_evse.get(evse_id)
        if connection is None or connection.waiting or self._silent(evse_id):
            return
        if not self._send(connection, self._plant.evses[evse_id].packet()):
            connection.waiting = True
            asyncio.get_running_loop().add_writer(connection.socket, self._writable, connection)

    def _silent(self, evse_id: int) -> bool:
        return faults.CP_SILENT in self._plant.evses[evse_id].faults

    # --- from the event loop ---

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            link, _ = self._listener.accept()
            link.setblocking(False)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            connection = _Connection(link)
            self._connections.add(connection)
            asyncio.get_running_loop().add_reader(link, self._readable, connection)

    def _readable(self, connection: _Connection) -> None:
        if self._read(connection):
            self._engine.settle(self._engine.now())

    def _writable(self, connection: _Connection) -> None:
        asyncio.get_running_loop().remove_writer(connection.socket)
        connection.waiting = False
        if connection.evse_id is not None:
            self._engine.settle(self._engine.now())
            self.push(connection.evse_id)
            if not connection.waiting:
                self._told[connection.evse_id].set()

    # --- packets ---

    def _read(self, connection: _Connection) -> bool:
        """Apply what waits in the socket; True if the physics must settle."""
        changed = False
        for _ in range(MAX_PACKETS_A_TURN):
            try:
                packet = connection.socket.recv(MAX_PACKET_BYTES)
            except BlockingIOError:
                return changed
            except OSError:
                packet = b""
            if not packet:
                self._drop(connection)
                return changed
            try:
                changed |= self._take(connection, packet)
            except ArgumentError as error:
                self._send(connection, {"error": str(error)})
                self._drop(connection)
                return changed
        return changed

    def _take(self, connection: _Connection, packet: bytes) -> bool:
        now_ns = self._engine.now()
        if connection.evse_id is not None:
            return self._plant.evses[connection.evse_id].drive(parse_pins(packet), now_ns)
        evse_id = parse_attach(packet)
        self._plant.evse(evse_id).advance(now_ns)
        if (older := self._by_evse.get(evse_id)) is not None:
            self._drop(older)
        connection.evse_id = evse_id
        self._by_evse[evse_id] = connection
        self.push(evse_id)
        return False

    def _send(self, connection: _Connection, message: dict[str, Any]) -> bool:
        """Send a packet; False if the driver must read first."""
        try:
            connection.socket.send(json.dumps(message, separators=(",", ":")).encode())
        except BlockingIOError:
            return False
        except OSError:
            asyncio.get_running_loop().call_soon(self._drop, connection)
        return True

    def _drop(self, connection: _Connection) -> None:
        if connection not in self._connections:
            return
        self._connections.remove(connection)
        if connection.evse_id is not None and self._by_evse.get(connection.evse_id) is connection:
            del self._by_evse[connection.evse_id]
            self._told[connection.evse_id].set()
        loop = asyncio.get_running_loop()
        loop.remove_reader(connection.socket)
        loop.remove_writer(connection.socket)
        connection.socket.close()


def parse_attach(packet: bytes) -> int:
    """Return the EVSE that a driver wants to be of.

    Raises:
        ArgumentError: not such a packet.
    """
    evse_id = _json_object(packet).get("attach")
    if not isinstance(evse_id, int) or isinstance(evse_id, bool):
        raise ArgumentError('cannot attach: the first packet must be {"attach": <number of the EVSE>}')
    return evse_id


def parse_pins(packet: bytes) -> Pins:
    """Return the pins in a packet; unknown keys are ignored, and `phases`, `cp` and `rcd_test` may be left out.

    Raises:
        ArgumentError: a key is missing, of a wrong type or out of bounds.
    """
    fields = _json_object(packet)
    duty, close, lock = fields.get("duty"), fields.get("close"), fields.get("lock")
    if isinstance(duty, bool) or not isinstance(duty, int | float) or not 0 <= duty <= 100:
        raise ArgumentError(f"cannot drive pins: duty must be 0 to 100 percent, not {duty!r}")
    if not isinstance(close, bool) or not isinstance(lock, bool):
        raise ArgumentError(f"cannot drive pins: close and lock must be true or false, not {close!r} and {lock!r}")
    phases, cp, rcd_test = fields.get("phases", 3), fields.get("cp", True), fields.get("rcd_test", False)
    if isinstance(phases, bool) or phases not in (1, 3):
        raise ArgumentError(f"cannot drive pins: phases must be 1 or 3, not {phases!r}")
    if not isinstance(cp, bool) or not isinstance(rcd_test, bool):
        raise ArgumentError(f"cannot drive pins: cp and rcd_test must be true or false, not {cp!r} and {rcd_test!r}")
    return Pins(float(duty), close, lock, int(phases), cp, rcd_test)


def _json_object(packet: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(packet)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise ArgumentError(f"cannot read packet: not one JSON object: {packet[:60]!r}")
    return fields
