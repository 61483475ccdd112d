import json
from pathlib import Path

import pytest

from stationd.pilot.counters import CounterError, read, write
from stationd.pilot.cycles import Counters


def test_counters_survive_the_disk(tmp_path: Path) -> None:
    path = str(tmp_path / "counters.json")
    counters = {1: Counters(12, 3, 1, 2, "passed"), 2: Counters()}
    write(path, counters)
    assert read(path) == counters
    assert [one.name for one in tmp_path.iterdir()] == ["counters.json"]


def test_no_file_means_0_and_is_said(tmp_path: Path) -> None:
    with pytest.raises(CounterError, match=r"cannot read .*: No such file or directory; counters start at 0"):
        read(str(tmp_path / "counters.json"))


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", '{"counters": []}', '{"counters": {"one": {}}}', '{"counters": {"1": 5}}',
             '{"counters": {"1": {"cycles": -1}}}', '{"counters": {"1": {"cycles": true}}}',
             '{"counters": {"1": {"cycles": 1.5}}}', '{"counters": {"1": {"cycles": 10000000000}}}',
             '{"counters": {"1": {"rcd_test": "perhaps"}}}', '{"counters": {"1": {"rcd_test": []}}}',
             '{"counters": {"1": [["cycles", 1]]}}', '{"counters": {"1": {"moons": 1, "cycles": "2"}}}', "[" * 50_000]
)  # fmt: skip
def test_a_damaged_file_is_kept_aside_and_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "counters.json"
    path.write_text(text)
    with pytest.raises(CounterError, match=r"kept as .*counters.json.damaged, counters start at 0"):
        read(str(path))
    assert not path.exists()
    assert (tmp_path / "counters.json.damaged").read_text() == text


def test_a_counter_that_is_not_in_the_file_is_0(tmp_path: Path) -> None:
    path = tmp_path / "counters.json"
    path.write_text('{"counters": {"3": {"cycles": 7}}}')
    assert read(str(path)) == {3: Counters(cycles=7)}


def test_a_field_that_only_another_version_knows_costs_no_count(tmp_path: Path) -> None:
    path = tmp_path / "counters.json"
    path.write_text('{"counters": {"1": {"cycles": 41, "moons": {"of": "Mars"}, "rcd_test": "passed"}}}')
    assert read(str(path)) == {1: Counters(cycles=41, rcd_test="passed")}
    assert path.exists()


def test_a_test_that_runs_has_no_result_to_keep(tmp_path: Path) -> None:
    path = tmp_path / "counters.json"
    write(str(path), {1: Counters(rcd_test="running")})
    assert json.loads(path.read_text())["counters"]["1"]["rcd_test"] == "none"


def test_a_disk_that_refuses_is_said(tmp_path: Path) -> None:
    with pytest.raises(CounterError, match=r"cannot write .*: No such file .*would be lost"):
        write(str(tmp_path / "none" / "counters.json"), {})
