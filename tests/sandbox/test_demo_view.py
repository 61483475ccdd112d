"""The demo's view: scenes in, pictures out."""

import io
import re

from rich.console import Console

from stationd.sandbox.demo_view import HEIGHT, WIDTH, Scene, bill, picture, sparkline


def _text(renderable: object, *, height: int | None = None) -> str:
    console = Console(width=WIDTH, file=io.StringIO())
    with console.capture() as captured:
        console.print(renderable, height=height)
    return re.sub(r"\x1b\[[0-9;]*m", "", captured.get())


def _scene(*, closed: bool, plugged: bool = True) -> Scene:
    scene = Scene(ocpp="2.0.1", elapsed_s=7.0, chapter="charging")
    scene.station = {
        "connection": {"state": "connected"},
        "evses": [
            {
                "status": "Occupied",
                "charging_state": "Charging",
                "cable_connected": plugged,
                "pilot": {
                    "cp": "C",
                    "volts": 6.0,
                    "duty_percent": 26.7,
                    "offered_a": 16.0,
                    "closed": closed,
                    "lock": "locked",
                },
                "meter": {"energy_wh": 1_234_567.0, "current_a": [16.0, 16.0, 15.9]},
                "transaction": {"energy_wh": 1500.0},
            }
        ],
    }
    scene.power_w.extend([0.0, 5000.0, 11_000.0])
    scene.story.append((1.2, "a car is plugged in"))
    scene.frames.append(("in", "TransactionEvent Started Authorized"))
    return scene


def test_the_view_tells_the_board_the_meter_the_story_and_the_messages() -> None:
    shown = _text(picture(_scene(closed=True)), height=HEIGHT)
    for words in (
        "OCPP 2.0.1",
        "closed",
        "26.7 % = 16 A",
        "11.00 kW",
        "1.500 kWh",
        "a car is plugged in",
        "→ Transaction",
    ):
        assert words in shown, words
    assert "»" in shown
    assert len(shown.splitlines()) == HEIGHT


def test_nothing_flows_through_an_open_contactor_and_no_car_is_drawn_without_one() -> None:
    assert "»" not in _text(picture(_scene(closed=False)), height=HEIGHT)
    assert "(_)" in _text(picture(_scene(closed=False)), height=HEIGHT)
    assert "(_)" not in _text(picture(_scene(closed=False, plugged=False)), height=HEIGHT)


def test_the_very_first_scene_can_be_shown() -> None:
    assert "starting" in _text(picture(Scene()), height=HEIGHT)


def test_the_curve_rises_with_the_power_and_keeps_the_whole_session() -> None:
    rows = sparkline([0.0] * 10 + [11_500.0] * 10, rows=3, width=20).plain.split("\n")
    assert rows == [" " * 10 + "█" * 10] * 3
    assert len(sparkline([11_500.0] * 400, rows=1, width=38).plain) <= 38


def test_the_bill_says_plainly_whether_it_is_right() -> None:
    session = {"id_token": "A", "meter_start_wh": 1000.0, "meter_stop_wh": 3500.0, "price": 1.23}
    assert "equal, to the Wh" in _text(bill(session, 2500, 2500))
    assert "NOT EQUAL" in _text(bill(session, 2501, 2500))
