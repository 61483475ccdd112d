import json
import os
import time
from pathlib import Path

import pytest

from stationd.pilot import restarts
from stationd.pilot.restarts import TOO_MANY, WITHIN_MS, Record, begun, ended, read, write

MINUTE = 60_000


def crashes(*at_ms: int) -> tuple[Record, list[bool]]:
    """Return the record and the verdicts of starts at these times, none of which ended in good order."""
    record, verdicts = begun(Record(), at_ms[0])
    told = [verdicts]
    for now_ms in at_ms[1:]:
        record, loop = begun(record, now_ms)
        told.append(loop)
    return record, told


def test_the_start_after_the_fifth_failure_in_ten_minutes_closes_nothing() -> None:
    assert crashes(*range(0, 6 * MINUTE, MINUTE))[1] == [False] * 5 + [True]


def test_a_failure_counts_at_its_end_and_not_at_its_start() -> None:
    """A run of a week that ended just now is a failure of just now."""
    week = 7 * 24 * 60 * MINUTE
    assert crashes(0, week, week + 1, week + 2, week + 3, week + 4)[1] == [False] * 5 + [True]


def test_failures_that_are_ten_minutes_old_are_forgotten() -> None:
    starts = [0, 1, 2, 3, 4]
    assert crashes(*starts, WITHIN_MS)[1][-1] is True
    assert crashes(*starts, WITHIN_MS + 1)[1][-1] is False
    assert crashes(*range(0, 60 * MINUTE, 3 * MINUTE))[1] == [False] * 20


def test_it_goes_on_refusing_while_it_goes_on_failing_and_remembers_no_more_than_it_needs() -> None:
    record, verdicts = crashes(*range(0, 100 * 1_000, 1_000))
    assert verdicts == [False] * 5 + [True] * 95
    assert len(record.failures_ms) == TOO_MANY


def test_an_end_in_good_order_is_no_failure() -> None:
    record, loop = Record(), False
    for now_ms in range(20):
        record, loop = begun(record, now_ms)
        record = ended(record)
    assert (record, loop) == (Record(), False)


def test_a_start_after_an_end_in_good_order_is_not_held_back_by_failures_before() -> None:
    record, verdicts = crashes(*range(6))
    assert verdicts[-1] is True
    record, loop = begun(ended(record), 10)
    assert loop is False
    assert begun(record, 11)[1] is True  # but the next failure is one too many again


def test_times_that_cannot_be_are_left_out() -> None:
    assert begun(Record((9_000, 9_001, 9_002, 9_003), running=True), 5_000) == (Record((5_000,), running=True), False)


def test_the_record_survives_the_file(tmp_path: Path) -> None:
    path = str(tmp_path / "restarts.json")
    assert read(path) == Record()
    record = Record((1, 2), running=True)
    write(path, record)
    assert read(path) == record


def test_another_boot_counts_anew(tmp_path: Path) -> None:
    path = tmp_path / "restarts.json"
    write(str(path), Record((1, 2, 3, 4), running=True))
    document = json.loads(path.read_text())
    document["boot"] = "another"
    path.write_text(json.dumps(document))
    assert read(str(path)) == Record()


def test_a_kernel_that_does_not_name_its_boot_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refuse(path: str, flags: int, mode: int = 0o777) -> int:
        if path.endswith("boot_id"):
            raise FileNotFoundError(2, "No such file or directory")
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", refuse)
    write(str(tmp_path / "r"), Record((1,), running=True))
    assert read(str(tmp_path / "r")) == Record((1,), running=True)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "[" * 4_000, '{"boot": "BOOT"}', '{"boot": "BOOT", "failures_ms": 5, "running": 1}',
             '{"boot": "BOOT", "failures_ms": ["x"], "running": 1}',
             '{"boot": "BOOT", "failures_ms": [], "running": "1"}']
)  # fmt: skip
def test_a_damaged_file_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "restarts.json"
    path.write_text(text.replace("BOOT", _boot()))
    with pytest.raises(ValueError, match="it is no record of starts; unexpected ends are counted anew"):
        read(str(path))


def test_a_file_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot read .*: Is a directory; unexpected ends are counted anew"):
        read(str(tmp_path))
    with pytest.raises(ValueError, match=r"cannot write .*: No such file or directory; unexpected ends are not"):
        write(str(tmp_path / "none" / "restarts.json"), Record())


def test_the_clock_counts_from_boot() -> None:
    assert abs(restarts.now_ms() - time.clock_gettime(time.CLOCK_BOOTTIME) * 1_000) < 1_000
