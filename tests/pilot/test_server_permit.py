"""Who holds the permit, who waits for it, and who finds a place."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from stationd.pilot.protocol import MAX_LEASE_MS, Hello, Offer, encode
from stationd.pilot.server import MAX_BRAINS, MAX_CLIENTS, MAX_READERS
from tests.pilot.test_server import GREETING, Desk, offer, told


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


def test_the_first_brain_holds_the_permit_and_others_are_told_that_they_only_read(desk: Desk) -> None:
    first, second, reader = desk.greeted("brain"), desk.greeted("brain"), desk.greeted("reader")
    assert [line["type"] for line in told(first)] == ["hello", "status"]
    notice = told(second)[1]
    assert notice["seq"] == 0
    assert notice["error"] == f"cannot hold the permit: pid {os.getpid()} holds it; this connection is read-only"
    for seq, client in enumerate((first, second, reader), start=1):
        client.send(offer(seq))
        desk.serve()
    assert [message.seq for message in desk.taken if isinstance(message, Offer)] == [1]
    assert told(first) == [{"type": "reply", "seq": 1, "error": None}]
    assert told(second)[-1] == {
        "type": "reply", "seq": 2, "error": "cannot take orders here: this connection is read-only",
    }  # fmt: skip
    assert told(reader)[-1]["seq"] == 3


def test_a_brain_gets_the_permit_only_once_the_holder_is_gone(desk: Desk) -> None:
    first, second = desk.greeted("brain"), desk.greeted("brain")
    first.close()
    desk.serve()
    sentence = "cannot leave this connection read-only: the permit is free; reconnect for it"
    assert told(second)[-2:] == [{"type": "reply", "seq": 0, "error": sentence}, {}]
    third = desk.greeted("brain")
    third.send(offer(9))
    desk.serve()
    assert desk.taken == [Offer(1, 16.0, 3, True, 5_000, 9)]


def test_a_dead_holder_is_replaced_in_the_very_tick(desk: Desk) -> None:
    desk.greeted("brain").close()
    second = socket.socket(socket.AF_UNIX)
    second.connect(desk.server.path)
    desk.clients.append(second)
    second.setblocking(False)
    second.send(encode(Hello(1, "brain")) + offer(5))
    desk.serve()
    assert desk.taken == [Offer(1, 16.0, 3, True, 5_000, 5)]


def test_of_many_brains_one_holds_the_permit_and_one_waits(desk: Desk) -> None:
    holder, waiting, one_more = (desk.greeted("brain") for _ in range(3))
    sentence = f"cannot serve more than 2 brains: pid {os.getpid()} holds the permit, one waits"
    assert told(one_more)[-2:] == [{"type": "reply", "seq": 0, "error": sentence}, {}]
    reader = desk.greeted("reader")
    reader.send(encode(Hello(1, "brain")))  # nor by a detour
    waiting.send(encode(Hello(1, "brain")))  # who waits may say so again
    holder.send(offer(1))
    desk.serve()
    assert told(reader)[-1] == {}
    assert told(waiting)[-1] == json.loads(GREETING)
    assert told(holder)[-1] == {"type": "reply", "seq": 1, "error": None}


def test_a_brain_gets_in_beside_all_that_watch_or_wait_and_some_that_say_nothing(desk: Desk) -> None:
    for _ in range(MAX_READERS):
        desk.greeted("reader")
    silent = [desk.connect() for _ in range(MAX_CLIENTS - MAX_READERS - MAX_BRAINS - 1)]
    first, second = desk.greeted("brain"), desk.greeted("brain")
    desk.greeted("brain")
    first.send(offer(1))
    desk.serve()
    assert [told(one)[-1] for one in (first, second)] == [
        {"type": "reply", "seq": 1, "error": None}, json.loads(GREETING),
    ]  # fmt: skip
    assert len(silent) == 2
    assert desk.server.clients == MAX_CLIENTS - 1


def test_a_holder_that_hangs_gives_way_to_a_brain_that_comes_after_its_last_lease(desk: Desk) -> None:
    hanging = desk.greeted("brain")
    hanging.send(offer(1))
    desk.serve(1)
    desk.now_ms += MAX_LEASE_MS - 4
    desk.serve(1)
    early = desk.connect()  # 12 ms later
    told(hanging)
    early.send(encode(Hello(1, "brain")) + offer(2))
    desk.serve()
    answer = told(hanging)
    assert answer[-1] == {}
    assert answer[-2]["error"].startswith("cannot leave the permit to this connection: nothing was sent for more than")
    assert told(early)[-1] == {"type": "reply", "seq": 2, "error": None}
    assert desk.taken == [Offer(1, 16.0, 3, True, 5_000, 1), Offer(1, 16.0, 3, True, 5_000, 2)]


def test_a_holder_that_spoke_within_its_longest_lease_keeps_the_permit(desk: Desk) -> None:
    holder = desk.greeted("brain")
    holder.send(offer(1))
    desk.serve(1)
    spoke_ms = desk.now_ms
    rival = desk.connect()
    desk.now_ms = spoke_ms + MAX_LEASE_MS - 4
    rival.send(encode(Hello(1, "brain")))
    desk.serve(1)
    assert desk.now_ms == spoke_ms + MAX_LEASE_MS
    holder.send(offer(2))
    desk.serve()
    assert told(holder)[-1] == {"type": "reply", "seq": 2, "error": None}
    assert "cannot hold the permit" in [line.get("error", "") for line in told(rival)][1]


def test_a_brain_that_waits_is_told_to_come_again_once_the_holder_hangs(desk: Desk) -> None:
    hanging, waiting, reader = desk.greeted("brain"), desk.greeted("brain"), desk.greeted("reader")
    desk.now_ms += MAX_LEASE_MS
    desk.serve(1)
    assert told(hanging)[-1] == {}
    assert told(waiting)[-2]["error"].startswith("cannot leave this connection read-only: the permit is free")
    assert told(reader)[-1] == json.loads(GREETING)


def test_a_silent_holder_without_a_rival_stays(desk: Desk) -> None:
    holder = desk.greeted("brain")
    desk.greeted("reader")
    desk.now_ms += 10 * MAX_LEASE_MS
    desk.serve()
    holder.send(offer(1))
    desk.serve()
    assert told(holder)[-1] == {"type": "reply", "seq": 1, "error": None}


def test_a_brain_that_comes_back_finds_a_place_however_many_readers_there_are(desk: Desk) -> None:
    first = desk.greeted("brain")
    readers = [desk.greeted("reader") for _ in range(MAX_READERS)]
    refused = [desk.greeted("reader") for _ in range(3)]
    assert all("cannot serve more than 7 readers" in told(one)[-2]["error"] for one in refused)
    first.close()
    desk.greeted("reader")
    second = desk.greeted("brain")
    second.send(offer(1))
    desk.serve()
    assert told(second)[-1] == {"type": "reply", "seq": 1, "error": None}
    assert all(told(one)[-1] != {} for one in readers)
    readers[0].close()
    desk.serve()
    assert told(desk.greeted("reader"))[-1] == json.loads(GREETING)


def test_a_client_that_connects_twice_holds_the_permit_once(desk: Desk) -> None:
    first, again = desk.greeted("brain"), desk.greeted("brain")
    again.send(encode(Hello(1, "brain")) + offer(1))
    desk.serve()
    assert desk.taken == []
    first.send(encode(Hello(1, "brain")) + offer(2))  # who holds it may say hello again
    desk.serve()
    assert desk.taken == [Offer(1, 16.0, 3, True, 5_000, 2)]
    assert desk.server.clients == 2
