"""An observer beside the machine: it sees inputs, messages and pins, and remembers what the invariants need.

It shares no code and no memory with the rules that it judges. Its counters stop at the bound they are compared with, so
the graph of machine and observer stays finite.
"""

from collections.abc import Mapping
from typing import NamedTuple

from stationd.pilot import commands
from stationd.pilot.duty import duty_to_amps
from stationd.pilot.machine import Pins, Rules
from stationd.pilot.protocol import Offer, ResetFault, SelfTest, SetAvailable, Unlock
from tests.pilot.proof.looks import Look, Order
from tests.pilot.proof.times import Q_MS

WINDOWS = ("A", "B", "C", "D", "F")
PLUGGED = ("B", "C", "D")
CONFIRM, CONFIRM_ERROR = 2, 5
"""Equal samples in a row that make a state; what lies between the windows is E."""
ASKS = ("C", "D")
REASONS = (
    "no demand", "ventilation", "alarm", "unreadable", "diode", "not closed", "dropped", "unlocked", "no cable",
    "withdrawn", "lapsed", "no PWM", "phases lost", "over-current", "heat", "stalled", "stopping",
)  # fmt: skip
"""Each alone must open the contactor, if it lasts."""
NOT_CLOSED, NO_PWM = REASONS.index("not closed"), REASONS.index("no PWM")
"""A pause that ends for a moment only goes on."""
_NONE = (0,) * len(REASONS)


class Observer(NamedTuple):
    """What was observed until now. `run`: consecutive looks, up to what matters."""

    was: Pins
    cp: str = "-"
    cp_run: int = 0
    state: str = "-"
    """The last window, or E, that was seen often enough in a row."""
    stood: int = 0
    """Looks since then, or since the pilot was joined again."""
    gone: bool = False
    """A stood for its time."""
    seen_b: bool = False
    """B stood since the vehicle came, and no state F for so long that it may be another one."""
    calm_run: int = 0
    """Looks since the pilot showed something else."""
    gap: int = 0
    """Looks since it was sampled."""
    low_run: int = 0
    """Good low halves in a row, with PWM on, since the vehicle came."""
    lease_q: int = 0
    offer_a: float = 0.0
    """Of the last offer; 0 without a permit in it."""
    held_q: int = 0
    """How long was held without a permit; leaks while nothing is."""
    ran_a: float = 0.0
    """What a closed contactor was offered last; a moment in which the process pauses does not count."""
    dark_q: int = 0
    """Quanta since the lease ran out, for a socket."""
    released: bool = False
    """There was a reason to unlock since the lock was told to lock: tries to unlock may go on."""
    power_q: int = 0
    """Quanta since the mains failed."""
    power_quiet: int = 0
    """Quanta since they were last seen to be away."""
    resets_q: int = 0
    """Rest that the resets until now need."""
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
    found: int | None = None
    """The position of the phase switch as last seen."""
    found_run: int = 0
    """Looks in which it was seen so, while nothing is known of it."""
    apart_run: int = 0
    """Looks since the pilot was parted, up to a whole change."""
    met: bool = False
    """Seen to come, or parted for a whole change, since the start: where there is a phase switch."""
    tested: str = ""
    """Self-test of the residual current device in this session: `tripped`, `released`, `passed`."""
    tested_q: int = 0
    """Quanta since it passed."""
    age_q: int = 0
    """Looks since the start, while a trip may be the answer to a test that the process before began."""
    plugged: bool = False
    """A vehicle was seen since the last one left; followed where there is a self-test."""
    reasons: tuple[int, ...] = _NONE
    available: bool = True
    stopping: bool = False
    paused: bool = False
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
        self.heat = 2 * (1 + quanta("derating.RISE_MS"))
        """Twice: a lesser rise that is under way is waited for."""
        self.gone = 1 + quanta("cp.GONE_MS")
        self.forget = 1 + quanta("vehicle.FORGET_MS")
        self.stood = max(self.gone, self.forget)
        self.dark = min(self.hold, quanta("permit.FIRST_OFFER_MS"))
        self.power, self.quiet = quanta("machine.POWER_LOST_MS"), quanta("fault_inputs.CLEAR_MS")
        self.reset_rest = quanta("commands.RESET_REST_MS")
        self.resets = commands.RESETS * self.reset_rest
        self.found = 1 + quanta("phase_switch.LOST_MS")
        self.rcd_test = quanta("rcd_test_ms")
        self.test_rest = quanta("watch.TEST_REST_MS")
        self.change = quanta("phase_switch.MOVE_MS")
        self.join = quanta("phase_switch.JOIN_MS")
        self.move = quanta("phase_switch.MOVE_MS") + self.join
        grace, drop = quanta("machine.S2_GRACE_MS"), quanta("contactor.DROP_MS")
        diode = max(quanta("cp.DIODE_BAD_MS"), quanta("cp.DIODE_START_MS"))
        self.reasons = (
            2, 2, 2, 2, 1 + diode, 1 + quanta("close_ms"), 1 + drop, 1 + quanta("connector_lock.LOST_MS"), self.cable,
            1 + grace, 1 + self.hold + grace, 1 + grace, 1 + quanta("phase_switch.LOST_MS"),
            1 + quanta("over_current_ms") + quanta("over_current.LAG_MS"), self.heat, 1, 1,
        )  # fmt: skip


