"""Start, course and end of transactions on a whole station (OCPP 2.0.1 block E)."""

import pytest

from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo
from stationd.domain.states import ConnectorStatus, StopReason, TriggerReason
from stationd.domain.variable_table import (
    AUTH_ENABLED,
    EV_CONNECTION_TIMEOUT,
    STOP_TX_ON_EV_SIDE_DISCONNECT,
    STOP_TX_ON_INVALID_ID,
    TX_START_POINT,
    TX_STOP_POINT,
    UNLOCK_ON_EV_SIDE_DISCONNECT,
)
from tests.station.harness import ANNA, BERT, bench

INVALID = IdTokenInfo(AuthorizationStatus.INVALID)
GROUP = IdToken("FLEET")
ENERGY_ONLY = {TX_START_POINT: "EnergyTransfer", TX_STOP_POINT: "EnergyTransfer"}


async def test_cable_first_starts_at_the_swipe_and_charges() -> None:
    async with bench() as b:
        await b.plug_in()
        assert b.told() == []
        assert not b.permitted()
        verdict = await b.swipe()
        assert verdict.accepted
        assert verdict.transaction_id == "tx-1"
        assert b.told() == [
            ("Started", "Authorized", "EVConnected"),
            ("Updated", "ChargingStateChanged", "Charging"),
        ]
        assert b.closed()
        started, charging = b.events
        assert started.tell_evse
        assert started.tell_id_token
        assert started.authorized
        assert started.id_token == ANNA
        assert not charging.tell_evse
        assert not charging.tell_id_token
        assert charging.authorized
        assert charging.phases_used == 3
        assert started.phases_used is None


async def test_card_first_starts_when_plugged_in() -> None:
    async with bench() as b:
        assert (await b.swipe()).accepted
        assert b.told() == []
        assert b.snapshot().authorized
        assert b.snapshot().status is ConnectorStatus.AVAILABLE
        await b.plug_in()
        assert b.told() == [
            ("Started", "CablePluggedIn", "EVConnected"),
            ("Updated", "ChargingStateChanged", "Charging"),
        ]


async def test_remote_start_is_told_as_such_in_the_first_event_only() -> None:
    async with bench() as b:
        await b.plug_in()
        assert (await b.remote_start(number=42)).accepted
        assert b.told()[0] == ("Started", "RemoteStart", "EVConnected")
        assert [e.remote_start_id for e in b.events] == [42, None]
        assert b.told()[1][1] == "ChargingStateChanged"


async def test_remote_start_before_the_cable_overrides_the_trigger_of_the_cable() -> None:
    async with bench() as b:
        assert (await b.remote_start(None, number=None)).accepted
        await b.plug_in()
        assert b.told()[0] == ("Started", "RemoteStart", "EVConnected")


async def test_the_same_token_ends_the_transaction_after_the_contactor_opened_and_the_bill_is_exact() -> None:
    async with bench() as b:
        await b.charge()
        await b.wait(100)
        await b.change(open_delay_s=4.0)
        verdict = await b.swipe()
        assert verdict.accepted
        assert not b.permitted()
        assert b.closed()
        assert b.told()[-1][0] == "Updated"  # not ended while current flows
        await b.wait(4)
        assert not b.closed()
        assert b.told()[-1] == ("Ended", "StopAuthorized", "EVConnected")
        assert b.ended.stop_reason is StopReason.LOCAL
        assert b.ended.stop_token == ANNA
        assert b.ended.tell_id_token
        tx = b.store.rows["tx-1"]
        assert tx.meter_stop_wh == b.pilot.flowed_wh()
        assert tx.energy_wh == pytest.approx(208.0) == b.ended.meter_wh - b.events[0].meter_wh
        assert b.snapshot().finishing
        assert b.snapshot().status is ConnectorStatus.OCCUPIED
        assert b.pilot.unlocked == [1]


async def test_an_end_does_not_wait_for_ever_for_a_welded_contactor() -> None:
    async with bench() as b:
        await b.charge()
        await b.change(welded=True)
        await b.swipe()
        await b.wait(8)
        assert b.store.rows["tx-1"].ended_at is None
        await b.wait(2)
        assert b.told()[-1] == ("Ended", "StopAuthorized", "EVConnected")


