"""The status that stationctl shows, from fakes at the ports."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from stationd.api.server import InvalidParams
from stationd.api.status import Sources, StatusApi, transaction_json
from stationd.domain.id_token import IdToken
from stationd.domain.pilot import CpState, LockState, PilotStatus
from stationd.domain.states import ChargingState, StopReason
from stationd.domain.transaction import Transaction
from stationd.hal.interfaces import MeterReading
from tests.fakes.clock import FakeClock
from tests.fakes.station import FakeStation, snapshot

PILOT = PilotStatus(
    evse_id=1, cp=CpState.C, volts=6.0, duty_percent=26.7, commanded_closed=True, sensed_closed=True,
    lock=LockState.LOCKED, cable_max_a=32.0, max_a=16.0, offered_a=16.0, faults=(), uptime_ms=1, boot_id="b",
)  # fmt: skip


class _Pilot:
    error: str | None = None

    def status(self, evse_id: int) -> PilotStatus | None:
        return PILOT if evse_id == 1 and self.error is None else None


class _Queue:
    async def queued(self, transaction_id: str | None = None) -> int:
        return 7


def _api(clock: FakeClock, station: FakeStation, pilot: _Pilot, reading: MeterReading | None) -> StatusApi:
    return StatusApi(
        Sources(
            station=station,
            pilot=pilot,
            transactions=_Queue(),  # type: ignore[arg-type]  # only the count is asked for
            clock=clock,
            reading=lambda evse_id: reading if evse_id == 1 else None,
            limits=lambda evse_id: [("hw-profile", 16.0)],
            connection=lambda: {"state": "connected"},
            identity={"identity": "CS1"},
            started_s=clock.monotonic() - 60,
            notices=lambda: ["look here"],
        )
    )


def _transaction(clock: FakeClock, **changes: Any) -> Transaction:
    started = Transaction(
        transaction_id="t", evse_id=1, connector_id=1, started_at=clock.now() - timedelta(seconds=90),
        meter_start_wh=1000.0, id_token=IdToken("A"), authorized=True, last_wh=1100.0,
    )  # fmt: skip
    return replace(started, **changes)


async def test_the_status_shows_station_pilot_meter_limits_and_queue() -> None:
    clock = FakeClock()
    reading = MeterReading(taken_at_s=clock.monotonic() - 2, energy_import_wh=1200.0, power_w=3500.0)
    station = FakeStation(transactions={1: _transaction(clock)})
    state = await _api(clock, station, _Pilot(), reading).status()
    assert state["station"] == {"identity": "CS1", "uptime_s": 60.0}
    assert state["connection"] == {"state": "connected", "queued": 7}
    assert state["pilot"] == {"connected": True, "error": None}
    first, second = state["evses"]
    assert first["pilot"]["cp"] == "C"
    assert first["pilot"]["closed"] is True
    assert (first["pilot"]["phases"], first["pilot"]["waits_for"], first["pilot"]["warnings"]) == (3, "", [])
    assert first["meter"]["age_s"] == 2.0
    assert first["limits"] == [["hw-profile", 16.0]]
    assert first["transaction"]["energy_wh"] == 200.0  # by the newest reading, not by the last one stored
    assert first["transaction"]["duration_s"] == 90.0
    assert (second["pilot"], second["meter"], second["transaction"]) == (None, None, None)
    assert state["notices"] == ["look here"]


async def test_energy_falls_back_to_what_was_stored_while_the_meter_is_silent() -> None:
    clock = FakeClock()
    silent = MeterReading(taken_at_s=clock.monotonic(), error="no answer")
    station = FakeStation(transactions={1: _transaction(clock)})
    state = await _api(clock, station, _Pilot(), silent).status()
    assert state["evses"][0]["transaction"]["energy_wh"] == 100.0
    assert state["evses"][0]["meter"]["error"] == "no answer"


async def test_a_lost_pilot_is_told_in_its_words() -> None:
    pilot = _Pilot()
    pilot.error = "nobody there"
    state = await _api(FakeClock(), FakeStation(), pilot, None).status()
    assert state["pilot"] == {"connected": False, "error": "nobody there"}


@pytest.mark.parametrize("interval_s", [0.0, -1.0, 4000.0, float("nan")])
async def test_watch_refuses_an_interval_out_of_bounds(interval_s: float) -> None:
    stream = _api(FakeClock(), FakeStation(), _Pilot(), None).watch(interval_s)
    with pytest.raises(InvalidParams, match=r"interval_s must be 0\.1 to 3600\.0"):
        await anext(stream)


async def test_watch_yields_the_status_again_and_again() -> None:
    stream = _api(FakeClock(), FakeStation(snapshots=(snapshot(1),)), _Pilot(), None).watch(0.1)
    first, second = await anext(stream), await anext(stream)
    assert first["evses"][0]["evse_id"] == second["evses"][0]["evse_id"] == 1
    await stream.aclose()  # type: ignore[attr-defined]


def test_a_transaction_is_told_with_its_end() -> None:
    clock = FakeClock()
    ended = _transaction(
        clock, ended_at=clock.now(), meter_stop_wh=1500.5, stop_reason=StopReason.LOCAL,
        charging_state=ChargingState.IDLE, authorized=False,
    )  # fmt: skip
    told = transaction_json(ended)
    assert (told["energy_wh"], told["stop_reason"], told["ended_at"]) == (500.5, "Local", "2026-01-01T12:00:00Z")
