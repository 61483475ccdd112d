"""Options of drivers: every key is read or refused, with words that help."""

from dataclasses import dataclass
from typing import Any

import pytest

from stationd.domain.errors import ConfigurationError
from stationd.hal.options import config_from_options, suggestion


@dataclass(frozen=True, kw_only=True)
class Config:
    name: str
    factor: float = 1.0
    unit: int | None = None
    inverted: bool = False

    def __post_init__(self) -> None:
        if self.factor <= 0:
            raise ValueError(f"factor must be above 0, not {self.factor:g}")


def test_options_fill_the_dataclass_and_the_rest_keeps_its_defaults() -> None:
    assert config_from_options(Config, {"name": "x", "factor": 2}, "a/b") == Config(name="x", factor=2)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"name": "x", "factr": 2}, "unknown option 'factr'; did you mean factor?"),
        ({"name": "x", "zzz": 2}, "unknown option 'zzz'; there are factor, inverted, name, unit"),
        ({}, "option name is missing; give a text"),
        ({"name": 7}, "option name must be a text, not 7"),
        ({"name": "x", "factor": True}, "option factor must be a number, not True"),
        ({"name": "x", "unit": "1"}, "option unit must be a whole number, not '1'"),
        ({"name": "x", "unit": 1.5}, "option unit must be a whole number, not 1.5"),
        ({"name": "x", "inverted": 1}, "option inverted must be true or false, not 1"),
        ({"name": "x", "factor": -1}, "factor must be above 0, not -1"),
    ],
)
def test_a_wrong_option_is_refused_with_its_name_value_and_fix(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        config_from_options(Config, options, "meter/x of EVSE 2")
    assert str(caught.value) == f"cannot use meter/x of EVSE 2: {problem}"


def test_suggestions_name_what_is_near_or_everything_or_nothing() -> None:
    assert suggestion("baud", ["baudrate", "parity"]) == "did you mean baudrate?"
    assert suggestion("xyz", ["b", "a"]) == "there are a, b"
    assert suggestion("xyz", []) == "there are none"
