"""Faults of real processes as driver, technician and CSMS get to know them, from their beginning to their end."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from stationd.fault_table import FAULTS, FaultRow
from tests.flows.support import VERSIONS, Flow, Json, board, wait_for
from tests.flows.test_stationctl import Console

Make = Callable[..., Flow]
UNREACHABLE = 3


@dataclass(frozen=True, slots=True)
class Case:
    """One fault on an EVSE of its own."""

    code: str
    break_it: str
    """The plant's name for it."""
    error_code: str
    """errorCode of 1.6."""
    component: str
    """Of 2.x."""
    reason: str | None
    """stopReason of the transaction; None: it waits for the end of the fault."""
    reset: str | None
    """What `stationctl fault reset` says while the cause lasts; None: it takes it (and tries once more)."""
    connector: bool = False
    """The component is the connector's."""

    @property
    def row(self) -> FaultRow:
        return FAULTS[self.code]


CASES = dict(
    enumerate(
        (
            Case("rcd_trip", "rcd_trip", "GroundFailure", "RCD", "GroundFault",
                 "cannot reset rcd_trip: its input is still faulty; remove the cause first"),
            Case("door_open", "door_open", "OtherError", "CaseAccessSensor", "Other",
                 "cannot reset door_open: its input is still faulty; remove the cause first"),
            Case("contactor_welded", "contactor_welded", "PowerSwitchFailure", "PowerContactor", "Other",
                 "cannot reset contactor_welded: the contactor is still seen closed; repair it first"),
            Case("over_temperature", "over_temperature", "HighTemperature", "TemperatureSensor", None,
                 "cannot reset over_temperature: it ends by itself with its cause"),
            Case("lock_failed", "lock_jammed", "ConnectorLockFailure", "ConnectorPlugRetentionLock", "EVDisconnected",
                 None, connector=True),
        ),
        1,
    )
)  # fmt: skip
TRIPPED, WELDED, WARM, JAMMED = 1, 3, 4, 5
REASONS_16 = {"GroundFault": "Other"}


