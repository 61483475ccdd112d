from stationd.ocpp.v201 import data_transfer
from tests.ocpp.v201.support import context, on_the_wire


async def test_no_vendor_is_known_p01_fr_05() -> None:
    asked = on_the_wire("v201", "DataTransferRequest", {"vendorId": "com.example", "data": {"any": ["thing"]}})
    response = await data_transfer.receive(context(), asked)
    assert on_the_wire("v201", "DataTransferResponse", response) == {"status": "UnknownVendorId"}
