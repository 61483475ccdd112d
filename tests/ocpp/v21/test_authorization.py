from stationd.domain.events import AuthorizationRequested
from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo
from stationd.ocpp.v21 import authorization
from tests.ocpp.v201.support import context, on_the_wire, request


def test_authorize_takes_a_type_that_2_0_1_does_not_know_c01_fr_02() -> None:
    outgoing = authorization.authorize_to_wire(context(), AuthorizationRequested(IdToken("p" * 40, "DirectPayment")))
    assert outgoing is not None
    assert request("v21", outgoing) == {"idToken": {"idToken": "p" * 40, "type": "DirectPayment"}}


def test_the_answer_to_authorize_becomes_a_verdict_that_keeps_the_group_s_type() -> None:
    outgoing = authorization.authorize_to_wire(context(), AuthorizationRequested(IdToken("ABC")))
    assert outgoing is not None
    response = {
        "idTokenInfo": {"status": "Accepted", "groupIdToken": {"idToken": "G", "type": "Fleet"}},
        "allowedEnergyTransfer": ["AC_three_phase"],
        "tariff": {"tariffId": "T", "currency": "EUR"},
    }
    expected = IdTokenInfo(AuthorizationStatus.ACCEPTED, group=IdToken("G", "Fleet"))
    assert outgoing.read(on_the_wire("v21", "AuthorizeResponse", response)) == expected


def test_a_token_without_spelling_is_not_asked_about() -> None:
    assert authorization.authorize_to_wire(context(), AuthorizationRequested(IdToken("x" * 256))) is None
