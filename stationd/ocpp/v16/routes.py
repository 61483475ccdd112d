"""OCPP 1.6: which handler answers which action, and how each event leaves the station."""

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
from stationd.ocpp.v16 import (
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
from stationd.ocpp.validation import validators_of
from stationd.ocpp.version import Context, Handler, Json, Outgoing, RpcError, Translator, Version

ROUTES: Mapping[str, Handler] = {
    "ChangeAvailability": availability.change,
    "ChangeConfiguration": provisioning.change_configuration,
    "ClearCache": authorization.clear_cache,
    "DataTransfer": data_transfer.receive,
    "GetConfiguration": provisioning.get_configuration,
    "GetLocalListVersion": local_auth_list.get_version,
    "RemoteStartTransaction": remote_control.start,
    "RemoteStopTransaction": remote_control.stop,
    "Reset": provisioning.reset,
    "SendLocalList": local_auth_list.send,
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

_REJECTED: Json = {"status": "Rejected"}
REFUSED_WHILE_PENDING: Mapping[str, Json] = {
    "RemoteStartTransaction": _REJECTED,
    "RemoteStopTransaction": _REJECTED,
}
"""Not allowed while Pending, everything else is answered as ever (OCPP 1.6 section 4.2)."""

ERROR_SPELLING: Mapping[RpcError, str] = {
    RpcError.FORMAT_VIOLATION: "FormationViolation",
    RpcError.OCCURRENCE_CONSTRAINT_VIOLATION: "OccurenceConstraintViolation",  # spelled so in OCPP-J 1.6
    RpcError.MESSAGE_TYPE_NOT_SUPPORTED: "GenericError",
    RpcError.RPC_FRAMEWORK_ERROR: "FormationViolation",
}
"""1.6 lacks the last two: the nearest of its own."""

_VALIDATORS = validators_of("stationd.ocpp.v16")

VERSION = Version(
    subprotocol="ocpp1.6",
    routes=ROUTES,
    events=EVENTS,
    request_validator=_VALIDATORS.request,
    response_validator=_VALIDATORS.response,
    allowed_while_pending=frozenset(ROUTES) - frozenset(REFUSED_WHILE_PENDING),
    refused_while_pending=REFUSED_WHILE_PENDING,
    error_spelling=ERROR_SPELLING,
    has_station_status=True,
)
