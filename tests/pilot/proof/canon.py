"""The canonical form of a state: as if it were always the same moment, and without ages that no rule can tell apart.

Every time stamp is kept as an age. An age beyond everything that it is ever compared with is cut to that bound: no rule
can tell it from an older one. So two moments of the machine that behave alike from here on become one state.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from operator import attrgetter
from typing import Any

from stationd.pilot.leaky import Leaky
from stationd.pilot.state import Rules, State
from tests.pilot.proof.times import Q_MS

NOW_MS = 1_000_000_000
"""The moment of every canonical state."""
UNCUT = ("uncut",)
NEVER_MS = 100_000_000
"""Longer than any watch runs."""
CAPS: dict[str, tuple[tuple[str, ...], str]] = {
    "State.started_ms": (("watch.SETTLE_MS",), "unreadable inputs are forgiven for so long after the start"),
    "State.duty_kind_ms": (("STATE_F_MS", "DIODE_START_MS"), "F must follow the output; the diode shows a while after"),
    "State.pause.since_ms": (UNCUT, "an opening ends it"),
    "State.pause.empty_ms": ((), "lies ahead; once it is past it shows nothing"),
    "State.power_lost_ms": (("POWER_LOST_MS if unlock_on_power_loss",), "the mains are away for good"),
    "State.resets_ms": ((), "lies ahead; once it is past no reset is owed"),
    "Permit.until_ms": (("hold_ms if has_socket", "FIRST_OFFER_MS if has_socket"), "the lock's patience"),
    "Permit.held.since_ms": (UNCUT, "the end of the hold ends it"),
    "Permit.held.empty_ms": ((), "lies ahead; once it is past it shows nothing"),
    "Contactor.since_ms": (
        ("min_off_ms", "HEALTHY_MS", "<=slow_open_ms+SURE_MS", "<=open_ms+SURE_MS if has_socket"),
        "rest, forgiveness, a slow opening, and an unlock at once"),
    "Contactor.open_since_ms": (("SURE_MS",), "a flicker proves nothing"),
    "Contactor.differs_since_ms": (("close_ms", "open_ms", "DROP_MS"), "closing, opening and bouncing have limits"),
    "Lock.since_ms": (("lock_ms", "RETRY_PAUSE_MS"), "a try, and the pause after it"),
    "Lock.off_since_ms": (("connector_lock.LOST_MS",), "the position may waver"),
    "CpTrack.since_ms": (
        ("PILOT_ERROR_MS", "STATE_F_MS", "PROXIMITY_MS if has_socket", "GONE_MS", "SEEN_B_MS", "FORGET_MS"),
        "E, F and a missing cable become faults; A, B and F tell of the vehicle"),
    "CpTrack.unsteady_ms": (("CLOSE_AFTER_MS",), "C must stand"),
    "Noise.openings_ms": (("NOISY_MS", "<=ORDERLY_MS"), "openings are forgotten, and orderly ones do not count"),
    "Diode.bad_since_ms": (("DIODE_BAD_MS",), "so long until it is a fault"),
    "Inputs.last_ms": (("CLEAR_MS",), "quiet for so long ends a fault"),
    "Cable.since_ms": (("proximity.SETTLE_MS", "RECOVER_MS"), "a value must stand"),
    "Cable.odd_since_ms": (("proximity.SETTLE_MS",), "a value that comes and goes is none"),
    "State.fault_f_ms": (("fault_f_ms",), "state F after a fault lasts so long"),
    "State.rested_ms": ((), "lies ahead; once it is past nothing is owed"),
    "Phases.since_ms": (("PART_MS", "MOVE_MS", "FOLLOW_MS", "phase_switch.JOIN_MS"), "each stage has its time"),
    "Phases.rested_ms": ((), "lies ahead; once it is past a change may begin"),
    "Phases.lost_since_ms": (("phase_switch.LOST_MS",), "the feedback may waver"),
    "Steady.since_ms": (("stuck_ms",), "equal readings for so long are a stuck front end"),
    "Vehicle.plugged_ms": (("LEAVE_C_MS",), "one found in C gets so long to leave it"),
    "WakeUp.since_ms": (("SLEEP_MS", "WAKE_MS", "wake_up.JOIN_MS"), "sleep, waking and joining have their times"),
    "Heat.rising.since_ms": (UNCUT, "a higher reading that stood counts, and ends it"),
    "Heat.rising.empty_ms": ((), "lies ahead; once it is past it shows nothing"),
    "Heat.falling_since_ms": (("FALL_MS",), "a lower reading must stand"),
    "OverCurrent.excess.since_ms": (UNCUT, "an opening ends it"),
    "OverCurrent.excess.empty_ms": ((), "lies ahead; once it is past it shows nothing"),
    "OverCurrent.below_since_ms": (("LAG_MS",), "a lower offer counts after this"),
    "RcdTest.since_ms": (
        ("rcd_test_ms", "TEST_REST_MS if rcd_test", "TEST_AGAIN_MS if rcd_test"),
        "trip and release have their limit; a test lasts a while"),
}  # fmt: skip
"""When a stamp stops to matter: the longest of these durations (constants, or fields of `Rules`), and what for.

