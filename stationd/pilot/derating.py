"""Temperature of the board: less current when it is warm, none when it is hot. Pure."""

from dataclasses import dataclass, replace
from math import floor, inf

from stationd.pilot import leaky
from stationd.pilot.duty import MIN_OFFER_A
from stationd.pilot.leaky import STOPPED, Leaky

RISE_MS = 500
"""A higher reading counts once it stood for so long: one wild sample neither slows nor stops anybody."""
FALL_MS = 5_000
"""A lower one for so long: one wild sample forgets no heat."""
COLDEST_C, HOTTEST_C = -60.0, 200.0
"""What no sensor on a board can show is a broken sensor."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The installer's or board maker's choice; infinity switches a part off."""

    from_c: float = inf
    """Up to here the full current."""
    to_c: float = inf
    """From here 6 A; between the two in proportion."""
    stop_c: float = inf
    """From here none."""
    hysteresis_c: float = 5.0
    """So much cooler it must be until a limit rises again."""


@dataclass(frozen=True, slots=True)
class Heat:
    """The temperature that counts: it rises with the sensor and falls only `hysteresis_c` behind it."""

    celsius: float = -inf
    rising: Leaky = STOPPED
    rising_c: float = inf
    """Lowest of the higher readings."""
    falling_since_ms: int | None = None
    falling_c: float = -inf
    """Highest of the lower readings."""


def readable(celsius: float | None) -> bool:
    """Tell whether this can be a temperature; False for NaN too."""
    return celsius is not None and COLDEST_C <= celsius <= HOTTEST_C


def follow(heat: Heat, celsius: float | None, now_ms: int, *, hysteresis_c: float) -> Heat:
    """Return the heat after one more reading; the same object if nothing is new. An unreadable one changes nothing."""
    if celsius is None or not readable(celsius):
        return _stop_rising(heat, now_ms)
    if celsius > heat.celsius:
        return _rise(heat, celsius, now_ms)
    heat = _stop_rising(heat, now_ms)
    if celsius + hysteresis_c >= heat.celsius:
        return heat if heat.falling_since_ms is None else replace(heat, falling_since_ms=None, falling_c=-inf)
    falling_c = max(heat.falling_c, celsius)
    if heat.falling_since_ms is None:
        return replace(heat, falling_since_ms=now_ms, falling_c=falling_c)
    if now_ms - heat.falling_since_ms >= FALL_MS:
        return Heat(falling_c + hysteresis_c)
    return heat if falling_c == heat.falling_c else replace(heat, falling_c=falling_c)


def _stop_rising(heat: Heat, now_ms: int) -> Heat:
    rising = leaky.follow(heat.rising, now_ms, runs=False)
    if rising is heat.rising:
        return heat
    return replace(heat, rising=rising, rising_c=heat.rising_c if rising is not STOPPED else inf)


def _rise(heat: Heat, celsius: float, now_ms: int) -> Heat:
    rising = leaky.follow(heat.rising, now_ms, runs=True)
    rising_c = min(heat.rising_c, celsius)
    if leaky.spent(rising, now_ms) >= RISE_MS:
        return Heat(rising_c)
    if rising is heat.rising and rising_c == heat.rising_c and heat.falling_since_ms is None:
        return heat
    return replace(heat, rising=rising, rising_c=rising_c, falling_since_ms=None, falling_c=-inf)


def allowed_a(heat: Heat, curve: Curve, full_a: float) -> float:
    """Return the current that the temperature allows, in whole amperes below `full_a`; 0 from `stop_c` on."""
    if heat.celsius >= curve.stop_c:
        return 0.0
    if heat.celsius <= curve.from_c or full_a <= MIN_OFFER_A:
        return full_a
    if heat.celsius >= curve.to_c:
        return MIN_OFFER_A
    share = (curve.to_c - heat.celsius) / (curve.to_c - curve.from_c)
    return max(MIN_OFFER_A, float(floor(MIN_OFFER_A + share * (full_a - MIN_OFFER_A))))
