from datetime import UTC, datetime
from typing import Any

import pytest

from stationd.domain.answers import Acknowledged
from stationd.domain.events import FaultEvent, JobStatus, LongJob
from stationd.domain.faults import FaultCode, row_of
from stationd.ocpp.v201 import diagnostics
from tests.ocpp.v201.support import context, request, settings


def test_no_upload_is_told_as_idle_without_request_id_f06_fr_15() -> None:
    outgoing = diagnostics.log_status_to_wire(context(), JobStatus(LongJob.LOG, "Idle", 7))
    assert outgoing.action == "LogStatusNotification"
    assert request("v201", outgoing) == {"status": "Idle"}
    assert outgoing.read({}) == Acknowledged()


def test_a_running_upload_is_told_with_its_request_id_f06_fr_14() -> None:
    outgoing = diagnostics.log_status_to_wire(context(), JobStatus(LongJob.LOG, "Uploading", 7))
    assert request("v201", outgoing) == {"status": "Uploading", "requestId": 7}


def fault(code: FaultCode = FaultCode.CONTACTOR_WELDED, **changes: Any) -> FaultEvent:
    values: dict[str, Any] = {
        "code": code,
        "evse_id": 2,
        "timestamp": datetime(2026, 1, 1, 11, 30, tzinfo=UTC),
        "cleared": False,
        "problem": True,
        "blocking": True,
        "transaction_id": "T1",
        "event_id": 5,
    }
    return FaultEvent(**{**values, **changes})


def told(event: FaultEvent) -> dict[str, Any]:
    payload = request("v201", diagnostics.fault_to_wire(context(), event))
    (data,) = payload["eventData"]
    return dict(data)


def test_a_fault_is_an_alert_of_the_station_s_own_n07_fr_04_tc_n_21() -> None:
    payload = request("v201", diagnostics.fault_to_wire(context(), fault()))
    assert payload == {
        "generatedAt": "2026-01-01T12:00:00Z",
        "seqNo": 0,  # N07.FR.07
        "eventData": [
            {
                "eventId": 5,
                "timestamp": "2026-01-01T11:30:00Z",
                "trigger": "Alerting",
                "actualValue": "true",
                "techCode": "MREC17EVSEContactorFault",
                "techInfo": f"contactor_welded: {row_of(FaultCode.CONTACTOR_WELDED).advice}",
                "cleared": False,
                "transactionId": "T1",
                "component": {"name": "PowerContactor", "evse": {"id": 2}},
                "variable": {"name": "Problem"},
                "eventNotificationType": "HardWiredNotification",
            }
        ],
    }


def test_its_end_is_told_as_cleared_n07_fr_02() -> None:
    data = told(fault(cleared=True, problem=False, transaction_id=None))
    assert (data["cleared"], data["actualValue"]) == (True, "false")
    assert "transactionId" not in data


def test_while_another_fault_of_the_component_lasts_its_problem_stays_true() -> None:
    data = told(fault(cleared=True, problem=True))
    assert (data["cleared"], data["actualValue"]) == (True, "true")


def test_a_failed_lock_is_a_problem_of_the_retention_lock_g05_fr_02() -> None:
    place = {"name": "ConnectorPlugRetentionLock", "evse": {"id": 2, "connectorId": 1}}
    assert told(fault(FaultCode.LOCK_FAILED))["component"] == place


def test_a_fault_of_the_station_names_no_evse() -> None:
    assert told(fault(FaultCode.READER_LOST, evse_id=0))["component"] == {"name": "TokenReader"}


def test_an_id_too_long_for_the_message_is_left_out() -> None:
    assert "transactionId" not in told(fault(transaction_id="x" * 37))


@pytest.mark.parametrize("code", FaultCode)
def test_every_component_that_is_told_of_is_in_the_device_model(code: FaultCode) -> None:
    data = told(fault(code, evse_id=0 if code in (FaultCode.READER_LOST, FaultCode.STORAGE_FAILED) else 2))
    evse = data["component"].get("evse", {})
    row = settings().find(
        data["component"]["name"], "Problem", evse_id=evse.get("id"), connector_id=evse.get("connectorId")
    )
    assert row is not None


def test_the_answer_to_it_holds_nothing_n07_fr_03() -> None:
    assert diagnostics.fault_to_wire(context(), fault()).read({}) == Acknowledged()
