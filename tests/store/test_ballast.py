"""Disk space kept back."""

from pathlib import Path

from stationd.store.ballast import Ballast


def test_the_space_is_really_taken_and_really_given_back(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path, size=1 << 16)
    assert ballast.lay()
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= 1 << 16
    assert ballast.lay(), "a second time changes nothing"
    assert ballast.drop()
    assert not (tmp_path / "ballast").exists()
    assert not ballast.drop(), "there is none left"


def test_a_disk_without_room_to_spare_gets_no_ballast(tmp_path: Path) -> None:
    assert not Ballast(tmp_path, size=1 << 60).lay()
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_written_gets_no_ballast(tmp_path: Path) -> None:
    assert not Ballast(tmp_path / "none", size=1 << 16).lay()
