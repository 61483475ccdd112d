"""The pure rules of transactions: points, charging states, events, records."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationd.domain.events import TransactionEventType
from stationd.domain.faults import FaultCode
from stationd.domain.id_token import IdToken
from stationd.domain.pilot import CpState
from stationd.domain.states import ChargingState, StopReason, TriggerReason
from stationd.domain.transaction import Transaction
from stationd.station.transactions import (
    NOT_PLUGGED_IN,
    REMOTE_STOP,
    Facts,
    Moment,
    Record,
    add_event,
    begin,
    charging_state,
    ends,
    holds,
    resume,
    starts,
    starts_with_energy_only,
    stop_points,
    stopped_by_fault,
    stopped_by_token,
    stopping,
    trigger_of,
)
from tests.station.test_recovery import STATUS

POINTS = ("EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer")
FACTS = [Facts(*bits) for bits in itertools.product((False, True), repeat=3)]
AT = datetime(2026, 1, 1, tzinfo=UTC)
ANNA, BERT = IdToken("ANNA"), IdToken("BERT")
TX = Transaction(transaction_id="t", evse_id=1, connector_id=1, started_at=AT, meter_start_wh=10.0)


def moment(*, cable: bool = True, state: ChargingState = ChargingState.EV_CONNECTED) -> Moment:
    return Moment(at=AT, meter_wh=11.0, meter_at=AT, offline=False, facts=Facts(cable, True), state=state)


@pytest.mark.parametrize("facts", FACTS)
def test_a_power_path_is_closed_by_cable_and_token_together(facts: Facts) -> None:
    assert holds("PowerPathClosed", facts) == (facts.cable and facts.authorized)
    assert starts(POINTS, facts) == any((facts.cable, facts.authorized, facts.energy))
    assert not starts((), facts)
    assert not holds("ParkingBayOccupancy", facts)


@given(st.sets(st.sampled_from(POINTS)), st.sampled_from(FACTS), st.sampled_from(FACTS))
def test_a_transaction_ends_exactly_when_a_listed_condition_was_true_and_is_no_more(
    points: set[str], before: Facts, after: Facts
) -> None:
    lost = [point for point in POINTS if holds(point, before) and not holds(point, after)]
    assert ends(points, before, after) == bool(points.intersection(lost))
    assert not ends(points, after, after)


def test_power_path_closed_as_a_stop_point_is_the_same_as_both_its_parts() -> None:
    assert stop_points(["PowerPathClosed"], chosen=True, stop_on_unplug=False) == {"EVConnected", "Authorized"}


def test_only_a_set_that_nobody_chose_follows_the_unplug_setting() -> None:
    both = ["EVConnected", "Authorized"]
    assert stop_points(both, chosen=False, stop_on_unplug=True) == set(both)
    assert stop_points(both, chosen=False, stop_on_unplug=False) == {"Authorized"}
    assert stop_points(both, chosen=True, stop_on_unplug=False) == set(both)


def test_only_energy_alone_as_a_start_point_needs_an_offer_before_the_start() -> None:
    assert starts_with_energy_only(["EnergyTransfer"])
    assert not starts_with_energy_only(["EnergyTransfer", "Authorized"])
    assert not starts_with_energy_only([])


C, B = replace(STATUS, cp=CpState.C), replace(STATUS, cp=CpState.B)
CLOSED = replace(C, sensed_closed=True)
STATES = [
    # status, cable, authorised, offering, suspended, state
    (B, False, True, True, False, ChargingState.IDLE),
    (B, True, False, False, False, ChargingState.EV_CONNECTED),
    (B, True, True, False, False, ChargingState.SUSPENDED_EVSE),
    (B, True, True, True, False, ChargingState.SUSPENDED_EV),
    (C, True, True, True, False, ChargingState.SUSPENDED_EVSE),
    (CLOSED, True, True, True, False, ChargingState.CHARGING),
    (CLOSED, True, True, False, False, ChargingState.CHARGING),
    (CLOSED, False, True, False, False, ChargingState.IDLE),
    (B, True, False, False, True, ChargingState.SUSPENDED_EVSE),
    (None, True, True, True, False, ChargingState.SUSPENDED_EVSE),
    (None, True, False, False, False, ChargingState.EV_CONNECTED),
]


@pytest.mark.parametrize(("status", "cable", "authorized", "offering", "suspended", "state"), STATES)
def test_the_charging_state_follows_the_energy_path(
    status: object, cable: bool, authorized: bool, offering: bool, suspended: bool, state: ChargingState
) -> None:
    facts = Facts(cable, authorized)
    assert charging_state(status, facts, offering=offering, suspended=suspended) is state  # type: ignore[arg-type]


def test_numbers_follow_each_other_and_what_is_told_once_is_told_once() -> None:
    tx = replace(TX, id_token=ANNA, authorized=True, remote_start_id=3)
    record, first = add_event(
        begin(tx, frozenset(), remote=True), moment(), TransactionEventType.STARTED, TriggerReason.CABLE_PLUGGED_IN
    )
    record, second = add_event(record, moment(), TransactionEventType.UPDATED, TriggerReason.CHARGING_STATE_CHANGED)
    assert (first.seq_no, second.seq_no, record.tx.next_seq_no) == (0, 1, 2)
    assert (first.trigger, second.trigger) == (TriggerReason.REMOTE_START, TriggerReason.CHARGING_STATE_CHANGED)
    assert (first.remote_start_id, second.remote_start_id) == (3, None)
    assert (first.tell_evse, second.tell_evse) == (True, False)
    assert (first.tell_id_token, second.tell_id_token) == (True, False)
    assert (first.id_token, second.id_token) == (ANNA, ANNA)


def test_the_record_before_is_unchanged_so_a_failed_commit_loses_no_number() -> None:
    record = begin(TX, frozenset(), remote=False)
    again = [add_event(record, moment(), TransactionEventType.STARTED, TriggerReason.CABLE_PLUGGED_IN)[1] for _ in "ab"]
    assert again[0] == again[1]
    assert record.tx.next_seq_no == 0


def test_the_evse_is_told_only_once_the_ev_is_connected() -> None:
    record = begin(replace(TX, id_token=ANNA, authorized=True), frozenset(), remote=False)
    idle = moment(cable=False, state=ChargingState.IDLE)
    record, first = add_event(record, idle, TransactionEventType.STARTED, TriggerReason.AUTHORIZED)
    record, second = add_event(record, moment(), TransactionEventType.UPDATED, TriggerReason.CABLE_PLUGGED_IN)
    assert (first.tell_evse, first.authorized) == (False, False)
    assert (second.tell_evse, second.authorized) == (True, True)


def test_an_end_by_token_tells_the_token_once_and_keeps_it() -> None:
    record = begin(replace(TX, id_token=ANNA, authorized=True), frozenset(), remote=False)
    record, _ = add_event(record, moment(), TransactionEventType.STARTED, TriggerReason.AUTHORIZED)
    record = stopping(record, stopped_by_token(BERT))
    record, updated = add_event(record, moment(), TransactionEventType.UPDATED, TriggerReason.STOP_AUTHORIZED)
    record, ended = add_event(
        stopping(record, REMOTE_STOP), moment(cable=False), TransactionEventType.ENDED, TriggerReason.REMOTE_STOP
    )
    assert (updated.stop_token, updated.tell_id_token, updated.stop_reason) == (BERT, True, None)
    assert (ended.stop_token, ended.tell_id_token) == (BERT, False)
    assert ended.stop_reason is StopReason.LOCAL  # what began the stop, not the last step
    assert ended.authorized  # a 1.6 transaction ran
    assert (record.tx.meter_stop_wh, record.tx.ended_at) == (11.0, AT)


def test_a_resumed_record_knows_what_was_told() -> None:
    stored = replace(TX, id_token=ANNA, authorized=True, next_seq_no=7, charging_state=ChargingState.CHARGING)
    _, event = add_event(
        resume(stored, frozenset()), moment(), TransactionEventType.UPDATED, TriggerReason.METER_VALUE_PERIODIC
    )
    assert (event.seq_no, event.tell_evse, event.tell_id_token, event.authorized) == (7, False, False, True)
    unplugged = resume(replace(stored, charging_state=ChargingState.IDLE), frozenset())
    assert not unplugged.told_evse


def test_a_refused_token_suspends_until_something_stops_the_transaction() -> None:
    refused = Record(replace(TX, id_token=ANNA, authorized=False), frozenset())
    assert refused.suspended
    assert not stopping(refused, REMOTE_STOP).suspended
    assert not Record(TX, frozenset()).suspended


def test_every_reason_that_a_cause_stores_finds_its_trigger_again() -> None:
    for cause in (REMOTE_STOP, NOT_PLUGGED_IN, stopped_by_token(ANNA), stopped_by_fault(FaultCode.RCD_TRIP)):
        assert trigger_of(cause.reason) is cause.trigger