def start() -> Observer:
    """Return the observer of a machine that just started with safe outputs."""
    return Observer(was=Pins(), released=True)


def look(old: Observer, seen: Look, pins: Pins, bounds: Bounds) -> Observer:
    """Return the observer after one look at the inputs and the pins that the machine chose."""
    was, rules, inputs = old.was, bounds.rules, seen.seen
    closed, sensed = pins.closed, inputs.contactor
    pwm = 0.0 < was.duty < 100.0
    joined_run = min(old.joined_run + 1, bounds.join + 1) if was.cp_connected else 0
    sampled = seen.cp != "-" and joined_run > bounds.join
    cp, cp_run, calm_run, gap = old.cp, old.cp_run, old.calm_run, old.gap
    seen_b, low_run = old.seen_b, old.low_run
    state, stood = old.state, min(old.stood + 1, bounds.stood) if old.stood else 0
    if sampled and seen.cp == "none" and state == "-":  # nothing is known yet, and nothing is known now
        calm_run = gap = low_run = 0
    elif sampled:
        sample = seen.cp if seen.cp in WINDOWS else "E"
        enough = CONFIRM if sample in WINDOWS else CONFIRM_ERROR
        cp_run = min(cp_run + 1, enough) if sample == cp else 1
        calm_run = min((calm_run if sample == cp else 0) + gap + 1, bounds.steady)
        gap = 0
        cp = sample
        low_run = min(low_run + 1, 2) if pwm and seen.low_ok else 0
        if cp_run >= enough and cp != state:
            state, stood = cp, 1
    elif joined_run <= bounds.join:
        cp, cp_run, calm_run, gap, stood = "-", 0, 0, 0, min(stood, 1)
    else:
        gap = min(gap + 1, bounds.steady)
    gone = state == "A" and stood >= bounds.gone
    seen_b = (seen_b or state == "B") and not gone and not (state == "F" and stood >= bounds.forget)
    if gone:
        low_run = 0
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
    if bounds.count_fails and not seen_closed and not gone and old.reset != "contactor_failed":
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
    alarm, tested, tested_q, plugged, age_q = inputs.faulty, old.tested, 0, False, 0
    if rules.rcd_test:
        alarm, tested = _test(old, seen, pins)
        age_q = min(old.age_q + 1, bounds.rcd_test)
        if age_q < bounds.rcd_test:
            alarm = alarm - {"rcd_trip"}
        plugged = (old.plugged or state in PLUGGED) and not gone
        tested_q = min(old.tested_q + 1, bounds.test_rest) if tested == old.tested == "passed" else 0
        idle = old.lease_q <= 1 and not was.closed and tested_q >= bounds.test_rest
        if tested == "passed" and (idle or (gone and old.plugged and old.tested == "passed")):
            tested, tested_q = "", 0
    held = old.lease_q == 0 and pwm and was.closed
    held_q = min(old.held_q + 1, bounds.hold) if held else max(old.held_q - 1, 0)
    ran_a = offered_a(pins) if closed else 0.0
    if closed and old.paused and not ran_a:
        ran_a = old.ran_a
    dark_q, power_q, power_quiet, apart_run, met, found_run = 0, 0, 0, 0, False, 0
    if rules.has_socket:
        dark_q = min(old.dark_q + 1, bounds.dark) if old.lease_q == 0 else 0
    locks = pins.locked and not was.locked and old.lease_q > 1 and state in PLUGGED
    released = rules.has_socket and (old.released or gone or dark_q >= bounds.dark) and not locks
    if rules.unlock_on_power_loss:
        power_q, power_quiet = _power(old, inputs.faulty, bounds)
    if rules.phase_switch:
        if pins.phases is None or was.phases is None:
            found_run = min(old.found_run + 1, bounds.found) if inputs.phases == old.found else 1
        apart_run = 0 if pins.cp_connected else min(old.apart_run + 1, bounds.change)
        met = old.met or state == "A" or old.apart_run >= bounds.change
    return Observer(
        was=pins, cp=cp, cp_run=cp_run, state=state, stood=stood, gone=gone, seen_b=seen_b, calm_run=calm_run,
        gap=gap, low_run=low_run, lease_q=max(old.lease_q - 1, 0), offer_a=old.offer_a, held_q=held_q, ran_a=ran_a,
        dark_q=dark_q, released=released, power_q=power_q,
        power_quiet=power_quiet, resets_q=max(old.resets_q - 1, 0), off_run=off_run, open_run=open_run,
        shut_run=shut_run, seen_closed=seen_closed, fails=fails, owed_q=owed_q, alarm=alarm,
        alarms=alarm & old.alarm if alarm else alarm, cable_a=seen.cable_a, cable_run=cable_run,
        celsius=inputs.temperature_c, heat_run=heat_run, joined_run=joined_run, moved_run=moved_run,
        found=inputs.phases if found_run else None, found_run=found_run, apart_run=apart_run, met=met, tested=tested,
        tested_q=tested_q, age_q=age_q, plugged=plugged, reasons=reasons if closed else _NONE, available=old.available,
        stopping=old.stopping, paused=old.paused,
    )  # fmt: skip


