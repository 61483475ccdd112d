"""`stationctl config list|get|set`: the table of settings."""

import argparse
from typing import Any

from stationd.ctl import output
from stationd.ctl.daemon import station


def register(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the commands."""
    config = commands.add_parser("config", help="show and change settings (2.x variables and 1.6 keys are one table)")
    verbs = config.add_subparsers(dest="verb", required=True, metavar="list|get|set")
    show = verbs.add_parser("list", parents=[common], help="list settings with their values and origins")
    show.add_argument("pattern", nargs="?", default="", help="only names that contain this")
    show.set_defaults(run=run_list)
    get = verbs.add_parser("get", parents=[common], help="show one setting")
    get.add_argument("name", help="Component.Variable, Component.Variable[Instance] or a 1.6 key")
    get.set_defaults(run=run_get)
    change = verbs.add_parser("set", parents=[common], help="change one setting, durably")
    change.add_argument("name")
    change.add_argument("value")
    change.set_defaults(run=run_set)


def run_list(options: argparse.Namespace) -> None:
    """List all, or those that match."""
    with station(options) as client:
        rows = client.call("config.list", pattern=options.pattern)
    if options.json:
        print(output.as_json(rows))
        return
    shown = [[r["name"], r["value"], r["unit"] or "", r["origin"], r["key16"] or ""] for r in rows]
    print(output.table(shown, ["name", "value", "unit", "origin", "1.6 key"]))


def run_get(options: argparse.Namespace) -> None:
    """Show one with its bounds."""
    with station(options) as client:
        row = client.call("config.get", name=options.name)
    if options.json:
        print(output.as_json(row))
        return
    bounds = " to ".join(str(b) if b is not None else "…" for b in (row["minimum"], row["maximum"]))
    print(
        output.pairs(
            [
                ("name", row["name"]), ("1.6 key", row["key16"]), ("value", row["value"]), ("unit", row["unit"]),
                ("origin", row["origin"]), ("type", row["type"]), ("mutability", row["mutability"]),
                ("bounds", bounds if bounds != "… to …" else None), ("members", ", ".join(row["values"])),
                ("default", row["default"]), ("meaning", row["description"]),
            ]
        )
    )  # fmt: skip


def run_set(options: argparse.Namespace) -> None:
    """Change one."""
    with station(options) as client:
        answer = client.call("config.set", name=options.name, value=options.value)
    if options.json:
        print(output.as_json(answer))
    elif answer["outcome"] == "RebootRequired":
        print(f"{answer['name']} stored; it takes effect after a restart")
    else:
        print(f"{answer['name']} = {answer['value']}")
