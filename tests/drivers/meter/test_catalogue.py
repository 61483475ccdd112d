"""Every register map in drivers/meter, against recorded answers."""

import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU

from stationd.hal.register_map import RegisterMap, Table, parse_register_map

DRIVERS = Path(__file__).parents[3] / "drivers" / "meter"
FRAMES = Path(__file__).parent / "frames"
MAPS = sorted(path.stem for path in DRIVERS.glob("*.toml"))


def load_map(name: str) -> RegisterMap:
    path = DRIVERS / f"{name}.toml"
    return parse_register_map(tomllib.loads(path.read_text()), path.name)


def recordings() -> list[Any]:
    found = []
    for name in MAPS:
        path = FRAMES / f"{name}.toml"
        entries = tomllib.loads(path.read_text())["recording"] if path.exists() else []
        found += [pytest.param(name, entry, id=f"{name}: {entry['name']}") for entry in entries]
    return found


def test_there_are_register_maps() -> None:
    assert "eastron_sdm630" in MAPS


@pytest.mark.parametrize("name", MAPS)
def test_every_register_map_names_its_products_and_has_recorded_answers(name: str) -> None:
    assert load_map(name).products
    path = FRAMES / f"{name}.toml"
    assert path.exists(), f"{name}.toml needs {path.relative_to(FRAMES.parents[2])} with recorded answers"
    assert tomllib.loads(path.read_text())["recording"]


def test_no_recorded_answers_are_left_over() -> None:
    assert sorted(path.stem for path in FRAMES.glob("*.toml")) == MAPS


@pytest.mark.parametrize(("name", "recording"), recordings())
def test_recorded_answers_decode_to_the_expected_values(name: str, recording: dict[str, Any]) -> None:
    register_map = load_map(name)
    framer = FramerRTU(DecodePDU(False))
    answers = []
    for block, text in zip(register_map.blocks, recording["answers"], strict=True):
        frame = bytes.fromhex(text)
        used, pdu = framer.handleFrame(frame, 1, 0)
        assert used == len(frame), f"the checksum of {text} is wrong"
        assert pdu is not None
        assert pdu.function_code == (4 if block.table is Table.INPUT else 3)
        answers.append(pdu.registers)
    reading = asdict(register_map.decode(answers, 5.0))
    expected = {key: tuple(value) if isinstance(value, list) else value for key, value in recording["expected"].items()}
    assert reading == {**reading, **expected, "taken_at_s": 5.0, "error": None}
    assert {key for key, value in reading.items() if value not in (None, (None, None, None))} == {
        *expected,
        "taken_at_s",
    }, "values that the recording does not expect"


@pytest.mark.parametrize("name", MAPS)
def test_no_read_is_longer_than_the_meter_allows(name: str) -> None:
    document = tomllib.loads((DRIVERS / f"{name}.toml").read_text())
    assert all(block.count <= document.get("max_read", 125) for block in load_map(name).blocks)
