"""What one EVSE's machine is given, remembers and orders: rules, inputs, state, pins. Frozen, hashable values."""

from dataclasses import dataclass, replace
from math import inf
from typing import Any

from stationd.pilot.connector_lock import Lock
from stationd.pilot.contactor import Contactor
from stationd.pilot.cp import CpTrack, Diode, Noise, Steady
from stationd.pilot.cycles import Counters
from stationd.pilot.derating import Curve, Heat
from stationd.pilot.duty import STEADY_HIGH
from stationd.pilot.fault_inputs import Inputs
from stationd.pilot.interfaces import LockFeedback
from stationd.pilot.leaky import STOPPED, Leaky
from stationd.pilot.over_current import OverCurrent
from stationd.pilot.permit import Permit
from stationd.pilot.phase_switch import Phases
from stationd.pilot.proximity import Cable
from stationd.pilot.rcd_test import RcdTest
from stationd.pilot.vehicle import Vehicle
from stationd.pilot.wake_up import WakeUp

NO_DERATING = Curve()


@dataclass(frozen=True, slots=True)
class Rules:
    """What is fixed for one EVSE: profile and installer's limit."""

    max_a: float
    """min(profile, installer's limit); 0 if the installer's limit is unset: never closes."""
    has_socket: bool
    """The driver brings the cable: proximity and lock count."""
    ventilated: bool = False
    hold_a: float = 6.0
    hold_ms: int = 60_000
    close_ms: int = 1_000
    open_ms: int = 500
    min_off_ms: int = 2_000
    lock_ms: int = 3_000
    phases: int = 3
    """Phases of the installation."""
    phase_switch: bool = False
    """One or three phases can be chosen."""
    single_phase_max_a: float = inf
    """What one phase alone may carry."""
    simplified_a: float = 10.0
    """The most for a vehicle with a simplified pilot circuit."""
    wake_up: str = "none"
    """How a sleeping vehicle is woken: `none`, `state_f`, `cp_switch`."""
    fault_f_ms: int = 300
    """After a fault under load state F is signalled for so long; 0 = not at all."""
    burst_cycles: int = 5
    """Closings that may follow each other without a rest."""
    rest_ms: int = 10_000
    """Each further one needs so much rest."""
    rated_cycles: int = 0
    """Closings the contactor is rated for; 0 = not declared."""
    slow_open_ms: int = 100
    """An opening that takes longer is counted and told."""
    stuck_ms: int = 0
    """The pilot's readings may be exactly equal for so long; 0 = the front end has no noise to tell by."""
    has_current: bool = False
    over_current_ms: int = 7_000
    has_temperature: bool = False
    derating: Curve = NO_DERATING
    rcd_test: bool = False
    rcd_test_ms: int = 1_000
    """The trip must be seen within this, and be gone again within this."""
    unlock_on_power_loss: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What the inputs say in one tick. None: cannot be read."""

    high_v: float | None
    low_v: float | None
    contactor: bool | None
    lock: LockFeedback | None = LockFeedback.NONE
    pp_ohm: float | None = inf
    """Infinity: open contact."""
    faulty: frozenset[str] = frozenset()
    """Names of fault inputs in alarm, and `hardware` if a driver failed."""
    cp_new: bool = True
    """False in a tick in which the converter served something else."""
    temperature_c: float | None = None
    amps: tuple[float, float, float] | None = None
    """Currents by phase, where there is a sensor."""
    phases: int | None = None
    """Position of the phase switch: 1, 3, or 0 in between."""
    stalled: bool = False
    """The loop stood still for so long that the output lease may have ended."""


@dataclass(frozen=True, slots=True)
class Pins:
    """What the outputs must be. `locked` None: leave the lock as it is."""

    duty: float = STEADY_HIGH
    closed: bool = False
    locked: bool | None = None
    phases: int | None = None
    """Where the phase switch must be; None: leave it, or there is none."""
    cp_connected: bool = True
    rcd_test: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """Everything that one EVSE remembers."""

    rules: Rules
    started_ms: int
    permit: Permit
    contactor: Contactor
    lock: Lock
    track: CpTrack
    cable: Cable
    diode: Diode
    inputs: Inputs
    noise: Noise
    phases: Phases
    steady: Steady
    vehicle: Vehicle
    wake: WakeUp
    heat: Heat
    over: OverCurrent
    rcd_test: RcdTest
    counters: Counters
    rested_ms: int = 0
    """When all closings until now are rested for."""
    latched: frozenset[str] = frozenset()
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    waits_for: str = ""
    """What keeps the contactor open although the vehicle asks for power."""
    duty: float = STEADY_HIGH
    duty_kind_ms: int = 0
    """When the pilot last changed between steady high, PWM and steady low."""
    offered_a: float = 0.0
    pause: Leaky = STOPPED
    """Pauses with the contactor still closed: the EV has `machine.S2_GRACE_MS` to stop drawing. A moment of PWM does
    not begin them anew."""
    fault_f_ms: int | None = None
    """Start of the state F that tells the vehicle of a fault."""
    available: bool = True
    stopping: bool = False
    paused: bool = False
    """The process itself needs all contactors open for a moment."""
    power_lost_ms: int | None = None
    """The mains are away since then."""
    resets_ms: int = 0
    """When all resets until now are paid for (`cycles.ready`)."""
    settled: bool = False
    """The inputs were read once; before that nothing is worth telling."""


def start(rules: Rules, now_ms: int, latched: frozenset[str] = frozenset(), counters: Counters | None = None) -> State:
    """Return the state of a process that just started with all outputs safe."""
    return State(
        rules=rules,
        started_ms=now_ms,
        permit=Permit(until_ms=now_ms),
        contactor=Contactor(since_ms=now_ms),
        lock=Lock(since_ms=now_ms),
        track=CpTrack(),
        cable=Cable(),
        diode=Diode(),
        inputs=Inputs(),
        noise=Noise(),
        phases=Phases(since_ms=now_ms),
        steady=Steady(),
        vehicle=Vehicle(),
        wake=WakeUp(),
        heat=Heat(),
        over=OverCurrent(),
        rcd_test=RcdTest(since_ms=now_ms, asked=rules.rcd_test),
        counters=Counters() if counters is None else counters,
        rested_ms=now_ms,
        resets_ms=now_ms,
        latched=latched,
        duty_kind_ms=now_ms,
    )


def updated(state: State, **new: Any) -> State:
    """Return the state with these fields; the same object if each is the same object already."""
    changed = {name: value for name, value in new.items() if getattr(state, name) is not value}
    return replace(state, **changed) if changed else state
