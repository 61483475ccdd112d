"""The drivers of one EVSE, built from the profile: reads them into `Seen`, writes `Pins` to them. The thin edge."""

from collections.abc import Callable, Mapping, MutableMapping
from importlib import import_module
from math import inf
from typing import Any

from stationd.hwprofile import DriverSpec, EvseProfile
from stationd.pilot.duty import STEADY_HIGH
from stationd.pilot.interfaces import (
    ConnectorLock,
    Contactor,
    CpReading,
    CpSwitch,
    CurrentInput,
    DriverError,
    FaultInput,
    LockFeedback,
    PhaseSwitch,
    Pilot,
    ProximityInput,
    RcdTest,
    TemperatureInput,
)
from stationd.pilot.machine import FAULT_INPUTS, Pins, Seen

PP_EVERY = 16
"""Ticks from one reading of the proximity contact to the next."""
TEMPERATURE_EVERY = 32
"""Ticks from one reading of the temperature to the next. One that cannot be read is tried again as often as proximity,
but never in the same tick."""
KINDS = ("pilot", "contactor", "lock", "fault", "sensor")
_NOTHING: frozenset[str] = frozenset()


class Channel:
    """All inputs and outputs of one EVSE."""

    def __init__(
        self,
        *,
        evse_id: int,
        pilot: Pilot,
        contactor: Contactor,
        proximity: ProximityInput | None = None,
        lock: ConnectorLock | None = None,
        faults: tuple[FaultInput, ...] = (),
        phase_switch: PhaseSwitch | None = None,
        cp_switch: CpSwitch | None = None,
        rcd_test: RcdTest | None = None,
        temperature: TemperatureInput | None = None,
        current: CurrentInput | None = None,
    ) -> None:
        self.evse_id = evse_id
        self.duty = STEADY_HIGH
        """What the generator was really set to."""
        self.parted = False
        """The pilot is parted from the vehicle by this process."""
        self._pilot = pilot
        self._contactor = contactor
        self._proximity = proximity
        self._lock = lock
        self._faults = faults
        self._phase_switch = phase_switch
        self._cp_switch = cp_switch
        self._rcd_test = rcd_test
        self._temperature = temperature
        self._current = current
        self._reading: CpReading | None = None
        self._pp_ohm: float | None = inf
        self._temperature_c: float | None = None
        self._turn = 0
        self._write_failed = False

    def read(self, now_ms: int) -> Seen:
        """Return what the inputs say. A driver that raises `OSError` counts as unreadable."""
        failed = self._write_failed
        cp_new = True
        self._turn = (self._turn + 1) % TEMPERATURE_EVERY
        slow = self._turn % PP_EVERY
        if slow == 1 and self._proximity is not None:
            cp_new = not self._proximity.takes_cp_turn
            try:
                self._pp_ohm = self._proximity.ohms(now_ms)
            except OSError:
                self._pp_ohm = None
        elif slow == 2 and self._temperature is not None and (self._turn == 2 or self._temperature_c is None):
            try:
                self._temperature_c = self._temperature.celsius(now_ms)
            except OSError:
                self._temperature_c = None
        if cp_new:
            try:
                self._reading = self._pilot.sample(now_ms)
            except OSError:
                self._reading = None
        faulty = self._alarms(now_ms)
        sensed: bool | None
        phases: int | None = None
        lock: LockFeedback | None = LockFeedback.NONE
        try:
            sensed = self._contactor.sensed_closed(now_ms)
        except OSError:
            sensed, failed = None, True
        if self._lock is not None:
            try:
                lock = self._lock.feedback(now_ms)
            except OSError:
                lock, failed = None, True
        if self._phase_switch is not None:
            try:
                phases = self._phase_switch.sensed_phases(now_ms)
            except OSError:
                phases = None
            failed = failed or phases is None
        if failed:
            faulty = faulty | {"hardware"}
        reading = self._reading
        high_v, low_v = (None, None) if reading is None else (reading.high_v, reading.low_v)
        amps = None if self._current is None else self._amps(self._current, now_ms)
        return Seen(high_v, low_v, sensed, lock, self._pp_ohm, faulty, cp_new, self._temperature_c, amps, phases)

    def write(self, pins: Pins, now_ms: int, in_time: Callable[[], bool]) -> None:
        """Set the outputs: opening comes before everything else, closing after everything else.

        `in_time` is asked right before the coil is told to close: if another output took so long that its lease may
        have ended, it is told to open.
        """
        self._write_failed = False
        if not pins.closed:
            self._try(self._contactor.write, closed=False, now_ms=now_ms)
        try:
            self.duty = self._pilot.set_duty(pins.duty)
        except OSError:
            self._write_failed = True
        if self._lock is not None and pins.locked is not None:
            self._try(self._lock.write, locked=pins.locked)
        if self._phase_switch is not None and pins.phases is not None:
            self._try(self._phase_switch.write, phases=pins.phases, now_ms=now_ms)
        if self._cp_switch is not None:
            self._try(self._cp_switch.write, connected=pins.cp_connected)
            self.parted = not pins.cp_connected
        if self._rcd_test is not None:
            self._try(self._rcd_test.write, active=pins.rcd_test)
        if pins.closed:
            self._try(self._contactor.write, closed=in_time(), now_ms=now_ms)

    def make_safe(self, now_ms: int) -> None:
        """Open, and stop all PWM. A pilot that is parted stays so: a phase switch may be on its way."""
        self.write(Pins(cp_connected=not self.parted), now_ms, never)

    @property
    def releases_on_death(self) -> bool:
        """True if the contactor's driver confirms that the kernel drops its coil when this process dies."""
        return getattr(self._contactor, "releases_on_death", False) is True

    def close(self) -> None:
        """Give all devices back."""
        sensors = (*self._faults, self._temperature, self._current, self._proximity)
        outputs = (self._rcd_test, self._lock, self._phase_switch, self._cp_switch, self._pilot, self._contactor)
        for driver in (*sensors, *outputs):
            if driver is not None:
                self._try(driver.close)

    def _alarms(self, now_ms: int) -> frozenset[str]:
        alarms = _NOTHING
        for fault in self._faults:
            try:
                told = fault.faulty(now_ms)
            except OSError:  # of this input alone: the others have their say
                told = None
            if told is None:
                alarms = alarms | {"hardware"}
            elif told:
                alarms = alarms | {fault.name}
        return alarms

    @staticmethod
    def _amps(current: CurrentInput, now_ms: int) -> tuple[float, float, float] | None:
        try:
            return current.amps(now_ms)
        except OSError:
            return None

    def _try(self, call: Any, **arguments: Any) -> None:
        try:
            call(**arguments)
        except OSError:
            self._write_failed = True


