"""Puts `stationd-pilot` together: outputs safe first, then limits and latches, then the loop."""

import gc
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence

from stationd import hwprofile
from stationd.hwprofile import HwProfile
from stationd.pilot import latches, realtime, site_limit
from stationd.pilot.arguments import USAGE, Arguments, UsageError, group_id, parse
from stationd.pilot.board import Channel
from stationd.pilot.loop import Loop
from stationd.pilot.notify import Notifier, say
from stationd.pilot.outputs import build_all, close_all, make_safe, open_all
from stationd.pilot.protocol import VERSION, Hello, Stats
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
    try:
        refused = build_all(profile.evses, arguments.runtime_dir, channels)
        for reason in refused:
            say(reason)
        if refused:
            open_all(channels)
            return 2
        return _run(arguments, profile, channels, server, boot_id)
    finally:
        make_safe(channels)
        close_all(channels)
        server.close()


def _run(arguments: Arguments, profile: HwProfile, channels: Sequence[Channel], server: Server, boot_id: str) -> int:
    site_max_a = _site_limit(arguments.site_limit)
    latch_path = os.path.join(arguments.state_dir, latches.FILE_NAME)
    latched = _latched(latch_path, profile)
    notifier = Notifier(os.environ)
    mode = realtime.take()
    _tell_mode(arguments.runtime_dir, mode)
    now_ms = time.monotonic_ns() // 1_000_000
    runners = [
        Runner(
            channel,
            rules_of(evse, profile, site_max_a),
            now_ms=now_ms,
            latched=latched.get(evse.evse_id, frozenset()),
            boot_id=boot_id,
        )
        for channel, evse in zip(channels, profile.evses, strict=True)
    ]
    loop = Loop(
        runners=runners,
        server=server,
        watchdog=notifier,
        latch_path=latch_path,
        latched=latched,
        period_ms=profile.period_ms,
        mode=mode,
        say=say,
    )
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: loop.stop())
    gc.collect()
    gc.freeze()
    gc.disable()
    notifier.send(f"READY=1\nSTATUS={mode}, {len(runners)} EVSE, limit {site_max_a:g} A")
    until_ns = None if arguments.measure_s is None else time.monotonic_ns() + round(arguments.measure_s * 1e9)
    began_ns, cpu_ns = time.monotonic_ns(), time.process_time_ns()
    loop.run(until_ns)
    notifier.send("STOPPING=1")
    notifier.close()
    if until_ns is not None:
        load = (time.process_time_ns() - cpu_ns) / (time.monotonic_ns() - began_ns)
        sys.stdout.write(_report(loop.measured(), load))
    return 0


def _site_limit(path: str) -> float:
    try:
        return site_limit.read(path)
    except site_limit.SiteLimitError as error:
        say(f"{error}; until then no contactor closes")
        return 0.0


def _latched(path: str, profile: HwProfile) -> Mapping[int, frozenset[str]]:
    try:
        latches.check_folder(path)
    except latches.LatchError as error:
        say(f"{error}; until then a latched fault would not outlive a restart")
    try:
        return latches.read(path)
    except latches.LatchError as error:
        say(f"{error}; every EVSE stays faulted until `hardware` is reset by hand")
        return {
            **error.known,
            **{e.evse_id: error.known.get(e.evse_id, frozenset()) | {"hardware"} for e in profile.evses},
        }


def _tell_mode(runtime_dir: str, mode: str) -> None:
    if mode != "realtime":
        say(f"running {mode}; opening may take longer than 20 ms under load")
    try:
        with open(os.path.join(runtime_dir, MODE_FILE), "w", encoding="ascii") as file:
            file.write(mode + "\n")
    except OSError as error:
        say(f"cannot write {runtime_dir}/{MODE_FILE}: {error.strerror}")


def _report(stats: Stats, load: float) -> str:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        rss_kib = next((line.split()[1] for line in file if line.startswith("VmRSS:")), "0")
    rows = (
        ("mode", stats.mode),
        ("period", f"{stats.period_ms} ms"),
        ("ticks", f"{stats.ticks}, {stats.overruns} overruns"),
        ("late", f"p99.9 {stats.late_p999_us} us, max {stats.late_max_us} us"),
        ("work of a tick", f"mean {stats.work_mean_us} us, max {stats.work_max_us} us"),
        ("pilot to command", f"at most {2 * stats.period_ms + (stats.late_max_us + stats.work_max_us) / 1000:.1f} ms"),
        ("processor", f"{100 * load:.2f} % of a core"),
        ("memory", f"{int(rss_kib) / 1024:.1f} MiB, {len(sys.modules)} modules"),
    )
    return "".join(f"{name:18}{text}\n" for name, text in rows)
