"""The contract of the version folder: real actions only, and nothing invalid leaves whatever happens inside."""

import ast
import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, timedelta, timezone
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationd.domain.answers import TransactionAnswer
from stationd.domain.events import (
    AuthorizationRequested,
    ConnectorSnapshot,
    ConnectorStatusChanged,
    Event,
    HeartbeatDue,
    JobStatus,
    LocalListConflict,
    LongJob,
    MeterValuesTaken,
    StationBooted,
    TransactionEvent,
    TransactionEventType,
)
from stationd.domain.faults import Fault, FaultCode
from stationd.domain.id_token import IdToken, IdTokenType
from stationd.domain.measurands import Measurand, MeterSample, ReadingContext, SampledValue
from stationd.domain.states import BootReason, ChargingState, ConnectorStatus, StopReason, TriggerReason
from stationd.ocpp.v16 import routes
from stationd.ocpp.v16.routes import ERROR_SPELLING, EVENTS, REFUSED_WHILE_PENDING, ROUTES, VERSION
from stationd.ocpp.version import Context, RpcError
from tests.ocpp.v16.support import CARD, NOON, ask, conforms, context, sample, transaction_event

TO_STATION = {
    "CancelReservation", "CertificateSigned", "ChangeAvailability", "ChangeConfiguration", "ClearCache",
    "ClearChargingProfile", "DataTransfer", "DeleteCertificate", "ExtendedTriggerMessage", "GetCompositeSchedule",
    "GetConfiguration", "GetDiagnostics", "GetInstalledCertificateIds", "GetLocalListVersion", "GetLog",
    "InstallCertificate", "RemoteStartTransaction", "RemoteStopTransaction", "ReserveNow", "Reset", "SendLocalList",
    "SetChargingProfile", "SignedUpdateFirmware", "TriggerMessage", "UnlockConnector", "UpdateFirmware",
}  # fmt: skip
TO_CSMS = {
    "Authorize", "BootNotification", "DataTransfer", "DiagnosticsStatusNotification", "FirmwareStatusNotification",
    "Heartbeat", "LogStatusNotification", "MeterValues", "SecurityEventNotification", "SignCertificate",
    "SignedFirmwareStatusNotification", "StartTransaction", "StatusNotification", "StopTransaction",
}  # fmt: skip
CORE = {
    "ChangeAvailability", "ChangeConfiguration", "ClearCache", "DataTransfer", "GetConfiguration",
    "RemoteStartTransaction", "RemoteStopTransaction", "Reset", "UnlockConnector",
}  # fmt: skip
ERROR_CODES = {
    "NotImplemented", "NotSupported", "InternalError", "ProtocolError", "SecurityError", "FormationViolation",
    "PropertyConstraintViolation", "OccurenceConstraintViolation", "TypeConstraintViolation", "GenericError",
}  # fmt: skip
STARTED, UPDATED, ENDED = TransactionEventType


def test_every_route_is_an_action_that_a_csms_may_send():
    assert set(ROUTES) <= TO_STATION


def test_the_core_profile_and_the_trigger_are_complete():
    assert set(ROUTES) >= CORE | {"TriggerMessage"}


def test_the_local_list_profile_is_complete():
    assert set(ROUTES) >= {"GetLocalListVersion", "SendLocalList"}


def test_every_route_can_be_checked_both_ways():
    for action in ROUTES:
        assert VERSION.request_validator(action) is not None
        assert VERSION.response_validator(action) is not None


def test_no_block_imports_another_block_and_each_names_its_letter():
    folder = Path(routes.__file__).parent
    shared = {"__init__", "routes", "wire", "configuration_keys"}
    blocks = [path for path in sorted(folder.glob("*.py")) if path.stem not in shared]
    assert len(blocks) >= 10
    for path in blocks:
        tree = ast.parse(path.read_text())
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "stationd.ocpp.v16"
            for alias in node.names
        }
        assert imported <= {"wire", "configuration_keys"}, path.name
        assert re.search(r"[( ]block [A-P]\)", ast.get_docstring(tree) or ""), path.name


def test_every_event_of_the_station_has_a_translator():
    assert set(EVENTS) == set(get_args(Event))


def test_every_error_has_a_1_6_spelling():
    assert {ERROR_SPELLING.get(error, str(error)) for error in RpcError} == ERROR_CODES


def test_version_1_6_reports_the_station_itself_and_knows_no_extended_frames():
    assert VERSION.subprotocol == "ocpp1.6"
    assert VERSION.has_station_status
    assert not VERSION.extended_frames


