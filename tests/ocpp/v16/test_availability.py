import pytest

from stationd.domain.answers import Acknowledged
from stationd.domain.events import ConnectorStatusChanged
from stationd.domain.faults import Fault, FaultCode, row_of
from stationd.domain.states import ChargingState, ConnectorStatus, OperationalStatus
from stationd.domain.variable_table import VENDOR_NAME, rows_for
from stationd.ocpp.v16.availability import status_to_wire
from stationd.station.ports import ChangeOutcome
from stationd.station.settings import Settings
from tests.fakes.station import FakeStation, snapshot
from tests.ocpp.v16.support import ask, context, sent
from tests.station.harness import bench

AVAILABLE, OCCUPIED, RESERVED, UNAVAILABLE, FAULTED = ConnectorStatus
WITH_CABLE = {"status": OCCUPIED, "cable_connected": True}
RUNNING = {**WITH_CABLE, "transaction_id": "tx-1", "authorized": True}


def payload_of(evse_id=1, *, aliases=None, **changes):
    outgoing = status_to_wire(context(aliases=aliases), ConnectorStatusChanged(snapshot(evse_id, **changes)))
    assert outgoing.action == "StatusNotification"
    assert outgoing.read({}) == Acknowledged()
    return sent(outgoing)


def status_of(evse_id=1, *, aliases=None, **changes):
    return payload_of(evse_id, aliases=aliases, **changes)["status"]


def test_a_free_connector_is_available_with_the_time_of_the_change_and_no_spare_fields():
    assert payload_of(2) == {
        "connectorId": 2,
        "errorCode": "NoError",
        "status": "Available",
        "timestamp": "2026-01-01T12:00:00.000Z",
    }


@pytest.mark.parametrize(
    "changes",
    [
        WITH_CABLE,
        {"status": OCCUPIED, "authorized": True},
        {"status": AVAILABLE, "authorized": True},
        {**WITH_CABLE, "authorized": True},
    ],
    ids=["cable", "token", "token seen, connector free", "both, no transaction yet"],
)
def test_any_user_action_before_a_transaction_is_preparing(changes):
    assert status_of(**changes) == "Preparing"


def test_a_transaction_that_runs_before_authorisation_is_still_preparing():
    waiting = {**WITH_CABLE, "transaction_id": "tx-1", "charging_state": ChargingState.EV_CONNECTED}
    assert status_of(**waiting) == "Preparing"
    assert status_of(**{**waiting, "charging_state": ChargingState.SUSPENDED_EVSE}) == "Preparing"


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (ChargingState.CHARGING, "Charging"),
        (ChargingState.SUSPENDED_EV, "SuspendedEV"),
        (ChargingState.SUSPENDED_EVSE, "SuspendedEVSE"),
    ],
)
@pytest.mark.parametrize("aliases", [{}, {"tx-1": 0}], ids=["start not answered", "start answered"])
def test_a_running_transaction_shows_the_energy_path(state, status, aliases):
    assert status_of(**RUNNING, charging_state=state, aliases=aliases) == status


def test_a_deauthorised_transaction_that_goes_on_is_suspended_by_the_station():
    changes = {**RUNNING, "authorized": False, "charging_state": ChargingState.SUSPENDED_EVSE}
    assert status_of(**changes, aliases={"tx-1": 7}) == "SuspendedEVSE"


def test_a_started_transaction_never_falls_back_to_preparing():
    assert status_of(**RUNNING, charging_state=ChargingState.EV_CONNECTED) == "Preparing"
    assert status_of(**RUNNING, charging_state=ChargingState.EV_CONNECTED, aliases={"tx-1": 7}) == "SuspendedEV"


def test_a_started_transaction_that_lost_its_authorisation_is_suspended_by_the_station():
    stopped = {**RUNNING, "authorized": False, "charging_state": ChargingState.EV_CONNECTED}
    assert status_of(**stopped, aliases={"tx-1": 7}) == "SuspendedEVSE"
    unplugged = {**stopped, "cable_connected": False, "charging_state": ChargingState.IDLE}
    assert status_of(**unplugged, aliases={"tx-1": 7}) == "SuspendedEV"


def test_the_ev_side_pulled_out_of_a_running_transaction_is_suspended_ev_with_a_word_why():
    unplugged = {**RUNNING, "cable_connected": False, "charging_state": ChargingState.IDLE}
    payload = payload_of(**unplugged, aliases={"tx-1": 7})
    assert payload["status"] == "SuspendedEV"
    assert payload["info"] == "EV side disconnected"
    assert payload["errorCode"] == "NoError"


