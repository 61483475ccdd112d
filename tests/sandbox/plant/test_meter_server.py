"""The meters of a real plant, read by a real Modbus client."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from pymodbus.exceptions import ModbusIOException
from pymodbus.pdu import ModbusPDU

from stationd.sandbox.plant.meter import as_float32
from tests.sandbox.plant.bench import Bench, charging, obey, running, short_folder

Client = ModbusTcpClient | ModbusSerialClient


@contextmanager
def tcp(bench: Bench, timeout: float = 10) -> Iterator[ModbusTcpClient]:
    client = ModbusTcpClient("127.0.0.1", port=bench.ready["modbus_port"], timeout=timeout, retries=0)
    assert client.connect()
    try:
        yield client
    finally:
        client.close()


@contextmanager
def rtu(bench: Bench, timeout: float = 10) -> Iterator[ModbusSerialClient]:
    client = ModbusSerialClient(bench.ready["meter_tty"], baudrate=9600, timeout=timeout, retries=0)
    assert client.connect()
    try:
        yield client
    finally:
        client.close()


def floats(client: Client, address: int, count: int = 1, unit: int = 1) -> list[float]:
    answer = client.read_input_registers(address, count=2 * count, device_id=unit)
    assert not answer.isError(), answer
    values = client.convert_from_registers(answer.registers, client.DATATYPE.FLOAT32)
    return values if isinstance(values, list) else [values]


def test_idle_meter_shows_the_grid_and_its_start(bench: Bench) -> None:
    with tcp(bench) as client:
        assert floats(client, 0, 3) == [230, 230, 230]
        assert floats(client, 6, 6) == [0] * 6
        assert floats(client, 70, 3) == [50, pytest.approx(1234.567), 0]
        assert floats(client, 342, unit=2) == [pytest.approx(1234.567)]


def test_charging_shows_in_the_registers_of_its_own_unit_only(bench: Bench) -> None:
    with bench.driver(1, obey) as driver, tcp(bench) as client:
        bench.client.plug_in(phases=2, current_a=10)
        driver.wait(lambda state: state["current_a"][0] == 10)
        assert floats(client, 6, 3) == [10, 10, 0]
        assert floats(client, 0, 3) == [229, 229, 230]
        assert floats(client, 52) == [4580]
        assert floats(client, 62) == [1]
        assert floats(client, 52, unit=2) == [0]


def test_register_is_exactly_what_state_says_and_counts_what_flowed(bench: Bench) -> None:
    bench.client.set_meter(energy_wh=2_000_000)
    with bench.driver(1, obey) as driver, tcp(bench) as client:
        bench.client.set_speed(3600)
        bench.client.plug_in()
        driver.wait(charging)
        bench.client.wait_until(lambda evse: evse["flowed_wh"] > 5000)
        bench.client.wants_power(False)
        driver.wait(lambda state: not state["contactor_closed"])
        evse = bench.client.evse()
        assert floats(client, 72)[0] == as_float32(evse["meter"]["meter_wh"] / 1000)
        assert evse["meter"]["meter_wh"] == pytest.approx(2_000_000 + evse["flowed_wh"], abs=0.2)
        by_phase = floats(client, 346, 3)
        assert sum(by_phase) * 1000 == pytest.approx(evse["meter"]["meter_wh"], abs=1)


@pytest.mark.parametrize(
    ("address", "count", "code"), [(36, 2, 2), (34, 4, 2), (1, 2, 2), (0, 3, 2), (400, 2, 2), (0, 82, 3)]
)
def test_what_the_device_refuses_is_refused(shared_bench: Bench, address: int, count: int, code: int) -> None:
    with tcp(shared_bench) as client:
        answer = client.read_input_registers(address, count=count, device_id=1)
        assert answer.isError()
        assert answer.exception_code == code
        assert floats(client, 0) == [230]


def test_other_functions_and_units_get_their_exceptions(shared_bench: Bench) -> None:
    def code(answer: ModbusPDU) -> int:
        assert answer.isError()
        return answer.exception_code

    with tcp(shared_bench) as client:
        assert code(client.read_holding_registers(0, count=2, device_id=1)) == 2
        assert code(client.write_register(0, 7, device_id=1)) == 2
        assert code(client.read_coils(0, count=8, device_id=1)) == 1
        assert code(client.read_input_registers(0, count=2, device_id=9)) == 11
        assert floats(client, 0) == [230]


def test_frozen_register_stands_while_energy_flows(bench: Bench) -> None:
    with bench.driver(1, obey) as driver, tcp(bench) as client:
        bench.client.set_speed(3600)
        bench.client.set_meter(frozen=True)
        frozen = floats(client, 72)
        bench.client.plug_in()
        driver.wait(charging)
        evse = bench.client.wait_until(lambda evse: evse["flowed_wh"] > 100)
        assert evse["meter"]["frozen"] is True
        assert floats(client, 72) == frozen
        assert floats(client, 52)[0] > 0
        bench.client.set_meter(frozen=False)
        assert floats(client, 72)[0] > frozen[0] + 0.09


def test_silent_meter_does_not_answer_and_others_do(bench: Bench) -> None:
    bench.client.set_meter(silent=True)
    with tcp(bench, timeout=0.3) as client, pytest.raises(ModbusIOException):
        client.read_input_registers(0, count=2, device_id=1)
    evse = bench.client.evse()
    assert evse["meter"]["silent"] is True
    assert evse["faults"] == ["meter_silent"]
    with tcp(bench) as client:
        assert floats(client, 0, unit=2) == [230]
        bench.client.clear_fault("meter_silent")
        assert floats(client, 0) == [230]


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("meter_negative", -1235.0, -1234.0), ("meter_jump", 1334.0, 1335.0), ("meter_wrong_unit", 1.234e6, 1.235e6)],
)
def test_broken_meter_shows_what_it_must_not_and_is_mended(bench: Bench, name: str, low: float, high: float) -> None:
    with tcp(bench) as client:
        bench.client.set_fault(name)
        assert low < floats(client, 72)[0] < high
        bench.client.clear_fault(name)
        assert floats(client, 72) == [pytest.approx(1234.567)]


def test_meter_can_lose_its_numbers_and_its_register(bench: Bench) -> None:
    with tcp(bench) as client:
        bench.client.set_fault("meter_nan")
        assert math.isnan(floats(client, 72)[0])
        bench.client.clear_fault("meter_nan")
        bench.client.set_fault("meter_reset")
        assert floats(client, 72) == [0]
        assert floats(client, 72, unit=2) == [pytest.approx(1234.567)]
        assert bench.client.evse()["faults"] == []


def test_noise_on_the_line_loses_some_answers_and_never_makes_a_wrong_value() -> None:
    with short_folder() as folder, running(folder, "--modbus-rtu") as bench, rtu(bench, timeout=0.1) as client:
        bench.client.set_fault("meter_noise")
        lost = 0
        for _ in range(40):
            try:
                answer = client.read_input_registers(0, count=2, device_id=1)
            except ModbusIOException:
                lost += 1
            else:
                assert answer.isError() or answer.registers == [0x4366, 0]
        assert 3 <= lost <= 25
        bench.client.clear_fault("meter_noise")
        assert floats(client, 0) == [230]


def test_noise_over_tcp_loses_some_answers(bench: Bench) -> None:
    bench.client.set_fault("meter_noise")
    lost = 0
    for _ in range(20):
        with tcp(bench, timeout=0.1) as client:
            try:
                assert floats(client, 0) == [230]
            except ModbusIOException:
                lost += 1
    assert 1 <= lost <= 15


def test_same_meters_answer_on_a_tty() -> None:
    with short_folder() as folder, running(folder, "--modbus-rtu", "--evses", "2", "--meter-start-wh", "4000") as bench:
        assert bench.ready["meter_tty"] == str(folder / "meter.tty")
        for _ in range(2):  # a client may come back
            with rtu(bench) as client:
                assert floats(client, 0, 18) == [230] * 3 + [0] * 12 + [1] * 3
                assert floats(client, 72, unit=2) == [4]
                refused = client.read_input_registers(36, count=2, device_id=1)
                assert refused.exception_code == 2
        with rtu(bench, timeout=0.3) as client:
            with pytest.raises(ModbusIOException):
                client.read_input_registers(0, count=2, device_id=7)
            bench.client.set_fault("meter_silent")
            with pytest.raises(ModbusIOException):
                client.read_input_registers(0, count=2, device_id=1)
        with tcp(bench) as client:
            assert floats(client, 72, unit=2) == [4]
    assert not (folder / "meter.tty").is_symlink()
