"""Counters that outlive restarts: one small file, replaced atomically, written only while every contactor is open."""

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields

from stationd.pilot import small_file
from stationd.pilot.cycles import Counters

FILE_NAME = "counters.json"
MAX_BYTES = 65_536
MAX_COUNT = 10**9
"""No contactor lives so long; more is damage."""
NAMES = frozenset(field.name for field in fields(Counters))
RCD_TESTS = ("none", "passed", "failed")


class CounterError(Exception):
    """The file cannot be read or written."""


def read(path: str) -> Mapping[int, Counters]:
    """Return the counters by EVSE. Fields that only another version knows are left out.

    A damaged file is put aside as `.damaged`, so that a person can read it.

    Raises:
        CounterError: there is no file, or it cannot be read or understood; count from 0.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES)
    except OSError as error:
        raise CounterError(f"cannot read {path}: {error.strerror}; counters start at 0") from None
    try:
        return {int(evse_id): _counters(fields) for evse_id, fields in json.loads(content)["counters"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        with contextlib.suppress(OSError):
            os.replace(path, f"{path}.damaged")
        raise CounterError(
            f"cannot read {path}: it is not a file of counters; kept as {path}.damaged, counters start at 0"
        ) from None


def _counters(told: Mapping[str, object]) -> Counters:
    counters = Counters(**{name: value for name, value in told.items() if name in NAMES})  # type: ignore[arg-type]
    for name, value in asdict(counters).items():
        known = value in RCD_TESTS if name == "rcd_test" else type(value) is int and 0 <= value <= MAX_COUNT
        if not known:
            raise ValueError(name)
    return counters


def write(path: str, counters: Mapping[int, Counters]) -> None:
    """Replace the file; after a power cut either the old or the new one is there. Waits for the disk.

    Raises:
        CounterError: it could not be written.
    """
    document = {"counters": {str(evse_id): _fields(of) for evse_id, of in sorted(counters.items())}}
    try:
        small_file.replace(path, json.dumps(document).encode() + b"\n")
    except OSError as error:
        raise CounterError(
            f"cannot write {path}: {error.strerror}; what was counted since the last writing would be lost"
        ) from None


def _fields(counters: Counters) -> dict[str, object]:
    told = asdict(counters)
    if counters.rcd_test not in RCD_TESTS:  # one that runs has no result yet
        told["rcd_test"] = "none"
    return told
