from datetime import UTC, datetime

from stationd.domain.events import AuthorizationRequested
from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo
from stationd.domain.variable_table import AUTH_CACHE_ENABLED
from stationd.ocpp.v201 import authorization
from tests.fakes.station import FakeStation
from tests.ocpp.v201.support import context, on_the_wire, request, settings


def test_authorize_asks_about_the_token_c01_fr_02() -> None:
    outgoing = authorization.authorize_to_wire(context(), AuthorizationRequested(IdToken("ABC", "ISO15693"), 1))
    assert outgoing is not None
    assert outgoing.action == "Authorize"
    assert request("v201", outgoing) == {"idToken": {"idToken": "ABC", "type": "ISO15693"}}


def test_the_answer_to_authorize_becomes_a_verdict() -> None:
    outgoing = authorization.authorize_to_wire(context(), AuthorizationRequested(IdToken("ABC")))
    assert outgoing is not None
    response = {"idTokenInfo": {"status": "ConcurrentTx", "cacheExpiryDateTime": "2026-02-01T00:00:00Z"}}
    expected = IdTokenInfo(AuthorizationStatus.CONCURRENT_TX, datetime(2026, 2, 1, tzinfo=UTC))
    assert outgoing.read(on_the_wire("v201", "AuthorizeResponse", response)) == expected


def test_what_is_to_be_shown_of_a_tariff_is_no_part_of_a_verdict_and_so_of_the_cache_c10_fr_09() -> None:
    outgoing = authorization.authorize_to_wire(context(), AuthorizationRequested(IdToken("ABC")))
    assert outgoing is not None
    message = {"format": "UTF8", "content": "0.30 EUR/kWh"}
    response = {"idTokenInfo": {"status": "Accepted", "personalMessage": message}}
    verdict = outgoing.read(on_the_wire("v201", "AuthorizeResponse", response))
    assert verdict == IdTokenInfo(AuthorizationStatus.ACCEPTED)


def test_a_token_without_spelling_in_2_0_1_is_not_asked_about() -> None:
    assert authorization.authorize_to_wire(context(), AuthorizationRequested(IdToken("5YJ", "VIN"))) is None


async def test_clearing_the_cache_is_accepted_c11_fr_02_c11_fr_03() -> None:
    station = FakeStation()
    response = await authorization.clear_cache(context(station), {})
    assert on_the_wire("v201", "ClearCacheResponse", response) == {"status": "Accepted"}
    assert station.calls == [("clear_cache", {})]


async def test_a_disabled_cache_is_not_cleared_c11_fr_04() -> None:
    station = FakeStation()
    table = settings({AUTH_CACHE_ENABLED: "false"})
    response = await authorization.clear_cache(context(station, table), {})
    assert on_the_wire("v201", "ClearCacheResponse", response)["status"] == "Rejected"
    assert station.calls == []


async def test_a_cache_that_cannot_be_cleared_is_rejected_c11_fr_05() -> None:
    response = await authorization.clear_cache(context(FakeStation(cache_cleared=False)), {})
    assert on_the_wire("v201", "ClearCacheResponse", response)["status"] == "Rejected"
