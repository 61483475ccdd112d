"""What the board's converters and contacts say, which is not always what is. Sans-I/O; random numbers are seeded."""

from random import Random

from stationd.sandbox.plant import faults

Volts = tuple[float, float]
NOISE_V = 0.02
NOISY_V = 13.0
NOISY_EVERY_NS = 4_000_000
MID_BAND_V = 7.5
HOT_C = 95.0
OUT_OF_RANGE_OHM, GAP_OHM, WEAKER_OHM = 30.0, 1000.0, 680.0
"""Below every cable; between the bands of 20 A and 13 A; a cable of 20 A."""


class Sensing:
    """The sensors of one EVSE, with the set of faults that they share with the rest of it."""

    def __init__(self, seed: int, broken: set[str]) -> None:
        self._noise = Random(seed)
        self._wild = Random(seed)
        self._broken = broken
        self._stuck: Volts | None = None
        self._wild_v: Volts = (0.0, 0.0)
        self.given_c: float | None = None
        """Temperature that a person or a test set; None = physics."""
        self.change_at_ns: int | None = None

    def faults_changed(self, now_ns: int, volts: Volts) -> None:
        """Begin or end what a fault of the pilot's converter does; `volts` are the true ones."""
        if faults.CP_STUCK not in self._broken:
            self._stuck = None
        elif self._stuck is None:
            self._stuck = self._noisy(volts)
        if faults.CP_NOISY not in self._broken:
            self.change_at_ns = None
        elif self.change_at_ns is None:
            self._roll(now_ns)

    def happen(self, now_ns: int) -> None:
        """Let a noisy converter say something else if it is time."""
        if self.change_at_ns is not None and self.change_at_ns <= now_ns:
            self._roll(now_ns)

    def pilot(self, volts: Volts) -> Volts:
        """Return what the converter says of these true volts, without its ordinary noise."""
        if self._stuck is not None:
            return self._stuck
        if faults.CP_NOISY in self._broken:
            return self._wild_v
        if faults.CP_MID_BAND in self._broken:
            return MID_BAND_V, volts[1] if volts[1] < 0 < volts[0] else MID_BAND_V
        return volts

    def pilot_sample(self, volts: Volts) -> Volts:
        """Return one conversion: with the ordinary noise, unless the converter repeats itself."""
        return self._stuck if self._stuck is not None else self._noisy(self.pilot(volts))

    def proximity(self, ohm: float | None) -> float | None:
        """Return the resistance measured; a broken contact or resistor shows only with a cable."""
        if ohm is None or faults.PP_OPEN in self._broken:
            return None
        wrong = {faults.PP_OUT_OF_RANGE: OUT_OF_RANGE_OHM, faults.PP_GAP: GAP_OHM, faults.PP_WEAKER: WEAKER_OHM}
        return next((instead for name, instead in wrong.items() if name in self._broken), ohm)

    def contactor(self, closed: bool) -> bool | None:
        """Return what the mirror contact says; None = it cannot be read."""
        if faults.FEEDBACK_LOST in self._broken:
            return None
        if faults.FEEDBACK_STUCK_CLOSED in self._broken:
            return True
        return closed and faults.FEEDBACK_STUCK_OPEN not in self._broken

    def lock(self, state: str) -> str | None:
        """Return what the lock's contact says; None = it cannot be read."""
        return None if faults.LOCK_FEEDBACK_LOST in self._broken else state

    def phases(self, position: int) -> int | None:
        """Return what the phase switch's contact says; None = it cannot be read."""
        return None if faults.PHASE_FEEDBACK_LOST in self._broken else position

    def temperature(self, celsius: float) -> float | None:
        """Return what the sensor says if it really is so warm; None = it cannot be read."""
        if faults.TEMPERATURE_LOST in self._broken:
            return None
        if faults.OVER_TEMPERATURE in self._broken:
            return HOT_C
        return celsius if self.given_c is None else self.given_c

    def current(self, amps: tuple[float, float, float]) -> list[float] | None:
        """Return what the current transformers say; None = they cannot be read."""
        return None if faults.CURRENT_LOST in self._broken else [round(each, 4) for each in amps]

    def _noisy(self, volts: Volts) -> Volts:
        high = round(volts[0] + self._noise.uniform(-NOISE_V, NOISE_V), 3)
        if volts[0] == volts[1]:
            return high, high
        return high, round(volts[1] + self._noise.uniform(-NOISE_V, NOISE_V), 3)

    def _roll(self, now_ns: int) -> None:
        high, low = (round(self._wild.uniform(-NOISY_V, NOISY_V), 3) for _ in range(2))
        self._wild_v = (high, low)
        self.change_at_ns = now_ns + NOISY_EVERY_NS
