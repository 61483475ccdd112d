"""`stationd-safe-off`: drive all outputs safe and exit. Run by the service manager after stationd-pilot ended.

It takes no part in any rule: contactors open, PWM off, locks as they are. Exit code 1: a contactor was not seen
open. Exit code 2: a driver could not be built; the others were driven.
"""

import os
import sys

if not __package__:  # started as a file, like __main__.py
    _own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [os.path.dirname(os.path.dirname(_own)), *(path for path in sys.path if path != _own)]

from stationd import hwprofile
from stationd.pilot.arguments import USAGE, UsageError, parse
from stationd.pilot.board import Channel
from stationd.pilot.notify import say
from stationd.pilot.outputs import build_all, close_all, open_all


def main(words: list[str]) -> int:
    """Drive the outputs until every contactor is seen open, for a second at most; return the exit code."""
    if set(words) & {"-h", "--help"}:
        sys.stdout.write(USAGE.format(name="stationd-safe-off"))
        return 0
    channels: list[Channel] = []
    try:
        arguments = parse(words, needed=("--profile", "--runtime-dir"))
        profile = hwprofile.load(arguments.profile, evse_count=arguments.evses)
        refused = build_all(profile.evses, arguments.runtime_dir, channels)
        doubtful = open_all(channels)
    except (UsageError, hwprofile.ProfileError) as error:
        say(f"safe-off: {error}")
        return 2
    finally:
        close_all(channels)
    for reason in refused:
        say(f"safe-off: {reason}")
    if doubtful:
        say(f"safe-off: cannot see the contactor of EVSE {', '.join(map(str, doubtful))} open: check it by hand")
    return 2 if refused else 1 if doubtful else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