async def test_unplugging_ends_the_transaction() -> None:
    async with bench() as b:
        await b.charge()
        await b.wait(10)
        await b.plug_out()
        assert b.told()[-1] == ("Ended", "EVCommunicationLost", "Idle")
        assert b.ended.stop_reason is StopReason.EV_DISCONNECTED
        assert b.ended.stop_token is None
        assert b.snapshot().status is ConnectorStatus.AVAILABLE
        assert not b.snapshot().finishing
        assert b.statuses() == ["Available", "Occupied", "Available"]


async def test_unplugging_leaves_the_cable_locked_where_the_setting_says_so() -> None:
    async with bench(settings={UNLOCK_ON_EV_SIDE_DISCONNECT: "false"}) as b:
        await b.charge()
        await b.plug_out()
        assert b.pilot.unlocked == []


async def test_remote_stop_ends_without_any_token() -> None:
    async with bench() as b:
        await b.charge()
        assert (await b.remote_stop()).accepted
        assert b.told()[-1] == ("Ended", "RemoteStop", "EVConnected")
        assert b.ended.stop_reason is StopReason.REMOTE
        assert b.ended.stop_token is None
        assert not b.ended.tell_id_token
        assert not (await b.remote_stop()).accepted
        assert not (await b.remote_stop("nonsense")).accepted


async def test_a_token_that_stopped_may_start_again_with_the_cable_still_in() -> None:
    async with bench() as b:
        await b.charge()
        await b.swipe()
        assert (await b.swipe()).accepted
        assert b.told("tx-2")[0] == ("Started", "Authorized", "EVConnected")
        assert b.closed()


async def test_a_token_of_the_same_group_stops_and_another_does_not() -> None:
    async with bench() as b:
        accepted = IdTokenInfo(AuthorizationStatus.ACCEPTED, group=GROUP)
        b.csms.answers = {"ANNA": accepted, "BERT": accepted}
        await b.charge()
        refused = await b.swipe(IdToken("CARL"))
        assert not refused.accepted
        assert refused.reason == "TxInProgress"
        assert b.closed()
        assert (await b.swipe(BERT)).accepted
        assert b.told()[-1] == ("Ended", "StopAuthorized", "EVConnected")
        assert b.ended.stop_token == BERT
        assert b.ended.id_token == ANNA


async def test_no_plug_in_within_the_time_out_drops_the_token() -> None:
    async with bench(settings={EV_CONNECTION_TIMEOUT: "30"}) as b:
        await b.swipe()
        await b.wait(29)
        assert b.snapshot().authorized
        await b.wait(2)
        assert not b.snapshot().authorized
        assert b.told() == []
        await b.plug_in()
        assert not b.permitted()
        assert b.told() == []


async def test_a_transaction_that_started_with_the_token_ends_at_the_time_out_whatever_the_stop_points() -> None:
    settings = {TX_START_POINT: "Authorized", TX_STOP_POINT: "EVConnected", EV_CONNECTION_TIMEOUT: "30"}
    async with bench(settings=settings) as b:
        await b.swipe()
        assert b.told() == [("Started", "Authorized", "Idle")]
        assert not b.events[0].tell_evse
        assert not b.events[0].authorized
        await b.wait(31)
        assert b.told()[-1] == ("Ended", "EVConnectTimeout", "Idle")
        assert b.ended.stop_reason is StopReason.TIMEOUT
        assert not b.ended.authorized


async def test_the_evse_is_told_with_the_cable_where_the_token_started_the_transaction() -> None:
    async with bench(settings={TX_START_POINT: "Authorized"}) as b:
        await b.swipe()
        await b.plug_in()
        assert b.told() == [
            ("Started", "Authorized", "Idle"),
            ("Updated", "CablePluggedIn", "EVConnected"),
            ("Updated", "ChargingStateChanged", "Charging"),
        ]
        assert [(e.tell_evse, e.tell_id_token, e.authorized) for e in b.events] == [
            (False, True, False),
            (True, False, True),
            (False, False, True),
        ]


