"""An EVSE of the plant with a driver, in a time that the test lets pass."""

from typing import Any

from stationd.sandbox.plant import cars
from stationd.sandbox.plant.car import Car
from stationd.sandbox.plant.evse import Evse, Pins

MS = 1_000_000
OPEN = Pins(26.7, close=False, lock=False)
CLOSED = Pins(26.7, close=True, lock=True)


def a_car(**changes: Any) -> Car:
    return Car(**{"max_a": 16.0, "phases": 3, "cable_a": 32.0, "wants": True, **changes})


class Bench:
    """An EVSE with a driver that sends its pins every 4 ms."""

    def __init__(self, **options: Any) -> None:
        self.evse = Evse(1, 0, **options)
        self.pins = Pins()

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 250)):
            now_ns = self.evse.now_ns + 4 * MS
            self.evse.drive(self.pins, now_ns)
            self.evse.advance(now_ns)

    def charge(self, **car: Any) -> Evse:
        self.evse.plug_in(a_car(**car), self.evse.now_ns)
        self.pins = OPEN
        self.run(0.3)
        self.pins = CLOSED
        self.run(3)
        assert self.evse.contactor.closed
        return self.evse


def a_model(name: str, **properties: Any) -> Car:
    """Return a car of a model, as plug_in makes it."""
    model = cars.with_properties(cars.model(name), properties)
    return Car(model.current_a, model.phases, 32.0, wants=True, model=model)
