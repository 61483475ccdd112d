"""Random events, snapshots, reports and requests, as wide as the domain's types allow."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from stationd.domain.events import (
    AuthorizationRequested,
    ConnectorSnapshot,
    ConnectorStatusChanged,
    FaultEvent,
    HeartbeatDue,
    JobStatus,
    LocalListConflict,
    LongJob,
    MeterValuesTaken,
    ReportPart,
    StationBooted,
    TransactionEvent,
    TransactionEventType,
)
from stationd.domain.faults import Fault, FaultCode
from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenType
from stationd.domain.measurands import Measurand, MeterSample, ReadingContext, SampledValue
from stationd.domain.states import BootReason, ChargingState, ConnectorStatus, StopReason, TriggerReason
from stationd.domain.variable_table import rows_for
from stationd.domain.variables import DataType, Mutability, VariableReport, VariableSpec
from tests.ocpp.v201.support import EVSES

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For property tests: a busy machine is no failure."""

names = st.text(min_size=1, max_size=50)
zones = [UTC, timezone(timedelta(hours=13)), timezone(timedelta(hours=-9, minutes=-30))]
times = st.builds(
    lambda seconds, micros, zone: datetime.fromtimestamp(seconds, zone).replace(microsecond=micros),
    st.integers(86_400, 7_000_000_000),
    st.integers(0, 999_999),
    st.sampled_from(zones),
)
tokens = st.builds(
    IdToken,
    st.text(max_size=300),
    st.sampled_from(list(IdTokenType)) | st.sampled_from(["VIN", "DirectPayment", "x" * 21]),
)
some_token = st.none() | tokens
integers = st.integers(0, 2**31 - 1)

sampled_values = st.builds(
    SampledValue,
    measurand=st.sampled_from(list(Measurand)),
    value=st.floats(),
    unit=st.sampled_from([None, "Wh", "W", "A", "V", "Hz", "Celsius"]),
    phase=st.sampled_from([None, "L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1"]),
)
samples = st.builds(
    MeterSample,
    taken_at=times,
    context=st.sampled_from(list(ReadingContext)),
    values=st.lists(sampled_values, min_size=1, max_size=4).map(tuple),
)
fault_events = st.builds(
    FaultEvent,
    code=st.sampled_from(list(FaultCode)),
    evse_id=st.integers(0, 9),
    timestamp=times,
    cleared=st.booleans(),
    problem=st.booleans(),
    blocking=st.booleans(),
    transaction_id=st.none() | st.uuids().map(str) | st.text(max_size=60),
    event_id=integers,
)
many_samples = st.lists(samples, max_size=3).map(tuple)

transaction_events = st.builds(
    TransactionEvent,
    event_type=st.sampled_from(list(TransactionEventType)),
    transaction_id=st.uuids().map(str),
    seq_no=integers,
    timestamp=times,
    trigger=st.sampled_from(list(TriggerReason)),
    evse_id=st.integers(1, 9),
    connector_id=st.integers(1, 9),
    charging_state=st.sampled_from(list(ChargingState)),
    meter_wh=st.floats(0, 1e9),
    offline=st.booleans(),
    authorized=st.booleans(),
    id_token=some_token,
    tell_id_token=st.booleans(),
    tell_evse=st.booleans(),
    remote_start_id=st.none() | integers,
    stop_reason=st.none() | st.sampled_from(list(StopReason)),
    stop_token=some_token,
    samples=many_samples,
    time_spent_charging_s=st.none() | integers,
    phases_used=st.none() | st.integers(0, 3),
    cable_max_a=st.none() | st.floats(0, 100),
)

snapshots = st.builds(
    ConnectorSnapshot,
    evse_id=st.integers(0, 9),
    connector_id=st.integers(0, 9),
    status=st.sampled_from(list(ConnectorStatus)),
    operative=st.booleans(),
    changed_at=times,
    cable_connected=st.booleans(),
    charging_state=st.sampled_from(list(ChargingState)),
    transaction_id=st.none() | st.uuids().map(str),
    authorized=st.booleans(),
    finishing=st.booleans(),
    faults=st.lists(st.builds(Fault, st.sampled_from(list(FaultCode)), st.integers(0, 9)), max_size=2).map(tuple),
)

numbers = st.none() | st.integers(-(2**31), 2**31) | st.floats(-1e9, 1e9)
specs = st.sampled_from(rows_for(EVSES)) | st.builds(
    VariableSpec,
    component=names,
    variable=names,
    data_type=st.sampled_from(list(DataType)),
    mutability=st.sampled_from(list(Mutability)),
    instance=st.none() | names,
    unit=st.sampled_from([None, "s", "W"]),
    minimum=numbers,
    maximum=numbers,
    values=st.lists(st.text("abc", min_size=1, max_size=30), max_size=60).map(tuple),
    evse_id=st.none() | st.integers(0, 9),
    connector_id=st.none() | st.integers(0, 9),
)
report_parts = st.builds(
    ReportPart,
    request_id=st.integers(-(2**31), 2**31 - 1),
    generated_at=times,
    seq_no=integers,
    to_be_continued=st.booleans(),
    entries=st.lists(st.builds(VariableReport, specs, st.none() | st.text(max_size=3000)), max_size=5).map(tuple),
)

events: st.SearchStrategy[Any] = st.one_of(
    transaction_events,
    fault_events,
    st.builds(StationBooted, st.sampled_from(list(BootReason))),
    st.just(HeartbeatDue()),
    st.builds(LocalListConflict, times),
    st.builds(AuthorizationRequested, tokens, st.none() | st.integers(1, 9)),
    st.builds(ConnectorStatusChanged, snapshots),
    st.builds(
        MeterValuesTaken,
        evse_id=st.integers(0, 9),
        samples=many_samples,
        transaction_id=st.none() | st.uuids().map(str),
    ),
    report_parts,
    st.builds(JobStatus, st.sampled_from(list(LongJob)), st.just("Idle"), st.none() | integers),
)