async def test_connection_time_is_one_transaction_through_token_and_stop() -> None:
    async with bench(settings={TX_START_POINT: "EVConnected", TX_STOP_POINT: "EVConnected"}) as b:
        await b.plug_in()
        await b.swipe()
        await b.wait(20)
        await b.swipe()
        assert not b.closed()
        refused = await b.swipe(BERT)
        assert not refused.accepted
        await b.plug_out()
        assert b.told() == [
            ("Started", "CablePluggedIn", "EVConnected"),
            ("Updated", "Authorized", "EVConnected"),
            ("Updated", "ChargingStateChanged", "Charging"),
            ("Updated", "StopAuthorized", "EVConnected"),
            ("Ended", "EVCommunicationLost", "Idle"),
        ]
        assert b.ended.stop_reason is StopReason.LOCAL
        assert b.ended.stop_token == ANNA
        assert [e.tell_id_token for e in b.events] == [False, True, False, True, False]
        assert [e.seq_no for e in b.events] == [0, 1, 2, 3, 4]


async def test_an_unauthorised_transaction_never_gets_power_and_ends_at_unplug() -> None:
    async with bench(settings={TX_START_POINT: "EVConnected", TX_STOP_POINT: "EVConnected"}) as b:
        await b.plug_in()
        await b.wait(60)
        await b.plug_out()
        assert b.told() == [
            ("Started", "CablePluggedIn", "EVConnected"),
            ("Ended", "EVCommunicationLost", "Idle"),
        ]
        assert not any(permit for _, _, permit in b.pilot.outlets[1].offers)
        assert not b.ended.authorized


async def test_energy_transfer_starts_with_energy_and_ends_when_the_ev_pauses() -> None:
    async with bench(settings=ENERGY_ONLY) as b:
        await b.plug_in()
        await b.swipe()
        assert b.told() == [("Started", "ChargingStateChanged", "Charging")]
        assert b.events[0].tell_id_token
        assert b.events[0].tell_evse
        assert b.events[0].phases_used == 3
        await b.change(wants_power=False)
        assert b.told()[-1] == ("Ended", "ChargingStateChanged", "EVConnected")
        assert b.ended.stop_reason is StopReason.STOPPED_BY_EV
        assert not b.permitted()


async def test_power_path_closed_as_stop_point_ends_at_unplug_even_if_unplugging_should_not_stop() -> None:
    settings = {TX_STOP_POINT: "PowerPathClosed", STOP_TX_ON_EV_SIDE_DISCONNECT: "false"}
    async with bench(settings=settings) as b:
        await b.charge()
        await b.plug_out()
        assert b.told()[-1] == ("Ended", "EVCommunicationLost", "Idle")
        assert b.ended.stop_reason is StopReason.EV_DISCONNECTED


async def test_unplugging_may_leave_the_transaction_open_for_the_same_car() -> None:
    settings = {TX_STOP_POINT: "Authorized", STOP_TX_ON_EV_SIDE_DISCONNECT: "false"}
    async with bench(settings=settings, outlet=False) as b:
        await b.charge()
        await b.plug_out()
        assert b.told()[-1] == ("Updated", "EVCommunicationLost", "Idle")
        assert b.snapshot().status is ConnectorStatus.AVAILABLE
        assert not b.permitted()
        await b.plug_in()
        assert b.told()[-2:] == [
            ("Updated", "CablePluggedIn", "EVConnected"),
            ("Updated", "ChargingStateChanged", "Charging"),
        ]
        await b.plug_out()
        await b.wait(121)
        assert b.told()[-1] == ("Ended", "EVConnectTimeout", "Idle")


async def test_the_1_6_key_alone_keeps_an_unplugged_transaction_open() -> None:
    async with bench(settings={STOP_TX_ON_EV_SIDE_DISCONNECT: "false"}) as b:
        await b.charge()
        await b.plug_out()
        assert b.told()[-1] == ("Updated", "EVCommunicationLost", "Idle")


