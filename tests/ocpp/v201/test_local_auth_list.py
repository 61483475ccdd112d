from stationd.ocpp.v201 import local_auth_list
from tests.ocpp.v201.support import context, on_the_wire


async def test_without_a_list_its_version_is_0_d02_fr_03() -> None:
    response = await local_auth_list.get_version(context(), {})
    assert on_the_wire("v201", "GetLocalListVersionResponse", response) == {"versionNumber": 0}
