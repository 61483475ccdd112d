"""The card reader of a real plant."""

import json
import socket
import threading

import pytest

from stationd.sandbox.plant.errors import PlantError, RefusedError
from stationd.sandbox.plant.evse import Evse
from stationd.sandbox.plant.plant import Plant
from stationd.sandbox.plant.reader_server import ReaderServer
from tests.sandbox.plant.bench import PATIENCE_S, Bench


def connect(bench: Bench) -> socket.socket:
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    link.settimeout(PATIENCE_S)
    try:
        link.connect(str(bench.runtime_dir / "plant-reader.sock"))
    except OSError:
        link.close()
        raise
    return link


def acknowledge(link: socket.socket, seen: list[dict[str, object]], count: int = 1) -> threading.Thread:
    def run() -> None:
        with link.makefile("rb") as lines:
            for _ in range(count):
                card = json.loads(lines.readline())
                seen.append(card)
                link.sendall(json.dumps({"ack": card["n"]}).encode() + b"\n")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_card_is_answered_when_the_driver_acknowledged_it(shared_bench: Bench) -> None:
    seen: list[dict[str, object]] = []
    with connect(shared_bench) as link:
        thread = acknowledge(link, seen, 2)
        first = shared_bench.client.present_card("04A2B3C4D5E680")
        second = shared_bench.client.present_card("0102", token_type="ISO15693", evse_id=2)
        thread.join()
    assert seen == [
        {"card": "04A2B3C4D5E680", "type": "ISO14443", "n": first["n"], "evse_id": 1},
        {"card": "0102", "type": "ISO15693", "n": second["n"], "evse_id": 2},
    ]
    assert second["n"] == first["n"] + 1


def test_driver_that_connects_within_2_s_still_gets_the_card(bench: Bench) -> None:
    seen: list[dict[str, object]] = []
    done = threading.Event()

    def present() -> None:
        with bench.another_client() as client:
            client.present_card("0A")
        done.set()

    thread = threading.Thread(target=present, daemon=True)
    thread.start()
    bench.client.state()
    with connect(bench) as link:
        acknowledge(link, seen).join()
        assert done.wait(PATIENCE_S)
    thread.join()


def test_card_that_nobody_acknowledges_is_an_error(shared_bench: Bench) -> None:
    with connect(shared_bench) as link:
        link.sendall(b'{"ack": 99}\nnonsense\n[]\n')
        with pytest.raises(PlantError, match="the reader driver did not acknowledge it for 2 s") as refused:
            shared_bench.client.present_card("0A")
    assert refused.value.code == -32000


async def test_card_that_nobody_can_read_says_why() -> None:
    plant = Plant([Evse(1, 0)])
    reader = ReaderServer(plant, socket.socket, ack_timeout_s=0.01)
    with pytest.raises(RefusedError, match=r"no reader driver was connected for 0.01 s"):
        await reader.present("0A", "ISO14443", 1)
    plant.evse(1).set_fault("reader_silent", 0)
    with pytest.raises(RefusedError, match=r"the reader is dead \(fault reader_silent\) for 0.01 s"):
        await reader.present("0A", "ISO14443", 1)


def test_dead_reader_hangs_up_and_refuses_until_it_lives_again(bench: Bench) -> None:
    with connect(bench) as link:
        bench.client.set_fault("reader_silent")
        assert link.recv(100) == b""
    with pytest.raises(ConnectionRefusedError):
        connect(bench)
    assert bench.client.state()["reader"] == {"connected": False}
    bench.client.clear_fault("reader_silent")
    seen: list[dict[str, object]] = []
    with connect(bench) as link:
        thread = acknowledge(link, seen)
        bench.client.present_card("0B")
        thread.join()
    assert [card["card"] for card in seen] == ["0B"]


def cards(link: socket.socket, count: int) -> list[dict[str, object]]:
    with link.makefile("rb") as lines:
        return [json.loads(lines.readline()) for _ in range(count)]


def test_card_that_is_held_for_ever_is_reported_again_and_again_until_it_is_taken_away(bench: Bench) -> None:
    with connect(bench) as link:
        seen: list[dict[str, object]] = []
        thread = acknowledge(link, seen)
        bench.client.present_card("0102030405")
        thread.join()
        bench.client.set_fault("card_held")
        reported = cards(link, 5)
        assert {card["card"] for card in reported} == {"0102030405"}
        assert len({card["n"] for card in reported}) == 5
        bench.client.clear_fault("card_held")
        link.settimeout(0.5)
        assert drained(link)


def drained(link: socket.socket) -> bool:
    """Read until nothing comes for a while; False if the other side hung up."""
    try:
        while link.recv(65_536):
            pass
    except TimeoutError:
        return True
    return False


def test_card_lies_on_a_reader_to_which_none_was_presented(bench: Bench) -> None:
    bench.client.set_fault("card_held")
    with connect(bench) as link:
        assert cards(link, 1)[0]["card"] == "04A2B3C4D5E680"


def test_flood_of_cards_is_another_card_each_time_and_does_not_hold_the_plant_up(bench: Bench) -> None:
    with connect(bench) as link:
        bench.client.set_fault("card_flood")
        flood = cards(link, 300)
        assert len({card["card"] for card in flood}) == 300
        assert {card["type"] for card in flood} == {"ISO14443"}
        for _ in range(50):  # nobody reads now
            bench.client.state()
        bench.client.set_fault("reader_silent")
        assert bench.client.state()["reader"] == {"connected": False}


def test_newer_driver_replaces_the_older(shared_bench: Bench) -> None:
    seen: list[dict[str, object]] = []
    with connect(shared_bench) as old, connect(shared_bench) as new:
        assert old.recv(100) == b""
        thread = acknowledge(new, seen)
        shared_bench.client.present_card("0A")
        thread.join()
    assert len(seen) == 1
