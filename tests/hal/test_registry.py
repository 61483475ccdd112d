"""Drivers by name: shipped ones, the user's own, and the words for broken ones."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from stationd.domain.errors import ConfigurationError
from stationd.hal.bus import BusPool
from stationd.hal.plausibility import CheckedMeter
from stationd.hal.registry import create_meter, create_reader, driver_names
from stationd.hwprofile import DriverSpec

TCP = {"transport": "tcp", "host": "127.0.0.1"}
CODED = """
from dataclasses import dataclass
from stationd.hal.interfaces import MeterReading

@dataclass(frozen=True)
class Config:
    start_wh: float = 0.0

class Driver:
    def __init__(self, config, *, evse_id, buses):
        self.energy_wh = config.start_wh + evse_id

    async def read(self):
        self.energy_wh += 10
        return MeterReading(taken_at_s=0.0, energy_import_wh=self.energy_wh)

    async def close(self):
        pass
"""


@pytest.fixture
async def buses() -> AsyncIterator[BusPool]:
    pool = BusPool()
    yield pool
    await pool.close()


def user_file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def failing(buses: BusPool, driver: str, options: dict[str, Any] | None = None, folder: Path | None = None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        create_meter(DriverSpec(driver, options or TCP), evse_id=1, buses=buses, user_drivers=folder)
    return str(caught.value)


def test_shipped_drivers_are_listed_by_kind() -> None:
    assert {"meter/eastron_sdm630", "meter/modbus_map"} <= set(driver_names("meter"))
    assert "rfid/mock" in driver_names("rfid")
    assert not [name for name in driver_names("meter") if "__" in name]


async def test_a_register_map_becomes_a_checked_meter(buses: BusPool) -> None:
    meter = create_meter(DriverSpec("meter/eastron_sdm630", TCP), evse_id=1, buses=buses)
    assert isinstance(meter, CheckedMeter)
    await meter.close()


async def test_a_python_file_of_the_user_is_a_driver_too_and_is_checked(buses: BusPool, tmp_path: Path) -> None:
    user_file(tmp_path, "meter/my_meter.py", CODED)
    spec = DriverSpec("meter/my_meter", {"start_wh": 500, "max_power_w": 5000})
    meter = create_meter(spec, evse_id=3, buses=buses, user_drivers=tmp_path)
    assert (await meter.read()).energy_import_wh == 513


async def test_a_users_file_replaces_a_shipped_one_of_the_same_name(buses: BusPool, tmp_path: Path) -> None:
    user_file(tmp_path, "meter/eastron_sdm630.py", CODED)
    meter = create_meter(DriverSpec("meter/eastron_sdm630", {}), evse_id=1, buses=buses, user_drivers=tmp_path)
    assert (await meter.read()).energy_import_wh == 11


async def test_a_register_map_of_the_user_runs_under_the_shipped_module(buses: BusPool, tmp_path: Path) -> None:
    user_file(
        tmp_path,
        "meter/mine.toml",
        'driver = "meter/modbus_map"\n[registers]\nenergy_import = { input = 1, type = "u32", unit = "Wh" }',
    )
    await create_meter(DriverSpec("meter/mine", TCP), evse_id=1, buses=buses, user_drivers=tmp_path).close()


async def test_an_unknown_driver_is_refused_with_names_that_are_near(buses: BusPool) -> None:
    text = failing(buses, "meter/eastron_sdm360")
    assert text == "cannot find driver meter/eastron_sdm360: did you mean meter/eastron_sdm630?"


@pytest.mark.parametrize(
    "driver",
    ["meter/../rfid/mock", "../meter/x", "meter//etc/x", "meter/__init__", "meter/a.b", "rfid/mock", "meter", ""],
)
async def test_a_name_that_is_no_plain_name_of_its_kind_never_reaches_a_path(buses: BusPool, driver: str) -> None:
    assert failing(buses, driver).startswith(f"cannot use driver {driver!r}: a name is meter/ and small letters")


async def test_a_module_that_needs_a_description_cannot_be_named_itself(buses: BusPool) -> None:
    assert "cannot use driver meter/modbus_map by itself" in failing(buses, "meter/modbus_map")


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("bad.toml", "a = = 1", "cannot read {path}: Invalid value"),
        ("bad.toml", "x = 1", "cannot use {path}: key driver is missing"),
        ("bad.toml", 'driver = "meter/nothing"', "cannot use {path}: cannot find driver meter/nothing"),
        ("bad.toml", 'driver = "meter/bad"', "cannot use {path}: driver meter/bad takes no description"),
        ("bad.toml", 'driver = "meter/modbus_map"', "cannot use {path}: registers.energy_import is missing"),
        ("bad.py", "1 +", "cannot load driver {path}: SyntaxError"),
        (
            "bad.py",
            "import no_such_library",
            "cannot load driver {path}: ModuleNotFoundError: No module named 'no_such",
        ),
        ("bad.py", "raise SystemError('boom')", "cannot load driver {path}: SystemError: boom"),
        ("bad.py", "class Driver: pass", "cannot load driver {path}: it needs a class Driver and a dataclass Config"),
    ],
)
async def test_a_broken_file_of_the_user_is_named_with_what_is_wrong(
    buses: BusPool, tmp_path: Path, name: str, text: str, problem: str
) -> None:
    path = user_file(tmp_path, f"meter/{name}", text)
    assert failing(buses, "meter/bad", folder=tmp_path).startswith(problem.format(path=path))


async def test_two_files_of_one_name_are_refused(buses: BusPool, tmp_path: Path) -> None:
    user_file(tmp_path, "meter/twice.py", CODED)
    user_file(tmp_path, "meter/twice.toml", "")
    assert "cannot choose between" in failing(buses, "meter/twice", folder=tmp_path)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({**TCP, "hots": "x"}, "cannot use meter/eastron_sdm630 of EVSE 1: unknown option 'hots'; did you mean host"),
        ({**TCP, "max_power_w": 5}, "max_power_w must be 100 to 10000000, not 5"),
        ({**TCP, "energy_speed": 0.5}, "energy_speed must be 1 to 3600, not 0.5"),
        ({**TCP, "energy_speed": "fast"}, "option energy_speed must be a number, not 'fast'"),
    ],
)
async def test_wrong_options_of_a_meter_are_refused(buses: BusPool, options: dict[str, Any], problem: str) -> None:
    assert problem in failing(buses, "meter/eastron_sdm630", options)


async def test_the_reader_driver_is_made_for_the_runtime_directory(tmp_path: Path) -> None:
    reader = create_reader(DriverSpec("rfid/mock", {}), runtime_dir=tmp_path)
    assert str(tmp_path / "plant-reader.sock") in str(reader.error)
    with pytest.raises(ConfigurationError, match="cannot use rfid/mock: unknown option 'sock'; did you mean socket"):
        create_reader(DriverSpec("rfid/mock", {"sock": "x"}), runtime_dir=tmp_path)
    with pytest.raises(ConfigurationError, match="cannot find driver rfid/mocks: did you mean rfid/mock"):
        create_reader(DriverSpec("rfid/mocks", {}), runtime_dir=tmp_path)
