import os
from pathlib import Path

import pytest

from stationd.pilot.small_file import replace


@pytest.mark.parametrize("durable", [True, False])
def test_the_file_is_replaced_as_a_whole(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "file"
    path.write_text("a much longer text than the new one")
    replace(str(path), b"new\n", durable=durable)
    assert path.read_bytes() == b"new\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("durable", "syncs"), [(True, 2), (False, 0)])
def test_only_what_must_last_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable: bool, syncs: int
) -> None:
    done: list[int] = []
    monkeypatch.setattr(os, "fsync", done.append)
    replace(str(tmp_path / "file"), b"x", durable=durable)
    assert len(done) == syncs  # the file, and the folder that names it


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace(str(path), b"new")
    assert path.read_text() == "old"


def test_a_name_without_a_folder_is_in_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    replace("file", b"x")
    assert (tmp_path / "file").read_bytes() == b"x"
