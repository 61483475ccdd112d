"""`fault.list|reset` and `pilot.test_rcd`."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from stationd.api import faults as module
from stationd.api.faults import FaultsApi
from stationd.api.server import Access, InvalidParams, Refused
from stationd.domain.faults import Fault, FaultCode, FaultInForce
from stationd.domain.pilot import PilotStatus
from tests.api.test_status import PILOT

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Station:
    """Two EVSEs with a tripped device, one with a warning too."""

    def __init__(self) -> None:
        self.held = (
            FaultInForce(Fault(FaultCode.RCD_TRIP, 1), NOON),
            FaultInForce(Fault(FaultCode.DERATED, 1, blocking=False), NOON),
            FaultInForce(Fault(FaultCode.RCD_TRIP, 2), NOON),
        )
        self.asked: list[tuple[int, str]] = []
        self.refusal: str | None = None
        self.results = ["running", "running", "passed"]

    def faults_in_force(self) -> tuple[FaultInForce, ...]:
        return self.held

    async def reset_fault(self, evse_id: int, code: str) -> str | None:
        self.asked.append((evse_id, code))
        return self.refusal

    async def test_rcd(self, evse_id: int) -> str | None:
        self.asked.append((evse_id, "test"))
        return self.refusal

    def status(self, evse_id: int) -> PilotStatus | None:
        if evse_id != 1:
            return None
        result = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        return replace(PILOT, rcd_test=result)


@pytest.fixture
def station(monkeypatch: pytest.MonkeyPatch) -> Station:
    monkeypatch.setattr(module, "POLL_S", 0.01)
    monkeypatch.setattr(module, "TEST_S", 0.2)
    return Station()


def api(station: Station) -> FaultsApi:
    return FaultsApi(station, station.status)


async def test_faults_are_listed_with_name_end_and_next_step(station: Station) -> None:
    first, second, _ = await api(station).list()
    assert first == {
        "code": "rcd_trip",
        "evse_id": 1,
        "since": "2026-01-01T12:00:00Z",
        "mrec": "MREC2GroundFailure",
        "blocking": True,
        "ends": "by a technician's reset, also over a restart",
        "text": "the residual current device tripped: unplug, have vehicle and station checked, then reset the fault",
    }
    assert (second["code"], second["blocking"]) == ("derated", False)


async def test_a_reset_reaches_every_evse_that_has_the_fault_or_the_one_that_is_named(station: Station) -> None:
    assert await api(station).reset("rcd_trip") == {"code": "rcd_trip", "evse_ids": [1, 2]}
    assert station.asked == [(1, "rcd_trip"), (2, "rcd_trip")]
    assert await api(station).reset("rcd_trip", 2) == {"code": "rcd_trip", "evse_ids": [2]}
    assert station.asked[2:] == [(2, "rcd_trip")]


async def test_a_refusal_is_passed_on_in_its_words(station: Station) -> None:
    station.refusal = "cannot reset rcd_trip: its input is still faulty; remove the cause first"
    with pytest.raises(Refused, match="its input is still faulty"):
        await api(station).reset("rcd_trip")


@pytest.mark.parametrize(
    ("code", "evse_id", "named"), [("tilt", None, "'tilt'"), ("derated", 2, "'derated' of EVSE 2"), ("", None, "''")]
)
async def test_what_is_not_in_force_is_refused_with_a_list_of_what_is(
    station: Station, code: str, evse_id: int | None, named: str
) -> None:
    with pytest.raises(InvalidParams) as raised:
        await api(station).reset(code, evse_id)
    assert str(raised.value) == (
        f"cannot reset {named}: it is not in force; in force: rcd_trip (EVSE 1), derated (EVSE 1), rcd_trip (EVSE 2)"
    )
    assert station.asked == []


async def test_without_any_fault_the_list_says_none(station: Station) -> None:
    station.held = ()
    assert await api(station).list() == []
    with pytest.raises(InvalidParams, match="in force: none"):
        await api(station).reset("tilt")


async def test_a_self_test_waits_for_its_result(station: Station) -> None:
    assert await api(station).test_rcd(1) == {"evse_id": 1, "result": "passed"}
    assert station.asked == [(1, "test")]


async def test_a_self_test_without_an_end_is_told_as_running(station: Station) -> None:
    station.results = ["running"]
    assert (await api(station).test_rcd(1))["result"] == "running"


async def test_a_self_test_that_cannot_begin_is_refused(station: Station) -> None:
    with pytest.raises(InvalidParams, match="cannot test EVSE 7"):
        await api(station).test_rcd(7)
    station.refusal = "cannot test the residual current device: this board has no test output"
    with pytest.raises(Refused, match="no test output"):
        await api(station).test_rcd(1)


def test_who_may_only_look_may_not_reset(station: Station) -> None:
    methods = api(station).methods()
    assert {name: method.access for name, method in methods.items()} == {
        "fault.list": Access.READ,
        "fault.reset": Access.CHANGE,
        "pilot.test_rcd": Access.CHANGE,
    }
