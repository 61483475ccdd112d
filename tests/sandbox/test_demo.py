"""The demo as a user runs it."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from stationd.sandbox.demo import CHARGE_WH, Result, verdict
from tests.flows.support import VERSIONS, run_module


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_the_demo_plays_a_whole_session_and_ends_well(version: str) -> None:
    result = run_module("stationd.sandbox.demo", "--plain", "--ocpp", version, seconds=110)
    assert (result.returncode, result.stderr) == (0, "")
    for words in ("a car is plugged in", "contactor closed", "kWh", "the bill", "equal, to the Wh"):
        assert words in result.stdout, result.stdout


@pytest.mark.slow
def test_the_csms_can_end_the_session_and_the_view_can_be_drawn(tmp_path: Path) -> None:
    picture = tmp_path / "demo.svg"
    result = run_module("stationd.sandbox.demo", "--stop-by", "csms", "--svg", picture, seconds=110)
    assert (result.returncode, result.stderr) == (0, "")
    assert "(Remote)" in result.stdout
    root = ET.fromstring(picture.read_text())
    assert root.tag.endswith("svg")
    assert "contactor" in "".join(root.itertext())


@pytest.mark.parametrize(
    ("measured", "billed", "good"),
    [(3000, 3000, True), (3000, 2999, False), (2999, 3000, False), (0, 0, False), (int(CHARGE_WH) - 1, 2499, False)],
)
def test_only_an_equal_bill_of_a_real_charge_is_good(measured: int, billed: int, *, good: bool) -> None:
    assert verdict(Result({}, measured_wh=measured, billed_wh=billed)) is good
