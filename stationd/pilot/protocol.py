"""Messages between `stationd-pilot` and its clients, and their one-line JSON form.

The only file of the safety process that the brain may import. See docs/PILOT_PROTOCOL.md. Standard library only.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

VERSION = 1
OLDEST_VERSION = 1
"""Version N speaks N-1 too, once there is one."""
MAX_LINE_BYTES = 4096
DEFAULT_LEASE_MS = 5_000
MAX_LEASE_MS = 10_000
"""A longer lease is cut to this."""


class ProtocolError(Exception):
    """A line that is not a message; the text says what is wrong with it."""


class UnknownTypeError(ProtocolError):
    """A message of a type that this version does not know; either side goes on without it."""

    def __init__(self, kind: str, seq: int) -> None:
        super().__init__(f"cannot read message: unknown type {kind!r}")
        self.seq = seq
        """Of the message, 0 without one."""


@dataclass(frozen=True, slots=True)
class Hello:
    """First line of either side."""

    v: int
    role: str
    """`pilot`, `brain` (asks for the one permit) or `reader` (watches only)."""
    boot_id: str = ""
    """Of the pilot process: a new one after each start. Empty from clients."""
    evses: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """Permission with an expiry. The newest replaces the one before; `permit` False opens in good order."""

    evse_id: int
    amps: float
    phases: int
    permit: bool
    lease_ms: int
    seq: int


@dataclass(frozen=True, slots=True)
class Unlock:
    """Unlock the connector; refused while the contactor is closed."""

    evse_id: int
    seq: int


@dataclass(frozen=True, slots=True)
class ResetFault:
    """Clear a latched fault whose cause is gone."""

    evse_id: int
    seq: int
    code: str


@dataclass(frozen=True, slots=True)
class SetAvailable:
    """False: signal state F (not available) on the pilot; refused while the contactor is closed."""

    evse_id: int
    seq: int
    available: bool


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Test the residual current device now; refused while the contactor is closed. Watch `Status.rcd_test`."""

    evse_id: int
    seq: int


@dataclass(frozen=True, slots=True)
class GetStats:
    """Ask for `Stats`; it is the answer instead of a `Reply`."""

    seq: int


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer to a client's message; `error` is None or one sentence. `seq` 0: not an answer, but a notice to read."""

    seq: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """How the loop runs, since its start. Lateness and work of a tick in microseconds."""

    seq: int
    mode: str
    """`realtime`, or `degraded: ` and what was refused."""
    period_ms: int
    ticks: int
    overruns: int
    """Ticks that began more than a period late, or took longer than one."""
    late_p999_us: int
    late_max_us: int
    work_max_us: int
    work_mean_us: int
    reactions: int = 0
    """Openings that the pilot or a fault input asked for. Their times follow: from the last look at which nothing did
    to the end of the write, so never less than from the cause to the order."""
    reaction_p999_us: int = 0
    reaction_max_us: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """Full state of one EVSE, sent on every change of anything but volts and uptime_ms, and once a second."""

    evse_id: int
    cp: str
    """A to F."""
    volts: float
    """High half of the pilot."""
    duty: float
    """Percent; 100 = steady +12 V (no PWM), 0 = steady -12 V (state F)."""
    commanded_closed: bool
    sensed_closed: bool
    lock: str
    """none, unlocked, locked, moving, failed."""
    pp_amps: float | None
    """Ampacity of the plugged cable; None without one, or if it cannot be read."""
    max_amps: float
    """min(cable, profile, installer's limit); 0 if the installer's limit is unset."""
    offered_amps: float
    """What the duty says; 0 without PWM."""
    permit: bool
    """An unexpired permit is held."""
    brain_lost: bool
    """The lease ran out; the hold rule applies."""
    faults: tuple[str, ...]
    uptime_ms: int
    boot_id: str
    unplugs: int = 0
    """How often a vehicle left since this start: so a brain that was away knows whether it is still the same one."""
    warnings: tuple[str, ...] = ()
    """Codes of `fault_table.WARNINGS`: worth a look, but energy may flow."""
    waits_for: str = ""
    """The first thing that keeps the contactor open although the vehicle asks for power; empty otherwise."""
    phases: int = 3
    """Phases that a closed contactor would connect now; 0 while they are being switched."""
    temperature_c: float | None = None
    """Hottest sensor, in whole degrees; None without one, or if it cannot be read."""
    low_v: float = 0.0
    """Low half of the pilot. No reason for a status by itself."""
    rcd_test: str = "none"
    """Last self-test of the residual current device: none, running, passed, failed."""
    cycles: int = 0
    """Closings of the contactor in its life, as counted here."""
    hot_openings: int = 0
    """Openings while the vehicle still asked for power: they wear the contacts."""
    slow_openings: int = 0
    failed_closings: int = 0


