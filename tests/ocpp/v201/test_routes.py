import asyncio
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from stationd.domain.events import Event, JobStatus, LongJob
from stationd.ocpp.v201.routes import EVENTS, REFUSED_WHILE_PENDING, ROUTES, VERSION
from stationd.ocpp.version import CallRefusedError
from stationd.station.ports import ChangeOutcome, TransactionStatus, UnlockOutcome, Verdict
from tests.fakes.station import FakeStation
from tests.ocpp.v201 import strategies
from tests.ocpp.v201.support import answered, context, has_schema, on_the_wire, request

FROM_THE_CSMS = {
    "CancelReservation",
    "CertificateSigned",
    "ChangeAvailability",
    "ClearCache",
    "ClearChargingProfile",
    "ClearDisplayMessage",
    "ClearVariableMonitoring",
    "CostUpdated",
    "CustomerInformation",
    "DataTransfer",
    "DeleteCertificate",
    "GetBaseReport",
    "GetChargingProfiles",
    "GetCompositeSchedule",
    "GetDisplayMessages",
    "GetInstalledCertificateIds",
    "GetLocalListVersion",
    "GetLog",
    "GetMonitoringReport",
    "GetReport",
    "GetTransactionStatus",
    "GetVariables",
    "InstallCertificate",
    "PublishFirmware",
    "RequestStartTransaction",
    "RequestStopTransaction",
    "ReserveNow",
    "Reset",
    "SendLocalList",
    "SetChargingProfile",
    "SetDisplayMessage",
    "SetMonitoringBase",
    "SetMonitoringLevel",
    "SetNetworkProfile",
    "SetVariableMonitoring",
    "SetVariables",
    "TriggerMessage",
    "UnlockConnector",
    "UnpublishFirmware",
    "UpdateFirmware",
}
"""Every action that a 2.0.1 CSMS may ask of a station."""

RESET_TYPES = ("Immediate", "OnIdle")
TRIGGERS = (
    "BootNotification", "LogStatusNotification", "FirmwareStatusNotification", "Heartbeat", "MeterValues",
    "SignChargingStationCertificate", "SignV2GCertificate", "StatusNotification", "TransactionEvent",
    "SignCombinedCertificate", "PublishFirmwareStatusNotification",
)  # fmt: skip

REQUESTS = strategies.requests(RESET_TYPES, TRIGGERS)

verdicts = st.builds(
    Verdict,
    st.booleans(),
    st.none() | st.text(max_size=30),
    st.none() | st.text(max_size=600),
    st.none() | st.uuids().map(str),
)
stations = st.builds(
    FakeStation,
    start=verdicts,
    stop=verdicts,
    unlock=st.sampled_from(list(UnlockOutcome)),
    reset=st.sampled_from(list(ChangeOutcome)),
    availability=st.sampled_from(list(ChangeOutcome)),
    cache_cleared=st.booleans(),
    triggers=st.booleans(),
    status=st.builds(TransactionStatus, st.none() | st.booleans(), st.booleans()),
    calls=st.builds(list),
)


def test_every_route_is_an_action_that_the_csms_may_ask() -> None:
    assert set(ROUTES) <= FROM_THE_CSMS


def test_the_list_of_the_csms_s_actions_is_of_the_standard() -> None:
    assert all(has_schema("v201", f"{action}{half}") for action in FROM_THE_CSMS for half in ("Request", "Response"))


def test_every_event_of_the_station_has_a_translation() -> None:
    assert set(EVENTS) == set(get_args(Event))


def test_every_route_and_every_message_has_a_shipped_validator() -> None:
    for action in [
        *ROUTES,
        "BootNotification",
        "Heartbeat",
        "Authorize",
        "TransactionEvent",
        "NotifyReport",
        "NotifyEvent",
    ]:
        assert VERSION.request_validator(action) is not None, action
        assert VERSION.response_validator(action) is not None, action
    assert VERSION.request_validator("SetDERControl") is None, "2.1 only"


def test_the_version_says_which_it_is() -> None:
    assert VERSION.subprotocol == "ocpp2.0.1"
    assert not VERSION.extended_frames
    assert not VERSION.has_station_status
    assert (VERSION.routes, VERSION.events) == (ROUTES, EVENTS)


def test_starting_and_stopping_is_rejected_while_pending_and_nothing_else_b02_fr_01_b02_fr_05() -> None:
    assert set(REFUSED_WHILE_PENDING) == {"RequestStartTransaction", "RequestStopTransaction"}
    assert VERSION.refused_while_pending is REFUSED_WHILE_PENDING
    assert VERSION.allowed_while_pending == set(ROUTES) - set(REFUSED_WHILE_PENDING)
    for action, response in REFUSED_WHILE_PENDING.items():
        assert on_the_wire("v201", f"{action}Response", response)["status"] == "Rejected"


def test_each_job_tells_its_status_in_its_own_message_f06_fr_15_f06_fr_16() -> None:
    actions = {job: EVENTS[JobStatus](context(), JobStatus(job)) for job in LongJob}
    assert {job: outgoing.action for job, outgoing in actions.items() if outgoing} == {
        LongJob.FIRMWARE: "FirmwareStatusNotification",
        LongJob.LOG: "LogStatusNotification",
    }


@strategies.unhurried
@given(strategies.events)
def test_whatever_happens_is_told_as_the_schema_wants(event: Any) -> None:
    outgoing = EVENTS[type(event)](context(), event)
    if outgoing is not None:
        request("v201", outgoing)
        validator = VERSION.request_validator(outgoing.action)
        assert validator is not None
        validator(outgoing.payload)


@strategies.unhurried
@given(stations, strategies.any_of(REQUESTS))
def test_whatever_is_asked_is_answered_as_the_schema_wants(station: FakeStation, asked: tuple[str, Any]) -> None:
    action, payload = asked
    ctx = context(station)
    try:
        response = asyncio.run(answered("v201", ROUTES, ctx, action, payload))
    except CallRefusedError:
        assert (action, station.unlock) == ("UnlockConnector", UnlockOutcome.NOT_SUPPORTED)
        return
    validator = VERSION.response_validator(action)
    assert validator is not None
    validator(response)


def test_every_route_is_asked_by_the_random_requests() -> None:
    assert set(REQUESTS) == set(ROUTES)
