import json
from pathlib import Path

import pytest

from stationd.pilot.latches import LatchError, read, write


def test_latches_survive_the_disk(tmp_path: Path) -> None:
    path = str(tmp_path / "latches.json")
    write(path, {1: frozenset({"rcd_trip", "contactor_welded"}), 2: frozenset()})
    assert read(path) == {1: {"rcd_trip", "contactor_welded"}}
    write(path, {})
    assert read(path) == {}
    assert list(tmp_path.iterdir()) == [tmp_path / "latches.json"]


def test_no_file_means_no_latches(tmp_path: Path) -> None:
    assert read(str(tmp_path / "latches.json")) == {}


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", '{"latched": []}', '{"latched": {"one": ["rcd_trip"]}}', '{"latched": {"1": 5}}',
             '{"latched": {"1": ["sunburn"]}}', '{"latched": {"1": [[]]}}', "[" * 50_000]
)  # fmt: skip
def test_a_damaged_file_is_an_error_and_not_a_clean_bill(tmp_path: Path, text: str) -> None:
    path = tmp_path / "latches.json"
    path.write_text(text)
    with pytest.raises(LatchError):
        read(str(path))


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LatchError, match="Is a directory"):
        read(str(tmp_path))


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(LatchError, match=r"cannot write .*No such file"):
        write(str(tmp_path / "none" / "latches.json"), {1: frozenset({"rcd_trip"})})


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    write(str(tmp_path / "l"), {2: frozenset({"rcd_trip"})})
    assert json.loads((tmp_path / "l").read_text()) == {"latched": {"2": ["rcd_trip"]}}
