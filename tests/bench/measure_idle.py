"""Memory and CPU time while nothing happens but heartbeats."""

import time
from dataclasses import dataclass, field

from tests.bench.figures import Goal, Of, Row, middle
from tests.bench.procfs import cpu_ns, memory
from tests.bench.rig import Baseline, StationRig, Variant
from tests.bench.world import World

HOUR_S = 3600
TLS_NOTE = "With TLS, as stations are run; the baseline is without."
WHOLE_NOTE = "The brain with TLS and the safety process; RSS counts pages that both share twice."
IDLE_NOTE = "Heartbeat every 10 s on both sides, at the same time."
LOOP_NOTE = "With the mock drivers, which read and write the plant's pins as JSON over a socket in every tick."
SAFETY_NOTE = (
    "Where it may run in real time, the safety process locks its memory (mlockall): its RSS is all it can use."
)


@dataclass(slots=True)
class Samples:
    """What the rounds gave, by name."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        """Add one."""
        self.values.setdefault(name, []).append(value)

    def middle(self, name: str) -> float | None:
        """Return the median of a name."""
        return middle(self.values.get(name, []))


def measure(world: World) -> list[Row]:
    """Run both sides at the same time, without TLS, then look at the brain with TLS."""
    samples = Samples()
    rounds, window_s = world.pick(1, 3), world.pick(10, 40)
    with StationRig(world.csms) as rig:
        for number in range(1, rounds + 1):
            world.say(f"idle: round {number} of {rounds}, {window_s} s")
            _one_round(world, rig, samples, window_s)
    with StationRig(world.csms, Variant(tls=True)) as rig:
        for number in range(1, rounds + 1):
            world.say(f"idle: memory with TLS, round {number} of {rounds}")
            rig.start_brain()
            time.sleep(world.pick(2, 4))
            seen, pilot = memory(rig.pid("stationd")), memory(rig.pid("stationd-pilot"))
            samples.add("tls_rss", seen.rss_mib)
            samples.add("tls_private", seen.private_mib)
            samples.add("whole_rss", seen.rss_mib + pilot.rss_mib)
            rig.end_brain()
    return _rows(samples)


def _one_round(world: World, rig: StationRig, samples: Samples, window_s: int) -> None:
    with Baseline(world.csms, world.folder) as baseline:
        rig.start_brain()
        time.sleep(world.pick(2, 4))
        pids = {"brain": rig.pid("stationd"), "pilot": rig.pid("stationd-pilot"), "baseline": baseline.process.pid}
        for name, pid in pids.items():
            seen = memory(pid)
            samples.add(f"{name}_rss", seen.rss_mib)
            samples.add(f"{name}_private", seen.private_mib)
        began_s, before = time.monotonic(), {name: cpu_ns(pid) for name, pid in pids.items()}
        time.sleep(window_s)  # a multiple of the heartbeat's interval
        took_s = time.monotonic() - began_s
        for name, pid in pids.items():
            samples.add(f"{name}_cpu", (cpu_ns(pid) - before[name]) / 1e9 / took_s)
        rig.end_brain()


def _rows(samples: Samples) -> list[Row]:
    rss, private = samples.middle("baseline_rss"), samples.middle("baseline_private")

    def mib(name: str, key: str, beside: float | None, *goals: Goal, notes: tuple[str, ...] = ()) -> Row:
        return Row(name=name, unit="MiB", ours=samples.middle(key), baseline=beside, goals=goals, notes=notes)

    def hourly(key: str) -> float | None:
        return None if (share := samples.middle(key)) is None else share * HOUR_S

    share = samples.middle("pilot_cpu")
    return [
        mib("brain, RSS", "tls_rss", rss, Goal(1.3, Of.RATIO), notes=(TLS_NOTE,)),
        mib("brain, private memory", "tls_private", private, notes=(TLS_NOTE,)),
        mib("brain without TLS, RSS", "brain_rss", rss),
        mib("brain without TLS, private memory", "brain_private", private),
        mib("safety process, RSS", "pilot_rss", rss, notes=(SAFETY_NOTE,)),
        mib("safety process, private memory", "pilot_private", private, notes=(SAFETY_NOTE,)),
        mib("whole station, RSS", "whole_rss", rss, Goal(1.7, Of.RATIO), notes=(WHOLE_NOTE,)),
        Row(name="brain idle, CPU an hour", unit="s", ours=hourly("brain_cpu"), baseline=hourly("baseline_cpu"),
            goals=(Goal(2, Of.RATIO), Goal(2)), notes=(IDLE_NOTE,)),
        Row(name="safety loop at 250 Hz, share of a core", unit="%", ours=None if share is None else share * 100,
            goals=(Goal(2),), notes=(LOOP_NOTE,)),
    ]  # fmt: skip
