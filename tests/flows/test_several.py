"""Two EVSEs of one station, and two stations on one machine."""

from collections.abc import Callable

import pytest

from tests.flows.support import CARD, OTHER_CARD, Flow, wait_for

Make = Callable[..., Flow]


@pytest.mark.slow
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


@pytest.mark.slow
def test_two_stations_on_one_machine_leave_each_other_alone(make: Make) -> None:
    """Each has folders of its own; they share the machine and the CSMS."""
    one = make(version="2.0.1")
    url, password = one.sandbox.csms_url, one.sandbox.options.password
    two = make(version="1.6", identity="SIM-002", csms_url=url, csms_password=password)
    one.charge()
    two.charge(token=OTHER_CARD)
    two.kill_brain()
    one.until_flowed(50)
    two.sandbox.start_station()
    two.ready()
    for flow, token in ((one, CARD), (two, OTHER_CARD)):
        flow.until_flowed(50)
        flow.stop_by_card(token=token)
        flow.plug_out()
        flow.until_free()
    sessions = wait_for(lambda: [s for s in one.sessions() if s["ended_at"]][1:] and one.sessions(), "both are billed")
    assert [(s["station"], s["ocpp"], s["id_token"]) for s in sessions] == [
        ("SIM-001", "2.0.1", CARD), ("SIM-002", "1.6", OTHER_CARD),
    ]  # fmt: skip
    for session, flow in zip(sessions, (one, two), strict=True):
        assert session["reason"] == "Local"
        flow.check_bill(session, 1_234_567.0, flow.meter_wh())
