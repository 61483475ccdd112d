"""The demo's live view: a scene in, a picture out. No I/O."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from rich.align import Align
from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

BARS = " ▁▂▃▄▅▆▇█"
HISTORY = 400  # looks: the whole session
CABLE = 10
FULL_SCALE_W = 11_500.0
WIDTH, HEIGHT = 100, 30


@dataclass(slots=True)
class Scene:
    """What the view shows: the last answers of the station, the plant and the CSMS."""

    ocpp: str = ""
    elapsed_s: float = 0.0
    chapter: str = ""
    station: dict[str, Any] = field(default_factory=dict)
    session: dict[str, Any] | None = None
    power_w: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))
    story: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=8))
    frames: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=8))
    """(direction, one line) of the last OCPP messages."""

    @property
    def evse(self) -> dict[str, Any]:
        """The first EVSE's part of the status."""
        evses = self.station.get("evses") or [{}]
        first: dict[str, Any] = evses[0]
        return first

    @property
    def pilot(self) -> dict[str, Any]:
        """What stationd-pilot says of it."""
        return self.evse.get("pilot") or {}


def picture(scene: Scene) -> RenderableType:
    """Return the whole view, WIDTH by HEIGHT."""
    layout = Layout()
    layout.split_column(
        Layout(_title(scene), name="title", size=3),
        Layout(name="middle", size=13),
        Layout(name="bottom"),
    )
    layout["middle"].split_row(Layout(_hardware(scene), ratio=11), Layout(_energy(scene), ratio=9))
    layout["bottom"].split_row(Layout(_story(scene), ratio=9), Layout(_frames(scene), ratio=11))
    return layout


def _title(scene: Scene) -> Panel:
    link = scene.station.get("connection", {})
    line = Text.assemble(
        ("stationd", "bold cyan"), "  ", (scene.chapter or "starting", "bold"), "   ",
        (f"OCPP {scene.ocpp}" if scene.ocpp else "", "magenta"), "  ",
        (f"● {link.get('state', 'not connected')}", "green" if link.get("state") == "connected" else "yellow"),
        f"  {scene.elapsed_s:3.0f} s",
    )  # fmt: skip
    return Panel(Align.center(line), border_style="cyan")


def _hardware(scene: Scene) -> Panel:
    pilot = scene.pilot
    plugged = bool(scene.evse.get("cable_connected"))
    closed = bool(pilot.get("closed"))
    cable = _cable(scene.elapsed_s, plugged=plugged, closed=closed)
    art = Table.grid(padding=0)
    box = ["╭───────╮", "│ ╭───╮ │", f"│ │ {'▮' if closed else '▯'} │ │", "│ ╰───╯ │", "╰──┬─┬──╯"]
    car = ["   ______     ", "  /|_||_\\`.__ ", "─(   _    _ _\\", " =`-(_)--(_)-'", "              "]
    for row in range(5):
        wire = cable if row == 2 else Text(" " * CABLE)
        art.add_row(Text(box[row], style="cyan"), wire, Text(car[row] if plugged else " " * 14, style="yellow"))
    facts = Table.grid(padding=(0, 2))
    duty = pilot.get("duty_percent", 100.0)
    pwm = "no PWM" if duty >= 100 else f"{duty:.1f} % = {pilot.get('offered_a', 0):.0f} A"
    facts.add_row("pilot", Text(f"{pilot.get('cp', '-')}  {pilot.get('volts', 0):.1f} V", "bold"), pwm)
    facts.add_row("contactor", Text("closed", "bold green") if closed else Text("open"), "")
    facts.add_row("lock", Text(str(pilot.get("lock", "-"))), "")
    status = str(scene.evse.get("status", "-"))
    facts.add_row("connector", Text(status, "bold"), str(scene.evse.get("charging_state", "")))
    return Panel(Group(Align.center(art), Text(), facts), title="the board and the car", border_style="blue")