def test_an_authorised_transaction_without_a_cable_yet_is_preparing():
    assert status_of(status=OCCUPIED, transaction_id="tx-1", authorized=True) == "Preparing"


def test_the_cable_left_after_a_transaction_is_finishing():
    assert status_of(**WITH_CABLE, finishing=True) == "Finishing"


@pytest.mark.parametrize(
    ("status", "word"), [(RESERVED, "Reserved"), (UNAVAILABLE, "Unavailable"), (FAULTED, "Faulted")]
)
def test_reserved_unavailable_and_faulted_lead_over_everything(status, word):
    assert status_of(**{**RUNNING, "status": status, "charging_state": ChargingState.CHARGING}) == word
    assert status_of(status=status, finishing=True) == word


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (AVAILABLE, "Available"),
        (OCCUPIED, "Available"),
        (RESERVED, "Available"),
        (UNAVAILABLE, "Unavailable"),
        (FAULTED, "Faulted"),
    ],
)
def test_connector_0_has_three_states_only(status, word):
    payload = payload_of(0, status=status, cable_connected=True, finishing=True)
    assert (payload["connectorId"], payload["status"]) == (0, word)


@pytest.mark.parametrize(
    ("code", "error_code"),
    [
        (FaultCode.RCD_TRIP, "GroundFailure"),
        (FaultCode.PE_LOSS, "GroundFailure"),
        (FaultCode.OVER_TEMPERATURE, "HighTemperature"),
        (FaultCode.OVER_CURRENT, "OverCurrentFailure"),
        (FaultCode.CONTACTOR_WELDED, "PowerSwitchFailure"),
        (FaultCode.CONTACTOR_FAILED, "PowerSwitchFailure"),
        (FaultCode.LOCK_FAILED, "ConnectorLockFailure"),
        (FaultCode.METER_LOST, "PowerMeterFailure"),
        (FaultCode.READER_LOST, "ReaderFailure"),
        (FaultCode.HARDWARE, "InternalError"),
        (FaultCode.PILOT_LOST, "InternalError"),
        (FaultCode.RCD_SELF_TEST, "GroundFailure"),
        (FaultCode.PHASE_SWITCH, "PowerSwitchFailure"),
        (FaultCode.CONTACTOR_SLOW, "PowerSwitchFailure"),
        (FaultCode.CONTACTOR_WORN, "PowerSwitchFailure"),
        (FaultCode.POWER_LOSS, "UnderVoltage"),
        (FaultCode.DERATED, "HighTemperature"),
        (FaultCode.RESTART_LOOP, "InternalError"),
        (FaultCode.STORAGE_FAILED, "InternalError"),
        (FaultCode.TILT, "OtherError"),
        (FaultCode.CONTACTOR_RESTING, "OtherError"),
        (FaultCode.SIMPLIFIED_VEHICLE, "OtherError"),
        (FaultCode.EMERGENCY_STOP, "OtherError"),
        (FaultCode.VENTILATION, "OtherError"),
        (FaultCode.DOOR_OPEN, "OtherError"),
        (FaultCode.PROXIMITY, "OtherError"),
    ],
)
def test_a_fault_is_told_with_1_6s_word_and_our_own(code, error_code):
    payload = payload_of(status=FAULTED, faults=(Fault(code, 1),))
    assert payload["errorCode"] == error_code
    assert payload["vendorErrorCode"] == code
    assert payload["vendorId"] == "stationd"
    assert payload["info"] == row_of(code).mrec


@pytest.mark.parametrize("code", FaultCode)
def test_no_fault_is_told_as_no_error(code):
    assert payload_of(status=FAULTED, faults=(Fault(code, 1),))["errorCode"] != "NoError"


@pytest.mark.parametrize("code", [FaultCode.PILOT_ERROR, FaultCode.DIODE])
def test_an_ev_communication_error_is_told_with_its_four_states_only(code):
    fault = (Fault(code, 1, blocking=False),)
    assert payload_of(**WITH_CABLE, faults=fault)["errorCode"] == "EVCommunicationError"
    assert payload_of(**WITH_CABLE, finishing=True, faults=fault)["errorCode"] == "EVCommunicationError"
    assert payload_of(**RUNNING, charging_state=ChargingState.CHARGING, faults=fault)["errorCode"] == "OtherError"
    assert payload_of(status=FAULTED, faults=fault)["errorCode"] == "OtherError"
    assert payload_of(faults=fault)["errorCode"] == "OtherError"


