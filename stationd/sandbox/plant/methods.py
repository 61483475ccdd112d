"""The control's methods (docs/PLANT_PROTOCOL.md, section 3): each returns when it has taken effect."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from stationd.sandbox.plant import cars, faults
from stationd.sandbox.plant.car import CABLE_OHM, FIXED_CABLE_A, NS, Car
from stationd.sandbox.plant.engine import Engine
from stationd.sandbox.plant.errors import ArgumentError
from stationd.sandbox.plant.parameters import Param
from stationd.sandbox.plant.plant import Plant
from stationd.sandbox.plant.reactions import KEPT

TOLD_TIMEOUT_S = 0.5
MAX_METER_WH = 9_999_999_900.0
"""What the device's display can show."""
Json = dict[str, Any]


class Drivers(Protocol):
    """The fast socket, as the control uses it."""

    def attached(self) -> tuple[int, ...]:
        """Return the EVSEs that have a driver."""
        ...

    async def wait_told(self, evse_id: int, timeout_s: float) -> bool:
        """Wait until the driver was sent the present state."""
        ...


class Reader(Protocol):
    """The card reader, as the control uses it."""

    @property
    def connected(self) -> bool:
        """True while a driver listens."""
        ...

    async def fault_changed(self) -> None:
        """Look at the faults again."""
        ...

    async def present(self, token: str, token_type: str, evse_id: int) -> int:
        """Hold a card to the reader; return when it was acknowledged."""
        ...


@dataclass(frozen=True, slots=True)
class Control:
    """What the methods work on."""

    plant: Plant
    engine: Engine
    drivers: Drivers
    reader: Reader
    about: Mapping[str, Any]
    """Facts that `state` shows too: the meter's port and tty."""

    async def told(self, evse_id: int) -> Json:
        """Settle the physics and wait until the EVSE's driver was sent what came of it."""
        self.engine.settle(self.engine.now())
        return {"driver_told": await self.drivers.wait_told(evse_id, TOLD_TIMEOUT_S)}

    def view(self, last_reactions: int) -> Json:
        """Return the `state` of this moment."""
        self.engine.settle(self.engine.now())
        view = self.plant.view(self.drivers.attached(), last_reactions)
        return {**view, **self.about, "reader": {"connected": self.reader.connected}}


async def plug_in(control: Control, values: Json) -> Json:
    """Put the cable in."""
    evse = control.plant.evse(values["evse_id"])
    cable_a = FIXED_CABLE_A if evse.lock is None else float(values["cable_a"])
    wants, now_ns = values["wants_power"], control.engine.now()
    wants_at_ns = None if isinstance(wants, str) else now_ns + round(wants * NS)
    model = cars.with_properties(cars.model(values["model"]), values["properties"])
    max_a, phases = values["current_a"] or model.current_a, values["phases"] or model.phases
    car = Car(float(max_a), phases, cable_a, wants == "now", wants_at_ns, model=model)
    evse.plug_in(car, now_ns)
    return await control.told(evse.evse_id)


async def wants_power(control: Control, values: Json) -> Json:
    """Let the car close or open its S2."""
    evse = control.plant.evse(values["evse_id"])
    evse.set_wants(control.engine.now(), wants=values["wants"])
    s2_closed = evse.car is not None and evse.car.s2_closed
    return {"s2_closed": s2_closed, **await control.told(evse.evse_id)}


async def plug_out(control: Control, values: Json) -> Json:
    """Pull the cable."""
    evse = control.plant.evse(values["evse_id"])
    evse.plug_out(control.engine.now(), force=values["force"])
    return await control.told(evse.evse_id)


async def present_card(control: Control, values: Json) -> Json:
    """Hold a card to the reader."""
    control.plant.evse(values["evse_id"])
    return {"n": await control.reader.present(values["token"], values["type"], values["evse_id"])}


async def set_fault(control: Control, values: Json) -> Json:
    """Break something."""
    evse = control.plant.evse(values["evse_id"])
    evse.set_fault(values["name"], control.engine.now())
    await control.reader.fault_changed()
    return await control.told(evse.evse_id)


