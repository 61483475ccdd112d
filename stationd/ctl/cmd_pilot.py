"""`stationctl pilot`: the safety process as it says itself, on its own socket; and a test of its RCD."""

import argparse
import json
from dataclasses import asdict
from typing import Any

from stationd.api.client import ApiError
from stationd.api.texts import waits_text
from stationd.ctl import output
from stationd.ctl.daemon import pilot, station
from stationd.ctl.pilot_reader import PilotView
from stationd.fault_table import FAULTS, WARNINGS
from stationd.pilot import protocol

CLEAR = "\033[H\033[2J"
UNEXPLAINED = "of a newer stationd-pilot; read its log"


def register(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the commands."""
    top = commands.add_parser(
        "pilot", parents=[common], help="show what stationd-pilot sees and does, also without stationd"
    )
    top.add_argument("--watch", action="store_true", help="show it again and again, until Ctrl-C")
    top.add_argument("--interval", type=float, default=1.0, metavar="S", help="seconds between updates (default 1)")
    top.set_defaults(run=run_show)
    verbs = top.add_subparsers(dest="verb", metavar="test-rcd")
    test = verbs.add_parser("test-rcd", parents=[common], help="test the residual current device now (asks stationd)")
    test.add_argument("--evse", type=int, default=1, metavar="N", help="EVSE number (default 1)")
    test.set_defaults(run=run_test)


def run_show(options: argparse.Namespace) -> None:
    """Show it once, or again and again; one JSON text a line with --watch --json."""
    if not 0.1 <= options.interval <= 3600:
        raise ApiError(f"interval must be 0.1 to 3600, not {options.interval}")
    with pilot(options) as reader:
        if not options.watch:
            view = reader.look()
            print(output.as_json(as_plain(view)) if options.json else render(view))
            return
        while True:
            view = reader.look()
            if options.json:
                print(json.dumps(as_plain(view)), flush=True)
            else:
                print((CLEAR if output.coloured() else "") + render(view), flush=True)
            reader.wait(options.interval)


def run_test(options: argparse.Namespace) -> int:
    """Test the residual current device; exit status 1 if it did not pass."""
    with station(options) as client:
        result = client.call("pilot.test_rcd", evse_id=options.evse)
    print(
        output.as_json(result)
        if options.json
        else f"residual current device of EVSE {options.evse}: {result['result']}"
    )
    return 0 if result["result"] == "passed" else 1


def as_plain(view: PilotView) -> dict[str, Any]:
    """Return it as scripts see it: the words of docs/PILOT_PROTOCOL.md."""
    stats = asdict(view.stats)
    del stats["seq"]
    return {"stats": stats, "evses": [asdict(status) for status in view.statuses]}


def render(view: PilotView) -> str:
    """Return it as text."""
    return "\n\n".join([*(_evse(status) for status in view.statuses), _loop(view)])


def _evse(status: protocol.Status) -> str:
    seen, told = _contact(closed=status.sensed_closed), _contact(closed=status.commanded_closed)
    cable = "none" if status.pp_amps is None else output.amps(status.pp_amps)
    faults = [("fault", f"{output.paint(code, 'red')}: {_advice(code)}") for code in status.faults]
    warnings = [("warning", f"{output.paint(code, 'yellow')}: {_advice(code)}") for code in status.warnings]
    return output.pairs(
        [
            ("EVSE", f"{status.evse_id}"),
            ("pilot", f"{status.cp}, {status.volts:.1f} V high, {status.low_v:.1f} V low, duty {status.duty:.1f} %"),
            ("offered", f"{output.amps(status.offered_amps)} of at most {output.amps(status.max_amps)}"),
            ("contactor", f"{seen}, commanded {told}; {status.phases or 'changing'} phase(s)"),
            ("lock", status.lock),
            ("cable", cable),
            ("permit", "held" if status.permit else "none"),
            ("brain", "lost: its lease ran out" if status.brain_lost else "present, or not heard yet"),
            ("waits for", waits_text(status.waits_for) if status.waits_for else None),
            ("temperature", None if status.temperature_c is None else f"{status.temperature_c:.0f} °C"),
            ("RCD test", status.rcd_test),
            ("counters", _counters(status)),
            *faults,
            *warnings,
        ]
    )  # fmt: skip


def _counters(status: protocol.Status) -> str:
    return (
        f"{status.cycles} closings, {status.hot_openings} hot and {status.slow_openings} slow openings, "
        f"{status.failed_closings} failed closings, {status.unplugs} unplugs"
    )


def _contact(*, closed: bool) -> str:
    return "closed" if closed else "open"


def _advice(code: str) -> str:
    row = FAULTS.get(code) or WARNINGS.get(code)
    return UNEXPLAINED if row is None else row.advice


def _loop(view: PilotView) -> str:
    stats, first = view.stats, view.statuses[0] if view.statuses else None
    return output.pairs(
        [
            ("loop", stats.mode),
            ("running", None if first is None else f"{output.duration(first.uptime_ms / 1000)}, boot {first.boot_id}"),
            ("ticks", f"{stats.ticks} of {stats.period_ms} ms, {stats.overruns} overruns"),
            ("late", f"{stats.late_p999_us} us (99.9 %), {stats.late_max_us} us at most"),
            ("work", f"{stats.work_mean_us} us on average, {stats.work_max_us} us at most"),
            ("reaction", f"{stats.reaction_p999_us} us (99.9 %), {stats.reaction_max_us} us at most, "
                         f"{stats.reactions} openings" if stats.reactions else None),
        ]
    )  # fmt: skip
