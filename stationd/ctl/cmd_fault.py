"""`stationctl fault list|reset`."""

import argparse
from typing import Any

from stationd.ctl import output
from stationd.ctl.cmd_status import place
from stationd.ctl.daemon import station


def register(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the commands."""
    top = commands.add_parser("fault", help="show the faults in force, and reset those that wait for it")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="list|reset")
    listing = verbs.add_parser("list", parents=[common], help="list faults and warnings with the next step")
    listing.set_defaults(run=run_list)
    reset = verbs.add_parser("reset", parents=[common], help="clear a latched fault once its cause is gone")
    reset.add_argument("code", help="e.g. rcd_trip; see: stationctl fault list")
    reset.add_argument("--evse", type=int, metavar="N", help="EVSE number (default: wherever it is in force)")
    reset.set_defaults(run=run_reset)


def run_list(options: argparse.Namespace) -> None:
    """List them."""
    with station(options) as client:
        rows = client.call("fault.list")
    if options.json:
        print(output.as_json(rows))
        return
    print("\n\n".join(_fault(row) for row in rows) if rows else "no faults")


def _fault(row: dict[str, Any]) -> str:
    kind = output.paint("fault", "red") if row["blocking"] else output.paint("warning", "yellow")
    return output.pairs(
        [
            (row["code"], f"{kind} of {place(row['evse_id'])} since {row['since']} ({row['mrec']})"),
            ("next step", row["text"]),
            ("ends", row["ends"]),
        ]
    )


def run_reset(options: argparse.Namespace) -> None:
    """Reset one."""
    params = {} if options.evse is None else {"evse_id": options.evse}
    with station(options) as client:
        result = client.call("fault.reset", code=options.code, **params)
    if options.json:
        print(output.as_json(result))
    else:
        print(f"{result['code']} reset on {', '.join(place(evse_id) for evse_id in result['evse_ids'])}")
