"""`make demo`: one whole charging session on simulated hardware, from plug-in to bill, as a live view.

Every process is real: plant, stationd-pilot, stationd, sandbox CSMS. Exit status 0 only if what the CSMS recorded
equals what the plant's meter measured, to the Wh.
"""

import argparse
import io
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.live import Live

from stationd.api.client import ApiError, Client
from stationd.domain.errors import StationError
from stationd.sandbox.demo_view import HEIGHT, WIDTH, Scene, bill, picture
from stationd.sandbox.launch import Folders, Sandbox, StationOptions, temporary_folder
from stationd.sandbox.processes import port_number

CARD = "04A2B3C4D5E680"
REFRESH_S = 0.15
SPEED = 60.0  # a minute of energy in a second: the session fits into half a minute and the bill is worth reading
CHARGE_WH = 2_500.0


class View(Protocol):
    """How the demo is shown."""

    def update(self, scene: Scene) -> None:
        """Show the present scene."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """One chapter: do something, then wait until it shows."""

    chapter: str
    said: str
    act: Callable[[], Any]
    until: Callable[[Scene], bool]
    timeout_s: float = 15.0
    linger_s: float = 1.2
    """Stay at least this long, so that a person can see it."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the CSMS recorded, beside what the plant measured."""

    session: dict[str, Any]
    measured_wh: int
    billed_wh: int


class DemoFailedError(StationError):
    """A step did not come to pass."""


