"""Temperature of the board: less current when it is warm, none when it is hot. Pure."""

from dataclasses import dataclass, replace
from math import floor, inf

from stationd.pilot.duty import MIN_OFFER_A

DWELL_MS = 500
"""A higher reading counts once it stood for so long: one wild sample neither slows nor stops anybody."""
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
    rising_since_ms: int | None = None


def readable(celsius: float | None) -> bool:
    """Tell whether this can be a temperature; False for NaN too."""
    return celsius is not None and COLDEST_C <= celsius <= HOTTEST_C


def follow(heat: Heat, celsius: float | None, now_ms: int, *, hysteresis_c: float) -> Heat:
    """Return the heat after one more reading; the same object if nothing is new. An unreadable one changes nothing."""
    if celsius is None or not readable(celsius):
        return heat
    if celsius > heat.celsius:
        if heat.rising_since_ms is None:
            return replace(heat, rising_since_ms=now_ms)
        return Heat(celsius) if now_ms - heat.rising_since_ms >= DWELL_MS else heat
    cooled_c = min(heat.celsius, celsius + hysteresis_c)
    if heat.rising_since_ms is None and cooled_c == heat.celsius:
        return heat
    return Heat(cooled_c)


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
