import pytest

from stationd.pilot.interfaces import DriverError, checked_options


def test_known_options_pass() -> None:
    assert checked_options("lock/x", {"line": 4}, {"line": int}) == {"line": 4}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, r"driver lock/x: option line \(int\) is missing: add it"),
        ({"line": "4"}, "option line = '4' must be int"),
        ({"line": False}, "option line = False must be int"),
        ({"line": 4, "pin": 1}, "option pin = 1 is unknown: remove it"),
    ],
)
def test_every_option_is_read_or_refused(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(DriverError, match=sentence):
        checked_options("lock/x", options, {"line": int})
