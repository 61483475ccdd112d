"""`stationctl offline|online`: cut the station off from its CSMS, and let it back, without ending the process."""

import argparse
from typing import Any

from stationd.ctl import output
from stationd.ctl.daemon import station


def register(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the commands."""
    offline = commands.add_parser("offline", parents=[common], help="close the connection to the CSMS and stay offline")
    offline.set_defaults(run=run, method="connection.offline")
    online = commands.add_parser("online", parents=[common], help="connect to the CSMS again")
    online.set_defaults(run=run, method="connection.online")


def run(options: argparse.Namespace) -> None:
    """Change it and show what is now."""
    with station(options) as client:
        state = client.call(options.method)
    print(output.as_json(state) if options.json else f"connection: {output.status(state['state'])}")
