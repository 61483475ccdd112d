"""Files and overlays as one tree."""

from pathlib import Path

from stationd.config.document import dotted, near, read


def test_a_table_replaces_a_value_and_a_value_a_table(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "station.toml").write_text("a = 1\n[b]\nc = 1\nd = [1, 2]\n")
    (tmp_path / "conf.d" / "1.toml").write_text("[a]\nx = 1\n[b]\nd = [3]\n")
    document = read(tmp_path / "station.toml")
    assert document.values == {"a": {"x": 1}, "b": {"c": 1, "d": [3]}}
    (tmp_path / "conf.d" / "2.toml").write_text("b = 4\n")
    assert read(tmp_path / "station.toml").values["b"] == 4


def test_only_toml_files_of_the_folder_are_read(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "station.toml").write_text("a = 1\n")
    (tmp_path / "conf.d" / "old.toml.bak").write_text("not TOML at all")
    assert read(tmp_path / "station.toml").files == [tmp_path / "station.toml"]


def test_an_error_is_told_once_and_with_the_file_it_is_in(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "station.toml").write_text("[a]\nb = 1\n")
    (tmp_path / "conf.d" / "1.toml").write_text("[a]\nc.d = 2\n")
    document = read(tmp_path / "station.toml")
    for _ in range(2):
        document.error(("a", "c"), "is wrong")
    document.error(("a", "b"), "is wrong")
    document.error(("z",), "is missing")
    assert document.errors == [
        f"cannot use {tmp_path / 'conf.d' / '1.toml'}: [a] c is wrong",
        f"cannot use {tmp_path / 'station.toml'}: [a] b is wrong",
        f"cannot use {tmp_path / 'station.toml'}: [z] is missing",
    ]


def test_names_are_written_as_in_the_file() -> None:
    assert dotted(("csms", "url")) == "[csms] url"


def test_a_near_name_is_offered_and_a_far_one_is_not() -> None:
    assert near("HEARTBEATINTERVALL", ["HeartbeatInterval", "Model"]) == ": did you mean HeartbeatInterval?"
    assert near("zzz", ["HeartbeatInterval"]) == ""
