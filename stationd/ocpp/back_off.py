"""How long to wait before the next try (OCPP 2.0.1 part 4 section 5.3). The random part is given, so this is pure."""

from collections.abc import Callable

from stationd.domain.variable_table import (
    RETRY_BACK_OFF_RANDOM_RANGE,
    RETRY_BACK_OFF_REPEAT_TIMES,
    RETRY_BACK_OFF_WAIT_MINIMUM,
)
from stationd.station.ports import SettingsPort

Uniform = Callable[[float, float], float]


class BackOff:
    """Wait, then wait longer: minimum x 2^n plus a new random part each time, for ever."""

    def __init__(self, settings: SettingsPort, uniform: Uniform, *, floor_s: float) -> None:
        """`floor_s` holds whatever the settings say: a minimum and a range of 0 must not become a flood."""
        self._settings = settings
        self._uniform = uniform
        self._floor_s = floor_s
        self._tries = 0

    def first_wait_s(self) -> float:
        """Return the wait before the first try after the power came back: the random part alone."""
        return self._uniform(0.0, float(self._settings.integer(RETRY_BACK_OFF_RANDOM_RANGE)))

    def next_wait_s(self) -> float:
        """Return the wait before the next try and count it. Only the fixed part doubles."""
        doublings = min(self._tries, self._settings.integer(RETRY_BACK_OFF_REPEAT_TIMES))
        self._tries += 1
        fixed = float(self._settings.integer(RETRY_BACK_OFF_WAIT_MINIMUM)) * (1 << doublings)
        extra = self._uniform(0.0, float(self._settings.integer(RETRY_BACK_OFF_RANDOM_RANGE)))
        return max(self._floor_s, fixed + extra)

    def reset(self) -> None:
        """Begin again at the minimum, after a success."""
        self._tries = 0