async def clear_fault(control: Control, values: Json) -> Json:
    """Mend it."""
    evse = control.plant.evse(values["evse_id"])
    evse.clear_fault(values["name"], control.engine.now())
    await control.reader.fault_changed()
    return await control.told(evse.evse_id)


async def set_temperature(control: Control, values: Json) -> Json:
    """Let it be so warm in the housing."""
    evse, now_ns = control.plant.evse(values["evse_id"]), control.engine.now()
    evse.set_temperature(None if values["celsius"] is None else float(values["celsius"]), now_ns)
    return await control.told(evse.evse_id)


async def models(control: Control, values: Json) -> Json:
    """Return the kinds of cars."""
    return {"models": [{"name": each.name, "about": each.about} for each in cars.models().values()]}


async def set_meter(control: Control, values: Json) -> Json:
    """Write, freeze or silence the meter; what is left out stays as it is."""
    if all(values[name] is None for name in ("energy_wh", "frozen", "silent")):
        raise ArgumentError("cannot call set_meter: give energy_wh, frozen or silent")
    evse, now_ns = control.plant.evse(values["evse_id"]), control.engine.now()
    evse.advance(now_ns)
    if values["energy_wh"] is not None:
        evse.meter.write(float(values["energy_wh"]))
    if values["frozen"] is not None:
        evse.meter.freeze() if values["frozen"] else evse.meter.release()
    if values["silent"] is not None:
        change = evse.set_fault if values["silent"] else evse.clear_fault
        change(faults.METER_SILENT, now_ns)
    control.engine.settle(now_ns)
    return {"meter_wh": evse.meter.register_wh}


async def set_speed(control: Control, values: Json) -> Json:
    """Multiply energy."""
    now_ns = control.engine.now()
    control.plant.set_speed(float(values["factor"]), now_ns)
    control.engine.settle(now_ns)
    return {"speed": control.plant.speed}


async def state(control: Control, values: Json) -> Json:
    """Return everything."""
    return control.view(values["last_reactions"])


Handler = Callable[[Control, Json], Awaitable[Json]]
_EVSE = Param("int", 1, low=1, high=247)
_LAST = Param("int", KEPT, low=0, high=KEPT)
MIN_SPEED, MAX_SPEED = 1, 3600
WATCH = {"interval_ms": Param("int", 200, low=20, high=60_000), "last_reactions": _LAST}
METHODS: dict[str, tuple[Handler, dict[str, Param]]] = {
    "plug_in": (plug_in, {
        "evse_id": _EVSE,
        "model": Param("text", cars.DEFAULT, low=1, high=40),
        "current_a": Param("number", None, low=0.5, high=80),
        "phases": Param("int", None, low=1, high=3),
        "cable_a": Param("int", 32, choices=tuple(CABLE_OHM)),
        "wants_power": Param("wants", "now", low=0, high=86_400),
        "properties": Param("object", {}, high=20),
    }),
    "wants_power": (wants_power, {"evse_id": _EVSE, "wants": Param("bool")}),
    "plug_out": (plug_out, {"evse_id": _EVSE, "force": Param("bool", default=False)}),
    "present_card": (present_card, {
        "token": Param("text", low=1, high=36),
        "type": Param("text", "ISO14443", low=1, high=20),
        "evse_id": _EVSE,
    }),
    "set_fault": (set_fault, {"evse_id": _EVSE, "name": Param("text", low=1, high=40)}),
    "clear_fault": (clear_fault, {"evse_id": _EVSE, "name": Param("text", low=1, high=40)}),
    "set_meter": (set_meter, {
        "evse_id": _EVSE,
        "energy_wh": Param("number", None, low=0, high=MAX_METER_WH),
        "frozen": Param("bool", None),
        "silent": Param("bool", None),
    }),
    "set_temperature": (set_temperature, {
        "evse_id": _EVSE, "celsius": Param("number or null", low=-60, high=200),
    }),
    "models": (models, {}),
    "set_speed": (set_speed, {"factor": Param("number", low=MIN_SPEED, high=MAX_SPEED)}),
    "state": (state, {"last_reactions": _LAST}),
}  # fmt: skip
"""`watch` is the server's own: it needs the connection."""