class Demo:
    """Plays the session on a running sandbox."""

    def __init__(self, sandbox: Sandbox, clients: ExitStack, view: View, *, stop_by: str) -> None:
        self._sandbox = sandbox
        self._view = view
        self._stop_by = stop_by
        self._began = time.monotonic()
        self.scene = Scene(chapter="starting")
        self._station = clients.enter_context(sandbox.station())
        self._plant = clients.enter_context(sandbox.plant())
        self._csms = clients.enter_context(sandbox.csms())

    def play(self) -> Result:
        """Play all steps.

        Raises:
            DemoFailedError: a step did not come to pass in time.
        """
        threading.Thread(target=self._read_frames, daemon=True).start()
        before = self._meter_wh()
        for step in self._steps():
            self._run(step)
        after = self._meter_wh()
        session = self.scene.session
        if session is None or session["meter_stop_wh"] is None or session["meter_start_wh"] is None:
            raise DemoFailedError("the CSMS recorded no complete session")
        billed = round(session["meter_stop_wh"]) - round(session["meter_start_wh"])
        return Result(session, measured_wh=round(after) - round(before), billed_wh=billed)

    def _steps(self) -> Iterator[Step]:
        plant, csms = self._plant, self._csms
        yield Step(
            "connecting", "the station connects to its CSMS and is registered", lambda: None,
            lambda s: s.station["connection"]["registration"] == "Accepted" and s.evse["status"] == "Available",
        )  # fmt: skip
        yield Step(
            "cable in", "a car is plugged in: 12 V on the pilot fall to 9 V",
            lambda: plant.call("plug_in", current_a=16),
            lambda s: bool(s.evse["cable_connected"]),
        )  # fmt: skip
        yield Step(
            "card", f"card {CARD} is held to the reader; the CSMS is asked",
            lambda: plant.call("present_card", token=CARD), lambda s: bool(s.evse["transaction"]), linger_s=0.5,
        )  # fmt: skip
        yield Step(
            "authorised", "accepted: the connector locks, the contactor closes", lambda: None,
            lambda s: bool(s.pilot["closed"]),
        )  # fmt: skip
        yield Step(
            "charging", "the car takes power; the meter counts", lambda: None,
            lambda s: (s.evse["transaction"] or {}).get("energy_wh", 0) >= CHARGE_WH, timeout_s=40,
        )  # fmt: skip
        if self._stop_by == "csms":
            yield Step(
                "remote stop", "the CSMS ends the session", lambda: csms.call("remote_stop"),
                lambda s: not s.pilot["closed"],
            )  # fmt: skip
        else:
            yield Step(
                "card again", "the same card ends the session", lambda: plant.call("present_card", token=CARD),
                lambda s: not s.pilot["closed"],
            )  # fmt: skip
        yield Step(
            "cable out", "unlocked: the cable is pulled", lambda: self._plug_out(plant),
            lambda s: not s.evse["cable_connected"] and s.evse["status"] == "Available",
        )  # fmt: skip
        yield Step(
            "the bill", "the CSMS has the whole session", lambda: None,
            lambda s: s.session is not None and s.session["ended_at"] is not None
            and s.station["connection"]["queued"] == 0, linger_s=1.0,
        )  # fmt: skip

    def _run(self, step: Step) -> None:
        began = time.monotonic()
        self.scene.chapter = step.chapter
        self.scene.story.append((began - self._began, step.said))
        self._look()
        try:
            step.act()
            while True:
                self._look()
                waited = time.monotonic() - began
                if step.until(self.scene) and waited >= step.linger_s:
                    return
                if waited > step.timeout_s:
                    raise DemoFailedError(
                        f"the step '{step.chapter}' did not come to pass within {step.timeout_s:.0f} s"
                    )
                time.sleep(REFRESH_S)
        except ApiError as error:
            self._sandbox.check()
            raise DemoFailedError(f"the step '{step.chapter}' failed: {error}") from None

    def _look(self) -> None:
        self.scene.station = self._station.call("status")
        sessions = self._csms.call("sessions")
        self.scene.session = sessions[-1] if sessions else None
        self.scene.ocpp = (self.scene.station["connection"]["ocpp"] or "").removeprefix("ocpp")
        meter = self.scene.evse.get("meter") or {}
        self.scene.power_w.append(meter.get("power_w") or 0.0)
        self.scene.elapsed_s = time.monotonic() - self._began
        self._view.update(self.scene)

    def _plug_out(self, plant: Client) -> None:
        """Pull the cable as soon as the lock lets it go."""
        deadline = time.monotonic() + 8
        while True:
            try:
                plant.call("plug_out")
            except ApiError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def _meter_wh(self) -> float:
        return float(self._plant.call("state")["evses"][0]["meter"]["meter_wh"])

    def _read_frames(self) -> None:
        try:
            with self._sandbox.csms() as csms:
                calls: dict[str, str] = {}
                for note in csms.stream("watch"):
                    line = _frame_line(note["frame"], calls)
                    if line:
                        self.scene.frames.append((note["direction"], line))
        except (ApiError, OSError):
            return  # the CSMS has ended, and the demo with it


def _frame_line(frame: Any, calls: dict[str, str]) -> str | None:
    """Return one line for a CALL with its most telling fields; answers are shown by their action."""
    if not isinstance(frame, list) or len(frame) < 3:
        return None
    if frame[0] == 2:
        calls[frame[1]] = frame[2]
        return f"{frame[2]} {_gist(frame[3])}".strip()
    action = calls.pop(frame[1], "?")
    if frame[0] == 4:
        return f"{action} refused: {frame[2]}"
    status = frame[2].get("status") or (frame[2].get("idTagInfo") or frame[2].get("idTokenInfo") or {}).get("status")
    return f"  {action}: {status}" if status else None


def _gist(payload: dict[str, Any]) -> str:
    for keys in (
        ("eventType", "triggerReason"),
        ("connectorStatus",),
        ("status",),
        ("meterStart",),
        ("meterStop",),
        ("idTag",),
    ):
        if all(key in payload for key in keys):
            return " ".join(str(payload[key]) for key in keys)
    return ""


