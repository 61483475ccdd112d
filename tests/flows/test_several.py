"""Two EVSEs of one station, and two stations on one machine."""

from collections.abc import Callable

import pytest

from tests.flows.support import CARD, OTHER_CARD, Flow, wait_for

Make = Callable[..., Flow]


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_two_cars_charge_at_once_each_on_its_own_account(make: Make, version: str) -> None:
    flow = make(version=version, evses=2)
    first_before = flow.charge(token=CARD)
    second_before = flow.charge(evse_id=2, token=OTHER_CARD)
    first, second = flow.evse(1), flow.evse(2)
    assert first["transaction"]["id_token"] == CARD
    assert second["transaction"]["id_token"] == OTHER_CARD
    flow.until_flowed(50, evse_id=1)
    flow.stop_by_card(evse_id=1, token=CARD)
    flow.plug_out(1)
    flow.until_flowed(50, evse_id=2)  # the other goes on
    flow.restart_brain()  # and neither is mixed up by a restart
    flow.until_flowed(50, evse_id=2)
    flow.ready()
    flow.stop_by_card(evse_id=2, token=OTHER_CARD)
    flow.plug_out(2)
    flow.until_free(1)
    flow.until_free(2)
    one = flow.the_session(reason="Local", before_wh=first_before, index=0, evse_id=1)
    two = flow.the_session(reason="Local", before_wh=second_before, index=1, evse_id=2)
    assert (one["id_token"], two["id_token"]) == (CARD, OTHER_CARD)
    assert len(flow.sessions()) == 2


def test_two_stations_on_one_machine_leave_each_other_alone(make: Make) -> None:
    one, two = make(version="2.0.1"), make(version="1.6", identity="SIM-002")
    before_one, before_two = one.charge(), two.charge(token=OTHER_CARD)
    two.kill_brain()
    one.until_flowed(50)
    two.sandbox.start_station()
    two.ready()
    one.stop_by_card()
    two.until_flowed(50)
    two.stop_by_card(token=OTHER_CARD)
    for flow in (one, two):
        flow.plug_out()
        flow.until_free()
    one.the_session(reason="Local", before_wh=before_one)
    session = two.the_session(reason="Local", before_wh=before_two)
    assert session["station"] == "SIM-002"
    assert (len(one.sessions()), len(two.sessions())) == (1, 1)


def test_two_stations_at_one_csms(make: Make) -> None:
    one = make(version="2.0.1")
    url, password = one.sandbox.csms_url, one.sandbox.options.password
    two = make(version="1.6", identity="SIM-002", csms_url=url, csms_password=password)
    two.charge()
    one.charge(token=OTHER_CARD)
    for flow in (one, two):
        flow.swipe(CARD if flow is two else OTHER_CARD)
        flow.until_ended()
        flow.plug_out()
        flow.until_free()
    wait_for(lambda: all(session["ended_at"] for session in one.sessions()), "both are billed")
    assert {(s["station"], s["ocpp"]) for s in one.sessions()} == {("SIM-001", "2.0.1"), ("SIM-002", "1.6")}
    for session, flow in zip(sorted(one.sessions(), key=lambda s: s["station"]), (one, two), strict=True):
        assert session["energy_wh"] == pytest.approx(flow.meter_wh() - 1_234_567.0, abs=1)
