"""Pilot change to opening order: the real plant and the real safety process, by the plant's own clock."""

import contextlib
import os
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stationd.api.client import ApiError, Client
from stationd.pilot.protocol import VERSION, GetStats, Hello, Stats, decode, encode
from tests.bench.figures import Goal, Row, quantile
from tests.bench.rig import OURS, ROOT, StationRig, Variant, can_refuse_real_time
from tests.bench.world import World

PLANT_PRIORITY = 40  # below the safety process's 50: the instrument must not be late, nor get in the way
PERIOD_S = 0.004
OVER_S = 60.0
CALLS_PER_S = 500
REAL_TIME = {"p99": Goal(10), "max": Goal(20)}
DEGRADED = {"p99": Goal(60), "max": Goal(100)}
MOCK_PROFILE = ROOT / "hw-profiles" / "mock.toml"
LOAD_NOTE = (
    f"In the brain meanwhile: up to {CALLS_PER_S} CALLs/s, RSA-4096 and EC keys, gc.collect over 600,000 objects, "
    "json.loads of 5.6 MB."
)
P99_NOTE = "The goal for p99.9 stands beside p99: so few rounds have no p99.9 of their own."


@dataclass(slots=True)
class Outcome:
    """What one run gave."""

    mode: str
    commanded_ms: list[float] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)
    stalled: int = 0
    """Rounds during which the plant itself was late: not counted."""
    stalled_max_ms: float = 0.0
    lost: int = 0
    """Rounds that no order ended."""
    withdrawn: int = 0
    """Rounds whose cause ended before the contacts parted: not counted."""
    stats: Stats | None = None
    flood: dict[str, int] = field(default_factory=dict)

    def take(self, reactions: list[dict[str, Any]]) -> None:
        """Take the plant's records."""
        for one in reactions:
            if one.get("withdrawn"):
                self.withdrawn += 1
            elif one["commanded_after_ms"] is None:
                self.lost += 1
            elif one.get("stalled"):
                self.stalled += 1
                self.stalled_max_ms = max(self.stalled_max_ms, one["commanded_after_ms"])
            else:
                self.causes[one["cause"]] += 1
                self.commanded_ms.append(one["commanded_after_ms"])

    def note(self) -> str:
        """Say what was counted and what was not."""
        causes = ", ".join(f"{count} {cause}" for cause, count in sorted(self.causes.items())) or "none"
        slowest = f" (the slowest {self.stalled_max_ms:.1f} ms)" if self.stalled else ""
        text = f"Safety process {self.mode.split(':')[0]}; {causes} counted; {self.stalled}{slowest} not counted "
        text += f"because the plant itself was late; {self.withdrawn} withdrawn."
        if self.flood:
            text += " CALLs: {sent} sent, {answered} answered, {refused} refused.".format(**self.flood)
        return text


def measure(world: World) -> list[Row]:
    """Measure with and without load, and without the right to real-time scheduling where it can be taken away."""
    rows: list[Row] = []
    mode = ""
    for loaded in (False, True):
        outcome = _run(world, loaded=loaded, degraded=False)
        mode = outcome.mode
        rows += _rows(outcome, loaded=loaded)
    if mode == "realtime" and can_refuse_real_time() and not world.quick:
        for loaded in (False, True):
            rows += _rows(_run(world, loaded=loaded, degraded=True), loaded=loaded)
    return rows


def _rows(outcome: Outcome, *, loaded: bool) -> list[Row]:
    where = ("under load" if loaded else "idle") + ("" if outcome.mode == "realtime" else ", without real time")
    goals = REAL_TIME if outcome.mode == "realtime" else DEGRADED
    ms, what = outcome.commanded_ms, f"pilot to opening order, {where}"
    notes = (*((LOAD_NOTE,) if loaded else ()), outcome.note())
    rows = [
        Row(name=f"{what}, p50", unit="ms", ours=quantile(ms, 0.5), notes=notes),
        Row(name=f"{what}, p99", unit="ms", ours=quantile(ms, 0.99), goals=(goals["p99"],), notes=(*notes, P99_NOTE)),
        Row(name=f"{what}, max", unit="ms", ours=max(ms, default=None), goals=(goals["max"],), notes=notes),
        Row(name=f"{what}, rounds without one", unit="", ours=float(outcome.lost), goals=(Goal(0),)),
    ]
    if (stats := outcome.stats) is not None:
        said = f"Of {stats.ticks} ticks {stats.overruns} began more than a period late, or took longer than one."
        rows.append(
            Row(name=f"lateness of a tick, {where}, p99.9", unit="ms", ours=stats.late_p999_us / 1000, notes=(said,))
        )
        rows.append(Row(name=f"lateness of a tick, {where}, max", unit="ms", ours=stats.late_max_us / 1000))
    return rows


