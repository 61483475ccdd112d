import pytest

from stationd.domain.answers import Acknowledged
from stationd.domain.events import JobStatus, LongJob
from stationd.ocpp.v16.diagnostics import log_status_to_wire
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
