import pytest

from stationd.domain.id_token import IdToken
from stationd.ocpp.v21.wire import TOKENS
from stationd.ocpp.v201.wire import id_token_to_wire


@pytest.mark.parametrize("token", [IdToken("x" * 255), IdToken("5YJ3", "VIN"), IdToken("", "a-word-of-the-csms")])
def test_longer_tokens_and_the_csms_s_own_types_have_a_spelling(token: IdToken) -> None:
    assert id_token_to_wire(token, TOKENS) == {"idToken": token.value, "type": token.type}


@pytest.mark.parametrize("token", [IdToken("x" * 256), IdToken("x", "t" * 21)])
def test_a_token_beyond_the_schema_has_none(token: IdToken) -> None:
    assert id_token_to_wire(token, TOKENS) is None
