"""Volts of the control pilot to its state: windows, debounce, diode check (IEC 61851-1 Annex A). Pure."""

from dataclasses import dataclass
from enum import StrEnum


class CpState(StrEnum):
    """Control-pilot state. E stands for everything that is no clean A, B, C, D or F."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"


PLUGGED = (CpState.B, CpState.C, CpState.D)
"""A vehicle is seen."""
_WINDOWS = (
    (11.0, 13.0, CpState.A),
    (8.0, 10.0, CpState.B),
    (5.0, 7.0, CpState.C),
    (2.0, 4.0, CpState.D),
    (-13.0, -11.0, CpState.F),
)
"""Nominal volts plus or minus 1 V. What lies between the windows is not rounded to a neighbour."""
LOW_MIN_V, LOW_MAX_V = -13.0, -10.0
"""The low half of a PWM with a healthy diode in the vehicle; without one it mirrors the high half."""
CONFIRM = 2
"""Equal samples in a row that make a state."""
BAD, ENOUGH = 3, 4
"""A sample without demand weighs so much, one with demand takes 1 away: two in a row open, and so does every second."""
CONFIRM_ERROR = 5
"""The same for E: an edge that is filtered passes between the windows. Opening does not wait for it."""
CONFIRM_DIODE = 2


def classify(high_v: float) -> CpState:
    """Return the state of the pilot's high half; NaN and anything between the windows is E."""
    for low, high, state in _WINDOWS:
        if low <= high_v <= high:
            return state
    return CpState.E


def diode_ok(low_v: float) -> bool:
    """Tell whether the low half of a PWM shows the vehicle's diode."""
    return LOW_MIN_V <= low_v <= LOW_MAX_V


@dataclass(frozen=True, slots=True)
class CpTrack:
    """The pilot over time."""

    state: CpState | None = None
    """Confirmed; None until the first one is."""
    since_ms: int = 0
    candidate: CpState | None = None
    count: int = 0
    no_demand: int = 0
    """Weight of the samples in which no vehicle asked for power (not C, not D); `ENOUGH` opens."""
    unsteady_ms: int = 0
    """When a sample last differed from the state."""


def follow(track: CpTrack, sample: CpState, now_ms: int) -> CpTrack:
    """Return the track after one more sample; the same object if nothing is new."""
    needed = CONFIRM_ERROR if sample is CpState.E else CONFIRM
    asks = sample is CpState.C or sample is CpState.D
    no_demand = max(track.no_demand - 1, 0) if asks else min(track.no_demand + BAD, ENOUGH)
    count = min(track.count + 1, needed) if sample is track.candidate else 1
    state, since_ms = track.state, track.since_ms
    if count >= needed and sample is not state:
        state, since_ms = sample, now_ms
    unsteady_ms = track.unsteady_ms if sample is track.state else now_ms
    old = (track.state, track.candidate, track.count, track.no_demand, track.unsteady_ms)
    if (state, sample, count, no_demand, unsteady_ms) == old:
        return track
    return CpTrack(state, since_ms, sample, count, no_demand, unsteady_ms)


GONE_MS = 300
"""A vehicle is gone once the pilot stood at A for so long. The contactor opened long before; a loose contact is not a
new plug-in."""


def gone(track: CpTrack, now_ms: int) -> bool:
    """Tell whether no vehicle is plugged, for long enough that this is no bad contact."""
    return track.state is CpState.A and now_ms - track.since_ms >= GONE_MS


NOISY = 3
"""So many openings by a disturbed pilot within `NOISY_MS` are enough for this plug-in."""
NOISY_MS = 30_000
ORDERLY_MS = 100
"""A filtered edge passes between the windows: a vehicle in B so soon after the opening stopped in good order."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Openings under load in which the vehicle did not say that it stops."""

    openings_ms: tuple[int, ...] = ()
    found: bool = False
    """Too many; stays until the plug is out."""


def opened(noise: Noise, track: CpTrack, now_ms: int) -> Noise:
    """Return the noise after the pilot opened the contactor."""
    if track.state is CpState.B:
        return noise
    recent = (*(at for at in noise.openings_ms if now_ms - at < NOISY_MS), now_ms)
    return Noise(recent[-NOISY:], noise.found or len(recent) >= NOISY)


def follow_noise(noise: Noise, track: CpTrack, now_ms: int) -> Noise:
    """Return the noise after one more sample; the same object if nothing is new."""
    if gone(track, now_ms):
        return Noise() if noise.openings_ms or noise.found else noise
    if track.state is CpState.B and noise.openings_ms and now_ms - noise.openings_ms[-1] <= ORDERLY_MS:
        return noise if noise.found else Noise(noise.openings_ms[:-1])
    return noise


@dataclass(frozen=True, slots=True)
class Diode:
    """The diode check of one plug-in."""

    good: int = 0
    """Samples in a row, with PWM on, that showed it."""
    bad_since_ms: int | None = None
    shorted: bool = False
    """Found missing or shorted; stays until the plug is out."""


DIODE_START_MS = 500
"""After the start of PWM no fault is raised for so long; closing waits for good samples in any case."""
DIODE_BAD_MS = 100


def follow_diode(diode: Diode, low_v: float | None, now_ms: int, *, pwm_since_ms: int | None, plugged: bool) -> Diode:
    """Return the check after one more sample. `pwm_since_ms` None: no PWM, so nothing can be said."""
    if not plugged:
        return diode if diode == Diode() else Diode()
    if pwm_since_ms is None or low_v is None:
        return diode if diode.good == 0 and diode.bad_since_ms is None else Diode(shorted=diode.shorted)
    if diode_ok(low_v):
        if diode.good >= CONFIRM_DIODE:
            return diode
        return Diode(diode.good + 1, None, diode.shorted)
    since = now_ms if diode.bad_since_ms is None else diode.bad_since_ms
    late = now_ms - since >= DIODE_BAD_MS and now_ms - pwm_since_ms >= DIODE_START_MS
    if diode.good == 0 and diode.bad_since_ms == since and diode.shorted == (diode.shorted or late):
        return diode
    return Diode(0, since, diode.shorted or late)


@dataclass(frozen=True, slots=True)
class Steady:
    """Since when the front end repeats one exact pair of readings."""

    high_v: float | None = None
    low_v: float | None = None
    since_ms: int = 0


def follow_steady(steady: Steady, high_v: float | None, low_v: float | None, now_ms: int) -> Steady:
    """Return the pair after one more sample; the same object if it is the same pair."""
    if steady.high_v == high_v and steady.low_v == low_v:
        return steady
    return Steady(high_v, low_v, now_ms)