# --- requests ---------------------------------------------------------------------------------------------------------


def _optional(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


_rows = rows_for(EVSES)
_component_names = st.sampled_from(sorted({row.component for row in _rows} | {"evse", "CONNECTOR"})) | names
_variable_names = st.sampled_from(sorted({row.variable for row in _rows} | {"heartbeatinterval"})) | names
_instances = st.sampled_from(["Default", "TransactionEvent", "GetReport", ""]) | names
_evses = _optional({"id": st.integers(0, 3)}, {"connectorId": st.integers(0, 3)})
_components = _optional({"name": _component_names}, {"instance": names, "evse": _evses})
_variables = _optional({"name": _variable_names}, {"instance": _instances})
_attribute_types = st.sampled_from(["Actual", "Target", "MinSet", "MaxSet"])
_existing = st.sampled_from(_rows).map(
    lambda row: {
        "component": {"name": row.component}
        | (
            {}
            if row.evse_id is None
            else {"evse": {"id": row.evse_id} | ({} if row.connector_id is None else {"connectorId": row.connector_id})}
        ),
        "variable": {"name": row.variable} | ({} if row.instance is None else {"instance": row.instance}),
    }
)
_targets = _existing | st.fixed_dictionaries({"component": _components, "variable": _variables})
_values = st.sampled_from(
    ["", "0", "-1", "1", "60", "true", "false", "TRUE", "nan", "1e999", "abc", "EVConnected,Authorized",
     "Temperature", "Voltage,Current.Import", "2026-01-01T00:00:00Z", "password-password-1"]
) | st.text(max_size=1000)  # fmt: skip
wire_tokens = _optional(
    {"idToken": st.text(max_size=36), "type": st.sampled_from([str(kind) for kind in IdTokenType])},
    {"additionalInfo": st.just([{"additionalIdToken": "more", "type": "of a kind"}])},
)
_reports = st.lists(_optional({"component": _components}, {"variable": _variables}), min_size=1, max_size=3)


list_entries = st.fixed_dictionaries(
    {
        "idToken": st.fixed_dictionaries(
            {"idToken": st.text(max_size=36), "type": st.sampled_from([str(kind) for kind in IdTokenType])}
        )
    },
    optional={
        "idTokenInfo": st.fixed_dictionaries(
            {"status": st.sampled_from([str(status) for status in AuthorizationStatus])},
            optional={
                "cacheExpiryDateTime": st.sampled_from(["2026-02-28T00:00:00Z", "2026-02-30T00:00:00Z"]),
                "evseId": st.lists(st.integers(0, 9), min_size=1, max_size=3),
            },
        )
    },
)


def requests(reset_types: tuple[str, ...], triggers: tuple[str, ...]) -> dict[str, st.SearchStrategy[dict[str, Any]]]:
    """Return random payloads of every action that the station handles, all following their schemas."""
    return {
        "ChangeAvailability": _optional(
            {"operationalStatus": st.sampled_from(["Operative", "Inoperative"])}, {"evse": _evses}
        ),
        "ClearCache": st.just({}),
        "DataTransfer": _optional(
            {"vendorId": st.text(max_size=255)},
            {"messageId": st.text(max_size=50), "data": st.one_of(st.text(), st.integers(), st.lists(st.text()))},
        ),
        "GetBaseReport": st.fixed_dictionaries(
            {
                "requestId": integers,
                "reportBase": st.sampled_from(["ConfigurationInventory", "FullInventory", "SummaryInventory"]),
            }
        ),
        "GetLocalListVersion": st.just({}),
        "SendLocalList": st.fixed_dictionaries(
            {"versionNumber": integers, "updateType": st.sampled_from(["Full", "Differential"])},
            optional={"localAuthorizationList": st.lists(list_entries, min_size=1, max_size=3)},
        ),
        "GetReport": _optional(
            {"requestId": integers},
            {
                "componentVariable": _reports,
                "componentCriteria": st.lists(
                    st.sampled_from(["Active", "Available", "Enabled", "Problem"]), min_size=1, max_size=4
                ),
            },
        ),
        "GetTransactionStatus": _optional({}, {"transactionId": st.text(max_size=36)}),
        "GetVariables": st.fixed_dictionaries({"getVariableData": st.lists(_with_type({}), min_size=1, max_size=5)}),
        "RequestStartTransaction": _optional(
            {"remoteStartId": integers, "idToken": wire_tokens},
            {"evseId": st.integers(1, 3), "groupIdToken": wire_tokens},
        ),
        "RequestStopTransaction": st.fixed_dictionaries({"transactionId": st.text(max_size=36)}),
        "Reset": _optional({"type": st.sampled_from(reset_types)}, {"evseId": st.integers(0, 3)}),
        "SetVariables": st.fixed_dictionaries(
            {"setVariableData": st.lists(_with_type({"attributeValue": _values}), min_size=1, max_size=5)}
        ),
        "TriggerMessage": _optional({"requestedMessage": st.sampled_from(triggers)}, {"evse": _evses}),
        "UnlockConnector": st.fixed_dictionaries({"evseId": st.integers(0, 3), "connectorId": st.integers(0, 3)}),
    }


def any_of(
    by_action: dict[str, st.SearchStrategy[dict[str, Any]]],
) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.sampled_from(sorted(by_action)).flatmap(lambda action: st.tuples(st.just(action), by_action[action]))


def _with_type(more: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    extra = _optional(more, {"attributeType": _attribute_types})
    return st.tuples(_targets, extra).map(lambda parts: parts[0] | parts[1])
