"""SendLocalList and GetLocalListVersion of OCPP 1.6 (sections 5.10 and 5.15), and LocalListConflict."""

from datetime import UTC, datetime

import pytest

from stationd.domain.auth_list import (
    ANY_TYPE,
    ListEntry,
    ListSummary,
    ListUpdate,
    UpdateKind,
    UpdateOutcome,
    UpdateStatus,
)
from stationd.domain.events import LocalListConflict
from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo
from stationd.domain.states import ConnectorStatus
from stationd.ocpp.v16.routes import EVENTS
from tests.fakes.station import FakeStation, snapshot
from tests.ocpp.v16.support import NOON, ask, context, sent


async def taken(request):
    """Return the update that the station was asked for."""
    station = FakeStation()
    assert await ask(context(station), "SendLocalList", request) == {"status": "Accepted"}
    ((name, arguments),) = station.calls
    assert name == "update_local_list"
    return arguments["update"]


@pytest.mark.parametrize(
    ("listed", "version"),
    [
        (None, -1),  # TC_042_1_CS: disabled
        (ListSummary(), 0),  # TC_042_2_CS: empty
        (ListSummary(version=7, entries=0), 0),  # emptied
        (ListSummary(version=7, entries=1), 7),
    ],
)
async def test_the_version_is_that_of_the_list_and_0_where_it_is_empty(listed, version):
    assert await ask(context(FakeStation(listed=listed)), "GetLocalListVersion", {}) == {"listVersion": version}


async def test_a_list_that_is_disabled_is_not_supported_tc_043_1_cs():
    station = FakeStation(listed=None)
    request = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": []}
    assert await ask(context(station), "SendLocalList", request) == {"status": "NotSupported"}
    assert station.calls == []


@pytest.mark.parametrize("status", UpdateStatus)
async def test_the_station_decides_tc_043_2_cs_tc_043_3_cs(status):
    station = FakeStation(list_update=UpdateOutcome(status, "TooManyElements", "x"))
    assert await ask(context(station), "SendLocalList", {"listVersion": 1, "updateType": "Full"}) == {
        "status": str(status)
    }


async def test_entries_come_with_status_end_and_parent_tc_043_cs():
    info = {"status": "Accepted", "expiryDate": "2026-02-01T00:00:00+01:00", "parentIdTag": "FLEET"}
    update = await taken(
        {
            "listVersion": 9,
            "updateType": "Differential",
            "localAuthorizationList": [
                {"idTag": "04A1", "idTagInfo": info},
                {"idTag": "04A2", "idTagInfo": {"status": "Blocked"}},
                {"idTag": "04A3"},
            ],
        }
    )
    until, parent = datetime(2026, 1, 31, 23, tzinfo=UTC), IdToken("FLEET", "Central")
    assert update == ListUpdate(
        9,
        UpdateKind.DIFFERENTIAL,
        (
            ListEntry(IdToken("04A1", ANY_TYPE), IdTokenInfo(AuthorizationStatus.ACCEPTED, until, parent)),
            ListEntry(IdToken("04A2", ANY_TYPE), IdTokenInfo(AuthorizationStatus.BLOCKED)),
            ListEntry(IdToken("04A3", ANY_TYPE), None),
        ),
        empty_is_version_0=True,
    )


@pytest.mark.parametrize("entries", [{}, {"localAuthorizationList": []}], ids=["absent", "empty"])
async def test_an_absent_list_is_an_empty_one(entries):
    update = await taken({"listVersion": 2, "updateType": "Full", **entries})
    assert update == ListUpdate(2, UpdateKind.FULL, (), empty_is_version_0=True)


async def test_a_concurrent_transaction_is_no_fault_of_a_listed_token():
    entry = {"idTag": "04A1", "idTagInfo": {"status": "ConcurrentTx"}}
    update = await taken({"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry]})
    assert update.entries == (ListEntry(IdToken("04A1", ANY_TYPE), IdTokenInfo(AuthorizationStatus.ACCEPTED)),)


async def test_an_end_that_is_no_date_fails_the_whole_list():
    station = FakeStation()
    good = {"idTag": "04A1", "idTagInfo": {"status": "Accepted"}}
    bad = {"idTag": "04A2", "idTagInfo": {"status": "Accepted", "expiryDate": "2026-02-30T00:00:00Z"}}
    request = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [good, bad]}
    assert await ask(context(station), "SendLocalList", request) == {"status": "Failed"}
    assert station.calls == []


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (ConnectorStatus.AVAILABLE, "Available"),
        (ConnectorStatus.OCCUPIED, "Available"),
        (ConnectorStatus.UNAVAILABLE, "Unavailable"),
        (ConnectorStatus.FAULTED, "Faulted"),
    ],
)
def test_a_contradiction_is_told_of_connector_0(status, told):
    station = FakeStation()
    station.station_snapshot = lambda: snapshot(0, status=status)
    payload = sent(EVENTS[LocalListConflict](context(station), LocalListConflict(NOON)))
    assert payload == {
        "connectorId": 0,
        "errorCode": "LocalListConflict",
        "status": told,
        "timestamp": "2026-01-01T12:00:00.000Z",
    }
