"""The words in which inputs and messages are chosen, and what each of them means to the machine."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import inf, nan
from typing import Any

from stationd.pilot import commands
from stationd.pilot.interfaces import LockFeedback
from stationd.pilot.machine import Pins, Seen, State
from stationd.pilot.protocol import Message, Offer, ResetFault, SelfTest, SetAvailable, Unlock
from tests.pilot.proof.times import Q_MS

LEASE_Q = 2
"""Every offer lasts so many quanta; one that is not repeated has lapsed in the second look after it."""
WORDS: dict[str, dict[str, Any]] = {
    "high_v": {"A": 12.0, "B": 9.0, "C": 6.0, "D": 3.0, "E": 0.0, "F": -12.0, "mid": 7.5, "none": None, "nan": nan,
               "inf": inf},
    "low_v": {"ok": -12.0, "bad": -8.8, "none": None, "nan": nan},
    "contactor": {"open": False, "closed": True, "none": None},
    "lock": {one.value: one for one in LockFeedback} | {"none": None, "no lock": LockFeedback.NONE},
    "pp_ohm": {"32 A": 220.0, "13 A": 1500.0, "no cable": inf, "none": None, "nan": nan},
    "faulty": {"quiet": frozenset()},
    "cp_new": {"new": True, "not sampled": False},
    "stalled": {"in time": False, "stalled": True},
    "temperature_c": {"cool": 20.0, "warm": 70.0, "hot": 90.0, "none": None, "nan": nan, "inf": inf},
    "amps": {"0 A": (0.0, 0.0, 0.0), "5 A": (5.0, 0.0, 0.0), "16 A": (16.0, 0.0, 0.0), "30 A": (0.0, 30.0, 0.0),
             "none": None, "nan": (nan, 0.0, 0.0)},
    "phases": {"1": 1, "3": 3, "between": 0, "none": None},
}  # fmt: skip
SENSORS = ("temperature_c", "amps", "phases")
BROKEN = ("none", "nan", "inf")
CABLES = {"32 A": 32.0, "13 A": 13.0, "no cable": None, "none": None, "nan": None}
"""By field of `Seen`. A word of `faulty` that is not listed is the name of the one input in alarm."""


FOLLOWS = "follows"
"""Of `contactor`, `lock` and `phases`: the device does at once what it was told in the look before."""


@dataclass(frozen=True, slots=True)
class Look:
    """One combination of all inputs, in words and as the machine sees it."""

    words: str
    seen: Seen
    cp: str
    """The word of the pilot's high half; `-` if it was not sampled."""
    low_ok: bool
    cable_a: float | None
    sensors_ok: bool
    """Those that the board has can be read, and show what can be."""
    most_a: float
    """The highest of the phases' currents; 0 if they cannot be read."""
    hot_c: float
    """The temperature; the coldest if it cannot be read."""


class Looks:
    """Every combination of the words of each axis. An axis with one word is held at that word."""

    def __init__(self, axes: dict[str, Sequence[str]]) -> None:
        self._axes = axes
        self._known: dict[tuple[Any, ...], list[Look]] = {}

    def after(self, was: Pins) -> list[Look]:
        """Return what may be seen after these pins; without PWM both halves of the pilot are the same."""
        pwm = 0.0 < was.duty < 100.0
        situation = (pwm, was.closed, was.locked, was.phases)
        if situation not in self._known:
            chosen = (dict(zip(self._axes, words, strict=True)) for words in product(*self._axes.values()))
            found = {look.seen: look for look in (self._look(words, was, pwm=pwm) for words in chosen)}
            self._known[situation] = list(found.values())
        return self._known[situation]

    def _look(self, chosen: dict[str, str], was: Pins, *, pwm: bool) -> Look:
        values = {name: _value(name, word, was) for name, word in chosen.items()}
        low_word = chosen["low_v"] if pwm else "ok"
        if not pwm:
            values["low_v"] = values["high_v"]
        present = [name for name in SENSORS if len(self._axes[name]) > 1 or self._axes[name][0] not in BROKEN]
        return Look(
            words=", ".join(f"{name} {word}" for name, word in chosen.items() if len(self._axes[name]) > 1),
            seen=Seen(**values),
            cp=chosen["high_v"] if values["cp_new"] else "-",
            low_ok=low_word == "ok",
            cable_a=CABLES[chosen["pp_ohm"]],
            sensors_ok=not any(chosen[name] in BROKEN for name in present),
            most_a=max(values["amps"]) if chosen["amps"] not in BROKEN else 0.0,
            hot_c=values["temperature_c"] if chosen["temperature_c"] not in BROKEN else -inf,
        )


def _value(name: str, word: str, was: Pins) -> Any:
    if name == "faulty" and word != "quiet":
        return frozenset(word.split("+"))
    if word != FOLLOWS:
        return WORDS[name][word]
    if name == "lock":
        return LockFeedback.LOCKED if was.locked else LockFeedback.UNLOCKED
    return was.closed if name == "contactor" else was.phases or 3


@dataclass(frozen=True, slots=True)
class Order:
    """What happens between two looks: a message of the brain, or an order of the process to stop or to pause."""

    words: str
    message: Message | None = None
    stop: bool = False
    pause: bool | None = None

    def apply(self, state: State, seen: Seen, now_ms: int) -> tuple[State, bool]:
        """Return the state after it, and whether it was accepted."""
        if self.stop:
            return replace(state, stopping=True), True
        if self.pause is not None:
            return replace(state, paused=self.pause), True
        if self.message is None:
            return state, True
        state, error = commands.apply(state, seen, self.message, now_ms)
        return state, error is None


def order(words: str, *, lease_ms: int = LEASE_Q * Q_MS) -> Order:
    """Return what is meant by `-`, `stop`, `pause`, `go on`, `unlock`, `self-test`, `reset CODE`, services and offers.

    Services: `in service`, `out of service`. Offers: `16 A`, `16 A on 1` (phase), `withdrawn` (16 A without a permit),
    `lapsed` (16 A with no lease).
    """
    first, _, rest = words.partition(" ")
    if words == "-":
        return Order(words)
    if words == "stop":
        return Order(words, stop=True)
    if words in ("pause", "go on"):
        return Order(words, pause=words == "pause")
    if words == "unlock":
        return Order(words, Unlock(1, 1))
    if first == "reset":
        return Order(words, ResetFault(1, 1, rest))
    if words == "self-test":
        return Order(words, SelfTest(1, 1))
    if words in ("in service", "out of service"):
        return Order(words, SetAvailable(1, 1, available=words == "in service"))
    if words == "withdrawn":
        return Order(words, Offer(1, 16.0, 3, permit=False, lease_ms=lease_ms, seq=1))
    if words == "lapsed":
        return Order(words, Offer(1, 16.0, 3, permit=True, lease_ms=0, seq=1))
    phases = 1 if rest.endswith("on 1") else 3
    return Order(words, Offer(1, float(first), phases, permit=True, lease_ms=lease_ms, seq=1))
