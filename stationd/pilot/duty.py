"""Amperes to PWM duty and back (IEC 61851-1 Tables A.7 and A.8). Pure."""

MIN_OFFER_A = 6.0
"""The smallest current a duty can offer; less is a pause."""
MAX_OFFER_A = 80.0
STEADY_HIGH = 100.0
"""Percent of a pilot without PWM, at +12 V."""
STEADY_LOW = 0.0
"""Percent of state F: steady -12 V."""


def amps_to_duty(amps: float) -> float:
    """Return the duty in percent that offers `amps`: steady +12 V below 6 A, never more than 80 A."""
    if not amps >= MIN_OFFER_A:  # also for NaN
        return STEADY_HIGH
    if amps <= 51.0:
        return amps / 0.6
    return min(amps, MAX_OFFER_A) / 2.5 + 64.0


def duty_to_amps(duty: float) -> float:
    """Return what an EV may draw at this duty; 0 where it may not charge.

    3 to 7 % asks for digital communication, which this station does not offer: 0 as well.
    """
    if 8.0 <= duty < 10.0:
        return MIN_OFFER_A
    if 10.0 <= duty <= 85.0:
        return duty * 0.6
    if 85.0 < duty <= 96.0:
        return (duty - 64.0) * 2.5
    if 96.0 < duty <= 97.0:
        return MAX_OFFER_A
    return 0.0


def is_pwm(duty: float) -> bool:
    """Tell whether the pilot oscillates at this duty."""
    return STEADY_LOW < duty < STEADY_HIGH
