"""The least that speaks docs/PLANT_PROTOCOL.md section 1: one EVSE, obeying at once. For tests of drivers and process.

Vehicles with a behaviour are the sandbox plant's business; this one is a switch in the test's hand.
"""

import contextlib
import json
import select
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

VOLTS = {"A": 12.0, "B": 9.0, "C": 6.0, "E": 0.0}


class SmallPlant:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "plant-pins.sock"
        self.car = "A"
        self.noise_v = 0.001
        """The pilot's volts wander by so much, since no real converter repeats itself for long."""
        self.pp_ohm: float | None = 220.0
        self.welded = False
        self.silent = False
        names = ("rcd_trip", "pe_loss", "emergency_stop", "door_open", "tilt", "power_loss")
        self.inputs = dict.fromkeys(names, False)
        self.phases: int | None = 3
        self.temperature_c: float | None = 20.0
        self.current_a: list[float | None] | None = [0.0, 0.0, 0.0]
        self.lock = "unlocked"
        self.closed = False
        self.pins: dict[str, Any] = {}
        self.pins_seen = 0
        self.commands: list[bool] = []
        """`close` of every packet of pins, in order."""
        self.turns = 0
        self.attached: list[int] = []
        self.garbage: bytes | None = None
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "SmallPlant":
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(self.path))
        self.listener.listen(4)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(5)
        self.listener.close()
        self.path.unlink(missing_ok=True)

    def wait(self, what: Any, timeout_s: float = 10.0) -> None:
        """Wait until `what()` is true."""
        with self._changed:
            assert self._changed.wait_for(what, timeout_s), f"plant never came to it: {self.pins} {self.closed}"

    def turn(self) -> None:
        """Wait until the present state was surely sent once."""
        goal = self.turns + 2
        self.wait(lambda: self.turns >= goal)

    def state(self) -> bytes:
        high = VOLTS[self.car if self.pins.get("cp", True) else "A"]
        duty = self.pins.get("duty", 100.0)
        low = high
        if duty == 0:
            high = low = -12.0
        elif duty < 100:
            low = -12.0 if high else 0.0
        noise_v = self.noise_v * (self.turns % 97) / 97
        high, low = high + noise_v, low + noise_v
        inputs = self.inputs | ({"rcd_trip": True} if self.pins.get("rcd_test") else {})
        return json.dumps(
            {
                "t_ns": time.monotonic_ns(), "cp_high_v": high, "cp_low_v": low, "pp_ohm": self.pp_ohm,
                "contactor_closed": self.closed, "lock": self.lock, "inputs": inputs, "phases": self.phases,
                "temperature_c": self.temperature_c, "current_a": self.current_a,
            }
        ).encode()  # fmt: skip

    def _serve(self) -> None:
        clients: list[socket.socket] = []
        heard = time.monotonic()
        while not self._stop.is_set():
            ready, _, _ = select.select([self.listener, *clients], [], [], 0.005)
            for sock in ready:
                if sock is self.listener:
                    link, _ = self.listener.accept()
                    link.setblocking(False)
                    clients.append(link)
                elif self._read(sock):
                    heard = time.monotonic()
                else:
                    clients.remove(sock)
                    sock.close()
            with self._changed:
                if not self.welded and (not self.pins.get("close") or time.monotonic() - heard > 0.3):
                    self.closed = False
                self.turns += 1
                self._changed.notify_all()
            for sock in clients:
                if not self.silent:
                    with contextlib.suppress(OSError):
                        sock.send(self.garbage or self.state())
        for sock in clients:
            sock.close()

    def _read(self, sock: socket.socket) -> bool:
        try:
            while True:
                packet = sock.recv(4096)
                if not packet:
                    return False
                told = json.loads(packet)
                with self._changed:
                    if "attach" in told:
                        self.attached.append(told["attach"])
                        continue
                    self.pins, self.pins_seen = told, self.pins_seen + 1
                    self.commands.append(told["close"])
                    self.closed = bool(told["close"]) or self.welded
                    self.lock = "locked" if told["lock"] else "unlocked"
                    if self.phases is not None:
                        self.phases = told.get("phases", 3)
        except BlockingIOError:
            return True
        except ConnectionResetError:  # the driver left something unread; what it sent before is still there
            return self._read(sock)
        except OSError:
            return False
