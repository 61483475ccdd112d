import pytest

from stationd.domain.events import AuthorizationRequested
from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo
from stationd.ocpp.v16 import authorization
from tests.fakes.station import FakeStation
from tests.ocpp.v16.support import CARD, ask, context, sent


def test_authorize_asks_for_the_id_tag_alone():
    outgoing = authorization.authorize_to_wire(context(), AuthorizationRequested(CARD, evse_id=1))
    assert outgoing is not None
    assert outgoing.action == "Authorize"
    assert sent(outgoing) == {"idTag": "04A2B3C4D5E680"}


def test_the_answer_to_authorize_is_the_verdict():
    outgoing = authorization.authorize_to_wire(context(), AuthorizationRequested(CARD))
    assert outgoing is not None
    assert outgoing.read({"idTagInfo": {"status": "Blocked"}}) == IdTokenInfo(AuthorizationStatus.BLOCKED)


def test_a_token_that_would_have_to_be_cut_is_not_asked_about():
    assert authorization.authorize_to_wire(context(), AuthorizationRequested(IdToken("x" * 21))) is None


@pytest.mark.parametrize(("cleared", "status"), [(True, "Accepted"), (False, "Rejected")])
async def test_clear_cache_tells_whether_it_was_cleared(cleared, status):
    station = FakeStation(cache_cleared=cleared)
    assert await ask(context(station), "ClearCache", {}) == {"status": status}
    assert station.calls == [("clear_cache", {})]