async def test_a_refused_token_ends_the_transaction_and_keeps_the_cable_until_it_is_shown() -> None:
    async with bench() as b:
        await b.charge()
        await b.answer_event(b.events[0], INVALID)
        assert b.told()[-1] == ("Ended", "Deauthorized", "EVConnected")
        assert b.ended.stop_reason is StopReason.DE_AUTHORIZED
        assert not b.closed()
        assert b.pilot.unlocked == []
        assert (await b.swipe()).accepted
        assert b.pilot.unlocked == [1]
        assert b.told()[-1][0] == "Ended"


async def test_a_refused_token_may_only_suspend_the_transaction() -> None:
    async with bench(settings={STOP_TX_ON_INVALID_ID: "false"}) as b:
        await b.charge()
        await b.answer_event(b.events[0], INVALID)
        assert b.told()[-1] == ("Updated", "ChargingStateChanged", "SuspendedEVSE")
        assert not b.closed()
        assert not b.permitted()
        assert (await b.swipe()).accepted
        assert b.told()[-1] == ("Ended", "StopAuthorized", "EVConnected")


async def test_without_a_fitting_stop_point_a_refused_token_only_stops_the_energy() -> None:
    async with bench(settings={TX_START_POINT: "EVConnected", TX_STOP_POINT: "EVConnected"}) as b:
        await b.charge()
        await b.answer_event(b.events[1], INVALID)
        assert b.told()[-1] == ("Updated", "Deauthorized", "EVConnected")
        assert not (await b.swipe(BERT)).accepted  # C01.FR.23
        await b.plug_out()
        assert b.ended.stop_reason is StopReason.DE_AUTHORIZED


async def test_a_late_refusal_of_an_ended_transaction_changes_nothing() -> None:
    async with bench() as b:
        await b.charge()
        first = b.events[0]
        await b.swipe()
        await b.swipe(BERT)
        before = len(b.events)
        await b.answer_event(first, INVALID)
        assert len(b.events) == before
        assert b.closed()
        assert b.cache.entries[ANNA.key].info.status is AuthorizationStatus.INVALID


async def test_an_ev_that_does_not_follow_is_suspended_after_its_time_to_react() -> None:
    async with bench() as b:
        await b.plug_in(wants_power=False)
        await b.swipe()
        await b.wait(4)
        assert b.told() == [("Started", "Authorized", "EVConnected")]
        await b.wait(2)
        assert b.told()[-1] == ("Updated", "ChargingStateChanged", "SuspendedEV")
        await b.change(wants_power=True)
        await b.change(wants_power=False)
        assert [state for _, _, state in b.told()[-2:]] == ["Charging", "SuspendedEV"]


async def test_a_limit_of_nothing_suspends_by_the_station() -> None:
    async with bench() as b:
        await b.charge()
        await b.change(max_a=0.0)
        assert b.told()[-1] == ("Updated", "ChargingStateChanged", "SuspendedEVSE")
        assert not b.permitted()
        await b.change(max_a=16.0)
        assert b.told()[-1][2] == "Charging"
        assert b.pilot.outlets[1].offers[-1][1:] == (16.0, True)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("rcd_trip", StopReason.GROUND_FAULT),
        ("emergency_stop", StopReason.EMERGENCY_STOP),
        ("over_current", StopReason.OVERCURRENT_FAULT),
        ("a_code_from_a_newer_pilot", StopReason.OTHER),
    ],
)
async def test_a_fault_ends_the_transaction_with_a_fitting_reason(fault: str, reason: StopReason) -> None:
    async with bench() as b:
        await b.charge()
        await b.change(faults=(fault,))
        assert b.told()[-1] == ("Ended", "AbnormalCondition", "EVConnected")
        assert b.ended.stop_reason is reason
        assert b.snapshot().status is ConnectorStatus.FAULTED
        refused = await b.swipe()
        assert not refused.accepted
        assert refused.reason == "Faulted"
        await b.change(faults=())
        assert b.snapshot().status is ConnectorStatus.OCCUPIED


