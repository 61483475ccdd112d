"""What the board's converters and contacts say, which is not always what is. Sans-I/O; random numbers are seeded."""

from random import Random
from typing import Any, Protocol

from stationd.sandbox.plant import faults

Volts = tuple[float, float]
Signature = tuple[object, ...]
NOISE_V = 0.02
NOISY_V = 13.0
NOISY_EVERY_NS = 4_000_000
MID_BAND_V = 7.5
AMBIENT_C, HOT_C = 25.0, 95.0
OUT_OF_RANGE_OHM, GAP_OHM, WEAKER_OHM = 30.0, 1000.0, 680.0
"""Below every cable; between the bands of 20 A and 13 A; a cable of 20 A."""
_LOST = frozenset((
    faults.LOCK_FEEDBACK_LOST, faults.PHASE_FEEDBACK_LOST, faults.INPUTS_LOST, faults.CURRENT_LOST, faults.CP_SILENT,
))  # fmt: skip
_NOTHING: frozenset[str] = frozenset()


class Truth(Protocol):
    """What is, as the sensors find it."""

    @property
    def now_ns(self) -> int:
        """Time of this state."""
        ...

    @property
    def pilot_volts(self) -> Volts:
        """Volts of the pilot's high and low half."""
        ...

    @property
    def cable_ohm(self) -> float | None:
        """Resistor in the plug; None = no plug, or a fixed cable."""
        ...

    @property
    def contacts_closed(self) -> bool:
        """True while the contactor's main contacts touch."""
        ...

    @property
    def lock_state(self) -> str:
        """State of the lock."""
        ...

    @property
    def phases(self) -> int:
        """Position of the phase switch: 1, 3, or 0 on the way."""
        ...

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the fault inputs that say that something is wrong."""
        ...

    @property
    def warmth_c(self) -> float:
        """Temperature in the housing."""
        ...

    @property
    def current_a(self) -> tuple[float, float, float]:
        """What flows through the contacts, by phase."""
        ...


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

    def temperature(self, celsius: float) -> float | None:
        """Return what the sensor says if it really is so warm; None = it cannot be read."""
        if faults.TEMPERATURE_LOST in self._broken:
            return None
        if faults.OVER_TEMPERATURE in self._broken:
            return HOT_C
        return celsius if self.given_c is None else self.given_c

    def signature(self, truth: Truth) -> Signature:
        """Return what must reach the driver at once when it changes: no noise, no current, no warmth of its own."""
        return (
            self.pilot(truth.pilot_volts),
            self.proximity(truth.cable_ohm),
            self.contactor(truth.contacts_closed),
            truth.lock_state,
            truth.phases,
            truth.inputs,
            self.temperature(AMBIENT_C),
            self._lost(),
        )

    def packet(self, truth: Truth) -> dict[str, Any]:
        """Return the state that the driver is sent; what cannot be read is None."""
        high, low = self.pilot_sample(truth.pilot_volts)
        wrong, lost = truth.inputs, self._lost()
        return {
            "t_ns": truth.now_ns,
            "cp_high_v": high,
            "cp_low_v": low,
            "pp_ohm": self.proximity(truth.cable_ohm),
            "contactor_closed": self.contactor(truth.contacts_closed),
            "lock": None if faults.LOCK_FEEDBACK_LOST in lost else truth.lock_state,
            "phases": None if faults.PHASE_FEEDBACK_LOST in lost else truth.phases,
            "inputs": {name: None if faults.INPUTS_LOST in lost else name in wrong for name in faults.INPUTS},
            "temperature_c": self.temperature(truth.warmth_c),
            "current_a": None if faults.CURRENT_LOST in lost else [round(amps, 4) for amps in truth.current_a],
        }

    def _lost(self) -> frozenset[str]:
        return _LOST.intersection(self._broken) if self._broken else _NOTHING

    def _noisy(self, volts: Volts) -> Volts:
        high = round(volts[0] + self._noise.uniform(-NOISE_V, NOISE_V), 3)
        if volts[0] == volts[1]:
            return high, high
        return high, round(volts[1] + self._noise.uniform(-NOISE_V, NOISE_V), 3)

    def _roll(self, now_ns: int) -> None:
        high, low = (round(self._wild.uniform(-NOISY_V, NOISY_V), 3) for _ in range(2))
        self._wild_v = (high, low)
        self.change_at_ns = now_ns + NOISY_EVERY_NS
