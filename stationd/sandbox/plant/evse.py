"""One EVSE of the plant: car, cable, pilot wire, contactor, lock, meter and sensors in one physics.

Sans-I/O: every call is given the time, in nanoseconds of one monotonic clock, and first lets happen what was due.
Between two events everything is constant but the current, which ramps linearly, so the energy is an exact integral.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stationd.sandbox.plant import contactor, faults, lock, pilot_line
from stationd.sandbox.plant.car import CABLE_OHM, NS, Car, ramp
from stationd.sandbox.plant.contactor import Contactor
from stationd.sandbox.plant.errors import ArgumentError, RefusedError
from stationd.sandbox.plant.lock import Lock
from stationd.sandbox.plant.meter import Meter
from stationd.sandbox.plant.phase_switch import PhaseSwitch
from stationd.sandbox.plant.rcd import Rcd
from stationd.sandbox.plant.reactions import ReactionLog
from stationd.sandbox.plant.sensing import AMBIENT_C, Sensing, Signature

OUTPUT_LEASE_NS = 300_000_000
GRID_V = 230.0
GRID_OHM = 0.1
"""Per phase, in front of the meter: it shows less volts under load."""
EXCESS = 1.5
"""What a car with `over_current` takes of the offer."""
EV_STOPPED, UNPLUGGED, DRIVER_SILENT = "ev_stopped", "unplugged", "driver_silent"


@dataclass(frozen=True, slots=True)
class Pins:
    """What the driver orders. The board's outputs before any driver came are these defaults."""

    duty: float = 100.0
    close: bool = False
    lock: bool = False
    phases: int = 3
    cp: bool = True
    """False: the switch in the control pilot is open."""
    rcd_test: bool = False


