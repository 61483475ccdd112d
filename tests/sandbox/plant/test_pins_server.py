"""The fast socket of a real plant."""

import json
import signal
import socket
import time

import pytest

from stationd.sandbox.plant.errors import ArgumentError
from stationd.sandbox.plant.evse import Pins
from stationd.sandbox.plant.pins_server import parse_attach, parse_pins
from tests.sandbox.plant.bench import Bench, Driver, charging, connect_pins, obey


def test_attaching_is_answered_with_a_state_of_every_key(shared_bench: Bench) -> None:
    with connect_pins(shared_bench.runtime_dir) as link:
        link.send(b'{"attach": 2}')
        state = json.loads(link.recv(4096))
    assert set(state) == {
        "t_ns", "cp_high_v", "cp_low_v", "pp_ohm", "contactor_closed", "lock", "phases", "inputs", "temperature_c",
        "current_a",
    }  # fmt: skip
    inputs = ["rcd_trip", "pe_loss", "emergency_stop", "door_open", "tilt", "power_loss"]
    assert state["inputs"] == dict.fromkeys(inputs, False)
    assert state["phases"] == 3
    assert (state["cp_high_v"], state["pp_ohm"]) == (pytest.approx(12, abs=0.03), None)
    assert state["cp_low_v"] == state["cp_high_v"]
    assert (state["contactor_closed"], state["lock"], state["current_a"]) == (False, "unlocked", [0, 0, 0])


def test_states_go_on_without_change(shared_bench: Bench) -> None:
    with connect_pins(shared_bench.runtime_dir) as link:
        link.send(b'{"attach": 1}')
        stamps = [json.loads(link.recv(4096))["t_ns"] for _ in range(6)]
    assert stamps == sorted(set(stamps))


@pytest.mark.parametrize(
    ("packet", "sentence"),
    [
        (b'{"attach": 9}', "cannot find EVSE 9: this plant has EVSE 1 to 2"),
        (b'{"duty": 100}', "cannot attach: the first packet must be"),
        (b"hello", "cannot read packet: not one JSON object"),
    ],
)
def test_wrong_first_packet_is_answered_and_closed(shared_bench: Bench, packet: bytes, sentence: str) -> None:
    with connect_pins(shared_bench.runtime_dir) as link:
        link.send(packet)
        assert json.loads(link.recv(4096))["error"].startswith(sentence)
        assert link.recv(4096) == b""


def test_wrong_pins_are_answered_and_closed_and_the_next_driver_gets_in(bench: Bench) -> None:
    with connect_pins(bench.runtime_dir) as link:
        link.send(b'{"attach": 1}')
        link.send(b'{"duty": 101, "close": false, "lock": false}')
        while b"error" not in (packet := link.recv(4096)):
            pass
        assert json.loads(packet)["error"] == "cannot drive pins: duty must be 0 to 100 percent, not 101"
    with bench.driver() as driver:
        driver.wait(lambda state: state["cp_high_v"] > 11)


@pytest.mark.parametrize(
    "packet",
    [b"[]", b"{}", b'{"duty": true, "close": false, "lock": false}', b'{"duty": 10, "close": 1, "lock": false}',
     b'{"duty": 10, "close": true}', b'{"duty": NaN, "close": true, "lock": true}', b"\xff\xfe", b"[" * 2000,
     b'{"duty": 10, "close": true, "lock": true, "phases": 2}', b'{"duty": 10, "close": true, "lock": true, "cp": 1}',
     b'{"duty": 10, "close": true, "lock": true, "phases": true}',
     b'{"duty": 10, "close": true, "lock": true, "rcd_test": null}'],
)  # fmt: skip
def test_pins_that_are_none_are_refused(packet: bytes) -> None:
    with pytest.raises(ArgumentError):
        parse_pins(packet)


def test_pins_that_a_board_need_not_have_may_be_left_out() -> None:
    assert parse_pins(b'{"duty": 10, "close": true, "lock": true}') == Pins(10.0, True, True, 3, True, False)
    packet = b'{"duty": 10, "close": true, "lock": true, "phases": 1, "cp": false, "rcd_test": true}'
    assert parse_pins(packet) == Pins(10.0, True, True, 1, False, True)


def test_attachments_that_are_none_are_refused() -> None:
    for packet in (b'{"attach": true}', b'{"attach": "1"}', b"null"):
        with pytest.raises(ArgumentError):
            parse_attach(packet)


def test_pins_move_the_lock_and_the_contactor_and_energy_flows(bench: Bench) -> None:
    with bench.driver(1, obey) as driver:
        bench.client.plug_in()
        driver.wait(charging)
        driver.wait(lambda state: state["lock"] == "locked")
        bench.client.wait_until(lambda evse: evse["flowed_wh"] > 0.1)
    assert bench.client.evse(2)["flowed_wh"] == 0


