from collections.abc import Callable
from typing import Any

import pytest

from stationd.profile_table import ProfileError, Table


def table(**values: Any) -> Table:
    return Table("board.toml", "evse[1]", values)


def test_each_kind_of_value_is_taken_once() -> None:
    one = table(word="a", amps=6, count=3, on=True, inner={"x": 1}, list=[{"y": 1}, {"y": 2}], more=5)
    assert (one.text("word"), one.number("amps", 6, 80), one.integer("count", 1, 3), one.boolean("on")) == (
        "a", 6.0, 3, True,
    )  # fmt: skip
    inner = one.table("inner")
    assert inner is not None
    assert inner.rest() == {"x": 1}
    assert [entry.take("y") for entry in one.tables("list")] == [1, 2]
    assert one.again("evse[2]").rest() == one.rest() == {"more": 5}
    one.finish()


def test_what_may_be_missing_is_its_default() -> None:
    one = table()
    assert (one.text("word", "b"), one.number("amps", 6, 80, 10), one.integer("count", 1, 3, 2)) == ("b", 10.0, 2)
    assert one.boolean("on", False) is False
    assert one.table("inner") is None
    assert one.tables("list") == []


@pytest.mark.parametrize(
    ("take", "sentence"),
    [
        (lambda one: one.take("none"), "none is missing: add it"),
        (lambda one: one.text("amps"), "amps cannot be 5: use a text"),
        (lambda one: one.text("word", choices=("b", "c")), "word cannot be 'a': use one of b, c"),
        (lambda one: one.number("amps", 6, 80), "amps cannot be 5: give a number from 6 to 80"),
        (lambda one: one.number("on", 0, 80), "on cannot be True: give a number"),
        (lambda one: one.integer("half", 0, 1), "half cannot be 0.5: give a whole number from 0 to 1"),
        (lambda one: one.boolean("amps"), "amps cannot be 5: use true or false"),
        (lambda one: one.table("amps"), r"amps cannot be 5: make it a table \[evse\[1\].amps\]"),
        (lambda one: one.tables("amps"), r"amps cannot be 5: make each one a table \[\[evse\[1\].amps\]\]"),
        (lambda one: one.table("inner").finish(), "evse.1..inner.x = 1 is an unknown key: remove it or mend"),
        (lambda one: one.tables("list")[1].take("none"), "evse.1..list.2..none is missing"),
        (lambda one: one.finish(), "word = 'a' is an unknown key"),
    ],
)
def test_what_is_wrong_is_named_with_file_key_value_and_fix(take: Callable[[Table], object], sentence: str) -> None:
    one = table(word="a", amps=5, on=True, half=0.5, inner={"x": 1}, list=[{}, {}])
    with pytest.raises(ProfileError, match=r"^cannot use hw-profile board\.toml: .*" + sentence):
        take(one)