def _run(world: World, *, loaded: bool, degraded: bool) -> Outcome:
    stops, unplugs = world.pick(15, 250), world.pick(1, 5)
    profile = world.folder / "quick-mock.toml"
    profile.write_text(_quick_profile())
    with StationRig(world.csms, Variant(profile=profile, degraded=degraded)) as rig, rig.sandbox.plant() as plant:
        outcome = Outcome(mode=(rig.folders.runtime_dir / "pilot-mode").read_text().strip())
        where = "under load" if loaded else "idle"
        world.say(f"reaction: {outcome.mode.split(':')[0]}, {where}, {stops + unplugs} rounds")
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(rig.pid("plant"), os.SCHED_FIFO, os.sched_param(PLANT_PRIORITY))
        rig.start_brain("tests.bench.loaded_brain" if loaded else "stationd")
        for _ in range(unplugs):
            rig.start_session(plant)
            with _flood(world, outcome) if loaded else contextlib.nullcontext():
                _stop_often(rig, plant, stops // unplugs)
                _unplug(rig, plant)
            outcome.take(plant.call("state", last_reactions=stops // unplugs + 1)["evses"][0]["reactions"])
            _until_over(rig, plant)
        outcome.stats = _stats(rig.folders.runtime_dir / "pilot.sock")
    return outcome


@contextlib.contextmanager
def _flood(world: World, outcome: Outcome) -> Iterator[None]:
    """Ask the brain for a variable as often as `load` says; not while a session begins, which needs its CSMS."""
    question = [{"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}]
    with world.csms.flood(OURS, "GetVariables", CALLS_PER_S, getVariableData=question) as sums:
        yield
    outcome.flood = sums


def _stop_often(rig: StationRig, plant: Client, stops: int) -> None:
    """Let the car stop and go on so many times."""
    for _ in range(stops):
        _pause()
        plant.call("wants_power", wants=False)
        rig.until_contactor(plant, closed=False)
        plant.call("wants_power", wants=True)
        rig.until_contactor(plant, closed=True)


def _unplug(rig: StationRig, plant: Client) -> None:
    """Pull the cable while current flows."""
    _pause()
    plant.call("plug_out", force=True)
    rig.until_contactor(plant, closed=False)


def _pause() -> None:
    """Wait for no particular point of the loop's period."""
    time.sleep(0.03 + random.uniform(0, 5 * PERIOD_S))


def _until_over(rig: StationRig, plant: Client) -> None:
    """Wait until the brain has ended the transaction of the pulled cable, and the socket is free."""
    deadline = time.monotonic() + OVER_S
    while time.monotonic() < deadline:
        with contextlib.suppress(ApiError), rig.sandbox.station() as station:
            evse = station.call("status")["evses"][0]
            lock = plant.call("state", last_reactions=0)["evses"][0]["lock"]
            if evse["transaction"] is None and evse["status"] == "Available" and lock == "unlocked":
                return
        time.sleep(0.05)
    raise rig.sandbox.processes["stationd"].failure("did not end the transaction of a pulled cable in time")


def _quick_profile() -> str:
    """Return the mock board with the shortest pause between opening and closing, so that a run has many rounds."""
    text = MOCK_PROFILE.read_text()
    for usual, quicker in (
        ("min_off_ms = 1000", "min_off_ms = 100"),
        ("burst_cycles = 5 ", "burst_cycles = 100 "),  # hundreds of closings in a row: no board would like that
        ("rest_ms = 10000 ", "rest_ms = 100 "),
    ):
        if usual not in text:
            raise RuntimeError(f"cannot quicken the mock board: its profile has no {usual.strip()}; adapt tests/bench")
        text = text.replace(usual, quicker)
    return text


def _stats(path: Path) -> Stats:
    """Ask the safety process how its loop ran, as a client that only reads."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(5)
        link.connect(str(path))
        link.sendall(encode(Hello(VERSION, "reader")) + encode(GetStats(1)))
        with link.makefile("rb") as lines:
            for line in lines:
                if isinstance(message := decode(line), Stats):
                    return message
    raise RuntimeError("cannot read the statistics of stationd-pilot: it closed the connection")
