"""All EVSEs together."""

import json
from pathlib import Path

import pytest

from stationd.sandbox.plant.car import NS, Car
from stationd.sandbox.plant.errors import ArgumentError
from stationd.sandbox.plant.evse import Evse, Pins
from stationd.sandbox.plant.plant import Plant


def plant() -> Plant:
    return Plant([Evse(1, 0, meter_start_wh=1000.0), Evse(2, 0)])


def test_unknown_evse_is_named_with_those_there_are() -> None:
    with pytest.raises(ArgumentError, match="cannot find EVSE 3: this plant has EVSE 1 to 2"):
        plant().evse(3)


def test_next_event_is_the_earliest_of_all() -> None:
    it = plant()
    assert it.next_event_ns() is None
    it.evse(1).plug_in(Car(16, 3, 32, wants=False, wants_at_ns=9 * NS), 0)
    it.evse(2).plug_in(Car(16, 3, 32, wants=False, wants_at_ns=5 * NS), 0)
    assert it.next_event_ns() == 5 * NS


def test_view_shows_every_evse_with_what_the_document_lists() -> None:
    it = plant()
    it.evse(1).plug_in(Car(16, 3, 32, wants=True), 0)
    it.evse(1).drive(Pins(26.7, close=False, lock=True), 1000)
    view = it.view([1])
    one, two = view["evses"]
    assert one["car"]["current_a"] == 16
    assert one["pins"] == {
        "duty": 26.7, "close": False, "lock": True, "phases": 3, "cp": True, "rcd_test": False, "age_ms": 0,
        "attached": True,
    }  # fmt: skip
    assert one["phase_switch"] == {"phases": 3, "moved_under_load": 0, "moved_with_pilot": 0}
    assert one["car"]["destroyed"] is False
    assert one["car"]["model"] == "three_phase"
    assert one["lock"] == "moving"
    assert one["meter"] == {"meter_wh": 1000.0, "frozen": False, "silent": False}
    assert (two["car"], two["pins"]["attached"], two["pins"]["age_ms"]) == (None, False, None)
    assert "cp_shorted" in view["faults_known"]


def test_example_of_the_document_has_the_keys_of_a_view() -> None:
    it = plant()
    it.evse(1).plug_in(Car(16, 3, 32, wants=True), 0)
    document = (Path(__file__).parents[3] / "docs" / "PLANT_PROTOCOL.md").read_text()
    example = json.loads(document.partition("```json\n")[2].partition("```")[0])
    view = it.view([1])
    assert set(example) - {"modbus_port", "meter_tty", "reader"} == set(view)
    (shown,), real = example["evses"], view["evses"][0]
    assert set(shown) == set(real)
    for part in ("car", "pilot", "pins", "contactor", "phase_switch", "meter"):
        assert set(shown[part]) == set(real[part]), part


def test_stall_marks_pending_reactions_everywhere() -> None:
    it = plant()
    it.evse(1).drive(Pins(26.7, close=True), 0)
    it.advance(NS // 10)
    it.evse(1).set_fault("tilt", NS // 10)
    assert it.reactions_pending()
    it.stalled()
    assert it.view([])["evses"][0]["reactions"][0]["stalled"] is True


def test_reader_is_dead_if_it_is_at_any_evse() -> None:
    it = plant()
    it.evse(2).set_fault("reader_silent", 0)
    assert it.reader_silent()
    assert not it.reader_has("card_flood")
    it.evse(1).set_fault("card_flood", 0)
    assert it.reader_has("card_flood")
