"""`status` and `status.watch`: everything a technician looks at first, as one JSON object."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from stationd.api.server import Access, InvalidParams, Method
from stationd.api.texts import fault_text
from stationd.domain.events import ConnectorSnapshot
from stationd.domain.pilot import PilotStatus
from stationd.domain.transaction import Transaction
from stationd.hal.interfaces import MeterReading
from stationd.station.ports import Clock, StationPort, TransactionStore

MIN_INTERVAL_S, MAX_INTERVAL_S = 0.1, 3600.0


class PilotView(Protocol):
    """What is shown of the link to stationd-pilot."""

    @property
    def error(self) -> str | None:
        """Say in words why there is no connection; None while there is one."""
        ...

    def status(self, evse_id: int) -> PilotStatus | None:
        """Return the last status of an EVSE."""
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the parts of the status come from."""

    station: StationPort
    pilot: PilotView
    transactions: TransactionStore
    clock: Clock
    reading: Callable[[int], MeterReading | None]
    """The newest reading of an EVSE's meter."""
    limits: Callable[[int], Sequence[tuple[str, float]]]
    """Every limit in force on an EVSE, in amperes."""
    connection: Callable[[], Mapping[str, Any]]
    identity: Mapping[str, Any]
    """vendor, model, serial_number, firmware_version, identity, boot_reason."""
    started_s: float
    """Monotonic seconds at which the process started."""
    notices: Callable[[], Sequence[str]]
    """Sentences that a technician should read."""


class StatusApi:
    """The methods of this file."""

    def __init__(self, sources: Sources) -> None:
        self._from = sources

    def methods(self) -> dict[str, Method]:
        """Return the rows of the table."""
        interval = {"interval_s": float}
        return {
            "status": Method(Access.READ, self.status),
            "status.watch": Method(
                Access.READ, stream=self.watch, parameters=interval, optional=frozenset({"interval_s"})
            ),
        }

    async def status(self) -> dict[str, Any]:
        """Return the present state."""
        src = self._from
        connection = {**src.connection(), "queued": await src.transactions.queued()}
        return {
            "station": {**src.identity, "uptime_s": round(src.clock.monotonic() - src.started_s, 1)},
            "time": _stamp(src.clock.now()),
            "connection": connection,
            "pilot": {"connected": src.pilot.error is None, "error": src.pilot.error},
            "evses": [self._evse(snapshot) for snapshot in src.station.connectors()],
            "faults": [
                {"evse_id": f.evse_id, "code": f.code, "blocking": f.blocking, "text": fault_text(f.code)}
                for f in src.station.faults()
            ],
            "notices": list(src.notices()),
        }

    async def watch(self, interval_s: float = 1.0) -> AsyncIterator[dict[str, Any]]:
        """Yield the state again and again."""
        if not MIN_INTERVAL_S <= interval_s <= MAX_INTERVAL_S:
            raise InvalidParams(f"interval_s must be {MIN_INTERVAL_S} to {MAX_INTERVAL_S}, not {interval_s}")
        while True:
            yield await self.status()
            await asyncio.sleep(interval_s)

    def _evse(self, snapshot: ConnectorSnapshot) -> dict[str, Any]:
        evse_id = snapshot.evse_id
        transaction = self._from.station.active_transaction(evse_id)
        return {
            "evse_id": evse_id,
            "connector_id": snapshot.connector_id,
            "status": snapshot.status,
            "operative": snapshot.operative,
            "charging_state": snapshot.charging_state,
            "cable_connected": snapshot.cable_connected,
            "finishing": snapshot.finishing,
            "pilot": _pilot(self._from.pilot.status(evse_id)),
            "meter": self._meter(self._from.reading(evse_id)),
            "limits": [[name, round(amps, 2)] for name, amps in self._from.limits(evse_id)],
            "transaction": self._transaction(transaction) if transaction else None,
        }

    def _meter(self, reading: MeterReading | None) -> dict[str, Any] | None:
        if reading is None:
            return None
        return {
            "energy_wh": reading.energy_import_wh,
            "power_w": reading.power_w,
            "current_a": list(reading.current_a),
            "voltage_v": list(reading.voltage_v),
            "age_s": round(self._from.clock.monotonic() - reading.taken_at_s, 1),
            "error": reading.error,
        }

    def _transaction(self, transaction: Transaction) -> dict[str, Any]:
        seconds = (self._from.clock.now() - transaction.started_at).total_seconds()
        energy = transaction.energy_wh
        reading = self._from.reading(transaction.evse_id)
        if transaction.ended_at is None and reading is not None and reading.energy_import_wh is not None:
            energy = max(energy, reading.energy_import_wh - transaction.meter_start_wh)
        return {**transaction_json(transaction), "energy_wh": round(energy, 3), "duration_s": round(seconds, 1)}


def transaction_json(transaction: Transaction) -> dict[str, Any]:
    """Return a transaction as scripts see it."""
    return {
        "transaction_id": transaction.transaction_id,
        "evse_id": transaction.evse_id,
        "connector_id": transaction.connector_id,
        "id_token": transaction.id_token.value if transaction.id_token else None,
        "id_token_type": transaction.id_token.type if transaction.id_token else None,
        "authorized": transaction.authorized,
        "charging_state": transaction.charging_state,
        "started_at": _stamp(transaction.started_at),
        "ended_at": _stamp(transaction.ended_at) if transaction.ended_at else None,
        "meter_start_wh": transaction.meter_start_wh,
        "meter_stop_wh": transaction.meter_stop_wh,
        "energy_wh": round(transaction.energy_wh, 3),
        "stop_reason": transaction.stop_reason,
    }


def _pilot(status: PilotStatus | None) -> dict[str, Any] | None:
    if status is None:
        return None
    return {
        "cp": status.cp,
        "volts": status.volts,
        "duty_percent": status.duty_percent,
        "closed": status.sensed_closed,
        "commanded_closed": status.commanded_closed,
        "lock": status.lock,
        "cable_max_a": status.cable_max_a,
        "max_a": status.max_a,
        "offered_a": status.offered_a,
        "phases": status.phases,
        "waits_for": status.waits_for,
        "temperature_c": status.temperature_c,
        "faults": list(status.faults),
        "warnings": list(status.warnings),
    }


def _stamp(at: Any) -> str:
    text: str = at.isoformat(timespec="seconds")
    return text.replace("+00:00", "Z")
