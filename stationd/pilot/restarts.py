"""Count the ends that nobody asked for. After five in ten minutes the process stays up, but closes nothing.

The file is in the runtime folder: a new boot of the board counts anew.
"""

import json
import os
import time
from dataclasses import dataclass, replace

from stationd.pilot import small_file

FILE_NAME = "restarts.json"
MAX_BYTES = 4_096
TOO_MANY = 5
WITHIN_MS = 600_000
CODE = "restart_loop"
"""The fault that every EVSE starts with then."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of the runs of this boot."""

    failures_ms: tuple[int, ...] = ()
    """When a start found that the run before had not ended in good order, on the clock since boot."""
    running: bool = False
    """A run began and did not end in good order, or not yet."""


def begun(record: Record, now_ms: int) -> tuple[Record, bool]:
    """Return the record of a run that begins now, and whether the process fails again and again.

    A start after an end in good order is a person's or an upgrade's doing: it is never held back.
    """
    failures_ms = (*record.failures_ms, now_ms) if record.running else record.failures_ms
    recent = tuple(at for at in failures_ms if 0 <= now_ms - at < WITHIN_MS)[-TOO_MANY:]
    return Record(recent, running=True), record.running and len(recent) >= TOO_MANY


def ended(record: Record) -> Record:
    """Return the record after an end in good order."""
    return replace(record, running=False)


def read(path: str) -> Record:
    """Return the record of the runs before; an empty one in a new boot.

    Raises:
        ValueError: there is a file, but it cannot be read or understood.
    """
    try:
        with open(path, "rb") as file:
            document = json.loads(file.read(MAX_BYTES))
        if document["boot"] != _boot():
            return Record()
        return Record(tuple(_integer(at) for at in document["failures_ms"]), bool(_integer(document["running"])))
    except FileNotFoundError:
        return Record()
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}; unexpected ends are counted anew") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError(f"cannot read {path}: it is no record of starts; unexpected ends are counted anew") from None


def write(path: str, record: Record) -> None:
    """Replace the file, without waiting for a disk.

    Raises:
        ValueError: it could not be written.
    """
    document = {"boot": _boot(), "failures_ms": record.failures_ms, "running": int(record.running)}
    try:
        small_file.replace(path, json.dumps(document).encode() + b"\n", durable=False)
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}; unexpected ends are not counted") from None


def _integer(value: object) -> int:
    if type(value) is not int:
        raise TypeError(value)
    return value


def now_ms() -> int:
    """Return milliseconds since boot, sleep included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def _boot() -> str:
    """Return what tells this boot of the kernel from others; empty where the kernel does not say."""
    try:
        handle = os.open("/proc/sys/kernel/random/boot_id", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(handle, 64).decode("latin-1").strip()
    finally:
        os.close(handle)
