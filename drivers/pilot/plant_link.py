"""The one connection of an EVSE's mock drivers to the plant (docs/PLANT_PROTOCOL.md, section 1).

Never waits: it drains to the newest state, sends the pins, and tries again later when the plant is away.
"""

import json
import math
import os
import socket
from collections.abc import Mapping, MutableMapping
from typing import Any

from stationd.pilot.interfaces import DriverError, LockFeedback

RETRY_MS = 200
"""Pause between two attempts to reach a plant that is away."""
MAX_PACKETS = 200
"""Drained in one tick at most."""
MAX_PACKET_BYTES = 8_192
MAX_PATH_BYTES = 107
_WORDS = ("false", "true")


class PlantLink:
    """State of the plant as last told, and the pins to tell it. `fresh` False: the values are too old to open by."""

    def __init__(self, path: str, evse_id: int) -> None:
        if len(os.fsencode(path)) > MAX_PATH_BYTES:
            raise DriverError(
                f"cannot use plant socket {path}: longer than {MAX_PATH_BYTES} bytes; choose a shorter one"
            )
        self.stale_ms = 100
        self.duty = 100.0
        self.close_coil = False
        self.lock: bool | None = None
        """None: leave it where it is."""
        self.phases: int | None = None
        """None: leave the switch where it is."""
        self.cp_connected = True
        self.rcd_test = False
        self.high_v = self.low_v = math.nan
        self.pp_ohm = math.inf
        self.contactor_closed: bool | None = None
        self.lock_feedback: LockFeedback | None = None
        self.inputs: Mapping[str, Any] = {}
        self.sensed_phases: int | None = None
        self.temperature_c: float | None = None
        self.current_a: tuple[float, float, float] | None = None
        self._path = path
        self._hello = json.dumps({"attach": evse_id}).encode()
        self._socket: socket.socket | None = None
        self._buffer = bytearray(MAX_PACKET_BYTES)
        self._heard_ms: int | None = None
        self._retry_ms: int | None = None
        self._looked_ms = -1
        self._beats = 0
        self._seen_locked: bool | None = None
        """Whether the lock was locked when it was last read."""
        self._seen_phases = 3
        """Where the switch rested last."""

    def look(self, now_ms: int) -> bool:
        """Take in the newest state, once per tick however many drivers ask; tell whether it is fresh."""
        if now_ms != self._looked_ms:
            self._looked_ms = now_ms
            if self._socket is None:
                self._connect(now_ms)
            if self._socket is not None:
                self._drain(self._socket, now_ms)
        return self._heard_ms is not None and now_ms - self._heard_ms <= self.stale_ms

    def beat(self) -> None:
        """Send the pins; they are the heartbeat of the simulated coil."""
        if self._socket is None or self._seen_locked is None:
            return  # until the positions of lock and phase switch are known, any pins could move them
        self._beats += 1
        lock = self.lock if self.lock is not None else self._seen_locked
        pins = (
            f'{{"duty":{self.duty!r},"close":{_WORDS[self.close_coil]},"lock":{_WORDS[lock]},'
            f'"phases":{self.phases or self._seen_phases},"cp":{_WORDS[self.cp_connected]},'
            f'"rcd_test":{_WORDS[self.rcd_test]},"n":{self._beats}}}'
        )
        try:
            self._socket.send(pins.encode(), socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass  # the plant is behind; the next beat says the same
        except OSError:
            self._drop()

    def close(self) -> None:
        """Part from the plant with the coil open, the pilot joined and the test ended, as a board without power is.

        What else was written since the last beat is sent too.
        """
        self.close_coil, self.cp_connected, self.rcd_test = False, True, False
        self.beat()
        if self._socket is not None:
            self._drain(self._socket, 0)  # a state left unread would reset the connection before the pins are read
        self._drop()

    def _connect(self, now_ms: int) -> None:
        if self._retry_ms is not None and now_ms < self._retry_ms:
            return
        self._retry_ms = now_ms + RETRY_MS
        link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        link.setblocking(False)
        try:
            link.connect(self._path)
            link.send(self._hello)
        except OSError:
            link.close()
            return
        self._socket = link

    def _drain(self, link: socket.socket, now_ms: int) -> None:
        newest = 0
        try:
            for _ in range(MAX_PACKETS):
                size = link.recv_into(self._buffer)
                if size == 0:
                    self._drop()
                    break
                newest = size
        except BlockingIOError:
            pass
        except OSError:
            self._drop()
        if newest and self._socket is not None and self._take(bytes(memoryview(self._buffer)[:newest])):
            self._heard_ms = now_ms

    def _take(self, packet: bytes) -> bool:
        """Read one state; False if it is none, which leaves the old one to go stale."""
        try:
            told = json.loads(packet.decode())  # of bytes it would guess the encoding first
            high_v, low_v = float(told["cp_high_v"]), float(told["cp_low_v"])
            pp_ohm = math.inf if told["pp_ohm"] is None else float(told["pp_ohm"])
            contactor_closed, inputs = told["contactor_closed"], told["inputs"]
            lock = None if told["lock"] is None else LockFeedback(told["lock"])
            phases = told.get("phases", 3)  # a plant without the switch has all of them
            temperature_c, current_a = _number(told.get("temperature_c")), _currents(told.get("current_a"))
        except (ValueError, KeyError, TypeError):
            return False
        if not isinstance(contactor_closed, bool | None) or not isinstance(inputs, dict):
            return False
        if phases not in (None, 0, 1, 3) or isinstance(phases, bool | float):
            return False
        if lock is not None:
            self._seen_locked = lock is LockFeedback.LOCKED
        self.sensed_phases, self.temperature_c, self.current_a = phases, temperature_c, current_a
        self._seen_phases = phases or self._seen_phases
        self.high_v, self.low_v, self.pp_ohm = high_v, low_v, pp_ohm
        self.contactor_closed, self.lock_feedback, self.inputs = contactor_closed, lock, inputs
        return True

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            self._heard_ms = None


def link_of(path: str, runtime_dir: str, evse_id: int, shared: MutableMapping[str, Any]) -> PlantLink:
    """Return the connection that all mock drivers of this EVSE share; `path` is relative to the runtime directory."""
    full = os.path.join(runtime_dir, path)
    key = f"plant:{full}:{evse_id}"
    if key not in shared:
        shared[key] = PlantLink(full, evse_id)
    link: PlantLink = shared[key]
    return link


def _number(told: Any) -> float | None:
    """Return a measured value; None if the plant has none, or one that is no number."""
    if told is None:
        return None
    value = float(told)
    return value if math.isfinite(value) else None


def _currents(told: Any) -> tuple[float, float, float] | None:
    if told is None:
        return None
    l1, l2, l3 = map(_number, told)
    return None if l1 is None or l2 is None or l3 is None else (l1, l2, l3)
