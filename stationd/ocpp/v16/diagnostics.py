"""Diagnostics (block N): DiagnosticsStatusNotification."""

from stationd.domain.answers import Acknowledged, Answer
from stationd.domain.events import FaultEvent, JobStatus
from stationd.ocpp.version import Context, Json, Outgoing

_STATUSES = frozenset({"Idle", "Uploading", "Uploaded", "UploadFailed"})


def log_status_to_wire(_ctx: Context, event: JobStatus) -> Outgoing:
    """Translate the state of a log upload; 1.6 has one word for all of 2.x's failures."""
    status = event.status if event.status in _STATUSES else "UploadFailed"
    return Outgoing("DiagnosticsStatusNotification", {"status": status}, _read)


def fault_to_wire(_ctx: Context, _event: FaultEvent) -> None:
    """Return nothing: 1.6 tells faults in StatusNotification, and only those that are in force then."""


def _read(_response: Json) -> Answer:
    return Acknowledged()