def test_driver_that_stops_sending_loses_the_coil_and_keeps_its_pwm(bench: Bench) -> None:
    with bench.driver(1, obey) as driver:
        bench.client.plug_in()
        driver.wait(charging)
        driver.silent = True
        driver.wait(lambda state: not state["contactor_closed"])
        assert driver.state["cp_low_v"] < -11  # PWM is still there
        evse = bench.client.evse()
    reaction = evse["reactions"][-1]
    assert reaction["cause"] == "driver_silent"
    assert reaction["opened_after_ms"] >= 320
    assert reaction["commanded_after_ms"] is None
    assert evse["pins"]["duty"] == 26.7


def test_silent_board_sends_nothing_and_takes_pins_all_the_same(bench: Bench) -> None:
    with bench.driver(1, obey) as driver:
        bench.client.plug_in()
        driver.wait(charging)
        assert bench.client.set_fault("cp_silent") == {"driver_told": False}
        received = driver.received
        time.sleep(0.1)
        assert driver.received <= received + 3  # what was under way
        evse = bench.client.evse()
        assert evse["reactions"][-1]["cause"] == "cp_silent"
        assert evse["contactor"]["closed"] is True
        bench.client.clear_fault("cp_silent")
        assert bench.client.set_fault("tilt") == {"driver_told": True}
        driver.wait(lambda state: not state["contactor_closed"])


def test_noisy_converter_reaches_the_driver_in_every_state(bench: Bench) -> None:
    with bench.driver() as driver:
        driver.wait(lambda state: True)
        bench.client.set_fault("cp_noisy")
        seen = set()
        while len(seen) < 20:
            driver.wait(lambda state: state["cp_high_v"] not in seen)
            seen.add(driver.state["cp_high_v"])
        assert max(seen) - min(seen) > 5


def test_driver_that_is_gone_loses_the_coil_too(bench: Bench) -> None:
    with bench.driver(1, obey) as driver:
        bench.client.plug_in()
        driver.wait(charging)
    evse = bench.client.wait_until(lambda evse: not evse["contactor"]["closed"])
    assert evse["pins"]["attached"] is False
    assert evse["reactions"][-1]["cause"] == "driver_silent"


def test_newer_attachment_replaces_the_older_and_the_contactor_stays_closed(bench: Bench) -> None:
    with bench.driver(1, obey) as old:
        bench.client.plug_in()
        old.wait(charging)
        with bench.driver(1, obey) as new:
            old.wait_ended()
            new.wait(charging)
            assert bench.client.evse()["reactions"] == []
            with bench.driver(2) as other:
                other.wait(lambda state: True)
                assert not new.ended


def test_driver_that_does_not_read_holds_nobody_up_and_finds_the_newest_state_soon(bench: Bench) -> None:
    with connect_pins(bench.runtime_dir) as link:
        link.send(b'{"attach": 1}')
        calls = (bench.client.set_fault, bench.client.clear_fault)
        told = (calls[number % 2]("tilt")["driver_told"] for number in range(1000))
        assert next(told) is True
        assert not all(told)
        assert bench.client.set_fault("door_open") == {"driver_told": False}
        packets = 1
        while not json.loads(link.recv(4096))["inputs"]["door_open"]:
            packets += 1
        assert packets < 20


def stop_for_ticks(bench: Bench, driver: Driver, ticks: int) -> None:
    """Stop the plant while its driver goes on."""
    bench.process.send_signal(signal.SIGSTOP)
    until = driver.pins["n"] + ticks
    while driver.pins["n"] < until and not driver.ended:
        time.sleep(0.01)
    bench.process.send_signal(signal.SIGCONT)


def test_plant_that_was_stopped_reads_its_socket_before_it_calls_the_driver_silent(bench: Bench) -> None:
    with bench.driver(1, obey) as driver:
        bench.client.plug_in()
        driver.wait(charging)
        stop_for_ticks(bench, driver, 100)  # 400 ms, more than the output lease
        evse = bench.client.evse()
    assert evse["contactor"] == {"closed": True, "coil": True}
    assert evse["reactions"] == []


def test_reaction_during_which_the_plant_was_late_is_marked(bench: Bench) -> None:
    with bench.driver(1) as driver:
        driver.drive(duty=26.7, close=True)
        driver.wait(lambda state: state["contactor_closed"])
        bench.client.set_fault("tilt")
        assert bench.client.evse()["reactions"][-1]["opened_after_ms"] is None
        stop_for_ticks(bench, driver, 15)
        driver.drive(close=False)
        driver.wait(lambda state: not state["contactor_closed"])
        assert bench.client.evse()["reactions"][-1]["stalled"] is True


def test_flood_of_pins_does_not_keep_the_control_from_answering(bench: Bench) -> None:
    with connect_pins(bench.runtime_dir) as link:
        link.send(b'{"attach": 1}')
        link.setblocking(False)
        packet = b'{"duty": 100, "close": false, "lock": false, "n": 1}'
        for _ in range(20):
            for _ in range(500):
                try:
                    link.send(packet)
                except BlockingIOError:
                    break
            assert bench.client.state()["speed"] == 1


def test_old_connection_without_attachment_does_not_disturb(bench: Bench) -> None:
    idle = [connect_pins(bench.runtime_dir) for _ in range(5)]
    with bench.driver() as driver:
        driver.wait(lambda state: True)
    for link in idle:
        assert isinstance(link, socket.socket)
        link.close()
    assert bench.process.poll() is None
