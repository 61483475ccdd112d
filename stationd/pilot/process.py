"""Puts `stationd-pilot` together: outputs safe first, then limits and latches, then the loop."""

import gc
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence

from stationd import hwprofile
from stationd.hwprofile import HwProfile
from stationd.pilot import counters, fail_safe, latches, measured, realtime, restarts, site_limit
from stationd.pilot.arguments import USAGE, Arguments, UsageError, group_id, parse
from stationd.pilot.board import Channel
from stationd.pilot.cycles import Counters
from stationd.pilot.keeper import PATIENCE_MS, Keeper
from stationd.pilot.latches import Latches
from stationd.pilot.loop import Loop
from stationd.pilot.notify import Notifier, say
from stationd.pilot.outputs import any_parted, build_all, close_all, make_safe, open_all, outwait_switches
from stationd.pilot.protocol import VERSION, Hello, Stats
from stationd.pilot.restarts import Record
from stationd.pilot.rules import rules_of
from stationd.pilot.runner import Runner
from stationd.pilot.server import Server, ServerError

MODE_FILE = "pilot-mode"
"""In the runtime folder: one line, `realtime` or `degraded: …`."""
NEEDED = ("--profile", "--runtime-dir", "--state-dir", "--site-limit")


def main(words: list[str]) -> int:
    """Run until told to stop; return the exit code."""
    if not words or set(words) & {"-h", "--help"}:
        sys.stdout.write(USAGE.format(name="stationd-pilot"))
        return 0 if words else 2
    try:
        arguments = parse(words, needed=NEEDED)
        gid = group_id(arguments.group)
        profile = hwprofile.load(arguments.profile, evse_count=arguments.evses)
        boot_id = os.urandom(8).hex()
        hello = Hello(v=VERSION, role="pilot", boot_id=boot_id, evses=tuple(e.evse_id for e in profile.evses))
        # Taking the socket first keeps a second process from seizing the outputs of a running one.
        server = Server(arguments.runtime_dir, gid=gid, hello=hello)
    except (UsageError, hwprofile.ProfileError, ServerError) as error:
        say(str(error))
        return 2
    channels: list[Channel] = []
    notifier = Notifier(os.environ)
    try:
        refused = build_all(profile.evses, arguments.runtime_dir, channels)
        refused += fail_safe.refusals(profile, channels)
        if arguments.measure_s is None:
            refused += _missed(os.path.join(arguments.state_dir, measured.FILE_NAME), profile)
        for reason in refused:
            say(reason)
        if refused:
            open_all(channels)
            return 2
        return _run(arguments, profile, channels, server, notifier, boot_id)
    finally:
        make_safe(channels)
        if any_parted(channels):  # the loop broke off in the middle of a change of phases
            notifier.wait_longer(PATIENCE_MS)
            outwait_switches(channels)
        close_all(channels)
        server.close()
        notifier.close()


def _run(
    arguments: Arguments,
    profile: HwProfile,
    channels: Sequence[Channel],
    server: Server,
    notifier: Notifier,
    boot_id: str,
) -> int:
    site_max_a = _site_limit(arguments.site_limit)
    restart_path = os.path.join(arguments.runtime_dir, restarts.FILE_NAME)
    record, latched = _begun(restart_path)
    mode = realtime.take()
    _tell_mode(arguments.runtime_dir, mode)
    files = _Files(arguments.state_dir, arguments.runtime_dir, profile)
    now_ms = time.monotonic_ns() // 1_000_000
    runners = [
        Runner(
            channel,
            rules_of(evse, profile, site_max_a),
            now_ms=now_ms,
            latched=files.latched.get(evse.evse_id, frozenset()) | latched,
            boot_id=boot_id,
            counters=files.counted.get(evse.evse_id),
        )
        for channel, evse in zip(channels, profile.evses, strict=True)
    ]
    keeper = files.keeper(runners, notifier, now_ms)
    loop = Loop(
        runners=runners, server=server, watchdog=notifier, keeper=keeper, period_ms=profile.period_ms, mode=mode
    )
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: loop.stop())
    gc.collect()
    gc.freeze()
    gc.disable()
    notifier.send(f"READY=1\nSTATUS={mode}, {len(runners)} EVSE, limit {site_max_a:g} A")
    if arguments.measure_s is None:
        loop.run()
        met = True
    else:
        met = _measure(loop, profile, arguments.measure_s, arguments.state_dir)
    _tell_record(restart_path, restarts.ended(record))
    notifier.send("STOPPING=1")
    return 0 if met else 1


def _measure(loop: Loop, profile: HwProfile, seconds: float, state_dir: str) -> bool:
    """Run for so long, print how that went, keep the verdict, and tell whether the budget was met."""
    began_ns, cpu_ns, faults = time.monotonic_ns(), time.process_time_ns(), realtime.page_faults()
    loop.run(began_ns + round(seconds * 1e9))
    faults = realtime.page_faults() - faults
    load = (time.process_time_ns() - cpu_ns) / (time.monotonic_ns() - began_ns)
    stats = loop.measured()
    verdict = measured.judged(profile, stats)
    sys.stdout.write(_report(stats, load, faults, verdict))
    try:
        measured.write(os.path.join(state_dir, measured.FILE_NAME), verdict)
    except measured.MeasuredError as error:
        say(str(error))
    return verdict.met


