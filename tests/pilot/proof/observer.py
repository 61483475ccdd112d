"""An observer beside the machine: it sees inputs, messages and pins, and remembers what the invariants need.

It shares no code and no memory with the rules that it judges. Its counters stop at the bound they are compared with, so
the graph of machine and observer stays finite.
"""

from collections.abc import Mapping
from typing import NamedTuple

from stationd.pilot.duty import duty_to_amps
from stationd.pilot.machine import Pins, Rules
from stationd.pilot.protocol import Offer, ResetFault, SelfTest, SetAvailable
from tests.pilot.proof.looks import Look, Order
from tests.pilot.proof.times import Q_MS

WINDOWS = ("A", "B", "C", "D", "F")
ASKS = ("C", "D")
REASONS = (
    "no demand", "ventilation", "alarm", "unreadable", "diode", "not closed", "dropped", "unlocked", "no cable",
    "withdrawn", "lapsed", "no PWM", "phases lost", "over-current", "heat", "stalled", "stopping",
)  # fmt: skip
"""Each alone must open the contactor, if it lasts."""
NOT_CLOSED = REASONS.index("not closed")
_NONE = (0,) * len(REASONS)


class Observer(NamedTuple):
    """What was observed until now. `run`: consecutive looks, up to what matters."""

    was: Pins
    cp: str = "-"
    cp_run: int = 0
    gone: bool = False
    """The pilot was A twice, and nothing else twice since then. What lies between the windows says nothing."""
    seen_b: bool = False
    """It was B since it was A."""
    calm_run: int = 0
    """Looks since the pilot showed something else."""
    gap: int = 0
    """Looks since it was sampled."""
    low_run: int = 0
    """Good low halves in a row, with PWM on, since the vehicle came."""
    lease_q: int = 0
    offer_a: float = 0.0
    """Of the last offer; 0 without a permit in it."""
    off_run: int = 0
    """Quanta since the contactor was last told to open."""
    open_run: int = 0
    """Seen open since then."""
    shut_run: int = 0
    """Seen closed without a sure opening since then."""
    seen_closed: bool = False
    """Since it was told to close."""
    fails: int = 0
    """Closings in a row that were never seen closed, for the same vehicle; counted where the slice says so."""
    owed_q: int = 0
    """Rest that the closings until now need."""
    alarm: frozenset[str] = frozenset()
    """What was in alarm in the last look."""
    alarms: frozenset[str] = frozenset()
    """What was in alarm in the last two looks."""
    cable_a: float | None = None
    cable_run: int = 0
    celsius: float | None = None
    heat_run: int = 0
    joined_run: int = 9
    """Looks since the pilot was joined to the vehicle again."""
    moved_run: int = 9
    """Looks since the phase switch was told to move."""
    tested: str = ""
    """Self-test of the residual current device in this session: `tripped`, `released`, `passed`."""
    reasons: tuple[int, ...] = _NONE
    available: bool = True
    stopping: bool = False
    reset: str = ""
    """The code whose reset was accepted since the last look."""


