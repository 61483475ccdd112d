from typing import Any

import pytest

from stationd.domain.states import ResetKind
from stationd.ocpp.v21 import provisioning
from tests.fakes.station import FakeStation
from tests.ocpp.v201.support import context, on_the_wire


async def _reset(station: FakeStation, **asked: Any) -> dict[str, Any]:
    response = await provisioning.reset(context(station), on_the_wire("v21", "ResetRequest", asked))
    return on_the_wire("v21", "ResetResponse", response)


@pytest.mark.parametrize("evse", [{}, {"evseId": 1}])
async def test_resuming_by_command_is_rejected_without_a_resumption_timeout_b13_fr_01(evse: dict[str, int]) -> None:
    station = FakeStation()
    told = await _reset(station, type="ImmediateAndResume", **evse)
    assert told["status"] == "Rejected"
    assert told["statusInfo"]["reasonCode"] == "NotEnabled"
    assert station.calls == []


@pytest.mark.parametrize(("word", "kind"), [("Immediate", ResetKind.IMMEDIATE), ("OnIdle", ResetKind.ON_IDLE)])
async def test_other_resets_are_as_in_2_0_1_b11_fr_01(word: str, kind: ResetKind) -> None:
    station = FakeStation()
    assert await _reset(station, type=word) == {"status": "Accepted"}
    assert station.calls == [("request_reset", {"kind": kind, "evse_id": None})]


def test_the_station_has_no_resumption_timeout_b13_fr_01() -> None:
    """The refusal above holds only as long as the table of settings has no such row."""
    assert context().settings.find("TxCtrlr", "ResumptionTimeout") is None
