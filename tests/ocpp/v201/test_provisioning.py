from datetime import UTC, datetime
from typing import Any

import pytest

from stationd.domain.answers import Acknowledged, BootAnswer, HeartbeatAnswer
from stationd.domain.events import HeartbeatDue, ReportPart, StationBooted
from stationd.domain.states import BootReason, RegistrationStatus, ResetKind
from stationd.domain.variable_table import (
    FIRMWARE_VERSION,
    HEARTBEAT_INTERVAL,
    ITEMS_GET_REPORT,
    ITEMS_GET_VARIABLES,
    ITEMS_SET_VARIABLES,
    MODEL,
    OFFLINE_THRESHOLD,
    SERIAL_NUMBER,
    VENDOR_NAME,
)
from stationd.domain.variables import VariableReport
from stationd.ocpp.v201 import provisioning
from stationd.ocpp.v201.routes import ROUTES
from stationd.ocpp.version import CallRefusedError, RpcError
from stationd.station.ports import ChangeOutcome
from tests.fakes.station import FakeStation
from tests.ocpp.v201.support import answered, context, on_the_wire, request, settings

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
THRESHOLD = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "OfflineThreshold"}}
INTERVAL = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}


@pytest.mark.parametrize("reason", list(BootReason))
def test_a_boot_names_the_station_and_its_reason_b01_fr_01_b01_fr_09(reason: BootReason) -> None:
    seeds = {VENDOR_NAME: "Maker", MODEL: "Box 2", SERIAL_NUMBER: "S-1", FIRMWARE_VERSION: "0.1.0"}
    outgoing = provisioning.boot_to_wire(context(table=settings(seeds)), StationBooted(reason))
    assert outgoing.action == "BootNotification"
    assert request("v201", outgoing) == {
        "reason": str(reason),
        "chargingStation": {
            "model": "Box 2",
            "vendorName": "Maker",
            "serialNumber": "S-1",
            "firmwareVersion": "0.1.0",
        },
    }


def test_empty_names_are_left_out_or_replaced_never_sent() -> None:
    outgoing = provisioning.boot_to_wire(
        context(table=settings({VENDOR_NAME: "", MODEL: "", SERIAL_NUMBER: ""})), StationBooted(BootReason.POWER_UP)
    )
    assert request("v201", outgoing)["chargingStation"] == {"model": "stationd", "vendorName": "stationd"}


def test_long_names_are_cut_to_the_schema_s_lengths() -> None:
    seeds = {VENDOR_NAME: "v" * 60, MODEL: "m" * 60, SERIAL_NUMBER: "s" * 60, FIRMWARE_VERSION: "f" * 60}
    outgoing = provisioning.boot_to_wire(context(table=settings(seeds)), StationBooted(BootReason.POWER_UP))
    lengths = {name: len(text) for name, text in request("v201", outgoing)["chargingStation"].items()}
    assert lengths == {"model": 20, "vendorName": 50, "serialNumber": 25, "firmwareVersion": 50}


@pytest.mark.parametrize("status", list(RegistrationStatus))
def test_the_answer_to_a_boot_is_read_b01_fr_04(status: RegistrationStatus) -> None:
    outgoing = provisioning.boot_to_wire(context(), StationBooted(BootReason.POWER_UP))
    response = {"status": str(status), "currentTime": "2026-01-01T12:00:00.5Z", "interval": 300}
    answer = outgoing.read(on_the_wire("v201", "BootNotificationResponse", response))
    assert answer == BootAnswer(status, NOON.replace(microsecond=500_000), 300)


def test_an_unreadable_time_of_the_csms_is_no_time() -> None:
    outgoing = provisioning.boot_to_wire(context(), StationBooted(BootReason.POWER_UP))
    answer = outgoing.read({"status": "Accepted", "currentTime": "now", "interval": 0})
    assert answer == BootAnswer(RegistrationStatus.ACCEPTED, None, 0)


def test_a_heartbeat_brings_the_csms_s_time_g02_fr_06() -> None:
    outgoing = provisioning.heartbeat_to_wire(context(), HeartbeatDue())
    assert outgoing.action == "Heartbeat"
    assert request("v201", outgoing) == {}
    assert outgoing.read({"currentTime": "2026-01-01T12:00:00Z"}) == HeartbeatAnswer(NOON)


def test_a_part_of_a_report_repeats_request_and_number_b07_fr_04_b07_fr_10() -> None:
    part = ReportPart(
        request_id=12,
        generated_at=NOON,
        seq_no=3,
        to_be_continued=True,
        entries=(VariableReport(HEARTBEAT_INTERVAL, "300"), VariableReport(OFFLINE_THRESHOLD, "60")),
    )
    outgoing = provisioning.report_to_wire(context(), part)
    assert outgoing.action == "NotifyReport"
    told = request("v201", outgoing)
    assert {name: told[name] for name in ("requestId", "generatedAt", "seqNo", "tbc")} == {
        "requestId": 12,
        "generatedAt": "2026-01-01T12:00:00Z",
        "seqNo": 3,
        "tbc": True,
    }
    assert [entry["variable"]["name"] for entry in told["reportData"]] == ["HeartbeatInterval", "OfflineThreshold"]
    assert outgoing.read({}) == Acknowledged()


