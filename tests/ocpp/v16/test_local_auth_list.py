from tests.ocpp.v16.support import ask, context


async def test_the_version_of_a_list_that_is_not_supported_is_minus_one():
    assert await ask(context(), "GetLocalListVersion", {}) == {"listVersion": -1}


async def test_a_list_is_not_supported():
    request = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": []}
    assert await ask(context(), "SendLocalList", request) == {"status": "NotSupported"}
