import pytest

from stationd.domain.answers import Acknowledged
from stationd.domain.events import JobStatus, LongJob
from stationd.ocpp.v16.firmware_management import status_to_wire
from tests.ocpp.v16.support import context, sent


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("Idle", "Idle"),
        ("Downloading", "Downloading"),
        ("Installed", "Installed"),
        ("InvalidSignature", "InstallationFailed"),
    ],
)
def test_the_state_of_an_update_is_told_in_1_6_words(status, word):
    outgoing = status_to_wire(context(), JobStatus(LongJob.FIRMWARE, status))
    assert outgoing is not None
    assert outgoing.action == "FirmwareStatusNotification"
    assert sent(outgoing) == {"status": word}
    assert outgoing.read({}) == Acknowledged()


def test_a_step_that_1_6_does_not_know_is_not_told():
    assert status_to_wire(context(), JobStatus(LongJob.FIRMWARE, "DownloadPaused")) is None
