"""SendLocalList and GetLocalListVersion of OCPP 2.0.1 and 2.1 (D01, D02)."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from stationd.domain.auth_list import ListEntry, ListSummary, ListUpdate, UpdateKind, UpdateOutcome, UpdateStatus
from stationd.domain.events import LocalListConflict
from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo
from stationd.domain.variable_table import LOCAL_LIST_BYTES, LOCAL_LIST_ITEMS
from stationd.ocpp.rpc.frame import MAX_TEXT, CallFrame, parse
from stationd.ocpp.v21 import routes as v21
from stationd.ocpp.v201 import local_auth_list
from stationd.ocpp.v201 import routes as v201
from stationd.ocpp.version import RpcError, SchemaViolation
from tests.fakes.station import FakeStation
from tests.ocpp.v201.support import answered, context

STALL_S = 0.05
"""No message may hold up the event loop for longer."""
ROUTES = {"v201": v201.VERSION, "v21": v21.VERSION}
pytestmark = pytest.mark.parametrize("version", ROUTES)


async def ask(version: str, station: FakeStation, action: str, request: Any) -> Any:
    """Return the answer; both ways checked by the published schemas and by the shipped validators."""
    shipped = ROUTES[version]
    response = await answered(version, shipped.routes, context(station), action, request)
    for check, payload in ((shipped.request_validator, request), (shipped.response_validator, response)):
        validate = check(action)
        assert validate is not None
        validate(payload)
    return response


def listed(token: str, kind: str = "ISO14443", **info: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {"idToken": {"idToken": token, "type": kind}}
    return entry | {"idTokenInfo": info} if info else entry


async def taken(version: str, request: dict[str, Any]) -> ListUpdate:
    station = FakeStation()
    assert await ask(version, station, "SendLocalList", request) == {"status": "Accepted"}
    ((name, arguments),) = station.calls
    assert name == "update_local_list"
    update: ListUpdate = arguments["update"]
    return update


@pytest.mark.parametrize(
    ("summary", "number"),
    [
        (None, 0),  # D02.FR.03, TC_D_10
        (ListSummary(), 0),  # D02.FR.02
        (ListSummary(version=7, entries=2), 7),  # D02.FR.01, TC_D_08
        (ListSummary(version=8, entries=0), 8),  # TC_D_04: an emptied list keeps its version
    ],
)
async def test_the_version_is_that_of_the_last_update(version: str, summary: ListSummary | None, number: int) -> None:
    station = FakeStation(listed=summary)
    assert await ask(version, station, "GetLocalListVersion", {}) == {"versionNumber": number}


@pytest.mark.parametrize(
    ("outcome", "response"),
    [
        (UpdateOutcome(UpdateStatus.ACCEPTED), {"status": "Accepted"}),
        (UpdateOutcome(UpdateStatus.VERSION_MISMATCH, info="the list has version 5"), {"status": "VersionMismatch"}),
        (
            UpdateOutcome(UpdateStatus.FAILED, "TooManyElements", "more than 1000 entries in one message"),
            {
                "status": "Failed",
                "statusInfo": {
                    "reasonCode": "TooManyElements",
                    "additionalInfo": "more than 1000 entries in one message",
                },
            },
        ),
    ],
)
async def test_the_answer_tells_what_the_station_decided_d01_fr_02(
    version: str, outcome: UpdateOutcome, response: dict[str, Any]
) -> None:
    request = {"versionNumber": 5, "updateType": "Differential"}
    assert await ask(version, FakeStation(list_update=outcome), "SendLocalList", request) == response


async def test_a_full_list_with_everything_an_entry_can_say_d01_fr_15_tc_d_01(version: str) -> None:
    everything = listed(
        "04A1",
        status="Accepted",
        cacheExpiryDateTime="2026-02-01T00:00:00Z",
        groupIdToken={"idToken": "FLEET", "type": "Central"},
        evseId=[1, 2],
        language1="en",
        chargingPriority=3,
    )
    update = await taken(version, {"versionNumber": 1, "updateType": "Full", "localAuthorizationList": [everything]})
    info = IdTokenInfo(
        AuthorizationStatus.ACCEPTED, datetime(2026, 2, 1, tzinfo=UTC), IdToken("FLEET", "Central"), (1, 2)
    )
    assert update == ListUpdate(1, UpdateKind.FULL, (ListEntry(IdToken("04A1"), info),))


async def test_entries_without_info_remove_and_others_add_d01_fr_16_d01_fr_17_tc_d_02_tc_d_03(version: str) -> None:
    entries = [listed("04A1"), listed("1234", "KeyCode", status="Blocked")]
    update = await taken(version, {"versionNumber": 2, "updateType": "Differential", "localAuthorizationList": entries})
    assert update.entries == (
        ListEntry(IdToken("04A1"), None),
        ListEntry(IdToken("1234", "KeyCode"), IdTokenInfo(AuthorizationStatus.BLOCKED)),
    )


@pytest.mark.parametrize("kind", UpdateKind)
async def test_no_entries_are_none_d01_fr_04_d01_fr_05_tc_d_04_tc_d_05(version: str, kind: UpdateKind) -> None:
    assert await taken(version, {"versionNumber": 3, "updateType": str(kind)}) == ListUpdate(3, kind, ())


@pytest.mark.parametrize("status", AuthorizationStatus)
async def test_every_status_is_understood(version: str, status: AuthorizationStatus) -> None:
    entries = [listed("04A1", status=str(status))]
    update = await taken(version, {"versionNumber": 1, "updateType": "Full", "localAuthorizationList": entries})
    assert [entry.info for entry in update.entries] == [IdTokenInfo(status)]


async def test_an_end_that_is_no_date_fails_the_whole_list(version: str) -> None:
    station = FakeStation()
    entries = [
        listed("04A1", status="Accepted"),
        listed("04A2", status="Accepted", cacheExpiryDateTime="2026-02-30T00:00:00Z"),
    ]
    request = {"versionNumber": 1, "updateType": "Full", "localAuthorizationList": entries}
    response = await ask(version, station, "SendLocalList", request)
    assert (response["status"], response["statusInfo"]["reasonCode"]) == ("Failed", "InvalidValue")
    assert station.calls == []


async def test_an_empty_array_breaks_the_schema(version: str) -> None:
    validate = ROUTES[version].request_validator("SendLocalList")
    assert validate is not None
    with pytest.raises(SchemaViolation) as violation:
        validate({"versionNumber": 1, "updateType": "Full", "localAuthorizationList": []})
    assert violation.value.code is RpcError.OCCURRENCE_CONSTRAINT_VIOLATION


async def test_a_message_of_the_greatest_length_is_a_frame_that_is_read_d01_fr_11(version: str) -> None:
    assert int(LOCAL_LIST_BYTES.default) < MAX_TEXT
    entries = [listed(f"{number:036}", status="Accepted") for number in range(int(LOCAL_LIST_ITEMS.default))]
    request = {"versionNumber": 1, "updateType": "Full", "localAuthorizationList": entries}
    assert len(json.dumps(request)) < int(LOCAL_LIST_BYTES.default)
    assert len((await taken(version, request)).entries) == 1000


async def test_no_message_that_the_limits_allow_holds_up_the_event_loop(version: str) -> None:
    group = {"idToken": "FLEET-0001", "type": "Central"}
    entries = [
        listed(f"{number:036}", status="Accepted", cacheExpiryDateTime="2027-01-01T00:00:00Z", groupIdToken=group)
        for number in range(int(LOCAL_LIST_ITEMS.default))
    ]
    payload = {"versionNumber": 1, "updateType": "Full", "localAuthorizationList": entries}
    text = json.dumps([2, "m1", "SendLocalList", payload])
    validate = ROUTES[version].request_validator("SendLocalList")
    assert validate is not None
    tries = []
    for _ in range(5):  # the best counts: what else the machine does is not the list's fault
        begun = time.thread_time()
        frame = parse(text, extended=False)
        assert isinstance(frame, CallFrame)
        validate(frame.payload)
        await local_auth_list.send(context(FakeStation()), frame.payload)
        tries.append(time.thread_time() - begun)
    assert min(tries) < STALL_S


async def test_2x_has_no_word_for_a_contradiction(version: str) -> None:
    event = LocalListConflict(datetime(2026, 1, 1, 12, tzinfo=UTC))
    assert ROUTES[version].events[LocalListConflict](context(), event) is None
