"""Payloads that stations and CSMS really send, good and bad, against the shipped validators."""

import sys
from typing import Any

import pytest

from stationd.ocpp.validation import Validators, validators_of
from stationd.ocpp.version import RpcError, SchemaViolation

V16 = validators_of("stationd.ocpp.v16")
V201 = validators_of("stationd.ocpp.v201")
V21 = validators_of("stationd.ocpp.v21")

PROFILE = {
    "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
}  # fmt: skip


def _schedule(limit: Any) -> dict[str, Any]:
    periods = [{"startPeriod": 0, "limit": limit}]
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": periods}
    return {"idTag": "A", "chargingProfile": {**PROFILE, "chargingSchedule": schedule}}


TRANSACTION = {
    "eventType": "Started", "timestamp": "2026-01-01T12:00:00.123Z", "triggerReason": "Authorized", "seqNo": 0,
    "transactionInfo": {"transactionId": "a"},
}  # fmt: skip

GOOD = [
    (V16, "request", "BootNotification", {"chargePointVendor": "a", "chargePointModel": "b"}),
    (V16, "response", "BootNotification", {"currentTime": "2026-01-01T12:00:00Z", "interval": 0, "status": "Accepted"}),
    (V16, "response", "BootNotification", {"currentTime": "2026-01-01T12:00:00", "interval": 0, "status": "Accepted"}),
    (V16, "response", "Heartbeat", {"currentTime": "2026-01-01T12:00:00.5+0100"}),
    (V16, "request", "RemoteStartTransaction", {"idTag": "A"}),
    (V16, "request", "RemoteStartTransaction", _schedule(16)),
    (V16, "request", "RemoteStartTransaction", _schedule(16.1)),
    (V16, "request", "RemoteStartTransaction", _schedule(0.3)),
    (V16, "request", "RemoteStartTransaction", _schedule(1e300)),
    (V16, "request", "GetConfiguration", {}),
    (V201, "request", "Heartbeat", {}),
    (V201, "request", "Heartbeat", {"customData": {"vendorId": "a", "anything": [1]}}),
    (V201, "request", "TransactionEvent", TRANSACTION),
    (V201, "request", "TriggerMessage", {"requestedMessage": "Heartbeat"}),
    (V21, "request", "NotifyPeriodicEventStream",
     {"id": 1, "pending": 0, "basetime": "2026-01-01T12:00:00Z", "data": [{"t": 0.5, "v": "1"}]}),
    (V21, "response", "SetVariables", {"setVariableResult": [
        {"attributeStatus": "Accepted", "component": {"name": "A"}, "variable": {"name": "B"}}]}),
]  # fmt: skip


@pytest.mark.parametrize(("validators", "direction", "action", "payload"), GOOD)
def test_a_good_payload_passes(validators: Validators, direction: str, action: str, payload: Any) -> None:
    check = getattr(validators, direction)(action)
    assert check is not None
    check(payload)