def never() -> bool:
    """Be the `in_time` of one who only opens."""
    return False


def build(profile: EvseProfile, runtime_dir: str, shared: MutableMapping[str, Any]) -> Channel:
    """Return the channel of one EVSE with its drivers loaded.

    Raises:
        DriverError: a driver does not exist or refuses its options.
    """

    def made(spec: DriverSpec | None) -> Any:
        return None if spec is None else _driver(spec, runtime_dir, profile.evse_id, shared)

    faults = tuple(made(spec) for spec in profile.faults)
    names = [fault.name for fault in faults]
    for name in names:
        if name not in FAULT_INPUTS or names.count(name) > 1:
            known = ", ".join(FAULT_INPUTS)
            raise DriverError(f"cannot use fault input {name!r} of EVSE {profile.evse_id}: name each of {known} once")
    for key, wanted, needed in (
        ("rcd_test", profile.rcd_test is not None, "rcd_trip"),
        ("unlock_on_power_loss", profile.unlock_on_power_loss, "power_loss"),
    ):
        if wanted and needed not in names:
            raise DriverError(
                f"cannot use {key} of EVSE {profile.evse_id} without fault input {needed}: add that input"
            )
    return Channel(
        evse_id=profile.evse_id,
        pilot=made(profile.pilot),
        contactor=made(profile.contactor),
        proximity=made(profile.proximity),
        lock=made(profile.lock),
        faults=faults,
        phase_switch=made(profile.phase_switch),
        cp_switch=made(profile.cp_switch),
        rcd_test=made(profile.rcd_test),
        temperature=made(profile.temperature),
        current=made(profile.current),
    )


class _Absent:
    """In the place of a pilot or a contactor that cannot be built: unreadable, and does nothing."""

    def sample(self, now_ms: int) -> CpReading | None:
        return None

    def set_duty(self, duty: float) -> float:
        return duty

    def write(self, *, closed: bool, now_ms: int) -> None:
        raise OSError("absent")

    def sensed_closed(self, now_ms: int) -> bool | None:
        return None

    def close(self) -> None:
        pass


def build_rest(profile: EvseProfile, runtime_dir: str, shared: MutableMapping[str, Any]) -> Channel:
    """Return what can be built of an EVSE of which a driver refused: good for driving its outputs safe, no more."""

    def made(spec: DriverSpec | None) -> Any:
        try:
            return None if spec is None else _driver(spec, runtime_dir, profile.evse_id, shared)
        except Exception:  # the refusal was told already; the rest must be driven
            return None

    return Channel(
        evse_id=profile.evse_id,
        contactor=made(profile.contactor) or _Absent(),
        pilot=made(profile.pilot) or _Absent(),
        lock=made(profile.lock),
        cp_switch=made(profile.cp_switch),
        rcd_test=made(profile.rcd_test),
    )


def _driver(spec: DriverSpec, runtime_dir: str, evse_id: int, shared: MutableMapping[str, Any]) -> Any:
    if spec.kind not in KINDS:
        raise DriverError(f"cannot load driver {spec.driver}: the safety process knows only {', '.join(KINDS)}")
    try:
        module = import_module(f"drivers.{spec.kind}.{spec.name}")
    except ModuleNotFoundError as error:
        raise DriverError(f"cannot load driver {spec.driver}: {error}; name a file in drivers/{spec.kind}") from None
    options: Mapping[str, Any] = spec.options
    return module.Driver(options, runtime_dir, evse_id, shared)
