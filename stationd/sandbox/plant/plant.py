"""All EVSEs of one simulated station, and the picture of them that `state` gives. Sans-I/O."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from stationd.sandbox.plant import faults
from stationd.sandbox.plant.car import NS, Car
from stationd.sandbox.plant.errors import ArgumentError
from stationd.sandbox.plant.evse import Evse
from stationd.sandbox.plant.reactions import KEPT


class Plant:
    """The whole physics of one station."""

    def __init__(self, evses: Iterable[Evse]) -> None:
        self.evses = {evse.evse_id: evse for evse in evses}
        self.speed = 1.0

    def evse(self, evse_id: int) -> Evse:
        """Return one EVSE.

        Raises:
            ArgumentError: there is none of this number.
        """
        if evse_id not in self.evses:
            raise ArgumentError(f"cannot find EVSE {evse_id}: this plant has EVSE 1 to {len(self.evses)}")
        return self.evses[evse_id]

    def set_speed(self, factor: float, now_ns: int) -> None:
        """Multiply the energy of every EVSE from now on."""
        self.speed = factor
        for evse in self.evses.values():
            evse.set_speed(factor, now_ns)

    def advance(self, now_ns: int) -> None:
        """Let happen what is due."""
        for evse in self.evses.values():
            evse.advance(now_ns)

    def next_event_ns(self) -> int | None:
        """Return when something happens by itself next."""
        times = [at_ns for evse in self.evses.values() if (at_ns := evse.next_event_ns()) is not None]
        return min(times, default=None)

    def reactions_pending(self) -> bool:
        """Tell whether contacts are expected to part somewhere."""
        return any(evse.reactions.pending for evse in self.evses.values())

    def stalled(self) -> None:
        """Mark every pending reaction as not to be counted."""
        for evse in self.evses.values():
            evse.reactions.stalled()

    def reader_silent(self) -> bool:
        """Tell whether the one card reader is to be dead."""
        return self.reader_has(faults.READER_SILENT)

    def reader_has(self, fault: str) -> bool:
        """Tell whether the one card reader has this fault: it is set at any EVSE."""
        return any(fault in evse.faults for evse in self.evses.values())

    def view(self, attached: Iterable[int], last_reactions: int = KEPT) -> dict[str, Any]:
        """Return everything, as plain data."""
        there = set(attached)
        return {
            "t_ns": max(evse.now_ns for evse in self.evses.values()),
            "speed": self.speed,
            "faults_known": list(faults.KNOWN),
            "evses": [
                _evse_view(evse, attached=evse.evse_id in there, last=last_reactions) for evse in self.evses.values()
            ],
        }


def _evse_view(evse: Evse, *, attached: bool, last: int) -> dict[str, Any]:
    high, low = evse.pilot_volts
    return {
        "evse_id": evse.evse_id,
        "car": None if evse.car is None else _car_view(evse.car, evse.now_ns),
        "pilot": {"cp_high_v": high, "cp_low_v": low, "pp_ohm": evse.sensing.proximity(evse.cable_ohm)},
        "pins": {**asdict(evse.pins), "age_ms": _age_ms(evse), "attached": attached},
        "contactor": {"closed": evse.contactor.closed, "coil": evse.contactor.coil},
        "lock": evse.lock_state,
        "phase_switch": {
            "phases": evse.phase_switch.feedback,
            "moved_under_load": evse.phase_switch.moved_under_load,
            "moved_with_pilot": evse.phase_switch.moved_with_pilot,
        },
        "meter": {
            "meter_wh": evse.meter.register_wh,
            "frozen": evse.meter.frozen is not None,
            "silent": faults.METER_SILENT in evse.faults,
        },
        "flowed_wh": evse.flowed_wh,
        "power_w": round(evse.power_w, 3),
        "current_a": [round(amps, 4) for amps in evse.current_a],
        "voltage_v": [round(volts, 3) for volts in evse.voltage_v],
        "temperature_c": evse.sensing.temperature(evse.warmth_c),
        "faults": sorted(evse.faults),
        "reactions": evse.reactions.view(last),
    }


def _car_view(car: Car, now_ns: int) -> dict[str, Any]:
    later_s = None if car.wants_at_ns is None else round(max(0, car.wants_at_ns - now_ns) / NS, 3)
    return {
        "model": car.model.name,
        "current_a": car.max_a,
        "phases": car.phases,
        "cable_a": car.cable_a,
        "wants_power": car.wants,
        "wants_power_in_s": later_s,
        "offered_a": round(car.offered_a, 3),
        "s2_closed": car.s2_closed,
        "asleep": car.asleep,
        "latched": car.latched,
        "digital": car.digital,
        "pulls": car.pulls,
        "destroyed": car.destroyed,
    }


def _age_ms(evse: Evse) -> float | None:
    return None if evse.pins_at_ns is None else round(max(0, evse.now_ns - evse.pins_at_ns) / 1e6, 3)
