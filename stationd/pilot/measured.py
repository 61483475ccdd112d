"""What `--measure` found out about this board: the verdict, and a small file that keeps it."""

import binascii
import json
from dataclasses import asdict, dataclass

from stationd.hwprofile import HwProfile
from stationd.pilot import small_file
from stationd.pilot.protocol import Stats

FILE_NAME = "measured.json"
MAX_BYTES = 4_096
BUDGET_MS = 50.0
"""Sensor and software together, from a change of the pilot to the order to open."""


class MeasuredError(Exception):
    """The file cannot be read or written."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement."""

    profile: str
    fingerprint: str
    """Of the profile's content: another profile, or a changed one, has not been measured yet."""
    worst_ms: float
    met: bool


def judged(profile: HwProfile, stats: Stats) -> Measured:
    """Return the verdict: two samples that agree, and the worst lateness and work that occurred, within the budget.

    A proximity contact may take the pilot's turn at the converter, and so costs one period more.
    """
    samples = 3 if any(evse.proximity is not None for evse in profile.evses) else 2
    software_us = samples * stats.period_ms * 1_000 + stats.late_max_us + stats.work_max_us
    worst_ms = max(software_us, stats.reaction_max_us) / 1_000
    return Measured(profile.name, fingerprint(profile), worst_ms, met=worst_ms <= BUDGET_MS)


def fingerprint(profile: HwProfile) -> str:
    """Return what tells this content of a profile from others; comments in its file do not count."""
    return f"{binascii.crc32(repr(profile).encode()):08x}"


def refusal(measured: Measured | None, profile: HwProfile, path: str) -> str | None:
    """Return why the profile must not be used, if it was measured and missed the budget."""
    if measured is None or measured.met or measured.fingerprint != fingerprint(profile):
        return None
    return (
        f"cannot use hw-profile {measured.profile}: --measure found {measured.worst_ms:.1f} ms from pilot to command, "
        f"and {BUDGET_MS:.0f} ms are the most; see docs/PILOT_PROTOCOL.md, then measure again, or remove {path}"
    )


def read(path: str) -> Measured | None:
    """Return the last measurement; None if there was none.

    Raises:
        MeasuredError: a file is there, but cannot be read or understood.
    """
    try:
        with open(path, "rb") as file:
            fields = json.loads(file.read(MAX_BYTES))
        return Measured(
            str(fields["profile"]), str(fields["fingerprint"]), float(fields["worst_ms"]), fields["met"] is True
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MeasuredError(f"cannot read {path}: {error.strerror}; measure again") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise MeasuredError(f"cannot read {path}: it is no measurement; measure again") from None


def write(path: str, measured: Measured) -> None:
    """Replace the file. Waits for the disk.

    Raises:
        MeasuredError: it could not be written.
    """
    try:
        small_file.replace(path, json.dumps(asdict(measured)).encode() + b"\n")
    except OSError as error:
        raise MeasuredError(f"cannot write {path}: {error.strerror}; the next start will not know of it") from None
