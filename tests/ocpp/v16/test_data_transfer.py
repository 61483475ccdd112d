import pytest

from tests.ocpp.v16.support import ask, context


@pytest.mark.parametrize("extra", [{}, {"messageId": "hello", "data": "{}"}])
async def test_every_vendor_is_unknown_and_gets_no_data_back(extra):
    request = {"vendorId": "com.example", **extra}
    assert await ask(context(), "DataTransfer", request) == {"status": "UnknownVendorId"}
