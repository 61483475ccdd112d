"""`stationctl status` and `stationctl watch`."""

import argparse
import json
from typing import Any

from stationd.api.texts import waits_text
from stationd.ctl import output
from stationd.ctl.daemon import station

CLEAR = "\033[H\033[2J"


def register(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the commands."""
    show = commands.add_parser("status", parents=[common], help="show the station, its connectors and its connection")
    show.set_defaults(run=run_status)
    watch = commands.add_parser("watch", parents=[common], help="show the status, live, until Ctrl-C")
    watch.add_argument("--interval", type=float, default=1.0, metavar="S", help="seconds between updates (default 1)")
    watch.set_defaults(run=run_watch)


def run_status(options: argparse.Namespace) -> None:
    """Show it once."""
    with station(options) as client:
        state = client.call("status")
    print(output.as_json(state) if options.json else render(state))


def run_watch(options: argparse.Namespace) -> None:
    """Show it again and again; one JSON text a line with --json."""
    with station(options) as client:
        for state in client.stream("status.watch", interval_s=options.interval):
            if options.json:
                print(json.dumps(state), flush=True)
            else:
                print((CLEAR if output.coloured() else "") + render(state), flush=True)


def render(state: dict[str, Any]) -> str:
    """Return the status as text."""
    parts = [_station(state), _connectors(state["evses"])]
    transactions = [_transaction(evse) for evse in state["evses"] if evse["transaction"]]
    waits = [
        f"{output.paint('waits', 'yellow')} EVSE {evse['evse_id']} waits for: {waits_text(evse['pilot']['waits_for'])}"
        for evse in state["evses"]
        if evse["pilot"] and evse["pilot"]["waits_for"]
    ]
    faults = [fault_line(fault) for fault in state["faults"]]
    notices = [f"{output.paint('note', 'yellow')} {notice}" for notice in state["notices"]]
    return "\n\n".join(part for part in [*parts, "\n".join(transactions), "\n".join(waits + faults + notices)] if part)


def fault_line(fault: dict[str, Any]) -> str:
    """Return a fault or a warning with what to do about it."""
    word = output.paint("fault", "red") if fault["blocking"] else output.paint("warning", "yellow")
    return f"{word} {place(fault['evse_id'])}: {fault['code']}: {fault['text']}"


def place(evse_id: int) -> str:
    """Return an EVSE in words; 0 is the station."""
    return f"EVSE {evse_id}" if evse_id else "station"


def _station(state: dict[str, Any]) -> str:
    station, link = state["station"], state["connection"]
    where = output.status(link["state"])
    if link["state"] == "connected":
        where += f" to {link['url']} with {link['ocpp']}, boot {output.status(link['registration'])}"
    elif link["offline_by_command"]:
        where += " by command (stationctl online ends it)"
    elif link["error"]:
        where += f": {link['error']}"
        if link["next_attempt_s"] is not None:
            where += f"; next attempt in {link['next_attempt_s']:.0f} s"
    pilot = state["pilot"]
    return output.pairs(
        [
            (
                "station",
                f"{station['identity']} ({station['vendor']} {station['model']}, {station['firmware_version']})",
            ),
            ("running", f"{output.duration(station['uptime_s'])}, started by {station['boot_reason']}"),
            ("CSMS", where),
            ("queue", f"{link['queued']} message(s) to be delivered" if link["queued"] else None),
            ("pilot", None if pilot["connected"] else output.paint(f"no stationd-pilot: {pilot['error']}", "red")),
        ]
    )


def _connectors(evses: list[dict[str, Any]]) -> str:
    rows = []
    for evse in evses:
        pilot, meter = evse["pilot"] or {}, evse["meter"] or {}
        rows.append(
            [
                evse["evse_id"], evse["status"], evse["charging_state"], pilot.get("cp"),
                "closed" if pilot.get("closed") else "open", pilot.get("lock"),
                output.amps(pilot.get("offered_a")), output.power(meter.get("power_w")),
                output.energy(meter.get("energy_wh")) if not meter.get("error") else meter["error"],
            ]
        )  # fmt: skip
    headers = ["EVSE", "status", "charging", "pilot", "contactor", "lock", "offered", "power", "meter"]
    return output.table(rows, headers, right=frozenset({0, 6, 7, 8}))


def _transaction(evse: dict[str, Any]) -> str:
    running = evse["transaction"]
    limits = ", ".join(f"{name} {output.amps(amps)}" for name, amps in evse["limits"])
    return output.pairs(
        [
            ("transaction", f"{running['transaction_id']} on EVSE {evse['evse_id']}"),
            ("token", running["id_token"] or "not authorised yet"),
            ("since", f"{running['started_at']} ({output.duration(running['duration_s'])})"),
            ("energy", output.energy(running["energy_wh"])),
            ("limits", limits),
        ]
    )
