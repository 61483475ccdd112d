"""`stationd-safe-off`: drive all outputs safe and exit. Run by the service manager after stationd-pilot ended.

It takes no part in any rule: contactors open, PWM off, locks as they are. Exit code 1: a contactor was not seen open.
"""

import os
import sys
import time

if not __package__:  # started as a file, like __main__.py
    _own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [os.path.dirname(os.path.dirname(_own)), *(path for path in sys.path if path != _own)]

from stationd import hwprofile
from stationd.pilot.arguments import USAGE, UsageError, parse
from stationd.pilot.board import Channel, build, never
from stationd.pilot.interfaces import DriverError
from stationd.pilot.machine import Pins
from stationd.pilot.notify import say

PATIENCE_MS = 1_000
PERIOD_S = 0.01


def main(words: list[str]) -> int:
    """Drive the outputs until every contactor is seen open, for a second at most; return the exit code."""
    if set(words) & {"-h", "--help"}:
        sys.stdout.write(USAGE.format(name="stationd-safe-off"))
        return 0
    shared: dict[str, object] = {}
    channels: list[Channel] = []
    try:
        arguments = parse(words, needed=("--profile", "--runtime-dir"))
        profile = hwprofile.load(arguments.profile, evse_count=arguments.evses)
        for evse in profile.evses:
            channels.append(build(evse, arguments.runtime_dir, shared))
            channels[-1].write(Pins(), _now_ms(), never)
        return _drive(channels)
    except (UsageError, hwprofile.ProfileError, DriverError) as error:
        say(f"safe-off: {error}")
        return 2
    finally:
        for channel in channels:
            channel.close()


def _drive(channels: list[Channel]) -> int:
    end_ms = _now_ms() + PATIENCE_MS
    while True:
        now_ms = _now_ms()
        seen = {channel.evse_id: channel.read(now_ms) for channel in channels}
        for channel in channels:
            channel.write(Pins(), now_ms, never)
        doubtful = [evse_id for evse_id, one in seen.items() if one.contactor is not False]
        if not doubtful:
            return 0
        if now_ms >= end_ms:
            say(f"safe-off: cannot see the contactor of EVSE {', '.join(map(str, doubtful))} open: check it by hand")
            return 1
        time.sleep(PERIOD_S)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