class Bounds:
    """How many looks are allowed, from the times in force."""

    def __init__(
        self, rules: Rules, times: Mapping[str, int], *, step_ms: int = Q_MS, count_fails: bool = False
    ) -> None:
        def quanta(name: str) -> int:
            ms = getattr(rules, name) if hasattr(rules, name) else times[name]
            return -(-int(ms) // step_ms)

        self.rules, self.step_ms, self.count_fails = rules, step_ms, count_fails
        self.steady = max(2, quanta("machine.CLOSE_AFTER_MS"))
        self.min_off = quanta("min_off_ms")
        self.sure = 1 + quanta("contactor.SURE_MS")
        self.shut = 1 + quanta("open_ms")
        self.cable = 1 + quanta("proximity.SETTLE_MS")
        self.hold = quanta("hold_ms")
        self.rest = quanta("rest_ms")
        self.heat = 1 + quanta("derating.DWELL_MS")
        self.join = quanta("phase_switch.JOIN_MS")
        self.move = quanta("phase_switch.MOVE_MS") + self.join
        grace, drop = quanta("machine.S2_GRACE_MS"), quanta("contactor.DROP_MS")
        diode = max(quanta("cp.DIODE_BAD_MS"), quanta("cp.DIODE_START_MS"))
        self.reasons = (
            2, 2, 2, 2, 1 + diode, 1 + quanta("close_ms"), 1 + drop, 1 + quanta("connector_lock.LOST_MS"), self.cable,
            1 + grace, 1 + self.hold + grace, 1 + grace, 1 + quanta("phase_switch.LOST_MS"),
            1 + quanta("over_current_ms"), self.heat, 1, 1,
        )  # fmt: skip


def start() -> Observer:
    """Return the observer of a machine that just started with safe outputs."""
    return Observer(was=Pins())


def look(old: Observer, seen: Look, pins: Pins, bounds: Bounds) -> Observer:
    """Return the observer after one look at the inputs and the pins that the machine chose."""
    was, rules, inputs = old.was, bounds.rules, seen.seen
    closed, sensed = pins.closed, inputs.contactor
    pwm = 0.0 < was.duty < 100.0
    joined_run = min(old.joined_run + 1, bounds.join + 1) if was.cp_connected else 0
    sampled = seen.cp != "-" and joined_run > bounds.join
    cp, cp_run, calm_run, gap = old.cp, old.cp_run, old.calm_run, old.gap
    gone, seen_b, low_run = old.gone, old.seen_b, old.low_run
    if sampled:
        cp_run = 2 if seen.cp == cp else 1
        calm_run = min((calm_run if seen.cp == cp else 0) + gap + 1, bounds.steady)
        gap = 0
        cp = seen.cp
        low_run = min(low_run + 1, 2) if pwm and seen.low_ok else 0
        if cp_run >= 2 and cp in WINDOWS:
            gone = cp == "A"
        seen_b = (seen_b or cp == "B") and not gone
        if gone:
            low_run = 0
    elif joined_run <= bounds.join:
        cp, cp_run, calm_run, gap = "-", 0, 0, 0
    else:
        gap = min(gap + 1, bounds.steady)
    off_run = open_run = shut_run = 0
    seen_closed, reasons = False, _NONE
    if was.closed:
        seen_closed = old.seen_closed or sensed is True
        reasons = _reasons(old, seen, pins, pwm, bounds)
    elif not closed:
        off_run = min(old.off_run + 1, bounds.min_off)
        if sensed is False:
            open_run = min(old.open_run + 1, bounds.sure)
        if open_run < bounds.sure and (sensed is True or old.shut_run):
            shut_run = min(old.shut_run + 1, bounds.shut)
    fails = 0
    if bounds.count_fails and not seen_closed and cp != "A" and old.reset != "contactor_failed":
        failed = was.closed and not closed and reasons[NOT_CLOSED] >= bounds.reasons[NOT_CLOSED]
        fails = min(old.fails + failed, 3)
    owed_q = max(old.owed_q - 1, 0)
    if closed and not was.closed:
        owed_q += bounds.rest
    cable_run = heat_run = 0
    if rules.has_socket:
        cable_run = min(old.cable_run + 1, bounds.cable) if seen.cable_a == old.cable_a else 1
    if rules.has_temperature:
        heat_run = min(old.heat_run + 1, bounds.heat) if inputs.temperature_c == old.celsius else 1
    moved_run = min(old.moved_run + 1, bounds.move) if pins.phases == was.phases or was.phases is None else 0
    alarm, tested = inputs.faulty, old.tested
    if rules.rcd_test:
        alarm, tested = _test(old, seen, pins)
    return Observer(
        pins, cp, cp_run, gone, seen_b, calm_run, gap, low_run, max(old.lease_q - 1, 0), old.offer_a, off_run, open_run,
        shut_run, seen_closed, fails, owed_q, alarm, alarm & old.alarm if alarm else alarm, seen.cable_a, cable_run,
        inputs.temperature_c, heat_run, joined_run, moved_run, tested, reasons if closed else _NONE, old.available,
        old.stopping,
    )  # fmt: skip


def _test(old: Observer, seen: Look, pins: Pins) -> tuple[frozenset[str], str]:
    """Return the alarms that count beside a self-test, and how far the test is."""
    alarm, tested = seen.seen.faulty, old.tested
    tripped = "rcd_trip" in alarm
    under_way = old.was.rcd_test or tested in ("tripped", "released")
    if under_way:
        alarm = alarm - {"rcd_trip"}
    if pins.rcd_test and not old.was.rcd_test:
        tested = ""
    elif under_way and tripped:
        tested = "tripped"
    elif under_way and tested and not old.was.rcd_test:
        tested = "passed" if tested == "released" else "released"
    if old.tested == "passed" and old.lease_q <= 1 and not old.was.closed:
        tested = ""
    return alarm, tested


def _reasons(old: Observer, seen: Look, pins: Pins, pwm: bool, bounds: Bounds) -> tuple[int, ...]:
    """Return for how many looks each reason to open lasts; one that cannot be judged in this look stays as it was."""
    inputs, rules, was = seen.seen, bounds.rules, old.was
    sensed, socket = inputs.contactor, rules.has_socket
    sampled = seen.cp != "-"
    unreadable = inputs.high_v is None or sensed is None or (socket and (inputs.lock is None or inputs.pp_ohm is None))
    there = (
        seen.cp not in ASKS if sampled else None,
        (seen.cp == "D" and not rules.ventilated) if sampled else None,
        bool(inputs.faulty & old.alarm) or (bool(inputs.faulty) and not old.alarm),
        unreadable or not seen.sensors_ok,
        (pwm and not seen.low_ok) if sampled else None,
        sensed is False and not old.seen_closed,
        sensed is False and old.seen_closed,
        socket and inputs.lock != "locked",
        socket and seen.cable_a is None,
        old.offer_a < 6.0,
        old.lease_q <= 1,
        not 0.0 < pins.duty < 100.0,
        rules.phase_switch and pwm and inputs.phases != was.phases and inputs.phases is not None,
        rules.has_current and pwm and seen.most_a > duty_to_amps(was.duty) * 1.1 + 0.5,
        rules.has_temperature and seen.hot_c >= rules.derating.stop_c,
        inputs.stalled,
        old.stopping,
    )
    return tuple(
        [
            count if now is None else min(count + 1, limit) if now else 0
            for count, now, limit in zip(old.reasons, there, bounds.reasons, strict=True)
        ]
    )


def told(after: Observer, order: Order, bounds: Bounds, *, accepted: bool) -> Observer:
    """Return the observer after an order that the machine accepted or refused."""
    if order.stop:
        return after._replace(stopping=True)
    message = order.message
    if isinstance(message, Offer):
        granted_a = message.amps if message.permit else 0.0
        if message.permit:  # a new permit is a new lease: its hold has its own time
            index = REASONS.index("lapsed")
            after = after._replace(reasons=(*after.reasons[:index], 0, *after.reasons[index + 1 :]))
        return after._replace(lease_q=-(-message.lease_ms // bounds.step_ms), offer_a=granted_a)
    if isinstance(message, SetAvailable) and accepted:
        return after._replace(available=message.available)
    if isinstance(message, ResetFault) and accepted:
        return after._replace(reset=message.code)
    if isinstance(message, SelfTest) and accepted:
        return after._replace(reset="rcd_self_test")  # a technician wants to know anew
    return after


def offered_a(pins: Pins) -> float:
    """Return the current that the pins offer."""
    return duty_to_amps(pins.duty)
