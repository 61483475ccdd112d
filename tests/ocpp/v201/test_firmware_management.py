from stationd.domain.answers import Acknowledged
from stationd.domain.events import JobStatus, LongJob
from stationd.ocpp.v201 import firmware_management
from tests.ocpp.v201.support import context, request


def test_no_update_is_told_as_idle_without_request_id_f06_fr_16() -> None:
    outgoing = firmware_management.status_to_wire(context(), JobStatus(LongJob.FIRMWARE, "Idle", 7))
    assert outgoing.action == "FirmwareStatusNotification"
    assert request("v201", outgoing) == {"status": "Idle"}
    assert outgoing.read({}) == Acknowledged()


def test_a_running_update_is_told_with_its_request_id_l01_fr_26() -> None:
    outgoing = firmware_management.status_to_wire(context(), JobStatus(LongJob.FIRMWARE, "Downloading", 7))
    assert request("v201", outgoing) == {"status": "Downloading", "requestId": 7}
