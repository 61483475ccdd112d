import json
from pathlib import Path

import pytest

from stationd.pilot.latches import DURABLE, LatchError, check_folder, durable, read, union, write


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


def test_a_new_file_that_was_not_put_in_place_counts_too(tmp_path: Path) -> None:
    path = str(tmp_path / "latches.json")
    write(path, {1: frozenset({"rcd_trip"}), 2: frozenset({"rcd_trip"})})
    (tmp_path / "latches.json.new").write_text('{"latched": {"2": ["contactor_welded"], "3": ["rcd_trip"]}}')
    assert read(path) == {1: {"rcd_trip"}, 2: {"rcd_trip", "contactor_welded"}, 3: {"rcd_trip"}}
    write(path, {})
    assert read(path) == {}


def test_half_a_new_file_is_an_error_that_knows_what_the_old_one_says(tmp_path: Path) -> None:
    path = str(tmp_path / "latches.json")
    write(path, {1: frozenset({"rcd_trip"})})
    (tmp_path / "latches.json.new").write_text('{"latched": {"1": ["rcd')
    with pytest.raises(LatchError) as caught:
        read(path)
    assert caught.value.known == {1: {"rcd_trip"}}


@pytest.mark.parametrize("main", [None, "", "half a fi", '{"latched": {}}'])
def test_an_empty_new_file_is_a_write_that_was_cut_short(tmp_path: Path, main: str | None) -> None:
    if main is not None:
        (tmp_path / "latches.json").write_text(main)
    (tmp_path / "latches.json.new").touch()
    with pytest.raises(LatchError, match="it is not a file of latches"):
        read(str(tmp_path / "latches.json"))


def test_a_folder_that_cannot_take_the_file_is_said_before_there_is_anything_to_write(tmp_path: Path) -> None:
    check_folder(str(tmp_path / "latches.json"))
    with pytest.raises(LatchError, match="there is none; create it"):
        check_folder(str(tmp_path / "none" / "latches.json"))


def test_a_fault_that_ends_with_the_process_is_not_written(tmp_path: Path) -> None:
    path = str(tmp_path / "latches.json")
    write(path, {1: frozenset({"rcd_trip", "restart_loop"}), 2: frozenset({"restart_loop"})})
    assert read(path) == {1: {"rcd_trip"}}
    assert durable({1: frozenset({"restart_loop"})}) == {}
    assert {"rcd_trip", "contactor_welded", "hardware"} == DURABLE


def test_either_file_is_believed() -> None:
    trip, weld = frozenset({"rcd_trip"}), frozenset({"contactor_welded"})
    assert union({1: trip, 2: trip}, {2: weld, 3: weld}) == {1: trip, 2: trip | weld, 3: weld}
    assert union({}, {}) == {}


@pytest.mark.parametrize(("durable_file", "syncs"), [(True, 2), (False, 0)])
def test_only_the_file_that_must_last_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable_file: bool, syncs: int
) -> None:
    done: list[int] = []
    monkeypatch.setattr("os.fsync", done.append)
    write(str(tmp_path / "latches.json"), {1: frozenset({"rcd_trip"})}, durable_file=durable_file)
    assert read(str(tmp_path / "latches.json")) == {1: {"rcd_trip"}}
    assert len(done) == syncs


def test_a_folder_that_is_read_only_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(LatchError, match="cannot be written; change its owner or mount it writable"):
        check_folder(str(tmp_path / "latches.json"))
