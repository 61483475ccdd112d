"""Cars as data."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from stationd.sandbox.plant import cars
from stationd.sandbox.plant.cars import CarModel, differences, model, models, with_properties
from stationd.sandbox.plant.errors import ArgumentError

NEEDED = {
    "three_phase", "single_phase", "simplified", "needs_ventilation", "broken_diode", "slow", "ignores_pwm_off",
    "tapers", "sleeps", "unplugs_under_load", "five_percent", "toggles", "over_draws", "latches_on_f",
}  # fmt: skip


def test_every_kind_of_car_is_there_under_its_own_name_with_a_sentence() -> None:
    assert set(models()) == NEEDED
    for name, each in models().items():
        assert each.name == name
        assert len(each.about) > 20


def test_document_lists_every_model_in_order() -> None:
    document = (Path(__file__).parents[3] / "docs" / "PLANT_PROTOCOL.md").read_text()
    section = document.partition("### Models of cars")[2].partition("## 5")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(models())


def test_default_model_is_what_a_car_is_without_one() -> None:
    assert model(cars.DEFAULT) == CarModel()


def test_every_model_but_the_default_and_the_single_phase_one_has_a_behaviour_of_its_own() -> None:
    plain = {"name", "about", "current_a", "phases"}
    behaving = {
        name for name, each in models().items()
        if any(getattr(each, f.name) != f.default for f in fields(each) if f.name not in plain)
    }  # fmt: skip
    assert behaving == NEEDED - {"three_phase", "single_phase"}


def test_unknown_model_is_named_with_those_there_are() -> None:
    with pytest.raises(ArgumentError, match=r"cannot find car model 'tank': known are three_phase, single_phase"):
        model("tank")


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        ({"wheels": 4}, "cannot set property 'wheels' of a car: it has current_a, phases"),
        ({"name": "x"}, "cannot set property 'name' of a car"),
        ({"phases": 4}, "cannot set property phases to 4: give a number from 1 to 3"),
        ({"phases": 1.5}, "cannot set property phases to 1.5"),
        ({"open_s": True}, "cannot set property open_s to True"),
        ({"open_s": -1}, "cannot set property open_s to -1: give a number from 0 to 600"),
        ({"open_s": float("nan")}, "cannot set property open_s to nan"),
        ({"digital": 1}, "cannot set property digital to 1: give true or false"),
    ],
)
def test_property_that_no_car_has_is_refused(properties: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentError) as refused:
        with_properties(CarModel(), properties)
    assert str(refused.value).startswith(sentence)


def test_every_property_can_be_set_and_is_found_again() -> None:
    settable = {f.name: f.default for f in fields(CarModel) if f.name not in ("name", "about")}
    others = {
        name: not value if isinstance(value, bool) else 2 if name == "phases" else 0.75
        for name, value in settable.items()
    }
    changed = with_properties(CarModel(), others)
    assert differences(changed) == others
    assert with_properties(model("three_phase"), differences(changed)) == changed


def test_model_without_a_sentence_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "cars.toml").write_text("[odd]\nphases = 1\n")
    monkeypatch.setattr(cars, "FILE", tmp_path / "cars.toml")
    models.cache_clear()
    try:
        with pytest.raises(ArgumentError, match="cannot use car model 'odd': it needs a sentence `about` it"):
            models()
    finally:
        models.cache_clear()