Asked is `age >= duration` or its opposite, so an age that reaches it with the next step is old enough. `<=`: the other
way round, and one step more. `if`: asked under such rules only. `UNCUT`: how long a watch ran decides how long it
leaks, so it is never cut; what ends it keeps it short.
"""

FORGOTTEN: dict[str, tuple[Any, str]] = {
    "State.warnings": ((), "worked out anew in each step before a message can ask for them"),
    "State.waits_for": ("", "told, and asked for by one warning only"),
    "Counters.cycles": (0, "told, and asked for by one warning only"),
    "Counters.hot_openings": (0, "told only"),
    "Counters.slow_openings": (0, "told only"),
    "Counters.failed_closings": (0, "told only"),
    "Counters.rcd_test": ("none", "told only"),
}
"""What decides on no pin and on no fault, the value that stands for all, and why."""
AT_MOST: dict[str, tuple[int, str]] = {
    "Contactor.slow": (3, "three are enough, and whether one more came is told only")
}
"""Counters that are asked for less than their value."""


def part(whole: str, value: Any) -> str:
    """Return the name under which a part's fields are listed: its kind's, or where it stands for one of several."""
    return whole if isinstance(value, Leaky) else type(value).__name__


class Canon:
    """Makes states canonical under the constants in force. Equal values become the same object."""

    def __init__(self, rules: Rules, times: Mapping[str, int], *, step_ms: int = Q_MS) -> None:
        self._rules, self._times, self._step_ms = rules, times, step_ms
        self.next_ms = NOW_MS + step_ms
        """The moment of the states that `key` understands: one step after a canonical one."""
        self._caps = {name: self.cap_ms(name) for name in CAPS}
        self._names = tuple(field.name for field in fields(State) if field.name != "rules")
        self._all = attrgetter(*self._names)
        self._numbers: dict[Any, int] = {}
        self._canonical: list[Any] = []
        self._known: list[dict[Any, int]] = [{} for _ in self._names]

    def cap_ms(self, name: str) -> int:
        """Return the age at which a stamp stops to matter."""
        return max((self._term_ms(term) for term in CAPS[name][0]), default=0)

    def _term_ms(self, term: str) -> int:
        term, _, condition = term.partition(" if ")
        if condition and not getattr(self._rules, condition):
            return 0
        step_ms = 0 if term.startswith("<=") else self._step_ms
        return max(sum(self._duration_ms(one) for one in term.removeprefix("<=").split("+")) - step_ms, 0)

    def _duration_ms(self, name: str) -> int:
        if name in UNCUT:
            return NEVER_MS
        if hasattr(self._rules, name):
            return int(getattr(self._rules, name))
        return max(ms for whole, ms in self._times.items() if name in (whole, whole.rpartition(".")[2]))

    def key(self, state: State) -> tuple[int, ...]:
        """Return what is the same for all states with the same canonical form."""
        key = []
        for index, (value, known) in enumerate(zip(self._all(state), self._known, strict=True)):
            number = known.get(value)
            if number is None:
                number = known[value] = self._number(self._names[index], value)
            key.append(number)
        return tuple(key)

    def key_after(self, state: State, base: State, key: tuple[int, ...]) -> tuple[int, ...]:
        """Return the key of a state that differs in a few fields from one whose key is known."""
        if state is base:
            return key
        changed = list(key)
        for index, (value, old) in enumerate(zip(self._all(state), self._all(base), strict=True)):
            if value is not old:
                known = self._known[index]
                number = known.get(value)
                if number is None:
                    number = known[value] = self._number(self._names[index], value)
                changed[index] = number
        return tuple(changed)

    def state(self, key: tuple[int, ...]) -> State:
        """Return the canonical state of a key, at `NOW_MS`."""
        values = dict(zip(self._names, (self._canonical[number] for number in key), strict=True))
        return State(rules=self._rules, **values)

    def _number(self, name: str, value: Any) -> int:
        canonical = self.value("State", name, value, self.next_ms)
        entry = (type(canonical).__name__, canonical)
        number = self._numbers.get(entry)
        if number is None:
            number = self._numbers[entry] = len(self._canonical)
            self._canonical.append(canonical)
        return number

    def value(self, owner: str, name: str, value: Any, now_ms: int) -> Any:
        """Return one field's value with all stamps below it made canonical."""
        whole = f"{owner}.{name}"
        if whole in FORGOTTEN:
            return FORGOTTEN[whole][0]
        if whole in AT_MOST:
            return min(value, AT_MOST[whole][0])
        if name.endswith("_ms"):
            return self._stamps(whole, value, now_ms)
        if not is_dataclass(value):
            return value
        kind = part(whole, value)
        return type(value)(  # type: ignore[operator]
            **{one.name: self.value(kind, one.name, getattr(value, one.name), now_ms) for one in fields(value)}
        )

    def _stamps(self, name: str, value: Any, now_ms: int) -> Any:
        if value is None:
            return None
        if isinstance(value, tuple):
            if value and isinstance(value[0], str):
                return (value[0], self._stamp(name, value[1], now_ms))
            return tuple(self._stamps(name, one, now_ms) for one in value)
        return self._stamp(name, value, now_ms)

    def _stamp(self, name: str, at_ms: int, now_ms: int) -> int:
        return NOW_MS - min(now_ms - at_ms, self._caps[name])