Message = Hello | Offer | Unlock | ResetFault | SetAvailable | SelfTest | GetStats | Reply | Stats | Status
_TYPES: dict[str, type[Any]] = {
    "hello": Hello,
    "offer": Offer,
    "unlock": Unlock,
    "reset_fault": ResetFault,
    "set_available": SetAvailable,
    "self_test": SelfTest,
    "get_stats": GetStats,
    "reply": Reply,
    "stats": Stats,
    "status": Status,
}
_NAMES = {cls: name for name, cls in _TYPES.items()}
_CHECKS: dict[str, type | tuple[type, ...]] = {
    "v": int, "role": str, "boot_id": str, "evse_id": int, "amps": (int, float), "phases": int, "permit": bool,
    "lease_ms": int, "seq": int, "code": str, "available": bool, "cp": str, "volts": (int, float),
    "duty": (int, float), "commanded_closed": bool, "sensed_closed": bool, "lock": str,
    "max_amps": (int, float), "offered_amps": (int, float), "brain_lost": bool, "uptime_ms": int, "unplugs": int,
    "waits_for": str, "low_v": (int, float), "rcd_test": str, "cycles": int, "hot_openings": int, "slow_openings": int,
    "failed_closings": int,
}  # fmt: skip
_BOUNDS = {"amps": (0.0, 1000.0), "phases": (1, 3), "lease_ms": (0, 3_600_000), "seq": (0, 2**53), "evse_id": (0, 999)}
_TOLD = _BOUNDS | {"phases": (0, 3)}
"""Of a status: no phase is connected while they are being switched."""


def encode(message: Message) -> bytes:
    """Return the message as one line of JSON."""
    return json.dumps({"type": _NAMES[type(message)], **asdict(message)}, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Return the message of a line; unknown keys are ignored.

    Raises:
        UnknownTypeError: a message, but of a type that only another version knows.
        ProtocolError: not JSON, no known type, or a field that is missing, of a wrong type or out of bounds.
    """
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"cannot read message: {error}") from None
    if not isinstance(fields, dict):
        raise ProtocolError("cannot read message: not a JSON object")
    kind = fields.get("type")
    if not isinstance(kind, str):
        raise ProtocolError(f"cannot read message: type must be a text, not {str(kind)[:40]!r}")
    cls = _TYPES.get(kind)
    if cls is None:
        seq = fields.get("seq")
        raise UnknownTypeError(kind[:40], seq if type(seq) is int and 0 <= seq <= 2**53 else 0)
    known = {name: fields[name] for name in cls.__dataclass_fields__ if name in fields}
    for name, value in known.items():
        _check(name, value, _TOLD if cls is Status else _BOUNDS)
    for name in ("evses", "faults", "warnings"):
        if name in known:
            if not isinstance(known[name], list):
                raise ProtocolError(f"cannot read message: {name} must be a list")
            known[name] = tuple(known[name])
    try:
        return cls(**known)  # type: ignore[no-any-return]
    except TypeError:
        missing = [n for n, f in cls.__dataclass_fields__.items() if n not in known and f.default is f.default_factory]
        raise ProtocolError(f"cannot read message: {cls.__name__} needs {', '.join(missing)}") from None


def _check(name: str, value: object, within: Mapping[str, tuple[float, float]]) -> None:
    wanted = _CHECKS.get(name)
    if wanted is None:
        return
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise ProtocolError(f"cannot read message: {name} has a wrong type: {str(value)[:40]!r}")
    bounds = within.get(name)
    if bounds is not None and isinstance(value, int | float) and not bounds[0] <= value <= bounds[1]:
        raise ProtocolError(f"cannot read message: {name} must be {bounds[0]} to {bounds[1]}, not {value}")
