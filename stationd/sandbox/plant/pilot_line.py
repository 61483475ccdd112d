"""The pilot wire between board and car: volts seen by the board, amperes read by the car. Pure.

Written from the car's side on purpose and not shared with `stationd.pilot`: an error in one of the two must show.
"""

SOURCE_OHM = 1000.0
GENERATOR_V = 12.0
DIODE_V = 0.7
B_OHM = 2740.0
C_OHM = 882.0
"""B's resistor in parallel with the one behind S2."""
D_OHM = 246.0
"""The same with the resistor of a vehicle that needs ventilation."""

_DUTY_TABLE: tuple[tuple[float, float, float, float], ...] = (
    # from percent, up to (not including), slope, offset
    (8.0, 10.0, 0.0, 6.0),
    (10.0, 85.0, 0.6, 0.0),
    (85.0, 96.0, 2.5, -160.0),
    (96.0, 97.0, 0.0, 80.0),
)


def offered_a(duty: float) -> float:
    """Return the amperes that a duty (percent) offers to the car; 0 where it may not charge (IEC 61851-1 Table A.8).

    3 to 7 % asks for digital communication, which this car does not speak.
    """
    for low, high, slope, offset in _DUTY_TABLE:
        if low <= duty < high:
            return slope * duty + offset
    return 80.0 if duty == 97.0 else 0.0


def volts(
    duty: float, load_ohm: float | None, *, diode_shorted: bool = False, shorted: bool = False
) -> tuple[float, float]:
    """Return volts of the high and the low half; `load_ohm` None = nothing connected.

    100 % is a steady +12 V and 0 % a steady -12 V: then both halves are the same.
    """
    if shorted:
        return 0.0, 0.0
    high, low = GENERATOR_V, -GENERATOR_V
    if load_ohm is not None:
        share = load_ohm / (load_ohm + SOURCE_OHM)
        diode_v = 0.0 if diode_shorted else DIODE_V
        high = round((GENERATOR_V - diode_v) * share + diode_v, 3)
        low = round(-GENERATOR_V * share, 3) if diode_shorted else low
    if duty >= 100:
        return high, high
    return (low, low) if duty <= 0 else (high, low)
