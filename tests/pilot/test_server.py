import contextlib
import json
import os
import socket
import stat
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stationd.pilot.protocol import GetStats, Hello, Message, Offer, Reply, Unlock, encode
from stationd.pilot.server import (
    HELLO_MS,
    MAX_BRAINS,
    MAX_CLIENTS,
    MAX_MESSAGES,
    MAX_PENDING_BYTES,
    MAX_READERS,
    Server,
    ServerError,
)

HELLO = Hello(1, "pilot", "boot", (1,))
MANY_GROUPS = list(range(6_000, 6_070))
GREETING = b'{"type":"status","evse_id":1}\n'


class Desk:
    """A server, what it was asked, and clients to ask it."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(str(folder), gid=None, hello=HELLO)
        self.now_ms = 0
        self.taken: list[Message] = []
        self.clients: list[socket.socket] = []

    def serve(self, ticks: int = 3) -> None:
        for _ in range(ticks):
            self.now_ms += 4
            self.server.serve(self.now_ms, self._handle, lambda: GREETING)

    def _handle(self, message: Message, now_ms: int) -> bytes | None:
        self.taken.append(message)
        return encode(Reply(getattr(message, "seq", 0)))

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.connect(self.server.path)
        client.setblocking(False)
        self.clients.append(client)
        self.serve()
        return client

    def greeted(self, role: str) -> socket.socket:
        client = self.connect()
        client.send(encode(Hello(1, role)))
        self.serve()
        return client

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.server.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


def told(client: socket.socket) -> list[dict[str, Any]]:
    """Return all that arrived; the last entry is {} if the connection was closed."""
    data = b""
    closed = False
    while True:
        try:
            got = client.recv(65_536)
        except BlockingIOError:
            break
        except ConnectionResetError:
            got = b""
        if not got:
            closed = True
            break
        data += got
    return [json.loads(line) for line in data.splitlines()] + [{}] * closed


def offer(seq: int) -> bytes:
    return encode(Offer(1, 16.0, 3, True, 5_000, seq))


def test_a_client_is_greeted_and_told_every_status(desk: Desk) -> None:
    client = desk.connect()
    assert told(client) == [{"type": "hello", "v": 1, "role": "pilot", "boot_id": "boot", "evses": [1]}]
    desk.server.publish(b'{"early":1}\n')
    assert told(client) == []  # nothing before its Hello
    client.send(encode(Hello(1, "reader")))
    desk.serve()
    assert told(client) == [{"type": "status", "evse_id": 1}]
    desk.server.publish(b'{"n":2}\n')
    assert told(client) == [{"n": 2}]


def test_the_socket_is_for_owner_and_group_only(desk: Desk) -> None:
    assert stat.S_IMODE(os.stat(desk.server.path).st_mode) == 0o660


def test_anybody_may_ask_for_figures(desk: Desk) -> None:
    reader = desk.greeted("reader")
    reader.send(encode(GetStats(4)))
    desk.serve()
    assert desk.taken == [GetStats(4)]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"\x00\xff\x17 garbage\n", "cannot read message"),
        (b"GET / HTTP/1.1\r\n", "cannot read message"),
        (b'{"type":"dance"}\n', "unknown type 'dance'"),
        (b"x" * 4_096, "longer than 4096 bytes"),
        (b"x" * 9_000 + b"\n", "longer than 4096 bytes"),
        (encode(Hello(99, "brain")), "cannot speak version 99"),
        (encode(Hello(1, "king")), "cannot serve role 'king'"),
        (encode(Unlock(1, 1)), "cannot take a message before Hello"),
    ],
)
def test_garbage_costs_only_its_own_connection(desk: Desk, line: bytes, sentence: str) -> None:
    brain = desk.greeted("brain")
    told(brain)
    bad = desk.connect()
    bad.send(line)
    desk.serve()
    answer = told(bad)
    assert sentence in answer[-2]["error"]
    assert answer[-1] == {}
    brain.send(offer(1))
    desk.serve()
    assert told(brain) == [{"type": "reply", "seq": 1, "error": None}]


@pytest.mark.parametrize("first", [b"garbage\n", encode(Hello(2, "brain")), encode(GetStats(1))])
def test_what_follows_a_line_that_ended_the_connection_does_not_seize_the_permit(desk: Desk, first: bytes) -> None:
    bad = desk.connect()
    bad.send(first + encode(Hello(1, "brain")) + offer(1))
    desk.serve()
    assert told(bad)[-1] == {}
    assert desk.server.clients == 0
    brain = desk.greeted("brain")
    brain.send(offer(2))
    desk.serve()
    assert desk.taken == [Offer(1, 16.0, 3, True, 5_000, 2)]
    assert told(brain)[-1] == {"type": "reply", "seq": 2, "error": None}


def test_a_client_that_ends_among_its_own_messages_gives_the_permit_back(desk: Desk) -> None:
    bad = desk.greeted("brain")
    bad.send(offer(1) + b"garbage\n" + encode(Hello(1, "brain")) + offer(2))
    desk.serve()
    brain = desk.greeted("brain")
    brain.send(offer(3))
    desk.serve()
    assert [message.seq for message in desk.taken if isinstance(message, Offer)] == [1, 3]


def test_a_message_of_an_unknown_type_is_answered_and_costs_nothing(desk: Desk) -> None:
    brain = desk.greeted("brain")
    told(brain)
    brain.send(b'{"type":"dance","seq":4}\n{"type":"dance","seq":"x"}\n' + offer(5))
    desk.serve()
    error = "cannot read message: unknown type 'dance'"
    assert told(brain) == [
        {"type": "reply", "seq": 4, "error": error},
        {"type": "reply", "seq": 0, "error": error},
        {"type": "reply", "seq": 5, "error": None},
    ]


def test_a_message_in_pieces_is_put_together(desk: Desk) -> None:
    brain = desk.greeted("brain")
    for byte in offer(3):
        brain.send(bytes([byte]))
        desk.serve(1)
    assert desk.taken == [Offer(1, 16.0, 3, True, 5_000, 3)]


def test_a_flood_costs_a_bounded_number_of_messages_a_tick_and_starves_nobody(desk: Desk) -> None:
    brain, flood = desk.greeted("brain"), desk.greeted("reader")
    line = encode(GetStats(1))
    while True:
        try:
            flood.send(line * 100)
        except BlockingIOError:
            break
    for _ in range(20):
        before = len(desk.taken)
        desk.serve(1)
        assert len(desk.taken) - before <= MAX_MESSAGES
    brain.send(offer(1))
    desk.serve(2)
    assert Offer(1, 16.0, 3, True, 5_000, 1) in desk.taken


def test_a_reader_that_lags_is_disconnected_and_nobody_else(desk: Desk) -> None:
    lazy, brain = desk.greeted("reader"), desk.greeted("brain")
    line = b'{"filler":"' + b"x" * 1_000 + b'"}\n'
    for _ in range(3_000):
        desk.server.publish(line)
        told(brain)
        if desk.server.clients == 1:
            break
    assert desk.server.clients == 1
    received = told(lazy)
    assert received[-1] == {}
    assert len(received) * len(line) > MAX_PENDING_BYTES
    brain.send(offer(1))
    desk.serve()
    assert desk.taken


def test_what_a_slow_reader_missed_arrives_when_it_reads_again(desk: Desk) -> None:
    reader = desk.greeted("reader")
    told(reader)
    line = b'{"filler":"' + b"x" * 1_000 + b'"}\n'
    sent = 120  # more than the kernel's buffer holds, less than what gets a reader disconnected
    for _ in range(sent):
        desk.server.publish(line)
    got = 0
    for _ in range(50):
        got += len(told(reader))
        desk.serve()
    assert got == sent


def test_a_client_without_hello_does_not_keep_its_place(desk: Desk) -> None:
    silent = desk.connect()
    desk.now_ms += HELLO_MS + 1
    desk.serve()
    assert "Hello" in told(silent)[-2]["error"]
    assert desk.server.clients == 0


def test_the_number_of_clients_is_bounded(desk: Desk) -> None:
    for _ in range(MAX_CLIENTS):
        desk.connect()
    one_more = desk.connect()
    assert "cannot serve more than 12 connections" in told(one_more)[0]["error"]
    assert desk.server.clients == MAX_CLIENTS
    desk.now_ms += HELLO_MS + 1
    desk.serve()
    assert desk.server.clients == 0


def test_all_can_be_sent_away_with_a_reason(desk: Desk) -> None:
    client = desk.greeted("brain")
    desk.server.drop_all("cannot go on")
    assert told(client)[-2:] == [{"type": "reply", "seq": 0, "error": "cannot go on"}, {}]
    assert desk.server.clients == 0


def test_a_second_process_is_refused_and_the_first_goes_on(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="another stationd-pilot runs in"):
        Server(str(tmp_path), gid=None, hello=HELLO)
    assert told(desk.connect())


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "pilot.sock"))
    desk = Desk(tmp_path)
    assert told(desk.connect())
    desk.close()
    assert not (tmp_path / "pilot.sock").exists()


def test_a_path_that_is_too_long_or_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="longer than 107 bytes; choose a shorter folder"):
        Server(str(tmp_path / ("x" * 100)), gid=None, hello=HELLO)
    with pytest.raises(ServerError, match="cannot use runtime folder"):
        Server(str(tmp_path / "none"), gid=None, hello=HELLO)


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("gid", "groups", "served"),
    [
        (None, [], False),
        (4_243, [], True),
        (4_244, [4_244], True),
        (4_245, [], False),
        (4_244, [4_244, *MANY_GROUPS], False),  # of so many only the primary one counts
        (4_243, MANY_GROUPS, True),
    ],
)
def test_only_root_the_own_user_and_the_group_are_served(gid: int | None, groups: list[int], served: bool) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        server = Server(folder, gid=gid, hello=HELLO)
        os.chmod(server.path, 0o666)  # the folder's and the socket's modes are not what is tested here
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.setgroups(groups)
            os.setgid(4_243)
            os.setuid(4_242)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(server.path)
                os.write(writer, client.recv(4_096))
            os._exit(0)
        try:
            for now_ms in range(10_000):
                server.serve(now_ms, lambda message, at: None, lambda: b"")
                done, _ = os.waitpid(child, os.WNOHANG)
                if done:
                    break
                os.sched_yield()
            line = json.loads(os.read(reader, 4_096))
            assert (line["type"] == "hello") is served
            if not served:
                assert "cannot talk to uid 4242" in line["error"]
        finally:
            os.close(reader)
            os.close(writer)
            server.close()


def test_peer_credentials_have_the_size_we_unpack() -> None:
    assert struct.calcsize("3i") == 12


LIES = (
    b'{"type":"offer","evse_id":1,"amps":NaN,"phases":3,"permit":true,"lease_ms":5000,"seq":1}',
    b'{"type":"offer","evse_id":1,"amps":1e400,"phases":3,"permit":true,"lease_ms":5000,"seq":1}',
    b'{"type":"offer","evse_id":1,"amps":1001,"phases":3,"permit":true,"lease_ms":5000,"seq":1}',
    b'{"type":"offer","evse_id":1,"amps":-1,"phases":3,"permit":true,"lease_ms":5000,"seq":1}',
    b'{"type":"offer","evse_id":1,"amps":"16","phases":3,"permit":true,"lease_ms":5000,"seq":1}',
    b'{"type":"offer","evse_id":1,"amps":16,"phases":4,"permit":true,"lease_ms":5000,"seq":1}',
    b'{"type":"offer","evse_id":1,"amps":16,"phases":3,"permit":1,"lease_ms":5000,"seq":1}',
    b'{"type":"offer","evse_id":1,"amps":16,"phases":3,"permit":true,"lease_ms":1e99,"seq":1}',
    b'{"type":"offer","evse_id":true,"amps":16,"phases":3,"permit":true,"lease_ms":5000,"seq":1}',
    b'{"type":"offer","evse_id":1,"amps":16,"phases":3,"permit":true,"lease_ms":5000}',
    b'{"type":"offer","seq":' + b"9" * 4_000 + b"}",
    b'{"type":"reset_fault","evse_id":1,"seq":1,"code":["rcd_trip"]}',
    b'{"type":["offer"]}',
    b'{"type":null}',
    b"[" * 4_000,
    b'{"a":' * 800,
    b'["offer"]',
    b'"offer"',
    b"",
    b'{"type":"offer"',
)


@pytest.mark.parametrize("lie", LIES, ids=range(len(LIES)))
def test_a_permit_holder_that_lies_loses_its_connection_and_nothing_else(desk: Desk, lie: bytes) -> None:
    liar, reader = desk.greeted("brain"), desk.greeted("reader")
    told(liar), told(reader)
    liar.send(lie + b"\n" + offer(66))
    desk.serve()
    answer = told(liar)
    assert answer[-1] == {}
    assert answer[-2]["error"].startswith("cannot read message: ")
    assert len(json.dumps(answer[-2])) < 1_000
    assert desk.taken == []  # nothing that followed the lie was heard either
    desk.server.publish(b'{"n":1}\n')
    assert told(reader) == [{"n": 1}]
    honest = desk.greeted("brain")
    honest.send(offer(2))
    desk.serve()
    assert desk.taken == [Offer(1, 16.0, 3, True, 5_000, 2)]


def test_a_permit_holder_that_stops_reading_is_disconnected_and_the_permit_is_free(desk: Desk) -> None:
    deaf, second = desk.greeted("brain"), desk.greeted("brain")
    for seq in range(60_000):
        try:
            deaf.send(offer(seq))
        except BlockingIOError:
            pass
        except OSError:
            break  # disconnected
        desk.serve(1)
    assert desk.server.clients == 0  # the second one was sent away to come again for the permit
    assert told(second)[-2]["error"].startswith("cannot leave this connection read-only: the permit is free")
    third = desk.greeted("brain")
    told(third)
    third.send(offer(7))
    desk.serve()
    assert told(third) == [{"type": "reply", "seq": 7, "error": None}]


def test_half_a_line_holds_nobody_up_and_no_place_before_hello(desk: Desk) -> None:
    half, stranger, brain = desk.greeted("reader"), desk.connect(), desk.greeted("brain")
    half.send(b'{"type":"get_st')
    stranger.send(b'{"type":"hel')
    brain.send(offer(1))
    desk.serve()
    assert desk.taken == [Offer(1, 16.0, 3, True, 5_000, 1)]
    desk.now_ms += HELLO_MS + 1
    desk.serve()
    assert told(stranger)[-1] == {}
    assert desk.server.clients == 2
    half.send(b'ats","seq":2}\n')
    desk.serve()
    assert desk.taken[-1] == GetStats(2)


def test_a_client_that_closes_its_sending_side_is_gone(desk: Desk) -> None:
    brain = desk.greeted("brain")
    brain.shutdown(socket.SHUT_WR)
    desk.serve()
    assert desk.server.clients == 0


def test_a_storm_of_connections_leaves_nothing_behind_and_costs_one_accept_a_tick(desk: Desk) -> None:
    brain = desk.greeted("brain")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(300):
        with socket.socket(socket.AF_UNIX) as visitor:
            visitor.setblocking(False)
            with contextlib.suppress(BlockingIOError):  # where the listener's queue is full
                visitor.connect(desk.server.path)
            clients = desk.server.clients
            desk.serve(1)
            assert desk.server.clients <= clients + 1
    desk.serve(20)
    assert desk.server.clients == 1
    assert len(os.listdir("/proc/self/fd")) == before
    brain.send(offer(1))
    desk.serve()
    assert desk.taken == [Offer(1, 16.0, 3, True, 5_000, 1)]


def test_floods_of_every_place_cost_a_bounded_number_of_messages_a_tick(desk: Desk) -> None:
    brain = desk.greeted("brain")
    floods = [desk.greeted(role) for role in ("brain", *["reader"] * MAX_READERS)]
    assert desk.server.clients == MAX_READERS + MAX_BRAINS
    line = encode(GetStats(1))
    for seq in range(40):
        for flood in floods:
            try:
                flood.send(line * 50)
                told(flood)
            except BlockingIOError:
                pass
        brain.send(offer(seq))
        before = len(desk.taken)
        desk.serve(3)  # four messages a tick, nine clients in turn
        assert len(desk.taken) - before <= 3 * MAX_MESSAGES
        assert Offer(1, 16.0, 3, True, 5_000, seq) in desk.taken


def test_a_socket_path_that_cannot_be_taken_is_said(tmp_path: Path) -> None:
    (tmp_path / "pilot.sock").mkdir()
    with pytest.raises(ServerError, match=r"cannot listen on .*pilot.sock: E[A-Z]+ "):
        Server(str(tmp_path), gid=None, hello=HELLO)


def test_a_visitor_that_cannot_be_let_in_harms_nobody(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    brain = desk.greeted("brain")

    class Full:
        fileno = desk.server._listener.fileno
        close = desk.server._listener.close

        def accept(self) -> None:
            raise OSError(24, "Too many open files")

    monkeypatch.setattr(desk.server, "_listener", Full())
    desk.connect()
    brain.send(offer(1))
    desk.serve()
    assert desk.taken == [Offer(1, 16.0, 3, True, 5_000, 1)]
    assert desk.server.clients == 1


def test_a_reader_that_vanishes_with_words_waiting_for_it_is_gone(desk: Desk) -> None:
    lazy = desk.greeted("reader")
    for _ in range(130):
        desk.server.publish(b"x" * 999 + b"\n")
    assert desk.server.clients == 1
    lazy.close()
    desk.server.publish(b"x\n")
    desk.serve()
    assert desk.server.clients == 0
