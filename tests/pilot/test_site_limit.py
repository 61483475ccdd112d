import os
from pathlib import Path

import pytest

from stationd.pilot.site_limit import SiteLimitError, read


def write(folder: Path, text: str, mode: int = 0o644) -> str:
    path = folder / "site.toml"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize(("text", "amps"), [("site_max_a = 16.0", 16), ("site_max_a = 6", 6), ("site_max_a = 80", 80)])
def test_the_installers_limit_is_read(tmp_path: Path, text: str, amps: float) -> None:
    assert read(write(tmp_path, text)) == amps


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "site_max_a is unset; write site_max_a = 16.0"),
        ("site_max_a = 0", "must be 6 to 80 A"),
        ("site_max_a = 5.9", "must be 6 to 80 A"),
        ("site_max_a = 81", "must be 6 to 80 A"),
        ("site_max_a = nan", "must be 6 to 80 A"),
        ("site_max_a = inf", "must be 6 to 80 A"),
        ("site_max_a = true", "must be 6 to 80 A"),
        ('site_max_a = "16"', "must be 6 to 80 A"),
        ("site_max_amps = 16", "site_max_amps is an unknown key"),
        ("16", "not TOML"),
    ],
)
def test_a_file_without_a_clear_limit_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SiteLimitError, match=sentence):
        read(write(tmp_path, text))


def test_a_missing_file_is_refused_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(SiteLimitError, match=r"No such file.*write a line such as site_max_a = 16.0 there"):
        read(str(tmp_path / "none"))


def test_a_file_that_others_can_write_is_not_trusted(tmp_path: Path) -> None:
    with pytest.raises(SiteLimitError, match="cannot trust"):
        read(write(tmp_path, "site_max_a = 16", 0o646))


@pytest.mark.usefixtures("root")
def test_a_file_of_another_owner_or_group_is_not_trusted(tmp_path: Path) -> None:
    path = write(tmp_path, "site_max_a = 16", 0o664)
    assert read(path) == 16
    os.chown(path, 0, 4_242)
    with pytest.raises(SiteLimitError, match="cannot trust"):
        read(path)
    os.chmod(path, 0o644)
    assert read(path) == 16
    os.chown(path, 4_242, 0)
    with pytest.raises(SiteLimitError, match="cannot trust"):
        read(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    Path(path).write_bytes(b"site_max_a = 16.0 # \xff")
    with pytest.raises(SiteLimitError, match="not TOML"):
        read(path)
