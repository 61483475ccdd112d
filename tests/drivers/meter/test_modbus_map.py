"""The driver behind every register map: its options, and a meter read over a real connection."""

import struct
import tomllib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from drivers.meter.modbus_map import Config
from stationd.domain.errors import ConfigurationError
from stationd.hal.bus import BusPool, BusTimings, SerialLine, TcpHost
from stationd.hal.options import config_from_options
from stationd.hal.registry import create_meter
from stationd.hwprofile import DriverSpec
from tests.drivers.meter.test_catalogue import FRAMES, load_map


def config(**options: Any) -> Config:
    return config_from_options(Config, options, "the meter")


def test_options_name_a_tcp_host_or_a_serial_line() -> None:
    assert config(transport="tcp", host="10.0.0.7").line == TcpHost("10.0.0.7", 502)
    assert config(transport="tcp", host="10.0.0.7", port=15020).line == TcpHost("10.0.0.7", 15020)
    assert config(transport="rtu", device="/dev/ttyS1").line == SerialLine("/dev/ttyS1", 9600, "N", 1)
    line = config(transport="rtu", device="/dev/ttyS1", baudrate=19200, parity="E", stopbits=2).line
    assert line == SerialLine("/dev/ttyS1", 19200, "E", 2)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"transport": "udp"}, "transport must be tcp or rtu, not 'udp'"),
        ({"transport": "tcp"}, "option host is missing; transport tcp needs it"),
        ({"transport": "rtu"}, "option device is missing; transport rtu needs it"),
        ({"transport": "tcp", "host": "h", "baudrate": 9600}, "option baudrate makes no sense with transport tcp"),
        ({"transport": "rtu", "device": "d", "port": 502}, "option port makes no sense with transport rtu"),
        ({"transport": "tcp", "host": "h", "port": 0}, "port must be 1 to 65535, not 0"),
        ({"transport": "tcp", "host": "h", "unit": 248}, "unit must be 1 to 247, not 248"),
        ({"transport": "tcp", "host": "h", "timeout_s": 60}, "timeout_s must be 0.05 to 2, not 60"),
        ({"transport": "rtu", "device": "d", "baudrate": 9601}, "baudrate must be one of 1200, 2400"),
        ({"transport": "rtu", "device": "d", "parity": "even"}, "parity must be one of N, E, O, not 'even'"),
        ({"transport": "rtu", "device": "d", "stopbits": 3}, "stopbits must be one of 1, 2, not 3"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        config(**options)


@pytest.fixture
async def sdm630() -> AsyncIterator[ModbusTcpServer]:
    """A server that answers as the first recording of the SDM630 did, and for no register besides."""
    recording = tomllib.loads((FRAMES / "eastron_sdm630.toml").read_text())["recording"][0]
    data = []
    for block, text in zip(load_map("eastron_sdm630").blocks, recording["answers"], strict=True):
        words = list(struct.unpack(f">{block.count}H", bytes.fromhex(text)[3:-2]))
        data.append(SimData(block.address, values=words, datatype=DataType.REGISTERS))
    server = ModbusTcpServer(SimDevice(id=1, simdata=data), address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    yield server
    await server.shutdown()


async def test_an_sdm630_is_read_over_tcp_and_its_silence_is_data(sdm630: ModbusTcpServer) -> None:
    port = sdm630.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    buses = BusPool(timings=BusTimings(backoff_first_s=60))
    spec = DriverSpec("meter/eastron_sdm630", {"transport": "tcp", "host": "127.0.0.1", "port": port})
    meter = create_meter(spec, evse_id=1, buses=buses)
    before_s = buses.monotonic()
    reading = await meter.read()
    assert reading.error is None
    assert before_s <= reading.taken_at_s <= buses.monotonic()
    assert reading.energy_import_wh == 12345678.0
    assert reading.voltage_v == (230.2, 229.9, 231.4)
    await sdm630.shutdown()
    failed = await meter.read()
    assert failed.stale
    assert failed.energy_import_wh is None
    assert f"127.0.0.1:{port}" in str(failed.error)
    assert failed.taken_at_s >= reading.taken_at_s
    await meter.close()
    await buses.close()


async def test_a_wrong_unit_is_a_reading_with_an_error(sdm630: ModbusTcpServer) -> None:
    port = sdm630.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    buses = BusPool()
    options = {"transport": "tcp", "host": "127.0.0.1", "port": port, "unit": 9}
    reading = await create_meter(DriverSpec("meter/eastron_sdm630", options), evse_id=1, buses=buses).read()
    assert "cannot read unit 9 on 127.0.0.1" in str(reading.error)
    await buses.close()