class _Files:
    """What the files said at the start: those in the state folder, and the copy of latches in the runtime folder."""

    def __init__(self, folder: str, runtime_dir: str, profile: HwProfile) -> None:
        self._latch_path = os.path.join(folder, latches.FILE_NAME)
        self._copy_path = os.path.join(runtime_dir, latches.COPY_NAME)
        self._counter_path = os.path.join(folder, counters.FILE_NAME)
        _check_folder(self._latch_path)
        self._saved, self._copied = (_latched(path, profile) for path in (self._latch_path, self._copy_path))
        self.latched = latches.union(self._saved, self._copied)
        others = (self._latch_path, os.path.join(folder, measured.FILE_NAME))
        self.counted = _counted(self._counter_path, others)

    def keeper(self, runners: Sequence[Runner], watchdog: Notifier, now_ms: int) -> Keeper:
        """Return who keeps them true."""
        return Keeper(
            runners=runners,
            watchdog=watchdog,
            latch_path=self._latch_path,
            latched=self._saved,
            copy_path=self._copy_path,
            copied=self._copied,
            counter_path=self._counter_path,
            counted=self.counted,
            count=lambda runner: runner.state.counters,
            now_ms=now_ms,
            say=say,
        )


def _site_limit(path: str) -> float:
    try:
        return site_limit.read(path)
    except site_limit.SiteLimitError as error:
        say(f"{error}; until then no contactor closes")
        return 0.0


def _check_folder(path: str) -> None:
    try:
        latches.check_folder(path)
    except latches.LatchError as error:
        say(f"{error}; until then a latched fault would not outlive a restart")


def _latched(path: str, profile: HwProfile) -> Latches:
    try:
        return latches.read(path)
    except latches.LatchError as error:
        say(f"{error}; every EVSE stays faulted until `hardware` is reset by hand")
        return {
            **error.known,
            **{e.evse_id: error.known.get(e.evse_id, frozenset()) | {"hardware"} for e in profile.evses},
        }


def _counted(path: str, others: Sequence[str]) -> Mapping[int, Counters]:
    """Return the counters. None are missed at a first start, when none of the other files is there either."""
    if not any(os.path.exists(one) for one in (path, *others)):
        return {}
    try:
        return counters.read(path)
    except counters.CounterError as error:
        say(str(error))
        return {}


def _missed(path: str, profile: HwProfile) -> list[str]:
    """Return why the profile must not be used, if it was measured on this board and missed the budget."""
    try:
        refusal = measured.refusal(measured.read(path), profile, path)
    except measured.MeasuredError as error:
        say(str(error))
        return []
    return [] if refusal is None else [refusal]


def _begun(path: str) -> tuple[Record, frozenset[str]]:
    """Count this start; return the record, and the fault to start with if the process fails again and again."""
    record = Record()
    try:
        record = restarts.read(path)
    except ValueError as error:
        say(str(error))
    record, again = restarts.begun(record, restarts.now_ms())
    _tell_record(path, record)
    if again:
        say(
            f"ended unexpectedly {restarts.TOO_MANY} times in {restarts.WITHIN_MS // 60_000} minutes; "
            f"no contactor closes until `{restarts.CODE}` is reset by hand"
        )
    return record, frozenset({restarts.CODE} if again else ())


def _tell_record(path: str, record: Record) -> None:
    try:
        restarts.write(path, record)
    except ValueError as error:
        say(str(error))


def _tell_mode(runtime_dir: str, mode: str) -> None:
    if mode != "realtime":
        say(f"running {mode}; opening may take longer than 20 ms under load")
    try:
        with open(os.path.join(runtime_dir, MODE_FILE), "w", encoding="ascii") as file:
            file.write(mode + "\n")
    except OSError as error:
        say(f"cannot write {runtime_dir}/{MODE_FILE}: {error.strerror}")


def _report(stats: Stats, load: float, faults: int, verdict: measured.Measured) -> str:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        rss_kib = next((line.split()[1] for line in file if line.startswith("VmRSS:")), "0")
    rows = (
        ("mode", stats.mode),
        ("period", f"{stats.period_ms} ms"),
        ("ticks", f"{stats.ticks}, {stats.overruns} overruns"),
        ("late", f"p99.9 {stats.late_p999_us} us, max {stats.late_max_us} us"),
        ("work of a tick", f"mean {stats.work_mean_us} us, max {stats.work_max_us} us"),
        ("openings", f"{stats.reactions}, p99.9 {stats.reaction_p999_us} us, max {stats.reaction_max_us} us"),
        ("pilot to command", f"at most {verdict.worst_ms:.1f} ms, without the sensor's own delay"),
        ("processor", f"{100 * load:.2f} % of a core"),
        ("memory", f"{int(rss_kib) / 1024:.1f} MiB, {len(sys.modules)} modules, {faults} page faults in the loop"),
        ("verdict", f"{'met' if verdict.met else 'MISSED'}: the budget is {measured.BUDGET_MS:.0f} ms"),
    )
    return "".join(f"{name:18}{text}\n" for name, text in rows)
