"""How the command line shows values."""

import pytest

from stationd.ctl import output


def test_a_table_is_aligned_and_numbers_stand_right() -> None:
    text = output.table([["one", 1], ["three", 100]], ["name", "n"], right=frozenset({1}))
    assert text.splitlines() == ["name     n", "one      1", "three  100"]


def test_control_characters_of_remote_text_do_not_reach_the_terminal() -> None:
    assert output.table([["a\x07b\nc"]], ["x"]).splitlines()[1] == "a?b?c"


def test_pairs_leave_out_what_is_empty() -> None:
    assert output.pairs([("a", 1), ("long", None), ("b", "")]) == "a  1"


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (5, "5 s"), (65, "1 min 05 s"), (3_720, "1 h 02 min"), (90_000, "1 d 1 h")]
)
def test_a_duration_reads_like_speech(seconds: float | None, text: str) -> None:
    assert output.duration(seconds) == text


def test_energy_is_shown_to_the_watt_hour() -> None:
    assert output.energy(12_345.4) == "12.345 kWh"
    assert output.power(11_040) == "11.04 kW"
    assert output.power(3.2) == "3 W"