def quick_board(folder: Path) -> Path:
    """Return the simulated board with a lock that is given up sooner."""
    path = board(folder)
    text = path.read_text()
    assert "lock_ms = 3000" in text
    path.write_text(text.replace("lock_ms = 3000", "lock_ms = 400"))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_each_fault_is_named_to_everybody_when_it_comes_and_when_it_goes(
    make: Make, tmp_path: Path, version: str
) -> None:
    flow = make(
        version=version, evses=len(CASES), hw_profile=str(quick_board(tmp_path)),
        variables={"AuthCtrlr.Enabled": False},
    )  # fmt: skip
    console = Console(flow)
    before = {evse_id: flow.meter_wh(evse_id) for evse_id in CASES}
    for evse_id in CASES:
        flow.plant.plug_in(evse_id)
    transactions = {evse_id: flow.until_charging(evse_id=evse_id)["transaction_id"] for evse_id in CASES}
    for evse_id, case in CASES.items():
        flow.plant.set_fault(case.break_it, evse_id)
    flow.plant.wants_power(False, WELDED)  # only who opens can find that the contacts stay closed
    flow.plant.plug_out(JAMMED, force=True)  # and only who unlocks, that the bolt does not move

    everything = {(evse_id, case.code) for evse_id, case in CASES.items()}
    flow.until(
        lambda s: {(f["evse_id"], f["code"]) for f in s["faults"] if f["blocking"]} == everything,
        "every fault is in force",
    )  # the warm one is a warning too: derated
    check_console(console)
    for evse_id in CASES:
        wait_for(lambda n=evse_id: told_faulted(flow, n), f"the CSMS knows of EVSE {evse_id}")  # type: ignore[misc]
    if version != "1.6":
        for evse_id in CASES:
            wait_for(lambda n=evse_id: len(notified(flow, n)) == 1, f"NotifyEvent of EVSE {evse_id}")  # type: ignore[misc]
            (event,) = notified(flow, evse_id)
            check_event(event, evse_id, cleared=False)
            if evse_id != JAMMED:  # its transaction was over before
                assert event["transactionId"] == transactions[evse_id]
    waiting = flow.until_evse(lambda e: e["charging_state"] == "SuspendedEVSE", "the warm one waits", WARM)
    assert waiting["transaction"]["transaction_id"] == transactions[WARM]
    if version == "2.0.1":  # no business of the CSMS
        for evse_id, case in CASES.items():
            if case.reset is not None:
                assert case.reset in console.refused("fault", "reset", case.code, "--evse", str(evse_id))
        assert "not in force" in console.refused("fault", "reset", "tilt")

    for evse_id, case in CASES.items():
        flow.plant.clear_fault(case.break_it, evse_id)
    flow.until_plant(lambda e: not e["contactor"]["closed"], WELDED)
    flow.until(
        lambda s: {f["code"] for f in s["faults"]} == {"rcd_trip", "contactor_slow", "contactor_welded"},
        "what ends with its cause has ended",
    )  # contacts that part seconds after the order are slow, whatever held them
    unplug_after_trip(flow, console, TRIPPED)
    for code in ("rcd_trip", "contactor_slow", "contactor_welded"):
        assert f"{code} reset on EVSE" in console.text("fault", "reset", code)
    flow.until(lambda s: not s["faults"], "no fault")
    assert console.text("fault", "list") == "no faults\n"

    for evse_id, case in CASES.items():
        wait_for(lambda n=evse_id: not told_faulted(flow, n), f"the CSMS knows the end on EVSE {evse_id}")  # type: ignore[misc]
        if version != "1.6":
            wait_for(lambda n=evse_id: len(notified(flow, n)) == 2, f"NotifyEvent of EVSE {evse_id}")  # type: ignore[misc]
            check_event(notified(flow, evse_id)[1], evse_id, cleared=True)
        if case.reason is None:
            continue
        flow.until_ended(evse_id)
        session = flow.session_of(evse_id)
        flow.check_story(session)
        flow.check_bill(session, before[evse_id], flow.meter_wh(evse_id))
        assert session["reason"] == (REASONS_16.get(case.reason, case.reason) if version == "1.6" else case.reason)

    flow.until_plant(lambda e: e["contactor"]["closed"], WARM)  # it has cooled down: the same transaction goes on
    energy = flow.meter_wh(WARM)
    wait_for(lambda: flow.meter_wh(WARM) > energy + 50, "energy flows again")
    assert flow.evse(WARM)["transaction"]["transaction_id"] == transactions[WARM]
    flow.plant.plug_out(WARM, force=True)
    flow.until_ended(WARM)
    session = flow.session_of(WARM)
    flow.check_story(session)
    flow.check_bill(session, before[WARM], flow.meter_wh(WARM))
    assert session["reason"] == "EVDisconnected"
    assert len(flow.sessions()) == len(CASES)


def unplug_after_trip(flow: Flow, console: Console, evse_id: int) -> None:
    """Unplug, since nobody resets a trip for a vehicle that may have caused it."""
    wait_for(
        lambda: "unplug it first" in console.refused("fault", "reset", "rcd_trip", "--evse", str(evse_id)),
        "its input is quiet",
    )
    flow.plant.plug_out(evse_id, force=True)
    wait_for(lambda: console.json("pilot")["evses"][evse_id - 1]["cp"] == "A", "the vehicle is gone")


def check_console(console: Console) -> None:
    """What a technician sees names each fault with its next step."""
    status, shown = console.json("status"), console.text("status")
    rows = {(row["evse_id"], row["code"]): row for row in console.json("fault", "list")}
    listed = console.text("fault", "list")
    for evse_id, case in CASES.items():
        (fault,) = [one for one in status["faults"] if one["evse_id"] == evse_id and one["blocking"]]
        assert (fault["code"], fault["text"], fault["blocking"]) == (case.code, case.row.advice, True)
        assert status["evses"][evse_id - 1]["status"] == "Faulted"
        row = rows[evse_id, case.code]
        assert (row["mrec"], row["text"], row["ends"]) == (case.row.mrec, case.row.advice, case.row.ends)
        for text in (shown, listed):
            assert case.code in text
            assert case.row.advice in text


def told_faulted(flow: Flow, evse_id: int) -> bool:
    """Tell whether the newest StatusNotification says Faulted; check what else it says."""
    case = CASES[evse_id]
    if flow.version != "1.6":
        return flow.connector_statuses(evse_id)[-1] == "Faulted"
    newest = [one for one in flow.told("StatusNotification") if one["connectorId"] == evse_id][-1]
    if newest["status"] != "Faulted":
        assert newest["errorCode"] == "NoError"
        return False
    assert (newest["errorCode"], newest["vendorErrorCode"]) == (case.error_code, case.code)
    assert newest["vendorId"] == "stationd"
    assert newest["info"].split("; also: ")[0] == case.row.mrec
    return True