def _power(old: Observer, faulty: frozenset[str], bounds: Bounds) -> tuple[int, int]:
    """Return for how long the mains are away at most, and how long ago that was last seen."""
    if "power_loss" in faulty:
        return min(old.power_q + 1, bounds.power + 1), 0
    if not old.power_q or old.power_quiet + 1 >= bounds.quiet:
        return 0, 0
    return min(old.power_q + 1, bounds.power + 1), old.power_quiet + 1


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
            count if now is None else min(count + 1, limit) if now else max(count - 1, 0) if index == NO_PWM else 0
            for index, (count, now, limit) in enumerate(zip(old.reasons, there, bounds.reasons, strict=True))
        ]
    )


def told(after: Observer, order: Order, bounds: Bounds, *, accepted: bool) -> Observer:
    """Return the observer after an order that the machine accepted or refused."""
    if order.stop:
        return after._replace(stopping=True)
    if order.pause is not None:
        return after._replace(paused=order.pause)
    message = order.message
    if isinstance(message, Offer):
        granted_a = message.amps if message.permit else 0.0
        return after._replace(lease_q=-(-message.lease_ms // bounds.step_ms), offer_a=granted_a)
    if isinstance(message, SetAvailable) and accepted:
        return after._replace(available=message.available)
    if isinstance(message, ResetFault) and accepted:
        after = after._replace(reset=message.code, resets_q=after.resets_q + bounds.reset_rest)
        if message.code == "phase_switch" and after.was.cp_connected:  # it ends the joining
            after = after._replace(joined_run=bounds.join + 1)
        if message.code == "contactor_failed":  # it is another one now: its times begin anew
            after = after._replace(shut_run=0, open_run=0)
        return after
    if isinstance(message, Unlock) and accepted:
        return after._replace(released=True)
    if isinstance(message, SelfTest) and accepted:
        return after._replace(reset="rcd_self_test")  # a technician wants to know anew
    return after


def offered_a(pins: Pins) -> float:
    """Return the current that the pins offer."""
    return duty_to_amps(pins.duty)