def _cable(elapsed_s: float, *, plugged: bool, closed: bool) -> Text:
    """Return the cable; current shows as arrows that move towards the car."""
    if not plugged:
        return Text("╌╌" + " " * (CABLE - 2), style="dim")
    if not closed:
        return Text("─" * CABLE)
    at = int(elapsed_s * 8) % 4
    return Text("".join("»" if (i - at) % 4 == 0 else "━" for i in range(CABLE)), style="bold green")


def _energy(scene: Scene) -> Panel:
    power = scene.power_w[-1] if scene.power_w else 0.0
    running = scene.evse.get("transaction") or {}
    energy = running.get("energy_wh") or (scene.session or {}).get("energy_wh") or 0.0
    meter = scene.evse.get("meter") or {}
    bar = ProgressBar(total=FULL_SCALE_W, completed=min(power, FULL_SCALE_W), width=34, complete_style="green")
    grid = Table.grid(padding=(0, 2))
    grid.add_row("power", Text(f"{power / 1000:6.2f} kW", "bold green" if power > 1 else "dim"))
    grid.add_row("energy", Text(f"{energy / 1000:6.3f} kWh", "bold yellow"))
    grid.add_row("meter", Text(f"{(meter.get('energy_wh') or 0) / 1000:10.3f} kWh", "dim"))
    grid.add_row("current", Text("  ".join(f"{a or 0:4.1f}" for a in meter.get("current_a", [])) + " A"))
    curve = sparkline(scene.power_w)
    return Panel(Group(grid, Text(), bar, Text(), curve), title="the meter", border_style="blue")


def sparkline(values: "deque[float] | list[float]", *, rows: int = 3, width: int = 38) -> Text:
    """Return all values, squeezed into `width`, as a curve of block characters, `rows` lines high."""
    history = list(values)
    step = max(1, -(-len(history) // width))
    shown = [max(history[i : i + step]) for i in range(0, len(history), step)]
    lines = []
    for row in range(rows, 0, -1):
        line = ""
        for value in shown:
            level = min(1.0, max(0.0, value / FULL_SCALE_W)) * rows - (row - 1)
            line += BARS[round(min(1.0, max(0.0, level)) * 8)]
        lines.append(line)
    return Text("\n".join(lines), style="green")


def _story(scene: Scene) -> Panel:
    lines = [Text.assemble((f"{at:5.1f} s  ", "dim"), text) for at, text in scene.story]
    return Panel(Group(*lines), title="what happened", border_style="blue")


def _frames(scene: Scene) -> Panel:
    lines = []
    for direction, text in scene.frames:
        arrow, style = ("→", "green") if direction == "in" else ("←", "magenta")
        line = Text.assemble((f"{arrow} ", style), text)
        line.truncate(50, overflow="ellipsis")
        lines.append(line)
    return Panel(Group(*lines), title="OCPP  → to the CSMS  ← from it", border_style="blue")


def bill(session: dict[str, Any], measured_wh: int, billed_wh: int) -> Panel:
    """Return the closing summary."""
    same = measured_wh == billed_wh
    grid = Table.grid(padding=(0, 3))
    grid.add_row("token", str(session.get("id_token")))
    grid.add_row("from", str(session.get("started_at")))
    grid.add_row("to", f"{session.get('ended_at')}  ({session.get('reason')})")
    grid.add_row("meter at start", f"{session.get('meter_start_wh') or 0:12.0f} Wh")
    grid.add_row("meter at end", f"{session.get('meter_stop_wh') or 0:12.0f} Wh")
    grid.add_row("billed by the CSMS", Text(f"{billed_wh:12d} Wh", "bold"))
    grid.add_row("measured by the plant", Text(f"{measured_wh:12d} Wh", "bold"))
    grid.add_row("price", Text(f"{session.get('price') or 0:12.2f}", "bold yellow"))
    verdict = Text("equal, to the Wh", "bold green") if same else Text("NOT EQUAL", "bold red")
    return Panel(Group(grid, Text(), verdict), title="the bill", border_style="green" if same else "red", width=70)