BAD = [
    (V16, "request", "RemoteStartTransaction", {}, RpcError.OCCURRENCE_CONSTRAINT_VIOLATION, ""),
    (V16, "request", "RemoteStartTransaction", [], RpcError.TYPE_CONSTRAINT_VIOLATION, ""),
    (V16, "request", "RemoteStartTransaction", {"idTag": None}, RpcError.TYPE_CONSTRAINT_VIOLATION, "idTag"),
    (V16, "request", "RemoteStartTransaction", {"idTag": 7}, RpcError.TYPE_CONSTRAINT_VIOLATION, "idTag"),
    (V16, "request", "RemoteStartTransaction", {"idTag": "a" * 21}, RpcError.PROPERTY_CONSTRAINT_VIOLATION, "idTag"),
    (V16, "request", "RemoteStartTransaction", {"idTag": "a", "secret": 1}, RpcError.FORMAT_VIOLATION, ""),
    (V16, "request", "RemoteStartTransaction", {"idTag": "a", "connectorId": True},
     RpcError.TYPE_CONSTRAINT_VIOLATION, "connectorId"),
    (V16, "request", "RemoteStartTransaction", {"idTag": "a", "connectorId": 1.5},
     RpcError.TYPE_CONSTRAINT_VIOLATION, "connectorId"),
    (V16, "request", "RemoteStartTransaction", _schedule(16.15), RpcError.PROPERTY_CONSTRAINT_VIOLATION,
     "chargingProfile.chargingSchedule.chargingSchedulePeriod[0].limit"),
    (V16, "request", "RemoteStartTransaction", _schedule(float("nan")), RpcError.PROPERTY_CONSTRAINT_VIOLATION,
     "chargingProfile.chargingSchedule.chargingSchedulePeriod[0].limit"),
    (V16, "request", "RemoteStartTransaction", _schedule(float("inf")), RpcError.PROPERTY_CONSTRAINT_VIOLATION,
     "chargingProfile.chargingSchedule.chargingSchedulePeriod[0].limit"),
    (V16, "request", "Reset", {"type": "Medium"}, RpcError.PROPERTY_CONSTRAINT_VIOLATION, "type"),
    (V16, "request", "Reset", {"type": ["Hard"]}, RpcError.TYPE_CONSTRAINT_VIOLATION, "type"),
    (V16, "response", "Heartbeat", {"currentTime": ""}, RpcError.PROPERTY_CONSTRAINT_VIOLATION, "currentTime"),
    (V16, "request", "StatusNotification",
     {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": "2026-01-01T12:00:00"},
     RpcError.PROPERTY_CONSTRAINT_VIOLATION, "timestamp"),
    (V16, "request", "StatusNotification", {"connectorId": 1, "errorCode": "Error", "status": "Available"},
     RpcError.PROPERTY_CONSTRAINT_VIOLATION, "errorCode"),
    (V201, "request", "Heartbeat", {"customData": {}}, RpcError.OCCURRENCE_CONSTRAINT_VIOLATION, "customData"),
    (V201, "request", "Heartbeat", {"customData": {"vendorId": "a" * 256}}, RpcError.PROPERTY_CONSTRAINT_VIOLATION,
     "customData.vendorId"),
    (V201, "request", "SetVariables", {"setVariableData": []}, RpcError.OCCURRENCE_CONSTRAINT_VIOLATION,
     "setVariableData"),
    (V201, "request", "SetVariables", {"setVariableData": [{"attributeValue": "1", "component": {"name": "A" * 51},
     "variable": {"name": "B"}}]}, RpcError.PROPERTY_CONSTRAINT_VIOLATION, "setVariableData[0].component.name"),
    (V201, "request", "Reset", {"type": "ImmediateAndResume"}, RpcError.PROPERTY_CONSTRAINT_VIOLATION, "type"),
]  # fmt: skip


@pytest.mark.parametrize(("validators", "direction", "action", "payload", "code", "path"), BAD)
def test_a_bad_payload_is_refused_with_the_code_and_the_place(
    validators: Validators, direction: str, action: str, payload: Any, code: RpcError, path: str
) -> None:
    with pytest.raises(SchemaViolation) as caught:
        getattr(validators, direction)(action)(payload)
    assert (caught.value.code, caught.value.path) == (code, path)


def test_a_refusal_never_repeats_what_was_sent() -> None:
    with pytest.raises(SchemaViolation) as caught:
        V16.request("Authorize")({"idTag": "a", "p4ssword": "s3cret"})  # type: ignore[misc]
    assert "p4ss" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_an_action_the_version_does_not_define_has_no_validator() -> None:
    assert V16.request("RequestStartTransaction") is None
    assert V16.request("../../etc/passwd") is None
    assert V201.request("RemoteStartTransaction") is None
    assert V201.response("NotifyPeriodicEventStream") is None


def test_an_action_that_is_known_but_not_generated_lets_nothing_pass() -> None:
    check = V16.request("ReserveNow")
    assert check is not None
    with pytest.raises(SchemaViolation) as caught:
        check({})
    assert caught.value.code is RpcError.NOT_SUPPORTED


def test_a_validator_is_loaded_when_it_is_first_asked_for() -> None:
    name = "stationd.ocpp.v21.validators.get_local_list_version_request"
    sys.modules.pop(name, None)
    fresh = validators_of("stationd.ocpp.v21")
    assert name not in sys.modules
    assert fresh.request("GetLocalListVersion") is fresh.request("GetLocalListVersion")
    assert name in sys.modules
