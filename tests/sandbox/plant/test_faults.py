"""The names of faults."""

import re
from pathlib import Path

from stationd.sandbox.plant import faults

DOCUMENT = Path(__file__).parents[3] / "docs" / "PLANT_PROTOCOL.md"


def test_every_fault_with_a_meaning_is_a_known_one() -> None:
    for group in (faults.OPENING, faults.PILOT_LOST, faults.HARDWARE_OPENS, faults.ONCE):
        assert set(faults.KNOWN) >= group
    assert len(set(faults.KNOWN)) == len(faults.KNOWN)


def test_what_a_station_may_live_with_does_not_demand_an_opening() -> None:
    meter_and_reader = {name for name in faults.KNOWN if name.startswith(("meter_", "card_", "reader_"))}
    late_or_later = {
        "contactor_welded", "contactor_stuck_open", "contactor_closes_late", "contactor_opens_late", "contactor_drops",
        "feedback_stuck_closed", "lock_jammed", "lock_slow", "phase_switch_stuck", "phase_feedback_lost",
        "rcd_test_dead", "rcd_test_stuck", "cp_stuck", "pp_gap", "pp_weaker", "temperature_lost", "current_lost",
    }  # fmt: skip
    assert set(faults.KNOWN) - faults.OPENING == meter_and_reader | late_or_later


def test_document_names_every_fault_and_marks_those_that_must_open() -> None:
    section = DOCUMENT.read_text().partition("## 5. Names of faults")[2]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = dict(re.findall(r"`(\w+)`(\*?)", " ".join(rows)))
    assert set(named) == set(faults.KNOWN)
    assert {name for name, mark in named.items() if mark} == faults.OPENING
