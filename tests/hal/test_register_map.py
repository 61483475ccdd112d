"""Register maps: what files may say, how reads are planned, how answers decode."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationd.hal.interfaces import MeterReading
from stationd.hal.register_map import Block, RegisterMapError, Table, parse_register_map, plan_blocks

ENERGY = {"input": 0, "type": "u32", "unit": "Wh"}


def document(**changes: Any) -> dict[str, Any]:
    return {"driver": "meter/modbus_map", "registers": {"energy_import": ENERGY}, **changes}


def read_one(register: dict[str, Any], words: list[int], *, name: str = "power", **top: Any) -> MeterReading:
    """Decode one register at holding 100; energy_import answers 1 Wh."""
    parsed = parse_register_map(
        document(registers={"energy_import": ENERGY, name: {"holding": 100, **register}}, **top), "x.toml"
    )
    return parsed.decode([words if block.table is Table.HOLDING else [0, 1] for block in parsed.blocks], 1.0)


def words_of(code: str, number: float) -> list[int]:
    raw = struct.pack(f">{code}", number)
    return [int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2)]


@pytest.mark.parametrize(
    ("type_", "words", "watts"),
    [
        ("u16", [0xFFFF], 65535.0),
        ("i16", [0xFFFE], -2.0),
        ("u32", [0x0001, 0x0002], 65538.0),
        ("i32", [0xFFFF, 0xFFFD], -3.0),
        ("u64", [0, 0, 1, 0], 65536.0),
        ("i64", [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFC], -4.0),
        ("f32", [0x42F6, 0xE979], 123.456),  # the IEEE 754 textbook number
        ("f64", [0x405E, 0xDD2F, 0x1A9F, 0xBE77], 123.456),
    ],
)
def test_each_type_decodes_in_both_word_orders(type_: str, words: list[int], watts: float) -> None:
    assert read_one({"type": type_, "unit": "W"}, words).power_w == watts
    assert read_one({"type": type_, "unit": "W", "word_order": "little"}, words[::-1]).power_w == watts
    assert read_one({"type": type_, "unit": "W"}, words[::-1], word_order="little").power_w == watts


@pytest.mark.parametrize(
    ("name", "unit", "raw", "value"),
    [
        ("power", "kW", 7, 7000.0),
        ("power", "0.1 W", 2301, 230.1),
        ("current_l1", "mA", 16005, 16.005),
        ("voltage_l2", "0.1 V", 2303, 230.3),
        ("frequency", "0.01 Hz", 4998, 49.98),
        ("frequency", "mHz", 49980, 49.98),
        ("power_factor", "0.001", 985, 0.985),
        ("power_factor", "%", 98, 0.98),
        ("energy_export", "0.01 kWh", 123, 1230.0),
        ("energy_export", "MWh", 2, 2_000_000.0),
    ],
)
def test_units_become_si_without_rounding_noise(name: str, unit: str, raw: int, value: float) -> None:
    reading = read_one({"type": "u16", "unit": unit}, [raw], name=name)
    assert reading.error is None
    values = [
        reading.power_w,
        *reading.current_a,
        *reading.voltage_v,
        reading.frequency_hz,
        reading.power_factor,
        reading.energy_export_wh,
    ]
    assert [each for each in values if each is not None] == [value]


def test_a_scale_factor_register_gives_the_power_of_ten() -> None:
    parsed = parse_register_map(
        document(
            registers={
                "energy_import": ENERGY,
                "power": {"holding": 10, "type": "i16", "unit": "W", "scale_factor": "power"},
            },
            scale_factors={"power": {"holding": 11, "type": "i16"}},
        ),
        "x.toml",
    )
    assert parsed.blocks == (Block(Table.HOLDING, 10, 2), Block(Table.INPUT, 0, 2))
    assert parsed.decode([[1234, 0xFFFF], [0, 1]], 0).power_w == 123.4
    assert parsed.decode([[1234, 2], [0, 1]], 0).power_w == 123400.0
    assert "scale factor power is 20" in str(parsed.decode([[1234, 20], [0, 1]], 0).error)


@pytest.mark.parametrize(
    ("type_", "pattern", "words"),
    [
        ("u32", "all_ones", [0xFFFF, 0xFFFF]),
        ("i32", "max_positive", [0x7FFF, 0xFFFF]),
        ("i16", "min_negative", [0x8000]),
        ("f32", "nan", [0x7FC0, 0x0000]),
        ("f64", "nan", [0x7FF8, 0, 0, 1]),
    ],
)
def test_a_not_available_pattern_is_no_value_and_no_error(type_: str, pattern: str, words: list[int]) -> None:
    reading = read_one({"type": type_, "unit": "W", "not_available": [pattern]}, words)
    assert (reading.power_w, reading.error, reading.energy_import_wh) == (None, None, 1.0)
    reading = read_one({"type": type_, "unit": "W"}, words, not_available=[pattern])
    assert (reading.power_w, reading.error) == (None, None)


def test_a_meter_that_has_no_value_at_all_gives_an_error() -> None:
    parsed = parse_register_map(document(not_available=["all_ones"]), "x.toml")
    assert "not available" in str(parsed.decode([[0xFFFF, 0xFFFF]], 0).error)


@pytest.mark.parametrize(
    ("name", "register", "number"),
    [
        ("power", {"type": "f32", "unit": "W"}, float("nan")),
        ("power", {"type": "f32", "unit": "W"}, float("inf")),
        ("power", {"type": "f32", "unit": "kW"}, 1e30),
        ("energy_export", {"type": "f32", "unit": "kWh"}, -1.0),
        ("voltage_l1", {"type": "f32", "unit": "V"}, -230.0),
        ("frequency", {"type": "f32", "unit": "Hz"}, 5000.0),
        ("power_factor", {"type": "f32"}, 1.5),
    ],
)
def test_what_cannot_be_spoils_the_whole_reading(name: str, register: dict[str, Any], number: float) -> None:
    reading = read_one(register, words_of("f", number), name=name)
    assert reading.error is not None
    assert name in reading.error
    assert reading == MeterReading(taken_at_s=1.0, error=reading.error)


def test_an_answer_of_another_length_is_an_error() -> None:
    parsed = parse_register_map(document(), "x.toml")
    assert "3 registers came for 2" in str(parsed.decode([[1, 2, 3]], 0).error)


@given(st.floats(width=32, min_value=0, max_value=1e8, allow_nan=False))
def test_a_float32_decodes_to_a_number_with_the_same_bits(number: float) -> None:
    parsed = parse_register_map(document(registers={"energy_import": {**ENERGY, "type": "f32"}}), "x.toml")
    value = parsed.decode([words_of("f", number)], 0).energy_import_wh
    assert value is not None
    assert struct.pack(">f", value) == struct.pack(">f", abs(number))


def test_near_registers_are_read_together_within_both_limits() -> None:
    spans = [Block(Table.INPUT, address, 2) for address in (0, 2, 4, 10, 12, 40)]
    plan = [(block.address, block.count) for block in plan_blocks(spans, 125, 0)]
    assert plan == [(0, 6), (10, 4), (40, 2)]
    assert [(b.address, b.count) for b in plan_blocks(spans, 125, 4)] == [(0, 14), (40, 2)]
    assert [(b.address, b.count) for b in plan_blocks(spans, 10, 4)] == [(0, 6), (10, 4), (40, 2)]
    assert [(b.address, b.count) for b in plan_blocks(spans, 4, 0)] == [(0, 4), (4, 2), (10, 4), (40, 2)]


@given(
    st.lists(st.tuples(st.sampled_from(Table), st.integers(0, 300), st.sampled_from([1, 2, 4])), min_size=1),
    st.integers(4, 125),
    st.integers(0, 20),
)
def test_a_plan_covers_every_register_and_keeps_its_limits(
    wanted: list[tuple[Table, int, int]], max_read: int, max_gap: int
) -> None:
    spans = [Block(*each) for each in wanted]
    plan = plan_blocks(spans, max_read, max_gap)
    assert all(any(block.covers(span) for block in plan) for span in spans)
    assert all(block.count <= max_read for block in plan)
    for block in plan:
        read = {a for s in spans if block.covers(s) for a in range(s.address, s.address + s.count)}
        gaps = [b - a - 1 for a, b in zip(sorted(read), sorted(read)[1:], strict=False)]
        assert max(gaps, default=0) <= max_gap


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"registers": {}}, "registers.energy_import is missing"),
        ({"registers": {"energy_import": 72}}, "registers.energy_import: must be a table, not 72"),
        ({"registers": {"energy_import": {**ENERGY, "unit": "kW"}}}, "registers.energy_import.unit: must be Wh, kWh"),
        ({"registers": {"energy_import": {**ENERGY, "unit": "-1 Wh"}}}, "registers.energy_import.unit"),
        ({"registers": {"energy_import": {**ENERGY, "unit": "1000"}}}, "registers.energy_import.unit"),
        ({"registers": {"energy_import": {"input": 0, "type": "u32"}}}, "registers.energy_import.unit: is missing"),
        ({"registers": {"energy_import": {"type": "u32", "unit": "Wh"}}}, "needs one address"),
        ({"registers": {"energy_import": {**ENERGY, "holding": 1}}}, "needs one address"),
        ({"registers": {"energy_import": {**ENERGY, "input": 65535}}}, "registers.energy_import.input: must be 0 to"),
        ({"registers": {"energy_import": {**ENERGY, "type": "uint32"}}}, "energy_import.type: must be one of u16"),
        ({"registers": {"energy_import": {**ENERGY, "scale": 10}}}, "energy_import.scale: unknown key"),
        ({"registers": {"energy_import": {**ENERGY, "scale_factor": "e"}}}, "'e' is not in [scale_factors]"),
        ({"registers": {"energy_imports": ENERGY}}, "did you mean energy_import"),
        ({"word_order": "middle"}, "word_order: must be one of big, little, not 'middle'"),
        ({"wordorder": "big"}, "wordorder: unknown key; did you mean word_order"),
        ({"max_read": 200}, "max_read: must be 1 to 125, not 200"),
        ({"max_read": 1}, "max_read is 1, a register needs 2"),
        ({"max_gap": True}, "max_gap: must be a whole number, not True"),
        ({"not_available": ["ones"]}, "not_available: must be of all_ones"),
        ({"products": [{"vendor": "A"}]}, "product 1.model: is missing"),
    ],
)
def test_a_wrong_map_is_refused_with_file_register_and_key(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(RegisterMapError) as caught:
        parse_register_map(document(**changes), "meter/x.toml")
    assert str(caught.value).startswith("cannot use meter/x.toml: ")
    assert problem in str(caught.value)
