"""The rules of the local authorization list (block D)."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from stationd.domain.auth_list import ListEntry, ListSummary, ListUpdate, UpdateKind, UpdateOutcome, UpdateStatus
from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo
from stationd.domain.variable_table import LOCAL_LIST_ENABLED, LOCAL_LIST_SUPPORTS_EXPIRY, rows_for
from stationd.domain.variables import Origin
from stationd.station.local_auth_list import MOST_ENTRIES, LocalAuthList, contradicts, objection
from stationd.station.settings import Settings
from tests.fakes.stores import FakeAuthListStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
GOOD = IdTokenInfo(AuthorizationStatus.ACCEPTED)
BAD = IdTokenInfo(AuthorizationStatus.BLOCKED)
FULL, DIFFERENTIAL = UpdateKind.FULL, UpdateKind.DIFFERENTIAL
ACCEPTED, FAILED, MISMATCH = UpdateStatus.ACCEPTED, UpdateStatus.FAILED, UpdateStatus.VERSION_MISMATCH


def entry(value: str, info: IdTokenInfo | None = GOOD, kind: str = "ISO14443") -> ListEntry:
    return ListEntry(IdToken(value, kind), info)


def refused(update: ListUpdate, current: ListSummary, most_items: int = 100) -> UpdateStatus | None:
    outcome = objection(update, current, most_items=most_items)
    return None if outcome is None else outcome.status


@pytest.mark.parametrize(("sent", "status"), [(4, MISMATCH), (5, MISMATCH), (6, None), (-1, MISMATCH), (2**40, None)])
@pytest.mark.parametrize("entries", [(), (entry("A"),), (entry("A", None),)])
def test_a_differential_update_needs_a_higher_version_d01_fr_19(
    sent: int, status: UpdateStatus | None, entries: tuple[ListEntry, ...]
) -> None:
    assert refused(ListUpdate(sent, DIFFERENTIAL, entries), ListSummary(version=5, entries=9)) is status


@pytest.mark.parametrize(("sent", "status"), [(1, None), (5, None), (4, None), (0, FAILED), (-1, FAILED)])
def test_a_full_update_may_have_any_version_above_0_d01_fr_18(sent: int, status: UpdateStatus | None) -> None:
    assert refused(ListUpdate(sent, FULL, (entry("A"),)), ListSummary(version=5, entries=9)) is status


@pytest.mark.parametrize(("entries", "status"), [(0, None), (1, MISMATCH)])
def test_in_16_an_empty_list_is_version_0_for_the_next_update_too(entries: int, status: UpdateStatus | None) -> None:
    update = ListUpdate(1, DIFFERENTIAL, (entry("A"),), empty_is_version_0=True)
    assert refused(update, ListSummary(version=5, entries=entries)) is status
    assert refused(ListUpdate(1, DIFFERENTIAL, (entry("A"),)), ListSummary(version=5, entries=entries)) is MISMATCH


@pytest.mark.parametrize("kind", UpdateKind)
def test_a_token_twice_in_one_message_is_refused_d01_fr_06(kind: UpdateKind) -> None:
    assert refused(ListUpdate(1, kind, (entry("a1"), entry("A1"))), ListSummary()) is FAILED
    assert refused(ListUpdate(1, kind, (entry("A1"), entry("A1", BAD))), ListSummary()) is FAILED
    assert refused(ListUpdate(1, kind, (entry("A1"), entry("A1", kind="KeyCode"))), ListSummary()) is None, "C01.FR.25"


def test_more_entries_than_a_message_may_have_are_refused_d01_fr_11() -> None:
    entries = tuple(entry(str(number)) for number in range(4))
    assert refused(ListUpdate(1, FULL, entries), ListSummary(), most_items=3) is FAILED
    assert refused(ListUpdate(1, FULL, entries), ListSummary(), most_items=4) is None


def test_a_full_list_removes_nothing_by_name_and_a_differential_one_may() -> None:
    assert refused(ListUpdate(1, FULL, (entry("A", None),)), ListSummary()) is FAILED
    assert refused(ListUpdate(1, DIFFERENTIAL, (entry("A", None),)), ListSummary()) is None


@pytest.mark.parametrize("status", AuthorizationStatus)
def test_a_contradiction_is_about_charging_or_not(status: AuthorizationStatus) -> None:
    told = IdTokenInfo(status)
    passing = (AuthorizationStatus.ACCEPTED, AuthorizationStatus.CONCURRENT_TX)
    assert contradicts(GOOD, told, NOON) is (status not in passing)
    assert contradicts(BAD, told, NOON) is (status is AuthorizationStatus.ACCEPTED)
    expired = IdTokenInfo(AuthorizationStatus.ACCEPTED, expires_at=NOON)
    assert contradicts(expired, told, NOON) is (status is AuthorizationStatus.ACCEPTED)


class Desk:
    """A list with its settings."""

    def __init__(self) -> None:
        self.settings = Settings(rows_for([(1, (1,))]))
        self.store = FakeAuthListStore()
        self.list = LocalAuthList(self.settings, self.store)

    async def send(self, version: int, kind: UpdateKind, *entries: ListEntry) -> UpdateOutcome:
        return await self.list.update(ListUpdate(version, kind, entries))


async def test_an_update_is_stored_with_its_version_d01_fr_01_d02_fr_01() -> None:
    desk = Desk()
    assert desk.list.summary() == ListSummary(0, 0, 0), "D02.FR.02"
    assert (await desk.send(7, FULL, entry("A"), entry("B"))).status is ACCEPTED
    assert desk.list.summary() == ListSummary(7, 2, 200)
    assert (await desk.send(7, DIFFERENTIAL, entry("C"))).status is MISMATCH
    assert desk.list.summary() == ListSummary(7, 2, 200)
    assert (await desk.send(8, DIFFERENTIAL)).status is ACCEPTED
    assert desk.list.summary() == ListSummary(8, 2, 200), "D01.FR.05"
    assert await desk.list.lookup(IdToken("a")) == GOOD
    assert (await desk.send(9, FULL)).status is ACCEPTED
    assert desk.list.summary() == ListSummary(9, 0, 0), "D01.FR.04"
    assert await desk.list.lookup(IdToken("A")) is None


async def test_a_disabled_list_takes_nothing_d01_fr_13_d02_fr_03() -> None:
    desk = Desk()
    await desk.send(7, FULL, entry("A"))
    await desk.settings.write(LOCAL_LIST_ENABLED, "false", Origin.CSMS)
    assert (await desk.send(8, FULL)).reason == "NotEnabled"
    assert desk.list.summary() is None
    assert await desk.list.lookup(IdToken("A")) is None
    await desk.settings.write(LOCAL_LIST_ENABLED, "true", Origin.CSMS)
    assert desk.list.summary() == ListSummary(7, 1, 100)


async def test_a_list_that_would_be_too_long_leaves_the_old_one_d01_fr_12() -> None:
    desk = Desk()
    await desk.send(1, FULL, entry("A"))
    desk.store.entries |= {(str(number), "ISO14443"): GOOD for number in range(MOST_ENTRIES - 1)}
    assert (await desk.send(2, DIFFERENTIAL, entry("B"))).reason == "TooManyElements"
    assert (await desk.send(2, DIFFERENTIAL, entry("A", BAD))).status is ACCEPTED
    assert (await desk.send(3, DIFFERENTIAL, entry("A", None), entry("B"))).status is ACCEPTED


async def test_a_list_that_cannot_be_stored_is_refused_and_one_that_cannot_be_read_does_not_count() -> None:
    desk = Desk()
    await desk.send(1, FULL, entry("A"))
    desk.store.disk.broken = True
    assert (await desk.send(2, FULL, entry("B"))) == UpdateOutcome(
        FAILED, "OutOfStorage", "the list cannot be stored durably"
    )
    assert await desk.list.lookup(IdToken("A")) is None
    desk.store.disk.broken = False
    assert await desk.list.lookup(IdToken("A")) == GOOD


async def test_the_disk_is_not_asked_where_there_is_no_list() -> None:
    desk = Desk()
    await desk.list.lookup(IdToken("A"))
    assert desk.store.reads == 0
    await desk.send(1, FULL, entry("A"))
    await desk.list.lookup(IdToken("B"))
    assert desk.store.reads == 1


async def test_two_updates_at_once_follow_each_other() -> None:
    desk = Desk()
    outcomes = await asyncio.gather(
        desk.send(2, DIFFERENTIAL, entry("A")), desk.send(2, DIFFERENTIAL, entry("B")), desk.send(3, DIFFERENTIAL)
    )
    assert [outcome.status for outcome in outcomes] == [ACCEPTED, MISMATCH, ACCEPTED]
    assert await desk.list.lookup(IdToken("B")) is None


async def test_an_entry_keeps_its_end_unless_ends_are_not_supported() -> None:
    info = IdTokenInfo(AuthorizationStatus.ACCEPTED, NOON + timedelta(hours=1), IdToken("FLEET", "Central"), (1, 2))
    desk = Desk()
    await desk.send(1, FULL, entry("A", info))
    assert await desk.list.lookup(IdToken("A")) == info
    await desk.settings.write(LOCAL_LIST_SUPPORTS_EXPIRY, "false", Origin.CONFIG)
    looked_up = await desk.list.lookup(IdToken("A"))
    assert looked_up == IdTokenInfo(AuthorizationStatus.ACCEPTED, None, IdToken("FLEET", "Central"), (1, 2))
