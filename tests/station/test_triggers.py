"""TriggerMessage (F06) and reports (B07)."""

from contextvars import ContextVar

import pytest

from stationd.domain.events import (
    ConnectorStatusChanged,
    HeartbeatDue,
    JobStatus,
    LongJob,
    ReportPart,
    StationBooted,
)
from stationd.domain.states import BootReason
from stationd.domain.variable_table import ALIGNED_MEASURANDS, MODEL, SAMPLED_UPDATED_MEASURANDS
from stationd.domain.variables import VariableReport
from stationd.station.ports import Trigger
from tests.station.harness import bench


async def test_simple_triggers_are_published_after_the_answer() -> None:
    async with bench() as b:
        b.csms.published.clear()
        for what in (Trigger.HEARTBEAT, Trigger.FIRMWARE_STATUS, Trigger.LOG_STATUS):
            assert b.station.trigger(what)
        assert b.csms.published == []
        await b.settle()
        assert b.csms.published == [HeartbeatDue(), JobStatus(LongJob.FIRMWARE), JobStatus(LongJob.LOG)]


async def test_a_boot_notification_is_triggered_only_before_acceptance() -> None:
    async with bench() as b:
        assert not b.station.trigger(Trigger.BOOT_NOTIFICATION)
        b.station.registration_changed(accepted=False)
        assert b.station.trigger(Trigger.BOOT_NOTIFICATION)
        await b.settle()
        assert StationBooted(BootReason.TRIGGERED) in b.csms.published


async def test_a_boot_notification_is_triggered_after_acceptance_where_the_version_grants_it() -> None:
    async with bench() as b:
        b.csms.boot_may_be_repeated = True
        assert b.station.trigger(Trigger.BOOT_NOTIFICATION)
        await b.settle()
        assert StationBooted(BootReason.TRIGGERED) in b.csms.published


async def test_status_of_one_or_of_all() -> None:
    async with bench(2) as b:
        for evse_id, expected in ((None, [0, 1, 2]), (2, [2]), (0, [0])):
            b.csms.published.clear()
            assert b.station.trigger(Trigger.STATUS_NOTIFICATION, evse_id)
            await b.settle()
            told = [e.snapshot.evse_id for e in b.csms.published if isinstance(e, ConnectorStatusChanged)]
            assert told == expected
        assert not b.station.trigger(Trigger.STATUS_NOTIFICATION, 3)


async def test_meter_values_carry_their_context_and_transaction() -> None:
    async with bench(2) as b:
        await b.charge(1)
        assert b.station.trigger(Trigger.METER_VALUES)
        await b.settle()
        first, second = b.meter_values()
        assert (first.evse_id, first.transaction_id) == (1, "tx-1")
        assert (second.evse_id, second.transaction_id) == (2, None)
        assert {s.context for e in (first, second) for s in e.samples} == {"Trigger"}
        measurands = [v.measurand for v in first.samples[0].values if v.phase is None]
        assert len(measurands) == len(set(measurands))


async def test_meter_values_are_published_in_the_context_of_the_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    demanded: ContextVar[bool] = ContextVar("demanded", default=False)
    async with bench() as b:
        seen: list[bool] = []
        monkeypatch.setattr(b.csms, "publish", lambda event: seen.append(demanded.get()))
        token = demanded.set(True)
        assert b.station.trigger(Trigger.METER_VALUES)
        demanded.reset(token)
        await b.settle()
        assert seen == [True]  # the conversation knows by the context what may leave while Pending (B02.FR.02)


async def test_meter_values_of_a_dead_meter_are_refused() -> None:
    async with bench() as b:
        await b.change(meter_dead=True)
        await b.wait(31)
        assert not b.station.trigger(Trigger.METER_VALUES, 1)


@pytest.mark.parametrize(("aligned", "accepted"), [("", False), ("Voltage", True)])
async def test_meter_values_are_refused_where_no_measurand_is_wanted(aligned: str, accepted: bool) -> None:
    async with bench() as b:
        await b.set(SAMPLED_UPDATED_MEASURANDS, "")
        await b.set(ALIGNED_MEASURANDS, aligned)
        assert b.station.trigger(Trigger.METER_VALUES) is accepted
        await b.settle()
        assert len(b.meter_values()) == accepted


async def test_meter_values_without_a_meter_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench() as b:
        monkeypatch.setattr(b.station._evses[1].meter, "_meter", None)
        assert not b.station.trigger(Trigger.METER_VALUES)


async def test_a_transaction_event_is_triggered_only_while_one_runs() -> None:
    async with bench(2) as b:
        assert not b.station.trigger(Trigger.TRANSACTION_EVENT)
        await b.charge(1)
        assert not b.station.trigger(Trigger.TRANSACTION_EVENT, 2)
        assert b.station.trigger(Trigger.TRANSACTION_EVENT, 1)
        await b.settle()
        assert b.told()[-1] == ("Updated", "Trigger", "Charging")
        assert [s.context for s in b.events[-1].samples] == ["Trigger"]


async def test_a_report_goes_in_numbered_parts() -> None:
    async with bench() as b:
        b.csms.published.clear()
        entries = [VariableReport(MODEL, str(n)) for n in range(60)]
        b.station.report(9, entries)
        assert b.csms.published == []
        await b.settle()
        parts = [e for e in b.csms.published if isinstance(e, ReportPart)]
        assert [(p.request_id, p.seq_no, p.to_be_continued) for p in parts] == [
            (9, 0, True),
            (9, 1, True),
            (9, 2, False),
        ]
        assert [entry for part in parts for entry in part.entries] == entries
