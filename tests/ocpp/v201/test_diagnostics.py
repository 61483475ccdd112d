from stationd.domain.answers import Acknowledged
from stationd.domain.events import JobStatus, LongJob
from stationd.ocpp.v201 import diagnostics
from tests.ocpp.v201.support import context, request


def test_no_upload_is_told_as_idle_without_request_id_f06_fr_15() -> None:
    outgoing = diagnostics.log_status_to_wire(context(), JobStatus(LongJob.LOG, "Idle", 7))
    assert outgoing.action == "LogStatusNotification"
    assert request("v201", outgoing) == {"status": "Idle"}
    assert outgoing.read({}) == Acknowledged()


def test_a_running_upload_is_told_with_its_request_id_f06_fr_14() -> None:
    outgoing = diagnostics.log_status_to_wire(context(), JobStatus(LongJob.LOG, "Uploading", 7))
    assert request("v201", outgoing) == {"status": "Uploading", "requestId": 7}
