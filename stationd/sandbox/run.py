"""`make run`: a simulated station kept up to play with, against the sandbox CSMS or any other.

With `--config FILE` the one configuration file decides everything, and the station's own folders are used.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from stationd import hwprofile
from stationd.config.load import load
from stationd.domain.errors import StationError
from stationd.sandbox.launch import SANDBOX_PASSWORD, Folders, Sandbox, StationOptions, temporary_folder
from stationd.sandbox.processes import port_number

HELP = """\
The station runs. In another terminal:

  export STATIOND_RUNTIME_DIR={runtime}
  {bin}/stationctl status                 everything at a glance; `watch` shows it live
  {bin}/stationctl mock plug-in           a car arrives
  {bin}/stationctl mock swipe 04A2B3C4    a card is held to the reader; again to stop
  {bin}/stationctl mock plug-out          it leaves
  {bin}/stationctl --help                 the rest

Logs: {logs}
Ctrl-C ends it.
"""
CHECK_S = 1.0


def run(arguments: argparse.Namespace) -> int:
    """Start the station and wait for the end."""
    if arguments.config is not None:
        return _run_configured(arguments.config)
    versions = (arguments.ocpp,) if arguments.ocpp else ("2.1", "2.0.1", "1.6")
    options = StationOptions(
        versions=versions, csms_url=arguments.csms, csms_port=arguments.port, evses=arguments.evses,
        identity=arguments.identity, password=arguments.password or (None if arguments.csms else SANDBOX_PASSWORD),
    )  # fmt: skip
    with ExitStack() as stack:
        folder = arguments.folder or stack.enter_context(temporary_folder())
        sandbox = stack.enter_context(Sandbox(Folders.below(Path(folder).resolve()), options))
        return _keep(sandbox, sandbox.start)


def _run_configured(file: Path) -> int:
    config = load(file)
    if config.station.hw_profile != "mock":
        raise StationError(
            f'cannot run hw_profile {config.station.hw_profile!r} here: only the simulated board, "mock"; '
            "real boards run stationd-pilot and stationd themselves"
        )
    profile = hwprofile.load("mock", evse_count=config.station.evses)
    meter = profile.evses[0].meter
    options = StationOptions(evses=config.station.evses, csms_url=config.csms.url, password=None)
    port = 0 if meter is None else int(config.meter(meter).options["port"])
    with Sandbox(Folders.of_config(config, file), options, modbus_port=port) as sandbox:
        return _keep(sandbox, sandbox.start_configured)


def _keep(sandbox: Sandbox, start: Callable[[], None]) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    start()
    folders = sandbox.folders
    print(HELP.format(runtime=folders.runtime_dir, bin=Path(sys.executable).parent, logs=folders.log_dir), flush=True)
    print(f"CSMS: {sandbox.csms_url}", flush=True)
    while not stop.wait(CHECK_S):
        sandbox.check()
    print("ending the station …", flush=True)
    return 0


def main() -> int:
    """Run a simulated station."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--config", type=Path, help="one configuration file instead of the other options")
    parser.add_argument("--ocpp", choices=("1.6", "2.0.1", "2.1"), help="offer only this version")
    parser.add_argument("--csms", metavar="URL", help="connect there instead of to a sandbox CSMS (ws://… or wss://…)")
    parser.add_argument("--identity", default="SIM-001", help="the station's identity (default %(default)s)")
    parser.add_argument("--password", help="for HTTP basic authentication")
    parser.add_argument("--evses", type=int, default=1)
    parser.add_argument("--port", type=port_number, default=9000, help="port of the sandbox CSMS (default %(default)s)")
    parser.add_argument("--folder", type=Path, help="keep state and logs here (default: a temporary folder)")
    arguments = parser.parse_args()
    try:
        return run(arguments)
    except StationError as error:
        print(f"cannot run the station: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
