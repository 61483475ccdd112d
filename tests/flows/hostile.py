"""What a program gone mad, or one with bad intentions, does on the socket of stationd-pilot, until told to end."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.flows.support import Flow

Json = dict[str, Any]
BRAIN = b'{"type": "hello", "v": 1, "role": "brain"}\n'
READER = b'{"type": "hello", "v": 1, "role": "reader"}\n'
OFFER = {"type": "offer", "evse_id": 1, "amps": 16, "phases": 3, "permit": True, "lease_ms": 10_000, "seq": 1}
MIB = 1_048_576
CROWD = 100


def line(message: Json) -> bytes:
    return json.dumps(message).encode() + b"\n"


def socket_of(flow: Flow) -> Path:
    return flow.sandbox.folders.runtime_dir / "pilot.sock"


def connected(path: Path) -> socket.socket:
    """Return a new connection.

    Raises:
        OSError: too many connect at this moment.
    """
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(1.0)
    try:
        link.connect(str(path))
    except OSError:
        link.close()
        raise
    return link


ORDERS = tuple(
    line(message)
    for message in (
        {**OFFER, "amps": 1000, "lease_ms": 3_600_000},
        {**OFFER, "amps": 0},
        {**OFFER, "permit": False},
        {"type": "unlock", "evse_id": 1, "seq": 1},
        {"type": "reset_fault", "evse_id": 1, "seq": 1, "code": "rcd_trip"},
        {"type": "set_available", "evse_id": 1, "seq": 1, "available": False},
        {"type": "self_test", "evse_id": 1, "seq": 1},
    )
)
"""Valid orders, which only the permit holder may give."""

NONSENSE = (
    b"\x00\xff\xfe" * 1000 + b"\n",
    b"\n" * 4000,
    b"null\n", b"7\n", b"[]\n", b'"offer"\n', b"{}\n",
    b"[" * 10_000 + b"]" * 10_000 + b"\n",  # too long as well
    b"[" * 4_000 + b"\n",
    b'{"a":' * 800 + b"\n",
    b"x" * MIB + b"\n",
    b"x" * MIB,
    b'{"type": "hello", "v": 999, "role": "brain"}\n',
    b'{"type": "hello", "v": 0, "role": "brain"}\n',
    b'{"type": "hello", "v": "1", "role": "brain"}\n',
    b'{"type": "hello", "v": 1, "role": "king"}\n',
    b'{"type": "hello", "v": 1, "role": ["brain"]}\n',
    b'{"type": "hello"',
    *ORDERS,  # before hello
    READER + b'{"type": "offer", "evse_id": 1, "am',
    READER + b"\xff\n",
)  # fmt: skip


class Tally:
    """What the attackers did."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.connections = 0
        self.bytes_sent = 0
        self.messages = 0


def nonsense(path: Path, tally: Tally) -> None:
    """Say one wrong thing on each connection, read what comes, go away or be thrown out."""
    number = 0
    while not tally.over.is_set():
        with contextlib.suppress(OSError), connected(path) as link:
            tally.connections += 1
            link.settimeout(0.05)
            wrong, number = NONSENSE[number % len(NONSENSE)], number + 1
            link.sendall(wrong)
            tally.bytes_sent += len(wrong)
            while link.recv(65_536):
                pass


def flood(path: Path, tally: Tally, hello: bytes, block: bytes, *, reads: bool) -> None:
    """Send as fast as the socket takes it; begin again when thrown out."""
    while not tally.over.is_set():
        with contextlib.suppress(OSError), connected(path) as link:
            tally.connections += 1
            link.sendall(hello)
            link.settimeout(0.001)
            while not tally.over.is_set():
                with contextlib.suppress(TimeoutError):
                    sent = link.send(block)
                    tally.bytes_sent += sent
                    tally.messages += block.count(b"\n", 0, sent)
                with contextlib.suppress(TimeoutError):
                    if reads and not link.recv(262_144):
                        break


def orders_without_permit(path: Path, tally: Tally) -> None:
    """Give orders as fast as the socket takes them, and read the refusals."""
    flood(path, tally, BRAIN, b"".join(ORDERS) * 100, reads=True)


def questions(path: Path, tally: Tally) -> None:
    """Ask for statistics as fast as the socket takes it, and read the answers."""
    flood(path, tally, READER, b'{"type": "get_stats", "seq": 1}\n' * 2_000, reads=True)


def questions_without_listening(path: Path, tally: Tally) -> None:
    """Ask and never read."""
    flood(path, tally, READER, b'{"type": "get_stats", "seq": 1}\n' * 2_000, reads=False)


def unknown_words(path: Path, tally: Tally) -> None:
    """Send messages of a newer version."""
    flood(path, tally, READER, b'{"type": "dance", "seq": 9}\n' * 2_000, reads=True)


def garbage(path: Path, tally: Tally) -> None:
    """Send lines that are no messages; each ends a connection, and the next one begins at once."""
    flood(path, tally, READER, b"\x00\xff{]\n" * 10_000, reads=True)


def crowd(path: Path, tally: Tally) -> None:
    """Connect a hundred times and say nothing, or hello and nothing else; again when thrown out."""
    number = 0
    while not tally.over.is_set():
        with contextlib.ExitStack() as stack:
            for _ in range(10 * CROWD):
                with contextlib.suppress(OSError):
                    link = stack.enter_context(connected(path))
                    number += 1
                    link.sendall((b"", READER, BRAIN, b'{"type"')[number % 4])
                    tally.connections += 1
                if number % CROWD == 0 or tally.over.wait(0.002):
                    break
            tally.over.wait(0.1)


@contextmanager
def under_attack(path: Path, *attacks: Callable[[Path, Tally], None]) -> Iterator[Tally]:
    """Let them run at once, each in a thread."""
    tally = Tally()
    threads = [threading.Thread(target=attack, args=(path, tally)) for attack in attacks]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    try:
        yield tally
    finally:
        tally.over.set()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - began
        print(
            f"{seconds:.1f} s: {tally.connections} connections, {tally.bytes_sent / 1e6:.1f} MB, "
            f"{tally.messages / seconds:.0f} messages a second taken by the socket"
        )


def offer(**fields: object) -> bytes:
    """Return an offer with seq 7."""
    return line({**OFFER, "seq": 7, **fields})


class Holder:
    """Has the permit, as the brain is dead."""

    def __init__(self, flow: Flow) -> None:
        self.link = connected(socket_of(flow))
        self.link.settimeout(10)
        self.link.sendall(BRAIN + line(OFFER))
        self._lines = self.link.makefile("rb")
        assert self.reply(1)["error"] is None  # nobody else holds it

    def reply(self, seq: int) -> Json:
        """Return the reply to a message; {} if the connection was closed instead."""
        with contextlib.suppress(ConnectionResetError):  # something that was sent was never read
            for text in self._lines:
                message: Json = json.loads(text)
                if message["type"] == "reply" and message["seq"] == seq:
                    return message
        return {}

    def ask(self, message: bytes, seq: int) -> Json:
        self.link.sendall(message)
        return self.reply(seq)

    def close(self) -> None:
        self._lines.close()
        self.link.close()
