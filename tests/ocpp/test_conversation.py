"""What happens on one connection: registration in all its turns, states, heartbeats."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from stationd.domain import variable_table as table
from stationd.domain.events import ConnectorStatusChanged, HeartbeatDue, StationBooted
from stationd.domain.states import BootReason, ConnectorStatus
from stationd.domain.variables import Origin
from tests.fakes.ocpp import NOW, FakeCsms, eventually, transaction_event
from tests.fakes.station import snapshot
from tests.ocpp.bench import Bench


@pytest.fixture
async def server() -> AsyncIterator[FakeCsms]:
    async with FakeCsms() as running:
        yield running


@pytest.fixture
async def make(server: FakeCsms) -> AsyncIterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def build(**options: Any) -> Bench:
        benches.append(Bench(server, **options))
        return benches[-1]

    yield build
    for bench in benches:
        await bench.stop()


def boot(status: str, interval: int = 0) -> dict[str, Any]:
    return {"status": status, "currentTime": NOW, "interval": interval}


async def test_a_pending_station_waits_the_interval_and_sends_nothing_of_its_own(
    make: Callable[..., Bench], server: FakeCsms
) -> None:
    """TC_B_02; B02.FR.02, 04, 08."""
    answers = iter([boot("Pending", 1), boot("Accepted")])
    server.answers["BootNotification"] = lambda call: next(answers)
    bench = make()
    bench.outbox.add(transaction_event())
    bench.start()
    await server.until(lambda: len(server.calls()) == 1)
    begun = asyncio.get_running_loop().time()
    bench.csms.publish(ConnectorStatusChanged(snapshot(1)))
    bench.csms.publish(HeartbeatDue())
    await server.until(lambda: len(server.calls()) == 2)
    assert asyncio.get_running_loop().time() - begun > 0.9
    await bench.online()
    assert [call[2] for call in server.calls()[:2]] == ["BootNotification", "BootNotification"]
    assert bench.registrations == [False, True]  # accepted by an earlier process or not: now it is not


async def test_a_pending_station_sends_what_it_is_asked_for(make: Callable[..., Bench], server: FakeCsms) -> None:
    """TC_B_02; B02.FR.01, 02."""
    server.answers["BootNotification"] = boot("Pending", 3600)
    bench = make()
    bench.station.publishes = {"Heartbeat": HeartbeatDue(), "Boot": StationBooted(BootReason.TRIGGERED)}
    bench.start()
    await server.until(lambda: len(server.calls()) == 1)
    await asyncio.sleep(0.02)
    assert (await server.call("Trigger", {"what": "Heartbeat"}, "t1"))[2] == {"status": "Accepted"}
    await server.until(lambda: len(server.calls("Heartbeat")) == 1)
    assert await server.call("Start", {}, "t2") == [3, "t2", {"status": "Rejected"}]
    assert (await server.call("Slow", {"seconds": 0}, "t3"))[2] == "SecurityError"
    server.answers["BootNotification"] = boot("Accepted")
    await server.call("Trigger", {"what": "Boot"}, "t4")
    await bench.online()
    assert server.calls("BootNotification")[1][3] == {"reason": "Triggered"}
    kinds = [(frame[0], frame[2] if frame[0] == 2 else frame[1]) for frame in server.frames]
    assert kinds.index((3, "t1")) < kinds.index((2, "Heartbeat"))  # answer first, then send


async def test_a_rejected_station_is_silent_until_the_interval_is_over(
    make: Callable[..., Bench], server: FakeCsms
) -> None:
    """TC_B_03; B03.FR.02, 06."""
    answers = iter([boot("Rejected", 1), boot("Accepted")])
    server.answers["BootNotification"] = lambda call: next(answers)
    bench = make()
    bench.start()
    await server.until(lambda: len(server.calls()) == 1)
    await asyncio.sleep(0.05)
    assert (await server.call("Echo", {}))[2] == "SecurityError"
    assert len(server.calls()) == 1
    await bench.online()
    assert (await server.call("Echo", {}, "c2"))[0] == 3


async def test_a_rejected_station_does_not_hurry_back_when_the_csms_hangs_up(
    make: Callable[..., Bench], server: FakeCsms
) -> None:
    server.answers["BootNotification"] = boot("Rejected", 3600)
    bench = make()
    bench.start()
    await server.until(lambda: len(server.calls()) == 1)
    await asyncio.sleep(0.05)
    await server.connection.close()
    await eventually(lambda: bench.csms.state.next_dial_at is not None)
    at = bench.csms.state.next_dial_at
    assert at is not None
    assert (at - bench.clock.now()).total_seconds() > 3500


async def test_a_boot_notification_that_is_not_answered_well_is_repeated(
    make: Callable[..., Bench], server: FakeCsms
) -> None:
    answers = iter([{"status": "Nonsense"}, {"bad": 1}, boot("Accepted")])
    server.answers["BootNotification"] = lambda call: next(answers)
    bench = make()
    bench.start()
    await bench.online()
    assert len(server.calls("BootNotification")) == 3
    assert len({call[1] for call in server.calls()}) == len(server.calls())


async def test_the_interval_of_the_answer_becomes_the_heartbeat_interval(
    make: Callable[..., Bench], server: FakeCsms
) -> None:
    server.answers["BootNotification"] = boot("Accepted", 1)
    bench = make()
    bench.start()
    await server.until(lambda: len(server.calls("Heartbeat")) == 2)
    assert bench.settings.integer(table.HEARTBEAT_INTERVAL) == 1
    assert bench.settings.origin(table.HEARTBEAT_INTERVAL) is Origin.CSMS
    assert len(bench.clock.learned) >= 2


async def test_an_interval_nobody_can_keep_leaves_ours(
    make: Callable[..., Bench], server: FakeCsms, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers["BootNotification"] = boot("Accepted", 10**9)
    bench = make()
    bench.start()
    await bench.online()
    assert bench.settings.integer(table.HEARTBEAT_INTERVAL) == 300
    assert "heartbeat_interval_refused" in caplog.text


async def test_a_changed_heartbeat_interval_counts_at_once(make: Callable[..., Bench], server: FakeCsms) -> None:
    bench = make(HEARTBEAT_INTERVAL=86400)
    bench.start()
    await server.until(lambda: len(server.calls("StatusNotification")) == 2)
    await bench.online()
    await asyncio.sleep(0.02)
    await bench.settings.write(table.HEARTBEAT_INTERVAL, "1", Origin.CSMS)
    await server.until(lambda: bool(server.calls("Heartbeat")))


async def test_any_message_of_ours_puts_the_heartbeat_off(make: Callable[..., Bench], server: FakeCsms) -> None:
    bench = make(HEARTBEAT_INTERVAL=1)
    bench.start()
    await server.until(lambda: len(server.calls("StatusNotification")) == 2)
    await bench.online()
    await asyncio.sleep(0.5)
    told_at = bench.clock.monotonic()
    bench.csms.publish(ConnectorStatusChanged(snapshot(1, operative=False)))
    await server.until(lambda: len(server.calls("StatusNotification")) == 3)
    before = len(server.calls("Heartbeat"))  # none, unless this machine stood still
    await server.until(lambda: len(server.calls("Heartbeat")) > before)
    assert bench.clock.monotonic() - told_at >= 1.0


async def test_a_csms_that_forgot_the_station_is_introduced_to_again(
    make: Callable[..., Bench], server: FakeCsms
) -> None:
    bench = make(OFFLINE_THRESHOLD=0)
    bench.start()
    await server.until(lambda: len(server.calls("StatusNotification")) == 2)
    await bench.online()
    booted = {"after": 0}

    def forgetful(call: list[Any]) -> Any:
        known = len(server.calls("BootNotification")) > 1
        booted["after"] += known
        return {} if known else [4, call[1], "SecurityError", "who are you", {}]

    server.answers["StatusNotification"] = forgetful
    await server.connection.close()
    await server.until(lambda: len(server.calls("BootNotification")) == 2)
    await server.until(lambda: booted["after"] >= 2)


async def test_states_that_changed_twice_are_told_as_they_are(make: Callable[..., Bench], server: FakeCsms) -> None:
    gate = asyncio.Event()

    async def slowly(call: list[Any]) -> dict[str, Any]:
        await gate.wait()
        return {}

    server.answers["StatusNotification"] = slowly
    bench = make()
    bench.start()
    await server.until(lambda: len(server.frames) >= 1)
    await eventually(lambda: bench.csms.online)
    for word in (ConnectorStatus.OCCUPIED, ConnectorStatus.FAULTED, ConnectorStatus.OCCUPIED):
        bench.csms.publish(ConnectorStatusChanged(snapshot(2, status=word)))
    gate.set()
    await server.until(lambda: len(server.calls("StatusNotification")) == 2)
    await asyncio.sleep(0.05)
    assert [(call[3]["evse"], call[3]["status"]) for call in server.calls("StatusNotification")] == [
        (1, "Available"),
        (2, "Occupied"),
    ]


async def test_a_status_that_is_refused_does_not_stop_the_rest(make: Callable[..., Bench], server: FakeCsms) -> None:
    server.answers["StatusNotification"] = lambda call: [4, call[1], "InternalError", "", {}]
    bench = make()
    bench.outbox.add(transaction_event())
    bench.start()
    await server.until(lambda: len(server.calls("TransactionEvent")) == 1)
    assert len(server.calls("StatusNotification")) == 2


async def test_a_status_that_says_nothing_new_in_this_version_is_not_told_again(
    make: Callable[..., Bench], server: FakeCsms
) -> None:
    bench = make()
    bench.start()
    await server.until(lambda: len(server.calls("StatusNotification")) == 2)
    await bench.online()
    later = snapshot(1).changed_at + timedelta(minutes=1)
    inner = snapshot(1, changed_at=later, authorized=True, transaction_id="t1")  # nothing of it is in the payload
    bench.csms.publish(ConnectorStatusChanged(inner))
    bench.csms.publish(ConnectorStatusChanged(snapshot(2, status=ConnectorStatus.OCCUPIED)))
    await server.until(lambda: len(server.calls("StatusNotification")) == 3)
    assert server.calls("StatusNotification")[-1][3]["evse"] == 2
    bench.csms.publish(ConnectorStatusChanged(inner, asked_for=True))
    await server.until(lambda: len(server.calls("StatusNotification")) == 4)
    assert server.calls("StatusNotification")[-1][3]["evse"] == 1


async def test_a_status_that_was_refused_counts_as_unknown_to_the_csms(
    make: Callable[..., Bench], server: FakeCsms
) -> None:
    bench = make()
    bench.start()
    await server.until(lambda: len(server.calls("StatusNotification")) == 2)
    await bench.online()
    server.answers["StatusNotification"] = lambda call: [4, call[1], "InternalError", "", {}]
    bench.csms.publish(ConnectorStatusChanged(snapshot(1, status=ConnectorStatus.OCCUPIED)))
    await server.until(lambda: len(server.calls("StatusNotification")) == 3)
    server.answers["StatusNotification"] = {}
    bench.csms.publish(ConnectorStatusChanged(snapshot(1)))  # as before the refused one
    await server.until(lambda: len(server.calls("StatusNotification")) == 4)
    assert server.calls("StatusNotification")[-1][3]["status"] == "Available"


async def test_a_16_csms_that_restarted_hears_every_state_and_may_ask_for_one_boot_notification(
    make: Callable[..., Bench], server: FakeCsms
) -> None:
    await server.stop()
    server.subprotocols = ("ocpp1.6",)
    await server.start()
    bench = make(OFFLINE_THRESHOLD=3600)
    bench.connection["subprotocols"] = ("ocpp1.6",)
    bench.station.publishes = {"Boot": StationBooted(BootReason.TRIGGERED)}
    bench.start()
    await server.until(lambda: len(server.calls("StatusNotification")) == 3)
    await bench.online()
    assert not bench.csms.boot_may_be_repeated
    await server.connection.close()
    await server.until(lambda: len(server.calls("StatusNotification")) == 6)
    assert len(server.calls("BootNotification")) == 1
    assert bench.csms.boot_may_be_repeated
    await server.call("Trigger", {"what": "Boot"})
    assert not bench.csms.boot_may_be_repeated
    await server.until(lambda: len(server.calls("StatusNotification")) == 9)
    assert [call[3] for call in server.calls("BootNotification")[1:]] == [{"reason": "Triggered"}]
    assert not bench.csms.boot_may_be_repeated


async def test_after_a_short_absence_only_what_changed_is_told_and_no_boot_is_granted_in_2x(
    make: Callable[..., Bench], server: FakeCsms
) -> None:
    bench = make(OFFLINE_THRESHOLD=3600)
    bench.start()
    await server.until(lambda: len(server.calls("StatusNotification")) == 2)
    await bench.online()
    bench.station.snapshots = (snapshot(1), snapshot(2, status=ConnectorStatus.OCCUPIED))
    await server.connection.close()
    await server.until(lambda: len(server.calls("StatusNotification")) == 3)
    await bench.online()
    bench.csms.publish(HeartbeatDue())
    await server.until(lambda: len(server.calls("Heartbeat")) == 1)
    assert [call[3]["evse"] for call in server.calls("StatusNotification")[2:]] == [2]
    assert not bench.csms.boot_may_be_repeated