def notified(flow: Flow, evse_id: int) -> list[Json]:
    """Return what NotifyEvent told of this EVSE's fault."""
    found = [one for told in flow.told("NotifyEvent") for one in told["eventData"]]
    return [
        one for one in found
        if one["component"].get("evse", {}).get("id") == evse_id and one["techInfo"].startswith(CASES[evse_id].code)
    ]  # fmt: skip


def check_event(event: Json, evse_id: int, *, cleared: bool) -> None:
    case = CASES[evse_id]
    evse = {"id": evse_id, "connectorId": 1} if case.connector else {"id": evse_id}
    assert event["component"] == {"name": case.component, "evse": evse}
    assert event["variable"] == {"name": "Problem"}
    assert (event["cleared"], event["actualValue"]) == (cleared, "false" if cleared else "true")
    assert event["techCode"] == case.row.mrec
    assert event["techInfo"] == f"{case.code}: {case.row.advice}"
    assert event["trigger"] == "Alerting"


def test_the_safety_process_tells_its_state_while_the_brain_is_dead(make: Make) -> None:
    flow = make()
    console = Console(flow)
    flow.charge()
    flow.kill_brain()
    flow.plant.set_fault("rcd_trip")
    flow.until_plant(lambda e: not e["contactor"]["closed"])
    seen = wait_for(
        lambda: (lambda shown: shown if shown["evses"][0]["faults"] else None)(console.json("pilot")), "it is told"
    )
    (evse,) = seen["evses"]
    assert (evse["faults"], evse["commanded_closed"], evse["sensed_closed"]) == (["rcd_trip"], False, False)
    assert seen["stats"]["ticks"] > 0
    shown = console.text("pilot")
    assert FAULTS["rcd_trip"].advice in shown
    assert "cannot reach stationd at" in console.refused("fault", "list", status=UNREACHABLE)
    flow.plant.clear_fault("rcd_trip")
    time.sleep(0.1)
    flow.sandbox.start_station()
    flow.until(
        lambda s: {f["code"] for f in s["faults"]} == {"rcd_trip"}, "the brain knows what came while it was away"
    )
    session = wait_for(lambda: flow.sessions()[0]["ended_at"] and flow.sessions()[0], "the transaction ends")
    assert session["reason"] == "GroundFault"
    unplug_after_trip(flow, console, 1)
    assert "rcd_trip reset on EVSE 1" in console.text("fault", "reset", "rcd_trip")
    flow.until(lambda s: not s["faults"], "no fault")


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_a_plug_that_cannot_be_locked_is_told_until_it_is_out(make: Make, tmp_path: Path, version: str) -> None:
    """Its transaction ends, and with it the lock is told to open, which it is: that alone must not end the fault."""
    flow = make(version=version, hw_profile=str(quick_board(tmp_path)), variables={"AuthCtrlr.Enabled": False})
    flow.plant.set_fault("lock_jammed")
    flow.plant.plug_in()
    wait_for(lambda: flow.sessions() and flow.sessions()[0]["ended_at"], "the transaction ends")
    flow.until_plant(lambda e: not e["pins"]["lock"])
    time.sleep(2)
    assert [fault["code"] for fault in flow.status()["faults"]] == ["lock_failed"]
    wait_for(lambda: flow.connector_statuses(1)[-1] == "Faulted", "the CSMS knows it")
    if version == "1.6":
        newest = [one for one in flow.told("StatusNotification") if one["connectorId"] == 1][-1]
        assert (newest["errorCode"], newest["vendorErrorCode"]) == ("ConnectorLockFailure", "lock_failed")
    flow.plant.clear_fault("lock_jammed")
    flow.plant.plug_out(force=True)
    flow.until(lambda s: not s["faults"], "no fault")
    wait_for(lambda: flow.connector_statuses(1)[-1] == "Available", "the CSMS knows the end")
    flow.plant.plug_in()
    flow.until_charging()
    flow.plant.plug_out(force=True)
    flow.until_free()
