"""`stationctl`: the technician's command line. Every command is one file, `cmd_<noun>.py`."""

import argparse
import os
import sys
from pathlib import Path

from stationd.api.client import ApiError, UnreachableError
from stationd.ctl import cmd_config, cmd_connection, cmd_fault, cmd_mock, cmd_pilot, cmd_status, cmd_transactions

DEFAULT_RUNTIME_DIR = Path("/run/stationd")
COMMANDS = (cmd_status, cmd_fault, cmd_pilot, cmd_config, cmd_transactions, cmd_connection, cmd_mock)

EXIT_REFUSED, EXIT_USAGE, EXIT_UNREACHABLE = 1, 2, 3


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        prog="stationctl",
        description="Look after a charging station that stationd runs.",
        epilog="Exit status: 0 done, 1 the station refused, 2 wrong usage, 3 nobody answers.",
    )
    top.add_argument(
        "--runtime-dir", type=Path, metavar="DIR",
        default=Path(os.environ.get("STATIOND_RUNTIME_DIR", DEFAULT_RUNTIME_DIR)),
        help="folder of the daemon's sockets (default: $STATIOND_RUNTIME_DIR, else %(default)s)",
    )  # fmt: skip
    top.add_argument("--json", action="store_true", help="print JSON for scripts")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    # --json may stand before or behind the command: people try both
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    for command in COMMANDS:
        command.register(commands, common)
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit status."""
    options = parser().parse_args(arguments)
    try:
        status: int = options.run(options) or 0
        sys.stdout.flush()
    except UnreachableError as error:
        print(f"stationctl: {error}", file=sys.stderr)
        return EXIT_UNREACHABLE
    except ApiError as error:
        print(f"stationctl: {error}", file=sys.stderr)
        return EXIT_REFUSED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    else:
        return status


if __name__ == "__main__":
    sys.exit(main())
