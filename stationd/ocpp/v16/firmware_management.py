"""Firmware (block L): FirmwareStatusNotification."""

from stationd.domain.answers import Acknowledged, Answer
from stationd.domain.events import JobStatus
from stationd.ocpp.version import Context, Json, Outgoing

_STATUSES = {
    "Downloaded": "Downloaded",
    "DownloadFailed": "DownloadFailed",
    "Downloading": "Downloading",
    "Idle": "Idle",
    "InstallationFailed": "InstallationFailed",
    "Installed": "Installed",
    "Installing": "Installing",
    "InstallVerificationFailed": "InstallationFailed",
    "InvalidSignature": "InstallationFailed",
}
"""2.x word to 1.6 word; 1.6 does not tell of the steps between (scheduled, paused, verified, rebooting)."""


def status_to_wire(_ctx: Context, event: JobStatus) -> Outgoing | None:
    """Translate the state of a firmware update; None for a step that 1.6 does not tell."""
    if (status := _STATUSES.get(event.status)) is None:
        return None
    return Outgoing("FirmwareStatusNotification", {"status": status}, _read)


def _read(_response: Json) -> Answer:
    return Acknowledged()