class Evse:
    """The physics of one EVSE."""

    def __init__(self, evse_id: int, now_ns: int, *, tethered: bool = False, meter_start_wh: float = 0.0) -> None:
        self.evse_id = evse_id
        self.now_ns = now_ns
        self.pins = Pins()
        self.pins_at_ns: int | None = None
        self.car: Car | None = None
        self.contactor = Contactor()
        self.lock = None if tethered else Lock()
        self.phase_switch = PhaseSwitch()
        self.rcd = Rcd()
        self.meter = Meter(meter_start_wh)
        self.meter.write(meter_start_wh)
        self.reactions = ReactionLog()
        self.faults: set[str] = set()
        self.sensing = Sensing(evse_id, self.faults)
        self.flowed_wh = 0.0
        self.speed = 1.0
        self._lease_ran_out = False

    # --- what the board's driver does ---

    def drive(self, pins: Pins, now_ns: int) -> bool:
        """Take pins from the driver; they are the heartbeat too. False if nothing follows from them.

        A packet that waited in the socket counts as heartbeat before silence is judged.
        """
        self.pins_at_ns = now_ns
        if pins == self.pins and not self._lease_ran_out:
            return False
        self.advance(now_ns)
        if self.pins.close and not pins.close:
            self.reactions.commanded(now_ns)
        with_pilot = self.car is not None and self.pins.cp
        self.pins = pins
        self._lease_ran_out = False
        if self.lock is not None:
            self.lock.drive(now_ns, locked=pins.lock)
        self.phase_switch.drive(now_ns, phases=pins.phases)
        self.rcd.drive(now_ns, testing=pins.rcd_test)
        self._see_phases_move(with_pilot=with_pilot)  # a pilot that is parted by the same pins is parted too late
        self._settle()
        return True

    # --- what a person or a test does ---

    def plug_in(self, car: Car, now_ns: int) -> None:
        """Put the cable in.

        Raises:
            RefusedError: there is a cable already, or the bolt is in the way.
        """
        self.advance(now_ns)
        if self.car is not None:
            raise RefusedError(f"cannot plug in at EVSE {self.evse_id}: a car is plugged in already, plug_out first")
        if self.lock is not None and self.lock.holds:
            raise RefusedError(f"cannot plug in at EVSE {self.evse_id}: the empty socket's lock is {self.lock.state}")
        self.car = car
        self._apply_faults()

    def plug_out(self, now_ns: int, *, force: bool = False) -> None:
        """Pull the cable.

        Raises:
            RefusedError: there is none, or the lock holds it and `force` is not set.
        """
        self.advance(now_ns)
        if self.car is None:
            raise RefusedError(f"cannot plug out at EVSE {self.evse_id}: no car is plugged in")
        if self.lock is not None and self.lock.holds and not force:
            raise RefusedError(
                f"cannot plug out at EVSE {self.evse_id}: the lock is {self.lock.state}; "
                "unlock first, or set force for a broken lock"
            )
        self._expect_opening(UNPLUGGED, now_ns)
        self.car = None
        self._settle()

    def set_wants(self, now_ns: int, *, wants: bool) -> None:
        """Let the car want power or not.

        Raises:
            RefusedError: no car is plugged in.
        """
        self.advance(now_ns)
        if self.car is None:
            raise RefusedError(f"cannot set wants_power at EVSE {self.evse_id}: no car is plugged in, plug_in first")
        with_s2 = self.car.s2_closed
        self.car.set_wants(wants=wants)
        self._s2_moved(with_s2)
        self._settle()

    def set_fault(self, name: str, now_ns: int) -> None:
        """Break something; doing so twice changes nothing.

        Raises:
            ArgumentError: no such fault.
        """
        self._check_fault(name)
        self.advance(now_ns)
        if name in faults.OPENING and name not in self.faults:
            self._expect_opening(name, now_ns)
        self.faults.add(name)
        self._apply_faults()

    def clear_fault(self, name: str, now_ns: int) -> None:
        """Mend it; mending what is not broken changes nothing.

        Raises:
            ArgumentError: no such fault.
        """
        self._check_fault(name)
        self.advance(now_ns)
        self.faults.discard(name)
        self.reactions.withdraw(name)
        self._apply_faults()

    def set_temperature(self, celsius: float | None, now_ns: int) -> None:
        """Let it be so warm in the housing; None = as warm as the load makes it."""
        self.advance(now_ns)
        self.sensing.given_c = celsius

    def set_speed(self, factor: float, now_ns: int) -> None:
        """Multiply energy from now on."""
        self.advance(now_ns)
        self.speed = factor

    # --- time ---

    def advance(self, now_ns: int) -> None:
        """Let happen everything that is due, in order. Time never goes back."""
        while (at_ns := self.next_event_ns()) is not None and at_ns <= now_ns:
            self._flow_until(max(at_ns, self.now_ns))
            self._happen()
        self._flow_until(max(now_ns, self.now_ns))

    def next_event_ns(self) -> int | None:
        """Return when something happens by itself next; None if nothing is under way."""
        return min(self._due(), default=None)

    def _due(self) -> Iterator[int]:
        if self.contactor.change_at_ns is not None:
            yield self.contactor.change_at_ns
        if self.lock is not None and self.lock.arrives_at_ns is not None:
            yield self.lock.arrives_at_ns
        if self.phase_switch.arrives_at_ns is not None:
            yield self.phase_switch.arrives_at_ns
        if self.rcd.change_at_ns is not None:
            yield self.rcd.change_at_ns
        if self.sensing.change_at_ns is not None:
            yield self.sensing.change_at_ns
        if self.car is not None and (at_ns := self.car.next_event_ns()) is not None:
            yield at_ns
        if self.pins.close and not self._lease_ran_out and self.pins_at_ns is not None:
            yield self.pins_at_ns + OUTPUT_LEASE_NS

    def _happen(self) -> None:
        if self.car is not None:
            with_s2 = self.car.s2_closed
            self.car.happen(self.now_ns)
            self._s2_moved(with_s2)
        self.contactor.happen(self.now_ns)
        if self.lock is not None:
            self.lock.happen(self.now_ns)
        self.phase_switch.happen(self.now_ns)
        self._happen_rcd()
        self.sensing.happen(self.now_ns)
        if self.pins.close and self.pins_at_ns is not None and self.now_ns - self.pins_at_ns >= OUTPUT_LEASE_NS:
            if self._must_part:
                self.reactions.begin(DRIVER_SILENT, self.pins_at_ns, order_expected=False)
            self._lease_ran_out = True
        self._settle()

    def _happen_rcd(self) -> None:
        was_tripped = self.rcd.tripped
        self.rcd.happen(self.now_ns)
        if self.rcd.tripped and not was_tripped:
            self._expect_opening(faults.RCD_TRIP, self.now_ns)

    def _settle(self) -> None:
        """Let each part follow the others without delay where nature has none."""
        self._let_go()
        coil = self.pins.close and not self._lease_ran_out and not faults.HARDWARE_OPENS.intersection(self.inputs)
        if coil and not self.contactor.coil:
            self.reactions.coil_on()
            self.reactions.withdraw(DRIVER_SILENT)
        was_dropped = self.contactor.dropped
        self.contactor.follow(self.now_ns, coil=coil)
        if self.contactor.dropped and not was_dropped:
            self.faults.discard(faults.DROPS)
            self._expect_opening(faults.DROPS, self.now_ns)
        if self.contactor.parted:
            self.reactions.opened(self.now_ns)
        self._see_phases_move(with_pilot=self.car is not None and self.pins.cp)
        if self.car is not None:
            blind = bool(self.faults & faults.PILOT_LOST) or not self.pins.cp
            self.car.see_pilot(None if blind else self.pins.duty, self.now_ns)
            if self.flowing:
                self.car.see_power(self.now_ns)
            else:
                self.car.drawing_a = 0.0

    def _let_go(self) -> None:
        """Let a car that pulls at its plug go, unless the bolt holds it."""
        if self.car is not None and self.car.pulls and (self.lock is None or not self.lock.holds):
            self._expect_opening(UNPLUGGED, self.now_ns)
            self.car = None

    def _flow_until(self, now_ns: int) -> None:
        seconds = (now_ns - self.now_ns) / NS
        self.now_ns = now_ns
        car = self.car
        if car is None or not self.flowing or seconds <= 0:
            return
        car.drawing_a, charge, square = ramp(car.drawing_a, car.target_a, seconds)
        one_wh = (GRID_V * charge - GRID_OHM * square) / 3600 * self.speed
        by_phase = tuple(one_wh if phase < self._live_phases else 0.0 for phase in range(3))
        self.flowed_wh += sum(by_phase)
        self.meter.count((by_phase[0], by_phase[1], by_phase[2]))

    # --- small parts ---

    def _check_fault(self, name: str) -> None:
        if name not in faults.KNOWN:
            raise ArgumentError(f"cannot use fault {name!r}: known are {', '.join(faults.KNOWN)}")

    def _apply_faults(self) -> None:
        self.contactor.welded = faults.WELDED in self.faults
        self.contactor.stuck_open = faults.STUCK_OPEN in self.faults
        late = faults.CLOSES_LATE in self.faults, faults.OPENS_LATE in self.faults
        self.contactor.closing_ns = contactor.CLOSING_LATE_NS if late[0] else contactor.CLOSING_NS
        self.contactor.opening_ns = contactor.OPENING_LATE_NS if late[1] else contactor.OPENING_NS
        self.contactor.drops = faults.DROPS in self.faults
        if self.lock is not None:
            self.lock.travel_ns = lock.SLOW_TRAVEL_NS if faults.LOCK_SLOW in self.faults else lock.TRAVEL_NS
            self.lock.set_jammed(self.now_ns, jammed=faults.LOCK_JAMMED in self.faults)
        self.phase_switch.set_stuck(self.now_ns, stuck=faults.PHASE_SWITCH_STUCK in self.faults)
        self.rcd.dead, self.rcd.stuck = faults.RCD_TEST_DEAD in self.faults, faults.RCD_TEST_STUCK in self.faults
        self.rcd.follow(self.now_ns)
        if faults.METER_RESET in self.faults:
            self.meter.write(0.0)
            self.faults.discard(faults.METER_RESET)
        if self.car is not None:
            self.car.excess = EXCESS if faults.OVER_CURRENT in self.faults else 1.0
        self.sensing.faults_changed(self.now_ns, self.pilot_volts)
        self._settle()

    def _see_phases_move(self, *, with_pilot: bool) -> None:
        harm = self.phase_switch.see(contacts_closed=self.contactor.closed, pilot_connected=with_pilot)
        if harm and self.car is not None:
            self.car.destroy()

    @property
    def _live_phases(self) -> int:
        """How many phases carry the car's current."""
        return 0 if self.car is None else min(self.car.phases, self.phase_switch.joined)

    @property
    def _must_part(self) -> bool:
        return self.contactor.coil and not self.contactor.parted

    def _expect_opening(self, cause: str, at_ns: int) -> None:
        if self._must_part:
            self.reactions.begin(cause, at_ns)

    def _s2_moved(self, was_closed: bool) -> None:
        if self.car is None or self.car.s2_closed == was_closed:
            return
        if was_closed:
            self._expect_opening(EV_STOPPED, self.now_ns)
        else:
            self.reactions.withdraw(EV_STOPPED)

    # --- what can be seen ---

    @property
    def flowing(self) -> bool:
        """True while the contacts and the car's S2 are closed and the grid is there."""
        joined = self.car is not None and self.car.s2_closed and self.contactor.closed
        return joined and faults.POWER_LOSS not in self.faults

    @property
    def current_a(self) -> tuple[float, float, float]:
        """What flows through the contacts, by phase."""
        if self.car is None or not self.flowing:
            return (0.0, 0.0, 0.0)
        amps = self.car.drawing_a
        return (amps, amps if self._live_phases > 1 else 0.0, amps if self._live_phases > 2 else 0.0)

    @property
    def voltage_v(self) -> tuple[float, float, float]:
        """Volts at the meter, by phase."""
        if faults.POWER_LOSS in self.faults:
            return (0.0, 0.0, 0.0)
        one, two, three = self.current_a
        return (GRID_V - GRID_OHM * one, GRID_V - GRID_OHM * two, GRID_V - GRID_OHM * three)

    @property
    def power_w(self) -> float:
        """What the car takes now."""
        return sum(volts * amps for volts, amps in zip(self.voltage_v, self.current_a, strict=True))

    @property
    def pilot_volts(self) -> tuple[float, float]:
        """True volts of the high and the low half, on the board's side of the switch in the pilot."""
        if not self.pins.cp:
            return pilot_line.volts(self.pins.duty, None)
        car = self.car if faults.CP_OPEN not in self.faults else None
        return pilot_line.volts(
            self.pins.duty,
            None if car is None else car.load_ohm,
            diode_shorted=faults.DIODE_SHORTED in self.faults or (car is not None and car.model.diode_shorted),
            shorted=faults.CP_SHORTED in self.faults,
        )

    @property
    def cable_ohm(self) -> float | None:
        """Resistor in the plug; None = no plug, or a fixed cable."""
        return None if self.car is None or self.lock is None else CABLE_OHM[int(self.car.cable_a)]

    @property
    def lock_state(self) -> str:
        """State of the lock; `none` for a fixed cable."""
        return "none" if self.lock is None else self.lock.state

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the fault inputs that say that something is wrong."""
        wrong = [name for name in faults.INPUTS if name in self.faults]
        if self.rcd.tripped and faults.RCD_TRIP not in self.faults:
            wrong.append(faults.RCD_TRIP)
        return tuple(wrong)

    @property
    def phases(self) -> int:
        """Position of the phase switch: 1, 3, or 0 on the way."""
        return self.phase_switch.feedback

    @property
    def warmth_c(self) -> float:
        """Temperature in the housing: warmer under load."""
        return round(AMBIENT_C + 12.0 * (self.current_a[0] / 32.0) ** 2, 1)

    @property
    def contacts_closed(self) -> bool:
        """True while the contactor's main contacts touch."""
        return self.contactor.closed

    def signature(self) -> Signature:
        """Return what must reach the driver at once when it changes."""
        return self.sensing.signature(self)

    def packet(self) -> dict[str, Any]:
        """Return the state that the driver is sent."""
        return self.sensing.packet(self)
