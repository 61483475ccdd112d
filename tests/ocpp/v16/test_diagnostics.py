from datetime import UTC, datetime

import pytest

from stationd.domain.answers import Acknowledged
from stationd.domain.events import FaultEvent, JobStatus, LongJob
from stationd.domain.faults import FaultCode
from stationd.ocpp.v16.diagnostics import fault_to_wire, log_status_to_wire
from tests.ocpp.v16.support import context, sent


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("Idle", "Idle"),
        ("Uploading", "Uploading"),
        ("Uploaded", "Uploaded"),
        ("UploadFailure", "UploadFailed"),
        ("PermissionDenied", "UploadFailed"),
    ],
)
def test_the_state_of_an_upload_is_told_in_1_6_words(status, word):
    outgoing = log_status_to_wire(context(), JobStatus(LongJob.LOG, status, request_id=3))
    assert outgoing.action == "DiagnosticsStatusNotification"
    assert sent(outgoing) == {"status": word}
    assert outgoing.read({}) == Acknowledged()


def test_a_fault_has_no_message_of_its_own_as_the_status_tells_it():
    event = FaultEvent(
        code=FaultCode.TILT, evse_id=1, timestamp=datetime(2026, 1, 1, tzinfo=UTC), cleared=False, problem=True,
        blocking=True,
    )  # fmt: skip
    assert fault_to_wire(context(), event) is None
