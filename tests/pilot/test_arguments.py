import os

import pytest

from stationd.pilot.arguments import _FIELDS, USAGE, Arguments, UsageError, group_id, parse

NEEDED = ("--profile", "--runtime-dir")
LINE = ["--profile", "mock", "--runtime-dir", "/run/x"]


def test_options_are_read_in_both_spellings() -> None:
    arguments = parse([*LINE, "--evses=2", "--state-dir", "s", "--measure", "2.5", "--group=7"], needed=NEEDED)
    assert arguments.profile == "mock"
    assert arguments.runtime_dir == "/run/x"
    assert arguments.evses == 2
    assert arguments.state_dir == os.path.abspath("s")
    assert arguments.measure_s == 2.5
    assert arguments.group == "7"
    assert arguments.site_limit == ""


def test_every_option_of_the_usage_is_read() -> None:
    words = ["--site-limit", "limit.toml", "--state-dir=s", "--group", "g", "--measure=0.5", "--evses", "99"]
    read = parse([*LINE, *words], needed=())
    assert read == Arguments("mock", "/run/x", 99, os.path.abspath("s"), "limit.toml", "g", 0.5)
    assert (
        parse(LINE, needed=()) == Arguments("mock", "/run/x", None, "", "", None, None) == Arguments("mock", "/run/x")
    )
    assert all(f"\n  {option} " in USAGE for option in _FIELDS)


@pytest.mark.parametrize("seconds", ["0.1", "1", "86400"])
def test_a_measurement_may_take_up_to_a_day(seconds: str) -> None:
    assert parse([*LINE, "--measure", seconds], needed=()).measure_s == float(seconds)


def test_a_board_has_1_to_99_evses() -> None:
    assert parse([*LINE, "--evses", "1"], needed=()).evses == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--profile", "mock"], "--runtime-dir is missing"),
        (["--profile", "", "--runtime-dir", "x"], "--profile is missing"),
        ([*LINE, "--verbose"], "'--verbose': it is no option"),
        ([*LINE, "now"], "'now': it is no option"),
        ([*LINE, "--evses"], "--evses: give a value after it"),
        ([*LINE, "--evses", "0"], "from 1 to 99"),
        ([*LINE, "--evses", "two"], "from 1 to 99"),
        ([*LINE, "--evses", "100"], "from 1 to 99"),
        ([*LINE, "--measure", "nan"], "give seconds"),
        ([*LINE, "--measure", "0"], "give seconds"),
        ([*LINE, "--measure", "86401"], "give seconds"),
        ([*LINE, "--measure", "-1"], "give seconds"),
        ([*LINE, "--measure", "long"], "give seconds"),
    ],
)
def test_a_wrong_command_line_names_the_option(words: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        parse(words, needed=NEEDED)


def test_a_group_is_a_number_or_a_name() -> None:
    assert group_id(None) is None
    assert group_id("42") == 42
    assert group_id("root") == 0
    with pytest.raises(UsageError, match="there is no such group"):
        group_id("no such group")
