"""Faults that outlive a restart: one small file, replaced atomically, written only while every contactor is open.

A copy in memory (a tmpfs) is written at once, so that the death of the process loses nothing until then.
"""

import json
import os
from collections.abc import Mapping

from stationd.fault_table import FAULTS, Ends
from stationd.pilot import small_file

FILE_NAME = "latches.json"
COPY_NAME = "latches-copy.json"
"""In the runtime folder; another name, because both folders may be the same."""
DURABLE = frozenset(code for code, row in FAULTS.items() if row.ends is Ends.DURABLE) | {"hardware"}
"""`hardware` is kept only if it came from a file of latches that could not be understood."""
MAX_BYTES = 65_536
Latches = Mapping[int, frozenset[str]]


class LatchError(Exception):
    """The file cannot be read or written."""

    def __init__(self, text: str, known: Latches | None = None) -> None:
        super().__init__(text)
        self.known: Latches = known or {}
        """What could be read nevertheless."""


def read(path: str) -> Latches:
    """Return the latched faults by EVSE; none if there is no file.

    A new file that was not put in place yet tells of a write that was cut short: what either file holds, counts. An
    empty one beside a good file tells nothing.

    Raises:
        LatchError: a file is there, but cannot be read or understood.
    """
    known: Latches = {}
    problem = ""
    for one in (path, f"{path}.new"):
        try:
            known = union(known, _read(one))
        except LatchError as error:
            problem = problem or str(error)
    if problem:
        raise LatchError(problem, known)
    return known


def check_folder(path: str) -> None:
    """Find out whether the file could be written, before there is anything to write.

    Raises:
        LatchError: the folder is missing, or not writable.
    """
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise LatchError(f"cannot use state folder {folder}: there is none; create it")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise LatchError(
            f"cannot use state folder {folder}: it cannot be written; change its owner or mount it writable"
        )


def _read(path: str) -> Latches:
    try:
        with open(path, "rb") as file:
            document = json.loads(file.read(MAX_BYTES))
        latches = {int(evse_id): frozenset(codes) for evse_id, codes in document["latched"].items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise LatchError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise LatchError(f"cannot read {path}: it is not a file of latches") from None
    if any(code not in DURABLE for codes in latches.values() for code in codes):
        raise LatchError(f"cannot read {path}: it names a fault that is not one of {', '.join(sorted(DURABLE))}")
    return latches


def durable(latches: Latches) -> Latches:
    """Return those that outlive a restart, without EVSEs that have none."""
    return {evse_id: kept for evse_id, codes in latches.items() if (kept := codes & DURABLE)}


def union(one: Latches, other: Latches) -> Latches:
    """Return what either of them holds."""
    nothing: frozenset[str] = frozenset()
    return {evse_id: one.get(evse_id, nothing) | other.get(evse_id, nothing) for evse_id in sorted({*one, *other})}


def write(path: str, latches: Latches, *, durable_file: bool = True) -> None:
    """Replace the file with the codes that outlive a restart; others are left out. Waits for the disk, if it must last.

    Raises:
        LatchError: it could not be written.
    """
    kept = durable(latches)
    document = {"latched": {str(evse_id): sorted(codes) for evse_id, codes in sorted(kept.items())}}
    try:
        small_file.replace(path, json.dumps(document).encode() + b"\n", durable=durable_file)
    except OSError as error:
        raise LatchError(
            f"cannot write {path}: {error.strerror}; a latched fault would not outlive a restart"
        ) from None
