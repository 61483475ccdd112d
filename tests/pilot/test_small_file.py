import os
import subprocess
import sys
from pathlib import Path

import pytest

from stationd.pilot.small_file import replace

ROOT = Path(__file__).parent.parent.parent
LIMITED = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from stationd.pilot import small_file
resource.setrlimit(resource.RLIMIT_FSIZE, (5, 5))
small_file.replace(sys.argv[2], b"more than five bytes", durable=sys.argv[3] == "True")
"""


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
    assert list(tmp_path.iterdir()) == [path]


def test_a_limit_in_the_middle_of_the_content_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    for durable in ("True", "False"):
        command = [sys.executable, "-I", "-S", "-c", LIMITED, str(ROOT), str(path), durable]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        assert "File too large" in done.stderr
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_takes_the_content_in_pieces_gets_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda handle, content: whole(handle, bytes(content)[:3]))
    replace(str(tmp_path / "file"), b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_a_disk_that_takes_nothing_is_an_error_and_no_endless_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    monkeypatch.setattr(os, "write", lambda handle, content: 0)
    with pytest.raises(OSError, match="Input/output error"):
        replace(str(path), b"new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_taken_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        replace(str(path), b"new")
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_without_a_folder_is_in_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    replace("file", b"x")
    assert (tmp_path / "file").read_bytes() == b"x"
