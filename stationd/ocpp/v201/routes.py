"""OCPP 2.0.1: which handler answers which action, and how each event leaves the station."""

from collections.abc import Mapping

from stationd.domain.events import (
    AuthorizationRequested,
    ConnectorStatusChanged,
    Event,
    FaultEvent,
    HeartbeatDue,
    JobStatus,
    LocalListConflict,
    LongJob,
    MeterValuesTaken,
    ReportPart,
    StationBooted,
    TransactionEvent,
)
from stationd.ocpp.v201 import (
    authorization,
    availability,
    data_transfer,
    diagnostics,
    firmware_management,
    local_auth_list,
    meter_values,
    provisioning,
    remote_control,
    transactions,
)
from stationd.ocpp.v201.wire import answer
from stationd.ocpp.validation import validators_of
from stationd.ocpp.version import Context, Handler, Json, Outgoing, Translator, Version

ROUTES: Mapping[str, Handler] = {
    "ChangeAvailability": availability.change,
    "ClearCache": authorization.clear_cache,
    "DataTransfer": data_transfer.receive,
    "GetBaseReport": provisioning.get_base_report,
    "GetLocalListVersion": local_auth_list.get_version,
    "GetReport": provisioning.get_report,
    "GetTransactionStatus": transactions.get_status,
    "GetVariables": provisioning.get_variables,
    "RequestStartTransaction": remote_control.start,
    "RequestStopTransaction": remote_control.stop,
    "Reset": provisioning.reset,
    "SendLocalList": local_auth_list.send,
    "SetVariables": provisioning.set_variables,
    "TriggerMessage": remote_control.trigger,
    "UnlockConnector": remote_control.unlock,
}
"""Actions that the standard knows and this table lacks are answered NotSupported."""

_JOBS: Mapping[LongJob, Translator] = {
    LongJob.FIRMWARE: firmware_management.status_to_wire,
    LongJob.LOG: diagnostics.log_status_to_wire,
}


def job_status_to_wire(ctx: Context, event: JobStatus) -> Outgoing | None:
    """Return the status message of the job's own block."""
    return _JOBS[event.job](ctx, event)


EVENTS: Mapping[type[Event], Translator] = {
    AuthorizationRequested: authorization.authorize_to_wire,
    ConnectorStatusChanged: availability.status_to_wire,
    FaultEvent: diagnostics.fault_to_wire,
    HeartbeatDue: provisioning.heartbeat_to_wire,
    JobStatus: job_status_to_wire,
    LocalListConflict: local_auth_list.conflict_to_wire,
    MeterValuesTaken: meter_values.to_wire,
    ReportPart: provisioning.report_to_wire,
    StationBooted: provisioning.boot_to_wire,
    TransactionEvent: transactions.to_wire,
}

_NOT_ACCEPTED: Json = answer("Rejected", "CSNotAccepted")
REFUSED_WHILE_PENDING: Mapping[str, Json] = {
    "RequestStartTransaction": _NOT_ACCEPTED,
    "RequestStopTransaction": _NOT_ACCEPTED,
}
"""OCPP 2.0.1 B02.FR.05; everything else is answered as ever (B02.FR.01)."""

_VALIDATORS = validators_of("stationd.ocpp.v201")

VERSION = Version(
    subprotocol="ocpp2.0.1",
    routes=ROUTES,
    events=EVENTS,
    request_validator=_VALIDATORS.request,
    response_validator=_VALIDATORS.response,
    allowed_while_pending=frozenset(ROUTES) - frozenset(REFUSED_WHILE_PENDING),
    refused_while_pending=REFUSED_WHILE_PENDING,
)
