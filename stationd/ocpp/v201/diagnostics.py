"""Block N of OCPP 2.0.1, diagnostics: LogStatusNotification, NotifyEvent."""

from stationd.domain.answers import Acknowledged
from stationd.domain.events import FaultEvent, JobStatus
from stationd.domain.fault_components import place_of
from stationd.domain.faults import row_of
from stationd.domain.variable_table import PROBLEM
from stationd.ocpp.v201.wire import time_to_wire
from stationd.ocpp.version import Context, Json, Outgoing

TECH_CODE_LENGTH = 50
TECH_INFO_LENGTH = 500
TRANSACTION_ID_LENGTH = 36


def log_status_to_wire(_ctx: Context, event: JobStatus) -> Outgoing:
    """Return LogStatusNotification (OCPP 2.0.1 F06.FR.14, F06.FR.15)."""
    payload: Json = {"status": event.status}
    if event.request_id is not None and event.status != "Idle":
        payload["requestId"] = event.request_id
    return Outgoing("LogStatusNotification", payload, _read)


def fault_to_wire(ctx: Context, event: FaultEvent) -> Outgoing:
    """Return NotifyEvent of a fault that came or went (OCPP 2.0.1 N07.FR.02, FR.04; G05.FR.02 for a failed lock)."""
    return notify_event(ctx, fault_data(event))


def notify_event(ctx: Context, data: Json) -> Outgoing:
    """Return NotifyEvent with one event, which is therefore its first part (OCPP 2.0.1 N07.FR.07)."""
    payload: Json = {"generatedAt": time_to_wire(ctx.clock.now()), "seqNo": 0, "eventData": [data]}
    return Outgoing("NotifyEvent", payload, _read)


def fault_data(event: FaultEvent) -> Json:
    """Return EventDataType of a fault: the station's own notification, of no monitor that a CSMS could change.

    `cleared` speaks of this fault; the value is true as long as any other fault of the component is in force.
    """
    row, place = row_of(event.code), place_of(event.code, event.evse_id)
    component: Json = {"name": place.component}
    if place.evse_id is not None:
        component["evse"] = {"id": place.evse_id}
        if place.connector_id is not None:
            component["evse"]["connectorId"] = place.connector_id
    data: Json = {
        "eventId": event.event_id,
        "timestamp": time_to_wire(event.timestamp),
        "trigger": "Alerting",
        "actualValue": "true" if event.problem else "false",
        "techCode": row.mrec[:TECH_CODE_LENGTH],
        "techInfo": f"{event.code}: {row.advice}"[:TECH_INFO_LENGTH],
        "cleared": event.cleared,
        "component": component,
        "variable": {"name": PROBLEM},
        "eventNotificationType": "HardWiredNotification",
    }
    if event.transaction_id is not None and len(event.transaction_id) <= TRANSACTION_ID_LENGTH:
        data["transactionId"] = event.transaction_id
    return data


def _read(_response: Json) -> Acknowledged:
    return Acknowledged()