class LiveView:
    """The view on a terminal."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def update(self, scene: Scene) -> None:
        """Draw it."""
        self._live.update(picture(scene), refresh=True)


class PlainView:
    """The view as plain lines: a line for each chapter and each change worth telling."""

    def __init__(self) -> None:
        self._last: dict[str, Any] = {}
        self._told = 0.0

    def update(self, scene: Scene) -> None:
        """Print what is new."""
        evse, pilot = scene.evse, scene.pilot
        facts = {
            "chapter": scene.story[-1][1] if scene.story else "",
            "connector": evse.get("status"),
            "pilot": pilot.get("cp"),
            "contactor": "closed" if pilot.get("closed") else "open",
            "charging": evse.get("charging_state"),
        }
        changes = [
            f"{name} {value}" for name, value in facts.items() if name != "chapter" and self._last.get(name) != value
        ]
        if facts["chapter"] != self._last.get("chapter"):
            print(f"[{scene.elapsed_s:5.1f} s] {facts['chapter']}", flush=True)
        if changes:
            print(f"[{scene.elapsed_s:5.1f} s]   {', '.join(changes)}", flush=True)
        energy = (evse.get("transaction") or {}).get("energy_wh")
        if energy and scene.elapsed_s - self._told >= 2:
            self._told = scene.elapsed_s
            print(
                f"[{scene.elapsed_s:5.1f} s]   {scene.power_w[-1] / 1000:.2f} kW, {energy / 1000:.3f} kWh", flush=True
            )
        self._last = facts


class Snapshot:
    """Keeps the view at its most telling moment, for the picture in the README."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._drawn = False

    def update(self, scene: Scene) -> None:
        """Draw once, in the middle of charging."""
        energy = (scene.evse.get("transaction") or {}).get("energy_wh", 0)
        if self._drawn or energy < CHARGE_WH * 0.8:
            return
        self._drawn = True
        console = Console(record=True, width=WIDTH, height=HEIGHT, file=io.StringIO())
        console.print(picture(scene), height=HEIGHT)
        console.save_svg(str(self._path), title="make demo")


def run(arguments: argparse.Namespace) -> int:
    """Start everything, play, sum up; return the exit status."""
    console = Console()
    versions = (arguments.ocpp,) if arguments.ocpp else ("2.1", "2.0.1", "1.6")
    options = StationOptions(
        versions=versions, speed=SPEED, csms_port=arguments.port, variables={"SampledDataCtrlr.TxUpdatedInterval": 5}
    )
    with temporary_folder() as folder, Sandbox(Folders.below(Path(folder)), options) as sandbox:
        console.print("starting the plant, stationd-pilot, the sandbox CSMS and stationd …", style="dim")
        sandbox.start()
        with ExitStack() as stack:
            demo = Demo(sandbox, stack, _view(arguments, console, stack), stop_by=arguments.stop_by)
            result = demo.play()
        sandbox.check()
    console.print(bill(result.session, result.measured_wh, result.billed_wh))
    if not verdict(result):
        print(
            f"the demo failed: the CSMS billed {result.billed_wh} Wh, the plant measured {result.measured_wh} Wh",
            file=sys.stderr,
        )
        return 1
    return 0


def verdict(result: Result) -> bool:
    """Tell whether the CSMS billed what flowed, and whether anything worth billing did."""
    return result.measured_wh == result.billed_wh and result.measured_wh >= CHARGE_WH


def _view(arguments: argparse.Namespace, console: Console, stack: ExitStack) -> View:
    if arguments.svg:
        return Snapshot(arguments.svg)
    if console.is_terminal and not arguments.plain:
        return LiveView(stack.enter_context(Live(console=console, screen=True, auto_refresh=False)))
    return PlainView()


def main() -> int:
    """Run the demo."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--ocpp", choices=("1.6", "2.0.1", "2.1"), help="OCPP version (default: the newest)")
    parser.add_argument("--plain", action="store_true", help="plain lines although this is a terminal")
    parser.add_argument("--stop-by", choices=("card", "csms"), default="card", help="who ends the session")
    parser.add_argument("--port", type=port_number, default=0, help="port of the sandbox CSMS (default: any free one)")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the live view into FILE instead of showing it")
    arguments = parser.parse_args()
    try:
        return run(arguments)
    except StationError as error:
        print(f"the demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