def test_a_part_without_entries_has_no_report_data() -> None:
    part = ReportPart(request_id=1, generated_at=NOON, seq_no=0, to_be_continued=False, entries=())
    assert "reportData" not in request("v201", provisioning.report_to_wire(context(), part))


async def _answered(action: str, asked: dict[str, Any], station: FakeStation | None = None) -> dict[str, Any]:
    return await answered("v201", ROUTES, context(station), action, asked)


async def test_one_result_for_each_element_asked_in_order_b06_fr_01() -> None:
    unknown = {"component": {"name": "Nobody"}, "variable": {"name": "Nothing"}}
    told = await _answered("GetVariables", {"getVariableData": [THRESHOLD, unknown, INTERVAL, THRESHOLD]})
    statuses = [result["attributeStatus"] for result in told["getVariableResult"]]
    assert statuses == ["Accepted", "UnknownComponent", "Accepted", "Accepted"]
    assert told["getVariableResult"][2]["attributeValue"] == "300"


async def test_one_result_for_each_element_written_in_order_b05_fr_01() -> None:
    good, bad = THRESHOLD | {"attributeValue": "90"}, INTERVAL | {"attributeValue": "never"}
    ctx = context()
    told = await answered("v201", ROUTES, ctx, "SetVariables", {"setVariableData": [bad, good]})
    assert [result["attributeStatus"] for result in told["setVariableResult"]] == ["Rejected", "Accepted"]
    assert ctx.settings.integer(OFFLINE_THRESHOLD) == 90
    assert ctx.settings.integer(HEARTBEAT_INTERVAL) == 300


@pytest.mark.parametrize(
    ("action", "field", "element", "limit"),
    [
        ("GetVariables", "getVariableData", THRESHOLD, ITEMS_GET_VARIABLES),  # B06.FR.16
        ("SetVariables", "setVariableData", THRESHOLD | {"attributeValue": "1"}, ITEMS_SET_VARIABLES),
        ("GetReport", "componentVariable", {"component": {"name": "EVSE"}}, ITEMS_GET_REPORT),  # B08.FR.17
    ],
)
async def test_more_elements_than_announced_are_a_callerror_b06_fr_16_b08_fr_17(
    action: str, field: str, element: dict[str, Any], limit: Any
) -> None:
    ctx = context(table=settings({limit: "3"}))
    enough = {field: [element] * 3} | ({"requestId": 1} if action == "GetReport" else {})
    await answered("v201", ROUTES, ctx, action, enough)
    with pytest.raises(CallRefusedError) as refused:
        await ROUTES[action](ctx, enough | {field: [element] * 4})
    assert refused.value.code is RpcError.OCCURRENCE_CONSTRAINT_VIOLATION


@pytest.mark.parametrize("base", ["ConfigurationInventory", "FullInventory", "SummaryInventory"])
async def test_every_inventory_is_reported_under_its_request_b07_fr_01_b07_fr_12(base: str) -> None:
    station = FakeStation()
    assert await _answered("GetBaseReport", {"requestId": 5, "reportBase": base}, station) == {"status": "Accepted"}
    [(method, arguments)] = station.calls
    assert method == "report"
    assert arguments["request_id"] == 5
    assert arguments["entries"]


async def test_an_unknown_inventory_is_not_supported_and_not_reported_b07_fr_02_b07_fr_05() -> None:
    station = FakeStation()
    response = await provisioning.get_base_report(context(station), {"requestId": 5, "reportBase": "Other"})
    assert on_the_wire("v201", "GetBaseReportResponse", response) == {"status": "NotSupported"}
    assert station.calls == []


async def test_a_custom_report_holds_what_was_asked_for_b08_fr_01_b08_fr_11() -> None:
    station = FakeStation()
    state = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "AvailabilityState"}}
    told = await _answered("GetReport", {"requestId": 6, "componentVariable": [state]}, station)
    assert told == {"status": "Accepted"}
    [(_, arguments)] = station.calls
    assert [entry.spec.name for entry in arguments["entries"]] == ["EVSE[evse:1].AvailabilityState"]


async def test_a_custom_report_of_nothing_is_an_empty_result_set_b08_fr_15() -> None:
    station = FakeStation()
    told = await _answered("GetReport", {"requestId": 6, "componentCriteria": ["Problem"]}, station)
    assert told == {"status": "EmptyResultSet"}
    assert station.calls == []


@pytest.mark.parametrize(("word", "kind"), [("Immediate", ResetKind.IMMEDIATE), ("OnIdle", ResetKind.ON_IDLE)])
@pytest.mark.parametrize("outcome", list(ChangeOutcome))
async def test_the_station_decides_on_a_reset_b11_fr_01_b12_fr_01(
    word: str, kind: ResetKind, outcome: ChangeOutcome
) -> None:
    station = FakeStation(reset=outcome)
    assert await _answered("Reset", {"type": word, "evseId": 2}, station) == {"status": str(outcome)}
    assert station.calls == [("request_reset", {"kind": kind, "evse_id": 2})]


async def test_an_unknown_evse_is_not_reset() -> None:
    station = FakeStation()
    told = await _answered("Reset", {"type": "OnIdle", "evseId": 9}, station)
    assert told == {"status": "Rejected", "statusInfo": {"reasonCode": "UnknownEvse"}}
    assert station.calls == []