def test_a_warning_leaves_the_status_alone():
    payload = payload_of(faults=(Fault(FaultCode.READER_LOST, 0, blocking=False),))
    assert (payload["status"], payload["errorCode"]) == ("Available", "ReaderFailure")


def test_the_blocking_fault_leads_and_the_others_are_named():
    faults = (Fault(FaultCode.READER_LOST, 0, blocking=False), Fault(FaultCode.RCD_TRIP, 1), Fault(FaultCode.TILT, 1))
    payload = payload_of(status=FAULTED, faults=faults)
    assert payload["errorCode"] == "GroundFailure"
    assert payload["info"] == "MREC2GroundFailure; also: reader_lost, tilt"


def test_every_fault_at_once_still_fits():
    payload = payload_of(status=FAULTED, faults=tuple(Fault(code, 1) for code in FaultCode))
    assert len(payload["info"]) == 50


def test_faulted_without_a_known_fault_is_not_told_as_no_error():
    assert payload_of(status=FAULTED)["errorCode"] == "OtherError"


def test_an_empty_vendor_name_is_left_out():
    settings = Settings(rows_for([(1, [1])]), seeds={VENDOR_NAME: ""})
    event = ConnectorStatusChanged(snapshot(1, status=FAULTED, faults=(Fault(FaultCode.TILT, 1),)))
    assert "vendorId" not in sent(status_to_wire(context(settings=settings), event))


@pytest.mark.parametrize("outcome", ChangeOutcome)
@pytest.mark.parametrize(("connector_id", "evse_id"), [(0, None), (2, 2)])
async def test_availability_is_changed_for_a_connector_or_with_0_for_the_station(connector_id, evse_id, outcome):
    station = FakeStation(availability=outcome)
    request = {"connectorId": connector_id, "type": "Inoperative"}
    assert await ask(context(station), "ChangeAvailability", request) == {"status": str(outcome)}
    asked = {"status": OperationalStatus.INOPERATIVE, "evse_id": evse_id, "connector_id": None}
    assert station.calls == [("change_availability", asked)]


@pytest.mark.parametrize("connector_id", [-1, 3])
async def test_availability_of_an_unknown_connector_is_rejected(connector_id):
    station = FakeStation()
    request = {"connectorId": connector_id, "type": "Operative"}
    assert await ask(context(station), "ChangeAvailability", request) == {"status": "Rejected"}
    assert station.calls == []


async def on_bench(b, connector_id, kind):
    answer = await ask(context(b.station), "ChangeAvailability", {"connectorId": connector_id, "type": kind})
    await b.settle()
    return answer["status"]


async def test_connector_0_operative_is_the_station_and_every_connector():
    async with bench(2) as b:
        assert await on_bench(b, 2, "Inoperative") == "Accepted"
        assert (
            await b.station.change_availability(OperationalStatus.INOPERATIVE, evse_id=1, connector_id=1) == "Accepted"
        )
        assert await on_bench(b, 0, "Inoperative") == "Accepted"
        assert await on_bench(b, 0, "Operative") == "Accepted"
        assert [b.snapshot(1).operative, b.snapshot(2).operative] == [True, True]
        assert b.station.station_snapshot().operative
        await b.kill()
        await b.start()
        assert [b.snapshot(1).operative, b.snapshot(2).operative] == [True, True]


async def test_a_connector_cannot_be_made_operative_while_the_station_is_inoperative():
    async with bench(2) as b:
        assert await on_bench(b, 0, "Inoperative") == "Accepted"
        assert await on_bench(b, 1, "Operative") == "Rejected"
        assert await on_bench(b, 0, "Operative") == "Accepted"
        assert await on_bench(b, 1, "Inoperative") == "Accepted"
        assert await on_bench(b, 1, "Operative") == "Accepted"
        assert b.snapshot(1).operative


async def test_a_connector_is_made_operative_while_the_csms_has_not_accepted_the_station_yet():
    async with bench(registered=False) as b:
        assert await on_bench(b, 1, "Inoperative") == "Accepted"
        assert await on_bench(b, 1, "Operative") == "Accepted"


async def test_a_broken_disk_rejects_the_change_of_the_whole_station():
    async with bench(2) as b:
        assert await on_bench(b, 0, "Inoperative") == "Accepted"
        b.disk.broken = True
        assert await on_bench(b, 0, "Operative") == "Rejected"
        assert not b.snapshot(1).operative
