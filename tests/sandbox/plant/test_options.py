"""The command line."""

from pathlib import Path

import pytest

from stationd.sandbox.plant.errors import StartError
from stationd.sandbox.plant.options import Options, parse


def test_defaults() -> None:
    assert parse(["--runtime-dir", "/r"]) == Options(Path("/r"))


def test_everything_given() -> None:
    line = "--runtime-dir /r --evses 3 --modbus-port 1502 --speed 60 --outlet tethered --meter-start-wh 5 --modbus-rtu"
    assert parse([*line.split(), "--state-file", "/s"]) == Options(
        Path("/r"), 3, 1502, 60.0, tethered=True, meter_start_wh=5.0, modbus_rtu=True, state_file=Path("/s")
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "cannot start: the following arguments are required: --runtime-dir"),
        ("--runtime-dir /r --evses 0", "cannot start: --evses must be 1 to 32, not 0"),
        ("--runtime-dir /r --speed 9999", "cannot start: --speed must be 1 to 3600, not 9999"),
        ("--runtime-dir /r --modbus-port 70000", "cannot start: --modbus-port must be 0 to 65535, not 70000"),
        ("--runtime-dir /r --meter-start-wh -1", "cannot start: --meter-start-wh must be 0 to 9999999900, not -1"),
        ("--runtime-dir /r --speed nan", "cannot start: --speed must be 1 to 3600, not nan"),
        ("--runtime-dir /r --colour red", "cannot start: unrecognized arguments: --colour red"),
    ],
)
def test_wrong_arguments_are_one_sentence(line: str, sentence: str) -> None:
    with pytest.raises(StartError) as refused:
        parse(line.split())
    assert str(refused.value) == sentence