def test_while_pending_only_remote_start_and_stop_are_rejected():
    assert set(VERSION.refused_while_pending) == {"RemoteStartTransaction", "RemoteStopTransaction"}
    assert VERSION.allowed_while_pending == set(ROUTES) - set(VERSION.refused_while_pending)
    for action, response in REFUSED_WHILE_PENDING.items():
        conforms(action, response, response=True)
        assert response == {"status": "Rejected"}


# --- whatever the station tells ---------------------------------------------------------------------------------------

texts = st.text(max_size=40)
zones = st.sampled_from([UTC, timezone(timedelta(hours=-5, minutes=30))])
times = st.datetimes(timezones=zones).filter(lambda at: 1 < at.year < 9999)
numbers = st.floats(allow_nan=True, allow_infinity=True)
registers = st.floats(0, 1e12)
tokens = st.builds(IdToken, texts, st.sampled_from(list(IdTokenType)))
phases = st.none() | st.sampled_from(["L1", "L2", "L3", "N", "L1-N", "L2-L3", "L9"])
values = st.builds(
    SampledValue, st.sampled_from(Measurand), numbers, st.none() | st.sampled_from(["Wh", "W", "Hz", "x"]), phases
)
samples = st.lists(
    st.builds(MeterSample, times, st.sampled_from(ReadingContext), st.lists(values, max_size=4).map(tuple)), max_size=3
).map(tuple)
faults = st.lists(st.builds(Fault, st.sampled_from(FaultCode), st.integers(0, 2), st.booleans()), max_size=5).map(tuple)
transaction_events = st.builds(
    TransactionEvent,
    event_type=st.sampled_from(TransactionEventType),
    transaction_id=st.sampled_from(["known", "abandoned", "new"]),
    seq_no=st.integers(0, 10_000),
    timestamp=times,
    trigger=st.sampled_from(TriggerReason),
    evse_id=st.integers(1, 3),
    connector_id=st.integers(1, 2),
    charging_state=st.sampled_from(ChargingState),
    meter_wh=registers,
    offline=st.booleans(),
    authorized=st.booleans(),
    id_token=st.none() | tokens,
    remote_start_id=st.none() | st.integers(0, 100),
    stop_reason=st.none() | st.sampled_from(StopReason),
    stop_token=st.none() | tokens,
    samples=samples,
)
snapshots = st.builds(
    ConnectorSnapshot,
    evse_id=st.integers(0, 3),
    connector_id=st.integers(0, 2),
    status=st.sampled_from(ConnectorStatus),
    operative=st.booleans(),
    changed_at=times,
    cable_connected=st.booleans(),
    charging_state=st.sampled_from(ChargingState),
    transaction_id=st.none() | st.sampled_from(["known", "abandoned", "new"]),
    authorized=st.booleans(),
    finishing=st.booleans(),
    faults=faults,
)
events = st.one_of(
    transaction_events,
    st.builds(ConnectorStatusChanged, snapshots),
    st.builds(
        MeterValuesTaken,
        evse_id=st.integers(0, 3),
        samples=samples,
        transaction_id=st.none() | st.sampled_from(["known", "abandoned", "new"]),
    ),
    st.builds(AuthorizationRequested, tokens, st.none() | st.integers(1, 3)),
    st.builds(StationBooted, st.sampled_from(BootReason)),
    st.just(HeartbeatDue()),
    st.builds(LocalListConflict, times),
    st.builds(JobStatus, st.sampled_from(LongJob), st.sampled_from(["Idle", "Uploading", "Downloading", "Installed"])),
)
CTX = context(aliases={"known": 0, "abandoned": -1})


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every (field, plain value) of a payload."""
    if isinstance(value, dict):
        for field, inner in value.items():
            yield from leaves(inner, field)
    elif isinstance(value, list):
        assert value, f"{name} is empty"
        for inner in value:
            yield from leaves(inner, name)
    else:
        yield name, value


@given(events)
def test_whatever_the_station_tells_is_valid_1_6(event):
    outgoing = EVENTS[type(event)](CTX, event)
    if outgoing is None:
        return
    assert outgoing.action in TO_CSMS
    conforms(outgoing.action, outgoing.payload)
    for name, value in leaves(outgoing.payload):
        if name == "timestamp":
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value)
        if name == "transactionId":
            assert value in (0, -1)
            assert value == -1 or getattr(event, "transaction_id", "") == "known"
        if name == "value":
            assert re.fullmatch(r"-?\d+(\.\d{1,3})?", value)


@given(snapshots)
def test_an_ev_communication_error_comes_with_its_four_states_only(snapshot):
    payload = EVENTS[ConnectorStatusChanged](CTX, ConnectorStatusChanged(snapshot)).payload
    if payload["errorCode"] == "EVCommunicationError":
        assert payload["status"] in ("Preparing", "SuspendedEV", "SuspendedEVSE", "Finishing")
    if payload["status"] == "Faulted":
        assert payload["errorCode"] != "NoError"
    if payload["connectorId"] == 0:
        assert payload["status"] in ("Available", "Unavailable", "Faulted")


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=8), st.integers(-5, 5), st.booleans())
def test_every_transaction_starts_once_before_anything_else_and_stops_once(steps, alias, delivered):
    """Feed a transaction's events in order, as the outbox does, with the CSMS's integer known after the start."""
    actions: list[str] = []
    ctx = context()
    last = len(steps)
    for seq_no, (authorized, measured) in enumerate([*steps, (False, False)]):
        kind = ENDED if seq_no == last else UPDATED if seq_no else STARTED
        step = transaction_event(
            kind,
            seq_no=seq_no,
            timestamp=NOON + timedelta(minutes=seq_no),
            authorized=authorized,
            id_token=CARD if authorized else None,
            samples=(sample(),) if measured else (),
        )
        outgoing = EVENTS[TransactionEvent](ctx, step)
        if outgoing is None:
            continue
        actions.append(outgoing.action)
        answer = _answer_to(outgoing, alias) if delivered else outgoing.if_abandoned
        if isinstance(answer, TransactionAnswer) and answer.csms_transaction_id is not None:
            ctx.aliases.known["tx-1"] = answer.csms_transaction_id  # type: ignore[attr-defined]
        if outgoing.action != "StartTransaction":
            assert outgoing.payload["transactionId"] == (alias if delivered else -1)
    if any(authorized for authorized, _ in steps):
        assert actions[0] == "StartTransaction"
        assert actions[-1] == "StopTransaction"
        assert set(actions[1:-1]) <= {"MeterValues"}
    else:
        assert actions == []


def _answer_to(outgoing: Any, alias: int) -> Any:
    accepted = {"idTagInfo": {"status": "Accepted"}, "transactionId": alias}
    return outgoing.read(accepted if outgoing.action == "StartTransaction" else {})


# --- whatever a CSMS asks ---------------------------------------------------------------------------------------------

ids = st.integers(-3, 4) | st.integers()
keys = st.sampled_from(["AuthorizationKey", "heartbeatinterval", "MeterValuesSampledData", "ConnectorPhaseRotation"])
availabilities = st.sampled_from(["Operative", "Inoperative"])
requests = {
    "ChangeAvailability": st.fixed_dictionaries({"connectorId": ids, "type": availabilities}),
    "ChangeConfiguration": st.fixed_dictionaries(
        {
            "key": keys | st.text(max_size=50),
            "value": st.text(max_size=500),
        }
    ),
    "ClearCache": st.just({}),
    "DataTransfer": st.fixed_dictionaries({"vendorId": st.text(max_size=255)}, optional={"data": st.text()}),
    "GetConfiguration": st.fixed_dictionaries({}, optional={"key": st.lists(st.text(max_size=50), max_size=5)}),
    "GetLocalListVersion": st.just({}),
    "RemoteStartTransaction": st.fixed_dictionaries({"idTag": st.text(max_size=20)}, optional={"connectorId": ids}),
    "RemoteStopTransaction": st.fixed_dictionaries({"transactionId": ids}),
    "Reset": st.fixed_dictionaries({"type": st.sampled_from(["Soft", "Hard"])}),
    "SendLocalList": st.fixed_dictionaries({"listVersion": ids, "updateType": st.just("Full")}),
    "TriggerMessage": st.fixed_dictionaries(
        {"requestedMessage": st.sampled_from(["BootNotification", "MeterValues", "StatusNotification", "Heartbeat"])},
        optional={"connectorId": ids},
    ),
    "UnlockConnector": st.fixed_dictionaries({"connectorId": ids}),
}


def test_every_route_is_among_the_random_requests():
    assert set(requests) == set(ROUTES)


@pytest.mark.parametrize("action", sorted(requests))
def test_whatever_a_csms_asks_gets_a_valid_answer(action):
    @given(requests[action])
    def answered(request: dict[str, Any]) -> None:
        ctx: Context = context(aliases={"tx-1": 0})
        asyncio.run(ask(ctx, action, request))

    answered()
