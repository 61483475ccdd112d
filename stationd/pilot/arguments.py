"""Command lines of `stationd-pilot` and `stationd-safe-off`, read without argparse: that alone would cost 2 MiB."""

import os
from dataclasses import dataclass

USAGE = """usage: {name} --profile NAME|FILE --runtime-dir DIR [options]
  --profile NAME|FILE   hw-profile, by name or path
  --runtime-dir DIR     folder of the sockets
  --evses N             number of EVSEs, where the profile leaves it open
stationd-pilot only:
  --state-dir DIR       folder of latched faults (needed)
  --site-limit FILE     installer's limit, TOML: site_max_a = 16.0 (needed)
  --group NAME|GID      group that may use the socket besides root and the own user
  --measure SECONDS     run for so long, then print how well the loop kept its time
"""


class UsageError(Exception):
    """The command line is wrong; the text names the option."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the command line says."""

    profile: str
    runtime_dir: str
    evses: int | None = None
    state_dir: str = ""
    site_limit: str = ""
    group: str | None = None
    measure_s: float | None = None


_FIELDS = {
    "--profile": "profile",
    "--runtime-dir": "runtime_dir",
    "--evses": "evses",
    "--state-dir": "state_dir",
    "--site-limit": "site_limit",
    "--group": "group",
    "--measure": "measure_s",
}


def parse(words: list[str], *, needed: tuple[str, ...]) -> Arguments:
    """Return the arguments.

    Raises:
        UsageError: an option is unknown, without value, out of bounds or missing.
    """
    given: dict[str, str] = {}
    queue = list(words)
    while queue:
        option, equals, value = queue.pop(0).partition("=")
        if option not in _FIELDS:
            raise UsageError(f"cannot understand {option!r}: it is no option")
        if not equals:
            if not queue:
                raise UsageError(f"cannot use {option}: give a value after it")
            value = queue.pop(0)
        given[_FIELDS[option]] = value
    for option in needed:
        if not given.get(_FIELDS[option]):
            raise UsageError(f"cannot start: {option} is missing")
    return Arguments(
        profile=given["profile"],
        runtime_dir=os.path.abspath(given["runtime_dir"]),
        evses=_count(given.get("evses")),
        state_dir=os.path.abspath(given["state_dir"]) if "state_dir" in given else "",
        site_limit=given.get("site_limit", ""),
        group=given.get("group"),
        measure_s=_seconds(given.get("measure_s")),
    )


def group_id(group: str | None) -> int | None:
    """Return the number of a group.

    Raises:
        UsageError: there is no such group.
    """
    if group is None or group.isdecimal():
        return None if group is None else int(group)
    import grp

    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise UsageError(f"cannot use --group {group}: there is no such group; create it or give a number") from None


def _count(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= 99:
        raise UsageError(f"cannot use --evses {text}: give a number from 1 to 99")
    return int(text)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise UsageError(f"cannot use --measure {text}: give seconds from 0.1 to 86400")
    return seconds
