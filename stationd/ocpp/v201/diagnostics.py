"""Block N of OCPP 2.0.1, diagnostics: LogStatusNotification."""

from stationd.domain.answers import Acknowledged
from stationd.domain.events import JobStatus
from stationd.ocpp.version import Context, Json, Outgoing


def log_status_to_wire(_ctx: Context, event: JobStatus) -> Outgoing:
    """Return LogStatusNotification (OCPP 2.0.1 F06.FR.14, F06.FR.15)."""
    payload: Json = {"status": event.status}
    if event.request_id is not None and event.status != "Idle":
        payload["requestId"] = event.request_id
    return Outgoing("LogStatusNotification", payload, _read)


def _read(_response: Json) -> Acknowledged:
    return Acknowledged()
