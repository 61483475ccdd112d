"""Block L of OCPP 2.0.1, firmware management: FirmwareStatusNotification."""

from stationd.domain.answers import Acknowledged
from stationd.domain.events import JobStatus
from stationd.ocpp.version import Context, Json, Outgoing


def status_to_wire(_ctx: Context, event: JobStatus) -> Outgoing:
    """Return FirmwareStatusNotification (OCPP 2.0.1 F06.FR.16, L01.FR.25: Idle has no requestId)."""
    payload: Json = {"status": event.status}
    if event.request_id is not None and event.status != "Idle":
        payload["requestId"] = event.request_id
    return Outgoing("FirmwareStatusNotification", payload, _read)


def _read(_response: Json) -> Acknowledged:
    return Acknowledged()
