"""`stationctl transactions [list|show]`."""

import argparse
from typing import Any

from stationd.ctl import output
from stationd.ctl.daemon import station


def register(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the commands."""
    top = commands.add_parser("transactions", parents=[common], help="show running and past transactions")
    top.add_argument("--limit", type=int, default=20, help="how many, newest first (default 20)")
    top.set_defaults(run=run_list)
    verbs = top.add_subparsers(dest="verb", metavar="list|show")
    listing = verbs.add_parser("list", parents=[common], help="list them")
    listing.add_argument("--limit", type=int, default=20)
    listing.set_defaults(run=run_list)
    show = verbs.add_parser("show", parents=[common], help="show one")
    show.add_argument("transaction_id")
    show.set_defaults(run=run_show)


def run_list(options: argparse.Namespace) -> None:
    """List them."""
    with station(options) as client:
        rows = client.call("transactions.list", limit=options.limit)
    if options.json:
        print(output.as_json(rows))
        return
    if not rows:
        print("no transactions yet")
        return
    cells = [
        [
            row["transaction_id"], row["evse_id"], row["id_token"], row["started_at"], row["ended_at"] or "running",
            output.energy(row["energy_wh"]), row["stop_reason"],
        ]
        for row in rows
    ]  # fmt: skip
    headers = ["transaction", "EVSE", "token", "started", "ended", "energy", "stopped by"]
    print(output.table(cells, headers, right=frozenset({1, 5})))


def run_show(options: argparse.Namespace) -> None:
    """Show one."""
    with station(options) as client:
        row = client.call("transactions.show", transaction_id=options.transaction_id)
    print(output.as_json(row) if options.json else output.pairs(list(row.items())))
