"""Where the daemon's and the plant's sockets are."""

import argparse

from stationd.api.client import Client

STATIOND_SOCKET = "stationd.sock"
PLANT_SOCKET = "plant.sock"


def station(options: argparse.Namespace) -> Client:
    """Connect to the daemon."""
    return Client(options.runtime_dir / STATIOND_SOCKET)


def plant(options: argparse.Namespace) -> Client:
    """Connect to the simulated board."""
    return Client(options.runtime_dir / PLANT_SOCKET, who="the simulated board")
