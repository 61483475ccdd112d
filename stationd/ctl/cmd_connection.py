"""`stationctl connection`: which layer fails. `offline|online`: cut the station off from its CSMS, and let it back."""

import argparse
from typing import Any

from stationd.ctl import output
from stationd.ctl.daemon import station

_COLOUR = {"ok": "green", "failed": "red", "waiting": "yellow"}


def register(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the commands."""
    show = commands.add_parser("connection", parents=[common], help="show the connection to the CSMS layer by layer")
    show.set_defaults(run=run_show)
    offline = commands.add_parser("offline", parents=[common], help="close the connection to the CSMS and stay offline")
    offline.set_defaults(run=run, method="connection.offline")
    online = commands.add_parser("online", parents=[common], help="connect to the CSMS again")
    online.set_defaults(run=run, method="connection.online")


def run_show(options: argparse.Namespace) -> None:
    """Show it once."""
    with station(options) as client:
        state = client.call("connection")
    print(output.as_json(state) if options.json else render(state))


def run(options: argparse.Namespace) -> None:
    """Change it and show what is now."""
    with station(options) as client:
        state = client.call(options.method)
    print(output.as_json(state) if options.json else f"connection: {output.status(state['state'])}")


def render(state: dict[str, Any]) -> str:
    """Return the connection as text."""
    head = output.pairs(
        [
            ("CSMS", _where(state)),
            ("state", _state(state)),
            ("last failure", _failure(state)),
        ]
    )
    rows = [[one["layer"], one["state"], one["detail"] or ""] for one in state["layers"]]
    lines = output.table(rows, ["layer", "state", "seen"]).split("\n")
    table = [lines[0], *(_coloured(line, row[1]) for line, row in zip(lines[1:], rows, strict=True))]
    warnings = [f"{output.paint('warning', 'yellow')} {text}" for text in state["warnings"]]
    return "\n\n".join(part for part in (head, "\n".join(table), "\n".join(warnings)) if part)


def _coloured(line: str, state: str) -> str:
    return line.replace(state, output.paint(state, _COLOUR.get(state, "grey")), 1)


def _where(state: dict[str, Any]) -> str | None:
    if state["url"] is None:
        return None
    return f"{state['url']} as {state['identity']}, security profile {state['security_profile']}"


def _state(state: dict[str, Any]) -> str:
    words = output.status(state["state"])
    if state["state"] == "connected":
        return f"{words} since {state['since']} with {state['ocpp']}, boot {output.status(str(state['registration']))}"
    if state["offline_by_command"]:
        return f"{words} by command (stationctl online ends it)"
    if state["next_attempt_s"] is not None:
        words += f", next attempt in {state['next_attempt_s']:.0f} s"
    return words


def _failure(state: dict[str, Any]) -> str | None:
    if state["error"] is None:
        return None
    layer = f"{state['failed_layer']}: " if state["failed_layer"] else ""
    count = f" ({state['failures']} in a row)" if state["failures"] > 1 else ""
    return f"{layer}{state['error']}, {state['failed_at']}{count}"
