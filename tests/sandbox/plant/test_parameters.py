"""Checks of parameters."""

from typing import Any

import pytest

from stationd.sandbox.plant.errors import ArgumentError
from stationd.sandbox.plant.methods import METHODS
from stationd.sandbox.plant.parameters import check_params

PLUG_IN = METHODS["plug_in"][1]


def test_defaults_are_those_of_the_document() -> None:
    assert check_params("plug_in", PLUG_IN, {}) == {
        "evse_id": 1, "model": "three_phase", "current_a": None, "phases": None, "cable_a": 32, "wants_power": "now",
        "properties": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"phases": 4}, "cannot set phases to 4: give a whole number from 1 to 3"),
        ({"phases": True}, "cannot set phases to True: give a whole number from 1 to 3"),
        ({"phases": 1.5}, "cannot set phases to 1.5: give a whole number from 1 to 3"),
        ({"current_a": 200}, "cannot set current_a to 200: give a number from 0.5 to 80"),
        ({"current_a": float("nan")}, "cannot set current_a to nan: give a number from 0.5 to 80"),
        ({"cable_a": 25}, "cannot set cable_a to 25: give one of 13, 20, 32, 63"),
        ({"wants_power": "no"}, "cannot set wants_power to 'no': give \"now\", \"later\" or seconds from 0 to 86400"),
        ({"wants_power": -1}, "cannot set wants_power to -1: give \"now\", \"later\" or seconds from 0 to 86400"),
        ({"amps": 3}, "cannot call plug_in: unknown parameter 'amps', it takes evse_id, model, current_a, phases, "
                      "cable_a, wants_power, properties"),
        ({"properties": []}, "cannot set properties to []: give an object of at most 20 names and values"),
        ([1], "cannot call plug_in: params must be an object of names and values"),
    ],
)  # fmt: skip
def test_refusal_names_the_value_and_what_would_do(given: Any, sentence: str) -> None:
    with pytest.raises(ArgumentError) as refused:
        check_params("plug_in", PLUG_IN, given)
    assert str(refused.value) == sentence


def test_missing_parameter_is_named() -> None:
    with pytest.raises(ArgumentError, match="parameter token is missing"):
        check_params("present_card", METHODS["present_card"][1], {})


@pytest.mark.parametrize("token", ["", "x" * 37, "a\nb", 7, "\ud800"])
def test_tokens_that_no_card_has_are_refused(token: Any) -> None:
    with pytest.raises(ArgumentError, match=r"cannot set token to .*: give a text of 1 to 36 printable characters"):
        check_params("present_card", METHODS["present_card"][1], {"token": token})


def test_temperature_may_be_null_and_no_text() -> None:
    table = METHODS["set_temperature"][1]
    assert check_params("set_temperature", table, {"celsius": None}) == {"evse_id": 1, "celsius": None}
    with pytest.raises(ArgumentError, match="cannot set celsius to 'hot': give a number from -60 to 200, or null"):
        check_params("set_temperature", table, {"celsius": "hot"})
