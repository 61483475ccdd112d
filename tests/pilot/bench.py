"""A bench for the pure machine: a wire, a coil and a lock that obey, unless told otherwise; every step is checked."""

import copy
from dataclasses import dataclass, field, replace

from stationd.pilot import commands, permit, rcd_test
from stationd.pilot.contactor import TRIES
from stationd.pilot.cp import ENOUGH, CpState, classify, diode_ok
from stationd.pilot.duty import duty_to_amps, is_pwm
from stationd.pilot.interfaces import LockFeedback
from stationd.pilot.machine import Pins, Rules, Seen, State, start, step
from stationd.pilot.protocol import Message, Offer, ResetFault, SetAvailable, Unlock
from stationd.pilot.proximity import cable_amps

SOCKET = Rules(max_a=32.0, has_socket=True, min_off_ms=1_000)
TETHERED = Rules(max_a=32.0, has_socket=False, min_off_ms=1_000)
VOLTS = {"A": 12.0, "B": 9.0, "C": 6.0, "D": 3.0, "E": 0.0, "mid": 7.5}


@dataclass
class Bench:
    rules: Rules = SOCKET
    latched: frozenset[str] = frozenset()
    volts: float | None = 12.0
    diode: bool = True
    pp_ohm: float | None = 220.0
    coil: str = "obeys"
    """obeys, stuck_open, welded, unreadable."""
    lock: str = "obeys"
    """obeys, jammed (stays where it is), unreadable."""
    faulty: frozenset[str] = frozenset()
    stalled: bool = False
    celsius: float | None = None
    amps: tuple[float, float, float] | None = None
    phases: int | None = None
    """Position of the phase switch; it follows at once, unless `phase_switch` says otherwise."""
    phase_switch: str = "obeys"
    """obeys, stuck, unreadable."""
    rcd: str = "obeys"
    """The device under self-test: obeys, dead (does not trip), stays (trips, and stays so)."""
    now_ms: int = 100_000
    contactor: bool = False
    feedback: LockFeedback = LockFeedback.UNLOCKED
    pins: Pins = field(default_factory=Pins)
    state: State = None  # type: ignore[assignment]
    seen: Seen = field(default_factory=lambda: Seen(None, None, None))

    def __post_init__(self) -> None:
        self.state = start(self.rules, self.now_ms, self.latched)
        if not self.rules.has_socket:
            self.feedback = LockFeedback.NONE

    def clone(self) -> "Bench":
        return copy.copy(self)

    def look(self) -> Seen:
        high = self.volts
        if not self.pins.cp_connected and high is not None:
            high = 12.0
        if self.pins.duty == 0.0 and high is not None:
            high = -12.0
        low = high
        if high is not None and is_pwm(self.pins.duty):
            low = -12.0 if self.diode and high > 1 else -8.8
        sensed = {"welded": True, "unreadable": None, "stuck_open": False}.get(self.coil, self.contactor)
        feedback = None if self.lock == "unreadable" else self.feedback
        return Seen(
            high, low, sensed, feedback, self.pp_ohm, self.faulty | self._tripped(), stalled=self.stalled,
            temperature_c=self.celsius, amps=self.amps,
            phases=None if self.phase_switch == "unreadable" else self.phases,
        )  # fmt: skip

    def _tripped(self) -> frozenset[str]:
        tripped = self.pins.rcd_test and self.rcd != "dead"
        if tripped and self.rcd == "stays":
            self.faulty |= {"rcd_trip"}
        return frozenset({"rcd_trip"}) if tripped else frozenset()

    def tick(self, after_ms: int = 4) -> Pins:
        self.now_ms += after_ms
        old = self.state
        self.seen = self.look()
        self.state, pins = step(old, self.seen, self.now_ms)
        check(old, self.state, self.seen, self.pins, pins, self.now_ms)
        self.pins = pins
        self.contactor = pins.closed
        if pins.phases is not None and self.phase_switch == "obeys":
            self.phases = pins.phases
        if self.rules.has_socket and self.lock == "obeys" and pins.locked is not None:
            self.feedback = LockFeedback.LOCKED if pins.locked else LockFeedback.UNLOCKED
        return pins

    def run(self, ms: int, *, every_ms: int = 4) -> Pins:
        for _ in range(max(1, ms // every_ms)):
            self.tick(every_ms)
        return self.pins

    def until(self, *, closed: bool, within_ms: int) -> int:
        """Tick until the contactor is commanded so; return after how many ms."""
        began = self.now_ms
        while self.now_ms - began < within_ms:
            if self.tick().closed == closed:
                return self.now_ms - began
        raise AssertionError(f"contactor not commanded closed={closed} within {within_ms} ms")

    def until_about_to_close(self, within_ms: int = 3_000) -> "Bench":
        """Tick until the next tick would close."""
        began = self.now_ms
        while self.now_ms - began < within_ms:
            if self.clone().tick().closed:
                return self
            self.tick()
        raise AssertionError(f"contactor would not close within {within_ms} ms")

    def say(self, message: Message) -> str | None:
        self.state, error = commands.apply(self.state, self.seen, message, self.now_ms)
        return error

    def offer(self, amps: float = 16.0, *, permit: bool = True, lease_ms: int = 10_000, phases: int = 3) -> None:
        assert self.say(Offer(1, amps, phases, permit, lease_ms, 1)) is None

    def unlock(self) -> str | None:
        return self.say(Unlock(1, 1))

    def available(self, available: bool) -> str | None:
        return self.say(SetAvailable(1, 1, available))

    def reset(self, code: str) -> str | None:
        return self.say(ResetFault(1, 1, code))

    def stop(self) -> None:
        self.state = replace(self.state, stopping=True)

    @property
    def faults(self) -> tuple[str, ...]:
        return self.state.faults


def plugged(bench: Bench | None = None) -> Bench:
    """Return a bench with a vehicle in state B, settled."""
    bench = bench or Bench()
    bench.run(1_200)
    bench.volts = VOLTS["B"]
    bench.run(200)
    return bench


def charging(rules: Rules = SOCKET, *, amps: float = 16.0, lease_ms: int = 10_000) -> Bench:
    """Return a bench on which a vehicle charges, reached the ordinary way."""
    bench = Bench(rules=rules)
    bench.run(1_200)
    bench.volts = VOLTS["B"]
    bench.run(200)
    bench.offer(amps, lease_ms=lease_ms)
    bench.run(200)
    bench.volts = VOLTS["C"]
    bench.until(closed=True, within_ms=3_000)
    bench.offer(amps, lease_ms=lease_ms)
    bench.run(40)
    return bench


def check(old: State, new: State, seen: Seen, was: Pins, pins: Pins, now_ms: int) -> None:
    """Assert what must hold after every single step, whatever came before it."""
    rules = new.rules
    lease = new.permit
    if pins.closed:
        assert not new.faults
        assert not new.stopping
        assert not seen.stalled
        assert new.available
        assert new.track.no_demand < ENOUGH
        assert pins.duty > 0
        if rules.has_socket:
            assert pins.locked is True
        if new.offered_a < 6:
            assert new.pause.since_ms is not None
            assert now_ms - new.pause.since_ms < 6_000
    if pins.closed and not was.closed:
        assert seen.high_v is not None
        state = classify(seen.high_v)
        assert state is CpState.C or (state is CpState.D and rules.ventilated)
        assert lease.granted
        assert now_ms < lease.until_ms
        assert lease.amps >= 6
        assert seen.contactor is False
        assert not seen.faulty
        assert seen.cp_new
        assert new.settled
        assert now_ms - new.track.unsteady_ms >= 100
        assert seen.low_v is not None
        assert diode_ok(seen.low_v)
        assert now_ms - old.contactor.since_ms >= rules.min_off_ms
        assert old.contactor.tries < TRIES
        if rules.has_socket:
            assert seen.lock is LockFeedback.LOCKED
            assert new.cable.amps is not None
            assert cable_amps(seen.pp_ohm) is not None
    if was.phases is not None and pins.phases != was.phases:
        assert not pins.closed
        assert not was.closed
        assert seen.contactor is False
        assert not was.cp_connected
        assert not pins.cp_connected
    if pins.rcd_test or not pins.cp_connected:
        assert not pins.closed
        assert seen.contactor is False
    if pins.closed and not was.closed:
        assert new.phases.position in (1, 3) or not rules.phase_switch
        assert not rules.rcd_test or new.rcd_test.stage is rcd_test.Stage.PASSED
    offered = duty_to_amps(pins.duty)
    if offered:
        assert offered <= rules.max_a + 1e-9
        if rules.has_socket:
            assert new.cable.amps is not None
            assert offered <= new.cable.amps + 1e-9
        if permit.live(lease, now_ms):
            assert offered <= lease.amps + 1e-9
        else:  # only the hold rule offers without a permit: less than before, and to a closed contactor
            assert lease.lost
            assert lease.granted
            assert was.closed
            assert offered <= min(rules.hold_a, duty_to_amps(was.duty)) + 1e-9
            assert now_ms < lease.until_ms + rules.hold_ms
    if was.locked is True and pins.locked is False:
        assert seen.contactor is False
        assert not pins.closed
        assert not old.contactor.commanded
        assert new.contactor.open_since_ms is not None
        assert now_ms - new.contactor.open_since_ms >= 60
        assert "contactor_welded" not in new.latched
    if not rules.has_socket:
        assert pins.locked is None