async def test_a_passing_fault_suspends_and_charging_goes_on_by_itself() -> None:
    async with bench() as b:
        await b.charge()
        await b.change(faults=("over_temperature",))
        assert b.told()[-1] == ("Updated", "ChargingStateChanged", "SuspendedEVSE")
        await b.change(faults=())
        assert b.told()[-1][2] == "Charging"
        assert len({e.transaction_id for e in b.events}) == 1


async def test_a_short_of_the_pilot_is_no_unplugging() -> None:
    from stationd.domain.pilot import CpState

    async with bench() as b:
        await b.charge()
        await b.change(cp=CpState.E, closed=False, faults=("pilot_error",))
        assert b.told()[-1] == ("Updated", "ChargingStateChanged", "SuspendedEVSE")
        await b.change(cp=None, faults=())
        assert b.told()[-1][2] == "Charging"


async def test_without_authorization_plugging_in_is_enough() -> None:
    async with bench(settings={AUTH_ENABLED: "false"}) as b:
        await b.plug_in()
        assert b.told()[0] == ("Started", "CablePluggedIn", "EVConnected")
        assert b.closed()
        assert b.events[0].id_token == IdToken("", "NoAuthorization")
        assert b.csms.asked == []


async def test_a_cable_that_was_in_before_the_start_counts_as_plugged_in() -> None:
    async with bench() as b:
        await b.kill()
        b.pilot.plug_in()
        await b.start()
        assert b.snapshot().status is ConnectorStatus.OCCUPIED
        await b.swipe()
        assert b.closed()


async def test_the_next_car_is_never_charged_on_the_last_ones_account() -> None:
    """The cable is pulled and another put in faster than the jobs can follow."""
    async with bench() as b:
        await b.charge()
        gate = b.store.gate = __import__("asyncio").Event()
        b.pilot.plug_out()
        b.pilot.plug_in()
        await b.settle()
        assert not b.permitted()
        gate.set()
        await b.settle()
        assert b.told()[-1][0] == "Ended"
        assert b.ended.trigger is TriggerReason.EV_COMMUNICATION_LOST
        assert not b.permitted()
        assert not b.snapshot().finishing
        assert (await b.swipe(BERT)).accepted
        assert b.store.rows["tx-2"].id_token == BERT


async def test_nothing_is_permitted_before_the_start_is_on_the_disk() -> None:
    import asyncio

    async with bench() as b:
        await b.plug_in()
        gate = b.store.gate = asyncio.Event()
        swipe = await b.swiping()
        b.pilot.send(1)
        await b.wait(2)
        assert not b.permitted()
        assert not swipe.done()
        gate.set()
        await b.settle()
        assert b.permitted()
        assert swipe.result().accepted


async def test_a_fault_keeps_a_waiting_token_from_starting_until_it_is_gone() -> None:
    async with bench() as b:
        await b.swipe()
        await b.change(faults=("door_open",))
        await b.plug_in()
        assert b.told() == []
        await b.change(faults=())
        assert b.told()[0][:2] == ("Started", "Authorized")
        assert b.closed()


async def test_a_driver_who_leaves_a_faulted_evse_takes_the_authorisation_along() -> None:
    async with bench() as b:
        await b.swipe()
        await b.change(faults=("door_open",))
        await b.plug_in()
        await b.plug_out()
        await b.change(faults=())
        await b.plug_in()
        assert b.told() == []
        assert not b.permitted()


async def test_an_unaccepted_station_starts_no_transaction_by_cable_alone() -> None:
    async with bench(settings={TX_START_POINT: "EVConnected"}, registered=False) as b:
        await b.plug_in()
        assert b.told() == []
        b.station.registration_changed(accepted=True)
        await b.settle()
        assert b.told() == [("Started", "CablePluggedIn", "EVConnected")]


async def test_a_stop_and_an_unplugging_while_it_opens_are_two_messages() -> None:
    async with bench(settings={TX_START_POINT: "EVConnected", TX_STOP_POINT: "EVConnected"}) as b:
        await b.charge()
        await b.change(open_delay_s=5.0)
        await b.swipe()
        await b.plug_out()
        assert b.told()[-2:] == [
            ("Updated", "StopAuthorized", "Idle"),
            ("Ended", "EVCommunicationLost", "Idle"),
        ]
