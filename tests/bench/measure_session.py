"""What a charging session costs: bytes to the disk and CPU for each durable event, and memory after many."""

import time

from tests.bench.figures import Goal, Row, growth_percent
from tests.bench.procfs import bytes_to_device, memory
from tests.bench.rig import OURS, THEIRS, Baseline, StationRig, Variant
from tests.bench.world import World

SETTLE_S = 3.0
EVENTS = 300
HOUR_AT_10_S = 360
EVERY_SECOND = {"SampledDataCtrlr.TxUpdatedInterval": 1}
FLASH_NOTE = (
    "What the brain wrote to the device while it charged with meter values every second: the commit of each event and "
    "that of its delivery."
)
CHARGING_NOTE = (
    "A meter reading, and an event with eight samples stored, sent and deleted, each second; and the permit."
)
GROWTH_NOTE = (
    f"From idle to after {EVENTS} transaction events with eight samples, each stored, sent and deleted; the baseline "
    "sent as many MeterValues. Judged is stationd's own growth."
)


def measure(world: World) -> list[Row]:
    """Charge for a while, then ask for many events."""
    seconds = world.pick(4, 60)
    world.say(f"session: {seconds} s of charging, then {EVENTS} events")
    with StationRig(world.csms, Variant(variables=EVERY_SECOND)) as rig, rig.sandbox.plant() as plant:
        rig.start_brain()
        time.sleep(SETTLE_S)
        idle = memory(rig.pid("stationd"))
        rig.start_session(plant)
        events_before = _events(world)
        bytes_before, cpu_before = bytes_to_device(rig.pid("stationd")), rig.cpu_ns("stationd")
        time.sleep(seconds)
        events = _events(world) - events_before
        written = bytes_to_device(rig.pid("stationd")) - bytes_before
        cpu_ns = rig.cpu_ns("stationd") - cpu_before
        _ask_for_events(world)
        grown = growth_percent(idle.rss_mib, memory(rig.pid("stationd")).rss_mib)
    if events < seconds // 2:
        raise RuntimeError(f"cannot measure a session: only {events} events came in {seconds} s")
    return [
        *_flash(written, events),
        Row(name="brain while charging, CPU a second", unit="ms", ours=cpu_ns / 1e6 / seconds,
            notes=(CHARGING_NOTE,)),
        Row(name=f"RSS growth after {EVENTS} meter values", unit="%", ours=grown, baseline=_baseline_growth(world),
            goals=(Goal(5),), notes=(GROWTH_NOTE,)),
    ]  # fmt: skip


def _flash(written: int, events: int) -> list[Row]:
    if written == 0:
        note = "The temporary folder is in memory; name one on a disk by TMPDIR."
        return [Row(name="bytes to the device an event", unit="kB", ours=None, goals=(Goal(30),), notes=(note,))]
    each = written / events
    return [
        Row(name="bytes to the device an event", unit="kB", ours=each / 1000, goals=(Goal(30),), notes=(FLASH_NOTE,)),
        Row(
            name="the same, an hour at one event every 10 s",
            unit="MB",
            ours=each * HOUR_AT_10_S / 1e6,
            goals=(Goal(8),),
        ),
    ]


def _events(world: World) -> int:
    return world.csms.wait(OURS, "TransactionEvent")["count"]


def _ask_for_events(world: World) -> None:
    """Let the CSMS ask for events, until as many came as are wanted."""
    before = _events(world)
    for number in range(1, EVENTS + 1):
        answer = world.csms.call(OURS, "TriggerMessage", requestedMessage="TransactionEvent", evse={"id": 1})
        if answer["status"] != "Accepted":
            raise RuntimeError(f"cannot measure growth: TriggerMessage was answered {answer['status']}")
        world.csms.wait(OURS, "TransactionEvent", before + number)


def _baseline_growth(world: World) -> float:
    with Baseline(world.csms, world.folder, count=EVENTS, after_s=SETTLE_S) as baseline:
        time.sleep(SETTLE_S / 2)
        before = memory(baseline.process.pid).rss_mib
        world.csms.wait(THEIRS, "MeterValues", EVENTS, 60)
        time.sleep(0.5)
        return growth_percent(before, memory(baseline.process.pid).rss_mib)
