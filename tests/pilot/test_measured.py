from dataclasses import replace
from pathlib import Path

import pytest

from stationd.hwprofile import load
from stationd.pilot.measured import Measured, MeasuredError, fingerprint, judged, read, refusal, write
from stationd.pilot.protocol import Stats

MOCK = load("mock", evse_count=1)
TETHERED = replace(MOCK, evses=(replace(MOCK.evses[0], proximity=None),))


def stats(*, late_us: int = 200, work_us: int = 800, period_ms: int = 4, reaction_us: int = 0) -> Stats:
    return Stats(0, "realtime", period_ms, 1_000, 0, late_us, late_us, work_us, 100, 1, reaction_us, reaction_us)


def test_the_worst_is_the_samples_and_the_worst_lateness_and_work() -> None:
    assert judged(TETHERED, stats()) == Measured("mock", fingerprint(TETHERED), 9.0, met=True)
    assert judged(MOCK, stats()).worst_ms == 13.0  # the cable's resistor may take a turn of the pilot


@pytest.mark.parametrize(
    ("found", "met"),
    [
        (stats(late_us=30_000, work_us=12_000), True),
        (stats(late_us=30_000, work_us=12_001), False),
        (stats(period_ms=24), True),
        (stats(period_ms=25), False),
        (stats(reaction_us=50_001), False),
    ],
)
def test_more_than_50_ms_miss(found: Stats, met: bool) -> None:
    assert judged(TETHERED, found).met is met


def test_a_profile_that_missed_is_refused_until_it_changes_or_meets() -> None:
    missed = judged(MOCK, stats(work_us=90_000))
    assert refusal(missed, MOCK, "/var/measured.json") == (
        "cannot use hw-profile mock: --measure found 102.2 ms from pilot to command, and 50 ms are the most; "
        "see docs/PILOT_PROTOCOL.md, then measure again, or remove /var/measured.json"
    )
    assert refusal(missed, replace(MOCK, period_ms=5), "") is None
    assert refusal(judged(MOCK, stats()), MOCK, "") is None
    assert refusal(None, MOCK, "") is None


def test_the_verdict_survives_the_file(tmp_path: Path) -> None:
    path = str(tmp_path / "measured.json")
    assert read(path) is None
    verdict = judged(MOCK, stats())
    write(path, verdict)
    assert read(path) == verdict


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '"x"', "[" * 4_000, '{"profile": "x", "fingerprint": "y", "worst_ms": []}']
)
def test_a_damaged_file_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "measured.json"
    path.write_text(text)
    with pytest.raises(MeasuredError, match="it is no measurement; measure again"):
        read(str(path))


def test_a_file_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    with pytest.raises(MeasuredError, match="Is a directory; measure again"):
        read(str(tmp_path))
    with pytest.raises(MeasuredError, match=r"cannot write .*No such file or directory"):
        write(str(tmp_path / "none" / "m"), judged(MOCK, stats()))
