import contextlib
import os
import socket
from pathlib import Path

from stationd.pilot.notify import Notifier, say


def listener(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(path)
    sock.settimeout(5)
    return sock


def test_messages_reach_the_service_manager(tmp_path: Path) -> None:
    with listener(str(tmp_path / "n")) as sock:
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "n")})
        notifier.send("READY=1")
        assert sock.recv(100) == b"READY=1"
        notifier.close()


def test_an_abstract_address_is_understood() -> None:
    with listener(f"\0stationd-test-{os.getpid()}") as sock:
        notifier = Notifier({"NOTIFY_SOCKET": f"@stationd-test-{os.getpid()}"})
        notifier.send("READY=1")
        assert sock.recv(100) == b"READY=1"
        notifier.close()


def test_the_watchdog_is_patted_at_half_its_interval(tmp_path: Path) -> None:
    with listener(str(tmp_path / "n")) as sock:
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "n"), "WATCHDOG_USEC": "1000000"})
        for now_ms in range(0, 2_000, 4):
            notifier.alive(now_ms)
        sock.setblocking(False)
        pats = []
        with contextlib.suppress(BlockingIOError):
            while True:
                pats.append(sock.recv(100))
        assert pats == [b"WATCHDOG=1"] * 4
        notifier.close()


def test_the_watchdog_waits_longer_for_a_while(tmp_path: Path) -> None:
    with listener(str(tmp_path / "n")) as sock:
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "n"), "WATCHDOG_USEC": "1000000"})
        notifier.wait_longer(60_000)
        notifier.wait_as_before()
        assert sock.recv(100) == b"WATCHDOG_USEC=60000000"
        assert sock.recv(100) == b"WATCHDOG=1\nWATCHDOG_USEC=1000000"
        notifier.close()


def test_without_a_service_manager_nothing_happens() -> None:
    notifier = Notifier({})
    notifier.send("READY=1")
    notifier.alive(0)
    notifier.wait_longer(60_000)
    notifier.wait_as_before()
    notifier.close()


def test_a_service_manager_that_is_gone_is_no_reason_to_fail(tmp_path: Path) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    notifier.send("READY=1")
    notifier.close()


def test_a_word_on_stderr_never_waits_for_its_reader() -> None:
    reader, writer = os.pipe()
    saved = os.dup(2)
    try:
        os.dup2(writer, 2)
        for _ in range(1_000):
            say("x" * 200)  # five times what a pipe holds: a plain write would hang here
    finally:
        os.dup2(saved, 2)
        for handle in (saved, writer):
            os.close(handle)
    with os.fdopen(reader, "rb") as file:
        first = file.readline()
    assert first == b"stationd-pilot: " + b"x" * 200 + b"\n"
