"""Where the daemon's and the plant's sockets are."""

import argparse

from stationd.api.client import Client
from stationd.ctl.pilot_reader import PilotReader

STATIOND_SOCKET = "stationd.sock"
PILOT_SOCKET = "pilot.sock"
PLANT_SOCKET = "plant.sock"


def station(options: argparse.Namespace) -> Client:
    """Connect to the daemon."""
    return Client(options.runtime_dir / STATIOND_SOCKET)


def plant(options: argparse.Namespace) -> Client:
    """Connect to the simulated board."""
    return Client(options.runtime_dir / PLANT_SOCKET, who="the simulated board")


def pilot(options: argparse.Namespace) -> PilotReader:
    """Connect to the safety process, to watch it."""
    return PilotReader(options.runtime_dir / PILOT_SOCKET)
