"""Charging sessions as drivers and CSMS know them, in every OCPP version, to the Wh."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.flows.support import CARD, ENERGY, OPEN_MS, OTHER_CARD, VERSIONS, Flow, measured, wait_for

Make = Callable[..., Flow]


@pytest.mark.parametrize("version", VERSIONS)
def test_cable_first_then_card_charges_until_the_card_comes_again(make: Make, version: str) -> None:
    flow = make(version=version, timing={"sampled_interval_s": 1})
    before = flow.charge()
    wait_for(lambda: len(periodic_values(flow)) >= 2, "two periodic values are told")
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    session = flow.the_session(reason="Local", before_wh=before)
    check_periodic_values(flow, session)
    assert session["id_token"] == CARD
    assert session["energy_wh"] >= 100
    assert len(flow.sessions()) == 1
    expected = {
        "1.6": ["Available", "Preparing", "Charging", "Finishing", "Available"],
        "2.0.1": ["Available", "Occupied", "Available"],
        "2.1": ["Available", "Occupied", "Available"],
    }
    told = flow.connector_statuses()
    assert [one for one in told if one not in ("SuspendedEV", "SuspendedEVSE")] == expected[version]
    assert all(told[i] != told[i + 1] for i in range(len(told) - 1))  # nothing is told twice


@pytest.mark.parametrize("version", VERSIONS)
def test_card_first_then_cable_charges_too(make: Make, version: str) -> None:
    flow = make(version=version)
    before = flow.meter_wh()
    flow.swipe()
    wait_for(lambda: "Authorize" in flow.told_actions(), "the CSMS is asked")
    flow.plant.plug_in()
    flow.until_charging()
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=before)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_csms_starts_and_stops(make: Make, version: str) -> None:
    flow = make(version=version)
    before = flow.meter_wh()
    flow.plant.plug_in()
    flow.until_evse(lambda e: e["cable_connected"], "the cable is seen")
    assert flow.csms("remote_start", token=OTHER_CARD, evse_id=1)["status"] == "Accepted"
    flow.until_charging()
    assert flow.csms("remote_stop")["status"] == "Accepted"
    flow.until_ended()
    session = flow.the_session(reason="Remote", before_wh=before)
    assert session["id_token"] == OTHER_CARD
    flow.plug_out()
    flow.until_free()


@pytest.mark.parametrize("version", VERSIONS)
def test_pulling_the_cable_ends_the_session_and_opens_in_time(make: Make, version: str) -> None:
    flow = make(version=version)

    def pull(index: int) -> dict[str, Any]:
        before = flow.charge()
        reaction = flow.pull_locked_cable()
        flow.until_ended()
        flow.the_session(reason="EVDisconnected", before_wh=before, index=index)
        flow.until_free()
        return reaction

    reaction = measured(pull)
    assert reaction["opened_after_ms"] <= OPEN_MS


@pytest.mark.parametrize("version", VERSIONS)
def test_nobody_plugs_in_so_the_token_is_forgotten(make: Make, version: str) -> None:
    flow = make(version=version)
    flow.setting("ConnectionTimeOut", "TxCtrlr.EVConnectionTimeOut", "1")
    flow.swipe()
    wait_for(lambda: any("not_plugged_in" in line for line in flow.log_lines()), "the token is dropped")
    flow.plant.plug_in()
    flow.until_evse(lambda e: e["cable_connected"], "the cable is seen")
    assert flow.evse()["transaction"] is None
    assert flow.sessions() == []
    flow.plug_out()
    flow.until_free()


@pytest.mark.parametrize("version", VERSIONS[1:])  # a 1.6 transaction begins with cable and token together
def test_a_transaction_that_began_with_the_token_ends_when_nobody_plugs_in(make: Make, version: str) -> None:
    flow = make(version=version, variables={"TxCtrlr.TxStartPoint": ["Authorized"], "TxCtrlr.EVConnectionTimeOut": 1})
    before = flow.meter_wh()
    flow.swipe()
    session = flow.the_session(reason="Timeout", before_wh=before, told_evse=0)  # told once there is a cable
    assert session["energy_wh"] == 0
    assert flow.events(session["transaction_id"])[-1]["triggerReason"] == "EVConnectTimeout"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_blocked_token_gets_nothing(make: Make, version: str) -> None:
    flow = make(version=version)
    flow.csms("set_token", token=OTHER_CARD, status="Blocked")
    flow.plant.plug_in()
    flow.until_evse(lambda e: e["cable_connected"], "the cable is seen")
    flow.swipe(OTHER_CARD)
    wait_for(lambda: any("token presented accepted=False" in line for line in flow.log_lines()), "it is refused")
    assert flow.evse()["transaction"] is None
    assert flow.plant.evse()["contactor"] == {"closed": False, "coil": False}
    before = flow.meter_wh()
    flow.swipe(CARD)  # and the next driver is not hindered
    flow.until_charging()
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    assert flow.the_session(reason="Local", before_wh=before)["id_token"] == CARD
    assert len(flow.sessions()) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_the_answer_to_the_transaction_takes_the_authorisation_back(make: Make, version: str) -> None:
    flow = make(version=version)
    flow.csms("set_token", token=OTHER_CARD, status="Blocked")
    before = flow.meter_wh()
    flow.plant.plug_in()
    flow.until_evse(lambda e: e["cable_connected"], "the cable is seen")
    assert flow.csms("remote_start", token=OTHER_CARD, evse_id=1)["status"] == "Accepted"  # not asked before
    session = flow.the_session(reason="DeAuthorized", before_wh=before)
    assert session["id_token"] == OTHER_CARD
    flow.until_ended()
    flow.until_plant(lambda e: e["lock"] == "locked")  # the cable stays until its driver is there
    flow.plant.present_card(OTHER_CARD, "ISO14443" if version == "1.6" else "Central")
    flow.plug_out()
    flow.until_free()


def check_periodic_values(flow: Flow, session: dict[str, Any]) -> None:
    """Periodic values have a unit, rise, and lie between the session's registers."""
    samples = periodic_values(flow)
    assert {one["unit"] for one in samples} == {"Wh"}
    values = [float(one["value"]) for one in samples]
    assert values == sorted(values)
    assert session["meter_start_wh"] <= values[0] < values[-1] <= session["meter_stop_wh"]


def periodic_values(flow: Flow) -> list[dict[str, Any]]:
    found = (_samples_16 if flow.version == "1.6" else _samples_2)(flow)
    return [one for one in found if one["context"] == "Sample.Periodic" and one["measurand"] == ENERGY]


def _samples_16(flow: Flow) -> list[dict[str, Any]]:
    return [
        value for one in flow.told("MeterValues") for element in one["meterValue"] for value in element["sampledValue"]
    ]


def _samples_2(flow: Flow) -> list[dict[str, Any]]:
    return [
        {**value, "unit": value["unitOfMeasure"]["unit"]}
        for one in flow.told("TransactionEvent")
        if one["triggerReason"] == "MeterValuePeriodic"
        for element in one["meterValue"]
        for value in element["sampledValue"]
        if "unitOfMeasure" in value
    ]
