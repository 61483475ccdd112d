"""The meter's registers."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationd.sandbox.plant.meter import (
    EXPORT_KWH,
    IMPORT_KWH,
    JUMP_KWH,
    TOTAL_WATTS,
    VOLTS,
    Meter,
    as_float32,
    spoil,
    words,
)


def decode(registers: list[int] | None) -> float:
    assert registers is not None
    return float(struct.unpack(">f", struct.pack(">2H", *registers))[0])


def test_values_stand_at_the_devices_addresses() -> None:
    meter = Meter(2000.0, [1000.0, 600.0, 400.0])
    values = meter.values((228.4, 229.0, 230.0), (16.0, 10.0, 0.0))
    expected = {
        0: 228.4, 2: 229.0, 4: 230.0, 6: 16.0, 8: 10.0, 10: 0.0, 12: 3654.4, 14: 2290.0, 16: 0.0, 18: 3654.4,
        24: 0.0, 30: 1.0, 52: 5944.4, 56: 5944.4, 60: 0.0, 62: 1.0, 70: 50.0, 72: 2.0, 74: 0.0, 342: 2.0,
        346: 1.0, 348: 0.6, 350: 0.4, 352: 0.0, 356: 0.0,
    }  # fmt: skip
    for address, value in expected.items():
        assert decode(words(values, address, 2)) == pytest.approx(value, rel=1e-6), address


def test_high_word_comes_first() -> None:
    assert words({0: 1.0}, 0, 2) == [0x3F80, 0]


@pytest.mark.parametrize(("address", "count"), [(36, 2), (34, 4), (54, 2), (1, 2), (0, 3), (358, 2), (72, 6)])
def test_addresses_outside_the_map_and_cut_values_are_refused(address: int, count: int) -> None:
    values = Meter(0.0).values((230.0,) * 3, (0.0,) * 3)
    assert words(values, address, count) is None


@given(st.floats(1, 9_999_999_900))
def test_register_wh_is_a_short_decimal_with_the_very_bits_of_the_register(energy_wh: float) -> None:
    meter = Meter(energy_wh)
    kwh = decode(words(meter.values((230.0,) * 3, (0.0,) * 3), 72, 2))
    assert as_float32(meter.register_wh / 1000) == kwh
    assert len(f"{meter.register_wh:.12g}".replace(".", "").lstrip("0").rstrip("0")) <= 9


def test_frozen_register_holds_while_energy_is_counted_and_shows_it_when_released() -> None:
    meter = Meter(1000.0)
    meter.freeze()
    meter.count((100.0, 100.0, 100.0))
    assert meter.register_wh == 1000
    meter.release()
    assert meter.register_wh == pytest.approx(1300, abs=0.1)


def test_written_register_shows_even_when_frozen() -> None:
    meter = Meter(1000.0)
    meter.freeze()
    meter.write(5000.0)
    assert meter.register_wh == 5000
    assert sum(meter.phase_wh) == pytest.approx(5000)


def shown(*broken: str) -> dict[int, float]:
    return spoil(Meter(2000.0).values((230.0,) * 3, (10.0,) * 3), set(broken))


def test_sound_meter_is_not_spoiled() -> None:
    assert shown() == Meter(2000.0).values((230.0,) * 3, (10.0,) * 3)


@pytest.mark.parametrize(
    ("fault", "kwh", "watts"),
    [("meter_negative", -2.0, -6900.0), ("meter_jump", 2.0 + JUMP_KWH, 6900.0), ("meter_wrong_unit", 2000.0, 6900.0)],
)
def test_broken_meter_shows_wrong_energy_or_power_and_right_volts(fault: str, kwh: float, watts: float) -> None:
    values = shown(fault)
    assert values[IMPORT_KWH] == pytest.approx(kwh)
    assert values[TOTAL_WATTS] == pytest.approx(watts)
    assert (values[VOLTS], values[EXPORT_KWH]) == (230, 0)


def test_meter_without_numbers_has_registers_all_the_same() -> None:
    values = shown("meter_nan")
    assert math.isnan(decode(words(values, IMPORT_KWH, 2)))
    assert math.isnan(decode(words(values, TOTAL_WATTS, 2)))
    assert decode(words(values, VOLTS, 2)) == 230
